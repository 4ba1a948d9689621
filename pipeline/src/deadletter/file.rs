//! Letters as a recorded stream in one file: what `flightline replay` reads, headers and all. On disk before `append` returns. A
//! failed write is taken back, and a record that a crash has torn is cut off: it was never said to be kept.

use std::fs::{File, OpenOptions};
use std::io::{self, Read, Seek, SeekFrom, Write};
use std::path::{Path, PathBuf};

use tracing::warn;

use super::Letter;
use super::headers::headers;
use crate::stream::Record;

/// How much is read at once to find where the last whole line ends.
const CHUNK: usize = 64 * 1024;

/// The file. It is opened anew each time, so that it may be moved away meanwhile.
#[derive(Debug)]
pub struct LetterFile {
    path: PathBuf,
    origin: Option<String>,
}

impl LetterFile {
    /// Appends to `path`, which need not exist; `origin` is the stream that the messages came from, if they came from one.
    pub fn new(path: PathBuf, origin: Option<String>) -> Self {
        Self { path, origin }
    }

    /// Writes `letters` and returns when they are on disk.
    ///
    /// # Errors
    /// When the disk does not take them; nothing of them is left in the file then, unless the disk does not even allow that.
    pub async fn append(&self, letters: &[Letter]) -> io::Result<()> {
        let mut text = Vec::new();
        for letter in letters {
            let headers = headers(letter, self.origin.as_deref());
            let pairs = headers.iter().filter_map(|(name, values)| {
                Some((name.to_string(), values.first()?.as_str().to_owned()))
            });
            let record = Record {
                offset_ms: 0.0,
                subject: letter.subject.to_string(),
                headers: pairs.collect(),
                payload: letter.payload.clone(),
            };
            record.write(&mut text)?;
        }
        let path = self.path.clone();
        tokio::task::spawn_blocking(move || write(&path, &text))
            .await
            .map_err(io::Error::other)?
    }
}

fn write(path: &Path, text: &[u8]) -> io::Result<()> {
    let folder = match path.parent() {
        Some(folder) if !folder.as_os_str().is_empty() => folder,
        Some(_) | None => Path::new("."),
    };
    std::fs::create_dir_all(folder)?;
    let mut options = OpenOptions::new();
    let mut file = options.create(true).read(true).append(true).open(path)?;
    // Held until the file is closed: nobody else's record is taken for a torn one, or cut off with ours.
    match file.lock() {
        // The file system has no locks; then there is nobody but us.
        Err(error) if error.kind() == io::ErrorKind::Unsupported => {}
        locked => locked?,
    }
    let whole = mend(path, &mut file)?;
    all_or_nothing(&mut file, whole, |file| {
        file.write_all(text)?;
        file.sync_data()?;
        if whole == 0 {
            File::open(folder)?.sync_all()?;
        }
        Ok(())
    })
}

/// Does `write`; if that fails, the file ends at `whole` again.
fn all_or_nothing(
    file: &mut File,
    whole: u64,
    write: impl FnOnce(&mut File) -> io::Result<()>,
) -> io::Result<()> {
    write(file).inspect_err(|_| {
        if let Err(error) = file.set_len(whole) {
            warn!(%error, "a failed write to the dead-letter file cannot be taken back yet");
        }
    })
}

/// Sees to it that `file` ends with a whole record, and returns its length.
fn mend(path: &Path, file: &mut File) -> io::Result<u64> {
    let length = file.metadata()?.len();
    let whole = whole_lines(file, length)?;
    if whole == length {
        return Ok(whole);
    }
    let mut tail = Vec::new();
    file.seek(SeekFrom::Start(whole))?;
    file.read_to_end(&mut tail)?;
    if Record::parse(&tail).is_ok() {
        // Only the newline is missing.
        file.write_all(b"\n")?;
        return Ok(length + 1);
    }
    warn!(file = %path.display(), bytes = length - whole, "cut a torn dead letter that a crash left behind");
    file.set_len(whole)?;
    Ok(whole)
}

