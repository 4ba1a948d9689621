//! The path of the socket comes in, a listener and its file come out. What a supervisor that is gone left there is replaced, a live one is
//! not; the file goes with the listener, unless it is another's by then.

use std::fs::{self, Permissions};
use std::io::{self, ErrorKind};
use std::os::unix::fs::{FileTypeExt as _, MetadataExt as _, PermissionsExt as _};
use std::path::{Path, PathBuf};
use std::time::Duration;

use tokio::net::{UnixListener, UnixStream};
use tokio::time::{sleep, timeout};

/// How often it is tried, as ContainerPilot has it: a volume may be full, or may not be written to yet.
const TRIES: u32 = 10;
/// Between two tries.
const PAUSE: Duration = Duration::from_secs(1);
/// How long another supervisor may take to let us in; one that takes longer is alive.
const KNOCK: Duration = Duration::from_secs(1);
/// What others may do at most; the umask may take more away. Whoever may write to the socket commands the supervisor.
const MODE: u32 = 0o660;

/// The socket cannot be listened at.
#[derive(Debug, thiserror::Error)]
pub enum ControlError {
    /// A live supervisor.
    #[error(
        "another supervisor answers at {}: stop it, or give this one a path of its own with `control: {{socket: …}}`",
        path.display()
    )]
    InUse {
        /// The socket.
        path: PathBuf,
    },
    /// Something that must not be deleted.
    #[error(
        "{} is there and is no socket: remove it, or name another path with `control: {{socket: …}}`",
        path.display()
    )]
    NotASocket {
        /// The path.
        path: PathBuf,
    },
    /// Its folder is not there.
    #[error(
        "cannot listen at {}: there is no such folder; make it, or name another path with `control: {{socket: …}}`",
        path.display()
    )]
    NoFolder {
        /// The socket.
        path: PathBuf,
    },
    /// The system says no.
    #[error("cannot listen at {}: {source}; `control: {{socket: …}}` names another path", path.display())]
    Listen {
        /// The socket.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
}

/// The file of a socket that is listened at.
#[derive(Debug)]
pub struct SocketFile {
    path: PathBuf,
    identity: (u64, u64),
}

impl SocketFile {
    fn of(path: &Path) -> io::Result<Self> {
        Ok(Self {
            path: path.to_owned(),
            identity: identity(path)?,
        })
    }
}

impl Drop for SocketFile {
    fn drop(&mut self) {
        if identity(&self.path).ok() != Some(self.identity) {
            return;
        }
        if let Err(error) = fs::remove_file(&self.path) {
            tracing::warn!("control: could not remove {}: {error}", self.path.display());
        }
    }
}

fn identity(path: &Path) -> io::Result<(u64, u64)> {
    let metadata = fs::symlink_metadata(path)?;
    Ok((metadata.dev(), metadata.ino()))
}

/// Listens at `path`; tried ten times, a second apart, where time may help.
///
/// # Errors
/// At once when somebody listens there, when something else is there, or when its folder is not; otherwise when the last try failed.
pub async fn listen(path: &Path) -> Result<(UnixListener, SocketFile), ControlError> {
    for _ in 1..TRIES {
        match once(path).await {
            Err(ControlError::Listen { source, .. }) if may_pass(&source) => {
                tracing::debug!("control: cannot listen at {} yet: {source}", path.display());
                sleep(PAUSE).await;
            }
            outcome => return outcome,
        }
    }
    once(path).await
}

/// A path that is too long will be so in a second.
fn may_pass(error: &io::Error) -> bool {
    error.kind() != ErrorKind::InvalidInput
}

async fn once(path: &Path) -> Result<(UnixListener, SocketFile), ControlError> {
    let failed = |source| ControlError::Listen {
        path: path.to_owned(),
        source,
    };
    clear(path).await?;
    let listener = UnixListener::bind(path).map_err(|source| match source.kind() {
        ErrorKind::NotFound => ControlError::NoFolder {
            path: path.to_owned(),
        },
        _ => failed(source),
    })?;
    let file = SocketFile::of(path).map_err(failed)?;
    let mode = fs::symlink_metadata(path)
        .map_err(failed)?
        .permissions()
        .mode();
    fs::set_permissions(path, Permissions::from_mode(mode & MODE)).map_err(failed)?;
    Ok((listener, file))
}

