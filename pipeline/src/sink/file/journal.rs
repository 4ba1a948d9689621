//! Lines come in; when [`Journal::commit`] returns they are on the disk. Blocks, so it runs on a thread for that. After a failure the
//! current file is cut back to what is known to be on the disk and left, and the next try begins a new one: after a failed fsync
//! nobody knows which pages are written.

use std::fs::{self, File, OpenOptions};
use std::io::{self, Write};
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use std::time::SystemTime;

use bytes::Bytes;
use tracing::warn;

use super::name::{self, Format, Kind};
use super::recovery::{finish_leftovers, sync_folder};
use crate::config::LineFile;

/// Level 1: lines shrink well and the disk is the slower part anyway.
const ZSTD_LEVEL: i32 = 1;

/// The files of one sink.
#[derive(Debug)]
pub struct Journal {
    folder: PathBuf,
    format: Format,
    max_bytes: u64,
    keep_bytes: Option<u64>,
    current: Option<Current>,
    sequence: u32,
}

/// The file being written.
#[derive(Debug)]
struct Current {
    file: File,
    path: PathBuf,
    /// Bytes known to be on the disk.
    durable: u64,
    /// Bytes of line protocol in it, before compression.
    plain: u64,
}

impl Journal {
    /// Opens the folder, made if absent, and finishes what a crash left in it.
    ///
    /// # Errors
    /// When the folder cannot be made, read or written.
    pub fn open(config: &LineFile) -> io::Result<Self> {
        fs::create_dir_all(&config.dir)?;
        finish_leftovers(&config.dir)?;
        let journal = Self {
            folder: config.dir.clone(),
            format: Format::of(config.compression),
            max_bytes: config.max_bytes,
            keep_bytes: config.keep_bytes,
            current: None,
            sequence: 0,
        };
        journal.delete_oldest()?;
        Ok(journal)
    }

    /// Whether a file is being written.
    pub fn has_file(&self) -> bool {
        self.current.is_some()
    }

    /// Whether the current file is large enough to be finished.
    pub fn is_full(&self) -> bool {
        self.current
            .as_ref()
            .is_some_and(|current| current.plain >= self.max_bytes)
    }

    /// Puts `segments`, which are whole lines, on the disk.
    ///
    /// # Errors
    /// When the disk does not take them; nothing of them counts then, and the call may be repeated.
    pub fn commit(&mut self, segments: &[Bytes], now: SystemTime) -> io::Result<()> {
        let mut current = match self.current.take() {
            Some(current) => current,
            None => self.begin(now)?,
        };
        match current.append(segments, self.format) {
            Ok(()) => {
                self.current = Some(current);
                Ok(())
            }
            Err(error) => {
                self.leave(current);
                Err(error)
            }
        }
    }

    /// Gives the current file its final name, and deletes the oldest ones by the policy. Returns how many.
    ///
    /// # Errors
    /// When the file system does not; the file stays the current one then.
    pub fn finish(&mut self) -> io::Result<usize> {
        if let Some(current) = &self.current {
            fs::rename(&current.path, current.path.with_extension(""))?;
            self.current = None;
            sync_folder(&self.folder)?;
        }
        self.delete_oldest()
    }

    fn begin(&mut self, now: SystemTime) -> io::Result<Current> {
        loop {
            self.sequence = self.sequence % 9999 + 1;
            let finished = name::finished(now, self.sequence, self.format);
            if self.folder.join(&finished).exists() {
                continue;
            }
            let path = self.folder.join(name::part(&finished));
            let file = match OpenOptions::new().append(true).create_new(true).open(&path) {
                Ok(file) => file,
                Err(error) if error.kind() == io::ErrorKind::AlreadyExists => continue,
                Err(error) => return Err(error),
            };
            file.try_lock()?;
            // Another worker that starts just now may have taken the file for a leftover before it was locked.
            let is_ours = fs::metadata(&path)
                .is_ok_and(|there| file.metadata().is_ok_and(|here| here.ino() == there.ino()));
            if !is_ours {
                continue;
            }
            sync_folder(&self.folder)?;
            return Ok(Current {
                file,
                path,
                durable: 0,
                plain: 0,
            });
        }
    }

    /// Gives up a file that could not be written, with what is in it.
    fn leave(&self, current: Current) {
        let Current {
            file,
            path,
            durable,
            ..
        } = current;
        let finished = file.set_len(durable).and_then(|()| {
            if durable == 0 {
                fs::remove_file(&path)
            } else {
                file.sync_all()?;
                fs::rename(&path, path.with_extension(""))
            }
        });
        if let Err(error) = finished.and_then(|()| sync_folder(&self.folder)) {
            warn!(file = %path.display(), %error, "a file is left unfinished; the next start finishes it");
        }
    }

    fn delete_oldest(&self) -> io::Result<usize> {
        let Some(keep) = self.keep_bytes else {
            return Ok(0);
        };
        let mut files = finished_files(&self.folder)?;
        let mut held: u64 = files.iter().map(|(_, bytes)| bytes).sum();
        let mut deleted = 0;
        files.sort();
        for (path, bytes) in files {
            if held <= keep {
                break;
            }
            fs::remove_file(&path)?;
            warn!(file = %path.display(), bytes, keep_bytes = keep, "deleted the oldest file: its data is gone, as configured");
            held -= bytes;
            deleted += 1;
        }
        Ok(deleted)
    }
}

impl Current {
    fn append(&mut self, segments: &[Bytes], format: Format) -> io::Result<()> {
        let mut written = 0;
        match format {
            Format::Plain => {
                for segment in segments {
                    self.file.write_all(segment)?;
                    written += segment.len() as u64;
                }
            }
            Format::Zstd => {
                let frame = frame(segments)?;
                self.file.write_all(&frame)?;
                written += frame.len() as u64;
            }
        }
        self.file.sync_data()?;
        self.durable += written;
        self.plain += segments
            .iter()
            .map(|segment| segment.len() as u64)
            .sum::<u64>();
        Ok(())
    }
}

/// One frame of zstd with a checksum, by which a torn one is known.
///
/// # Errors
/// When zstd has no memory.
pub fn frame(segments: &[Bytes]) -> io::Result<Vec<u8>> {
    let mut encoder = zstd::Encoder::new(Vec::new(), ZSTD_LEVEL)?;
    encoder.include_checksum(true)?;
    for segment in segments {
        encoder.write_all(segment)?;
    }
    encoder.finish()
}

fn finished_files(folder: &Path) -> io::Result<Vec<(PathBuf, u64)>> {
    let mut files = Vec::new();
    for entry in fs::read_dir(folder)? {
        let entry = entry?;
        if name::kind(&entry.path()) == Kind::Finished {
            files.push((entry.path(), entry.metadata()?.len()));
        }
    }
    Ok(files)
}

#[cfg(test)]
mod tests;
