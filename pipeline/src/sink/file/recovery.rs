//! Files that a crash left unfinished come in, finished ones go out: a torn tail is cut to the last whole line or the last whole frame.
//! What is cut was never settled, so it is delivered again. Files that a living worker writes are left alone.

use std::fs::{File, OpenOptions, TryLockError};
use std::io::{self, BufRead, BufReader, Read, Seek, SeekFrom};
use std::path::Path;

use tracing::{info, warn};

use super::name::{self, Format, Kind};
use crate::decode::dialect::Rules;
use crate::decode::scan::{LINE_LIMIT, LineEnd, Scanner};

/// How much is read at once.
const CHUNK: usize = 1024 * 1024;

/// Finishes all files in `folder` that nobody writes any more.
///
/// # Errors
/// When the folder or a file in it cannot be read or written.
pub fn finish_leftovers(folder: &Path) -> io::Result<()> {
    for entry in std::fs::read_dir(folder)? {
        let path = entry?.path();
        if let Kind::Part(format) = name::kind(&path) {
            finish(&path, format)?;
        }
    }
    sync_folder(folder)
}

/// Makes names in `folder` durable.
///
/// # Errors
/// When the file system cannot.
pub fn sync_folder(folder: &Path) -> io::Result<()> {
    File::open(folder)?.sync_all()
}

fn finish(path: &Path, format: Format) -> io::Result<()> {
    let mut file = OpenOptions::new().read(true).write(true).open(path)?;
    match file.try_lock() {
        Ok(()) => {}
        Err(TryLockError::WouldBlock) => return Ok(()),
        Err(TryLockError::Error(error)) => return Err(error),
    }
    let length = file.metadata()?.len();
    let whole = match format {
        Format::Plain => whole_lines(&mut file)?,
        Format::Zstd => whole_frames(&mut file)?,
    };
    if whole < length {
        warn!(file = %path.display(), bytes = length - whole, "cut a torn tail that a crash left behind");
    }
    if whole == 0 {
        return std::fs::remove_file(path);
    }
    file.set_len(whole)?;
    file.sync_all()?;
    let finished = path.with_extension("");
    std::fs::rename(path, &finished)?;
    info!(file = %finished.display(), bytes = whole, "finished a file that a crash left behind");
    Ok(())
}

/// Up to where `file` is whole lines. A newline within a string ends none, so the file is read from its beginning.
fn whole_lines(file: &mut File) -> io::Result<u64> {
    file.seek(SeekFrom::Start(0))?;
    let mut scanner = Scanner::new(Rules::of([]));
    let (mut whole, mut base) = (0, 0);
    let mut buffer = Vec::new();
    loop {
        let read = Read::by_ref(file)
            .take(CHUNK as u64)
            .read_to_end(&mut buffer)?;
        let mut at = 0;
        while let Some(line) = scanner.next(&buffer, at) {
            let good = line.line.is_ok() && line.end != LineEnd::EndOfInput;
            // A line that does not end here may go on in what is not read yet.
            if !good && read > 0 && buffer.len() - at <= 2 * LINE_LIMIT {
                break;
            }
            at = line.next;
            if good {
                whole = base + at as u64;
            }
        }
        if read == 0 {
            return Ok(whole);
        }
        buffer.drain(..at);
        base += at as u64;
    }
}