/// Where the last whole line of `file` ends. A newline within a record's text is escaped, so each ends a line.
fn whole_lines(file: &mut File, length: u64) -> io::Result<u64> {
    let mut chunk = Vec::with_capacity(CHUNK);
    let mut end = length;
    while end > 0 {
        // The last byte first: as a rule it is the newline, and nothing more is read.
        let wanted = if end == length { 1 } else { CHUNK as u64 };
        let start = end.saturating_sub(wanted);
        file.seek(SeekFrom::Start(start))?;
        chunk.clear();
        Read::by_ref(file)
            .take(end - start)
            .read_to_end(&mut chunk)?;
        if let Some(at) = chunk.iter().rposition(|byte| *byte == b'\n') {
            return Ok(start + at as u64 + 1);
        }
        end = start;
    }
    Ok(0)
}

#[cfg(test)]
mod tests {
    use std::num::NonZeroU64;

    use bytes::Bytes;
    use flightline_contract::deadletter::{Reason, SEQUENCE, STREAM};

    use super::*;
    use crate::delivery::{Attempt, Declared, Stamp};

    fn letter(payload: &str) -> Letter {
        Letter {
            reason: Reason::LineSyntax,
            detail: "no".to_owned(),
            subject: "telemetry.app.a.b".into(),
            stamp: Stamp {
                time: 0,
                sequence: NonZeroU64::new(7),
                attempt: Attempt::First,
            },
            line: None,
            declared: Declared::Nothing,
            payload: Bytes::copy_from_slice(payload.as_bytes()),
        }
    }

    fn records(path: &Path) -> Vec<Record> {
        let text = std::fs::read(path).unwrap();
        let lines = text.split_inclusive(|byte| *byte == b'\n');
        lines.map(|line| Record::parse(line).unwrap()).collect()
    }

    fn payloads(path: &Path) -> Vec<Bytes> {
        let records = records(path).into_iter();
        records.map(|record| record.payload).collect()
    }

    #[tokio::test]
    async fn a_letter_in_a_file_tells_its_stream_and_sequence() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("new/letters.ndjson");
        let file = LetterFile::new(path.clone(), Some("TELEMETRY".to_owned()));
        file.append(&[letter("x")]).await.unwrap();
        let headers = &records(&path)[0].headers;
        for (name, value) in [(STREAM, "TELEMETRY"), (SEQUENCE, "7")] {
            assert!(headers.contains(&(name.to_owned(), value.to_owned())));
        }
    }

    #[tokio::test]
    async fn a_torn_record_is_cut_off_and_a_whole_one_without_its_newline_stays() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("letters.ndjson");
        let file = LetterFile::new(path.clone(), None);
        let large = "y".repeat(3 * CHUNK);
        file.append(&[letter("a"), letter(&large)]).await.unwrap();
        let length = std::fs::metadata(&path).unwrap().len();
        for (end, kept) in [
            (length - 1, vec!["a", &large, "b"]),
            (length - 2, vec!["a", "b"]),
            (length - 100_000, vec!["a", "b"]),
            (5, vec!["b"]),
        ] {
            let torn = folder.path().join("torn.ndjson");
            std::fs::copy(&path, &torn).unwrap();
            let handle = OpenOptions::new().write(true).open(&torn).unwrap();
            handle.set_len(end).unwrap();
            let file = LetterFile::new(torn.clone(), None);
            file.append(&[letter("b")]).await.unwrap();
            assert_eq!(payloads(&torn), kept, "{end}");
        }
    }

    #[test]
    fn a_failed_write_leaves_nothing_behind() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("letters.ndjson");
        std::fs::write(&path, "whole\n").unwrap();
        let mut file = OpenOptions::new().append(true).open(&path).unwrap();
        let failed = all_or_nothing(&mut file, 6, |file| {
            file.write_all(b"half a rec")?;
            Err(io::Error::from(io::ErrorKind::StorageFull))
        });
        assert_eq!(failed.unwrap_err().kind(), io::ErrorKind::StorageFull);
        assert_eq!(std::fs::read(&path).unwrap(), b"whole\n");
    }
}
