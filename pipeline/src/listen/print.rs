//! A file comes in that is read again when it changes; what tells one state of it from another goes out. Links are followed, as a secret
//! that an orchestrator renews is one.

use std::fs;
use std::io;
use std::os::unix::fs::MetadataExt as _;
use std::path::Path;

/// One state of a file. The time of its last change of any kind is in it, which nobody can set back as the time of writing is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Print {
    inode: u64,
    bytes: u64,
    /// Seconds and nanoseconds.
    changed: (i64, i64),
}

impl Print {
    /// What `file` is now.
    ///
    /// # Errors
    /// When it cannot be looked at, or is no regular file: opening a pipe waits until somebody writes.
    pub(crate) fn of(file: &Path) -> io::Result<Self> {
        let data = fs::metadata(file)?;
        if !data.is_file() {
            return Err(io::Error::other("it is not a regular file"));
        }
        Ok(Self {
            inode: data.ino(),
            bytes: data.size(),
            changed: (data.ctime(), data.ctime_nsec()),
        })
    }
}

#[cfg(test)]
mod tests {
    use std::process::Command;

    use flightline_fixtures::wait;

    use super::*;

    #[test]
    fn a_file_of_the_same_length_and_time_is_another_one() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("token");
        fs::write(&file, "first").unwrap();
        let written = fs::metadata(&file).unwrap().modified().unwrap();
        let before = Print::of(&file).unwrap();
        assert_eq!(Print::of(&file).unwrap(), before);
        // The clock of a file system has steps of some milliseconds.
        let seen = wait::until(std::time::Duration::from_secs(5), || {
            fs::write(&file, "other").unwrap();
            let handle = fs::File::options().write(true).open(&file).unwrap();
            handle.set_modified(written).unwrap();
            Print::of(&file).unwrap() != before
        });
        assert!(seen.is_ok());
        assert_eq!(fs::metadata(&file).unwrap().modified().unwrap(), written);
    }

    #[test]
    fn a_pipe_is_not_opened() {
        let folder = tempfile::tempdir().unwrap();
        let pipe = folder.path().join("pipe");
        assert!(
            Command::new("mkfifo")
                .arg(&pipe)
                .status()
                .unwrap()
                .success()
        );
        assert!(Print::of(&pipe).is_err());
    }
}
