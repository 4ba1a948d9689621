//! Bytes come in, a file that holds them goes out: what is read from files is fuzzed as it is used.

use std::path::{Path, PathBuf};

use tempfile::TempDir;

/// One file, written anew for each input.
#[derive(Debug)]
pub struct Scratch {
    path: PathBuf,
    _folder: TempDir,
}

impl Scratch {
    /// A file of this name.
    ///
    /// # Panics
    /// When the system gives no folder for it.
    pub fn named(name: &str) -> Self {
        let folder = tempfile::tempdir().expect("a folder can be made");
        Self {
            path: folder.path().join(name),
            _folder: folder,
        }
    }

    /// The file, which now holds `bytes`.
    ///
    /// # Panics
    /// When it cannot be written.
    pub fn holding(&self, bytes: &[u8]) -> &Path {
        std::fs::write(&self.path, bytes).expect("the file can be written");
        &self.path
    }
}

/// Asserts that every place `FILE:LINE:…` in `report` lies within `text`.
///
/// # Panics
/// When one does not.
pub fn places_lie_within(report: &str, path: &Path, text: &[u8]) {
    let lines = text.iter().filter(|byte| **byte == b'\n').count() + 1;
    let name = format!("{}:", path.display());
    for (_, place) in report.lines().filter_map(|line| line.split_once(&name)) {
        let number = place.split(':').next().unwrap_or_default();
        if let Ok(number) = number.parse::<usize>() {
            assert!(
                (1..=lines).contains(&number),
                "line {number} of {lines}: {report}"
            );
        }
    }
}