/// Up to where `file` is whole frames, by their checksums.
fn whole_frames(file: &mut File) -> io::Result<u64> {
    file.seek(SeekFrom::Start(0))?;
    let mut reader = BufReader::with_capacity(CHUNK, file);
    let mut whole = 0;
    while !reader.fill_buf()?.is_empty() {
        let mut frame = zstd::stream::read::Decoder::with_buffer(&mut reader)?.single_frame();
        if io::copy(&mut frame, &mut io::sink()).is_err() {
            break;
        }
        drop(frame);
        whole = reader.stream_position()?;
    }
    Ok(whole)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::sink::file::journal::frame;
    use bytes::Bytes;
    use proptest::prelude::*;

    fn recovered(content: &[u8], suffix: &str) -> Option<Vec<u8>> {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join(format!("flightline-a{suffix}.part"));
        std::fs::write(&path, content).unwrap();
        finish_leftovers(folder.path()).unwrap();
        assert!(!path.exists());
        std::fs::read(folder.path().join(format!("flightline-a{suffix}"))).ok()
    }

    #[test]
    fn a_torn_line_is_cut_to_the_last_whole_one() {
        let cut = |text: &str| {
            recovered(text.as_bytes(), ".lp").map(|read| String::from_utf8(read).unwrap())
        };
        assert_eq!(
            cut("m v=1 1\nm v=2 2\nm v=").as_deref(),
            Some("m v=1 1\nm v=2 2\n")
        );
        assert_eq!(
            cut("m v=1 1\nm v=2 2\n").as_deref(),
            Some("m v=1 1\nm v=2 2\n")
        );
        assert_eq!(cut("m v=1 1\nm s=\"a\nb").as_deref(), Some("m v=1 1\n"));
        assert_eq!(
            cut("m s=\"a\nb\" 1\nm v=1 2\0\0\0\0").as_deref(),
            Some("m s=\"a\nb\" 1\n")
        );
        assert_eq!(cut("m v=1 1\n\0\0\0\0").as_deref(), Some("m v=1 1\n"));
        assert_eq!(cut("m v"), None);
        assert_eq!(cut(""), None);
    }

    #[test]
    fn lines_across_chunks_are_whole() {
        let mut text = String::new();
        while text.len() < 3 * CHUNK {
            text.push_str(&format!(
                "m s=\"{}\n{}\" 1\n",
                "x".repeat(300_000),
                "y".repeat(300_000)
            ));
        }
        let mut torn = text.clone();
        torn.push_str("m s=\"x\ny");
        assert_eq!(recovered(torn.as_bytes(), ".lp").unwrap(), text.as_bytes());
    }

    #[test]
    fn a_torn_frame_is_cut_to_the_last_whole_one() {
        let one = frame(&[Bytes::from("m v=1 1\n")]).unwrap();
        let two = frame(&[Bytes::from("m v=2 2\n"), Bytes::from("m v=3 3\n")]).unwrap();
        let both = [one.clone(), two.clone()].concat();
        assert_eq!(recovered(&both, ".lp.zst").unwrap(), both);
        for end in one.len()..both.len() {
            assert_eq!(
                recovered(&both[..end], ".lp.zst").unwrap(),
                one,
                "cut at {end}"
            );
        }
        let zeros = [both.clone(), vec![0; 100]].concat();
        assert_eq!(recovered(&zeros, ".lp.zst").unwrap(), both);
        assert_eq!(recovered(&one[..one.len() - 1], ".lp.zst"), None);
        let mut flipped = both.clone();
        flipped[one.len() + 12] ^= 1;
        assert_eq!(recovered(&flipped, ".lp.zst").unwrap(), one);
    }

    #[test]
    fn a_file_that_is_being_written_is_left_alone() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("flightline-a.lp.part");
        std::fs::write(&path, "m v=1 1\nm v").unwrap();
        let living = File::open(&path).unwrap();
        living.lock().unwrap();
        finish_leftovers(folder.path()).unwrap();
        assert_eq!(std::fs::read(&path).unwrap(), b"m v=1 1\nm v");
    }

    proptest! {
        #[test]
        fn a_tear_anywhere_leaves_all_lines_before_it(
            values in proptest::collection::vec("[a-z\n ,=]{0,12}", 1..8), tear in 0.0f64..1.0,
        ) {
            let lines: Vec<String> = values.iter().map(|value| format!("m s=\"{value}\" 1\n")).collect();
            let text = lines.concat();
            #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, clippy::cast_precision_loss, reason = "a small length")]
            let end = (text.len() as f64 * tear) as usize;
            let mut expected = String::new();
            for line in &lines {
                if expected.len() + line.len() <= end {
                    expected.push_str(line);
                } else {
                    break;
                }
            }
            let kept = recovered(&text.as_bytes()[..end], ".lp").unwrap_or_default();
            prop_assert_eq!(kept, expected.into_bytes());
        }
    }
}