/// Removes a socket at which nobody listens any more.
async fn clear(path: &Path) -> Result<(), ControlError> {
    let path_of = || path.to_owned();
    match fs::symlink_metadata(path) {
        Err(error) if error.kind() == ErrorKind::NotFound => return Ok(()),
        Err(error) if error.kind() == ErrorKind::NotADirectory => {
            return Err(ControlError::NoFolder { path: path_of() });
        }
        Err(source) => {
            return Err(ControlError::Listen {
                path: path_of(),
                source,
            });
        }
        Ok(found) if !found.file_type().is_socket() => {
            return Err(ControlError::NotASocket { path: path_of() });
        }
        Ok(_) => {}
    }
    match timeout(KNOCK, UnixStream::connect(path)).await {
        Ok(Err(error)) if error.kind() == ErrorKind::NotFound => Ok(()),
        Ok(Err(error)) if error.kind() == ErrorKind::ConnectionRefused => fs::remove_file(path)
            .map_err(|source| ControlError::Listen {
                path: path_of(),
                source,
            }),
        // A full queue is somebody's, too.
        Ok(Err(error)) if error.kind() != ErrorKind::WouldBlock => Err(ControlError::Listen {
            path: path_of(),
            source: error,
        }),
        Ok(_) | Err(_) => Err(ControlError::InUse { path: path_of() }),
    }
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::symlink;

    use tokio::time::Instant;

    use super::*;

    #[tokio::test]
    async fn a_file_that_is_another_s_by_now_is_left() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("s");
        let (_listener, first) = listen(&path).await.unwrap();
        fs::remove_file(&path).unwrap();
        let (_other, second) = listen(&path).await.unwrap();
        drop(first);
        assert!(path.exists());
        drop(second);
        assert!(!path.exists());
    }

    #[tokio::test]
    async fn what_is_no_socket_is_not_deleted() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("s");
        fs::write(&path, "mine").unwrap();
        let error = listen(&path).await.unwrap_err();
        assert!(matches!(error, ControlError::NotASocket { .. }), "{error}");
        assert_eq!(fs::read_to_string(&path).unwrap(), "mine");
    }

    #[tokio::test]
    async fn nobody_but_owner_and_group_may_use_it() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("s");
        let (_listener, _file) = listen(&path).await.unwrap();
        let mode = fs::metadata(&path).unwrap().permissions().mode() & 0o777;
        assert_eq!(mode & !MODE, 0, "{mode:o}");
        assert_eq!(mode & 0o600, 0o600, "{mode:o}");
    }

    #[tokio::test(start_paused = true)]
    async fn a_folder_that_is_missing_is_said_at_once() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("file");
        fs::write(&file, "").unwrap();
        for missing in [folder.path().join("missing"), file] {
            let began = Instant::now();
            let error = listen(&missing.join("s")).await.unwrap_err();
            assert!(matches!(error, ControlError::NoFolder { .. }), "{error}");
            assert_eq!(began.elapsed(), Duration::ZERO);
        }
    }

    #[tokio::test(start_paused = true)]
    async fn what_may_pass_is_waited_for_and_not_for_ever() {
        let folder = tempfile::tempdir().unwrap();
        let circle = folder.path().join("circle");
        symlink(&circle, &circle).unwrap();
        let path = circle.join("s");
        let began = Instant::now();
        let error = listen(&path).await.unwrap_err();
        assert!(matches!(error, ControlError::Listen { .. }), "{error}");
        assert!(began.elapsed() >= PAUSE * (TRIES - 1));
        let listening = tokio::spawn({
            let path = path.clone();
            async move { listen(&path).await }
        });
        tokio::time::advance(PAUSE * 3).await;
        fs::remove_file(&circle).unwrap();
        fs::create_dir(&circle).unwrap();
        assert!(listening.await.unwrap().is_ok());
    }

    #[tokio::test]
    async fn a_path_that_is_too_long_is_said_at_once() {
        let path = PathBuf::from(format!("/tmp/{}", "x".repeat(200)));
        let error = listen(&path).await.unwrap_err();
        assert!(matches!(error, ControlError::Listen { .. }), "{error}");
    }
}
