//! Letters as a recorded stream in one file: what `flightline replay` reads, headers and all. On disk before `append` returns.

use std::fs::{File, OpenOptions};
use std::io::{self, Write};
use std::path::PathBuf;

use super::Letter;
use super::store::headers;
use crate::stream::Record;

/// The file, opened when the first letter comes.
#[derive(Debug)]
pub struct LetterFile {
    path: PathBuf,
    file: Option<File>,
}

impl LetterFile {
    /// Appends to `path`, which need not exist.
    pub fn new(path: PathBuf) -> Self {
        Self { path, file: None }
    }

    /// Writes `letters` and returns when they are on disk.
    ///
    /// # Errors
    /// When the disk does not take them; some may have been written, so that trying again can double them.
    pub async fn append(&mut self, letters: Vec<Letter>) -> io::Result<()> {
        let open = self.file.take();
        let path = self.path.clone();
        let written = tokio::task::spawn_blocking(move || write(open, &path, &letters));
        self.file = Some(written.await.map_err(io::Error::other)??);
        Ok(())
    }
}

fn write(open: Option<File>, path: &std::path::Path, letters: &[Letter]) -> io::Result<File> {
    let mut file = match open {
        Some(file) => file,
        None => {
            if let Some(folder) = path.parent() {
                std::fs::create_dir_all(folder)?;
            }
            OpenOptions::new().create(true).append(true).open(path)?
        }
    };
    let mut text = Vec::new();
    for letter in letters {
        let record = Record {
            offset_ms: 0.0,
            subject: letter.subject.to_string(),
            headers: headers(letter, None)
                .iter()
                .filter_map(|(name, values)| {
                    Some((name.to_string(), values.first()?.as_str().to_owned()))
                })
                .collect(),
            payload: letter.payload.clone(),
        };
        record.write(&mut text)?;
    }
    file.write_all(&text)?;
    file.sync_data()?;
    Ok(file)
}
