//! Readiness: datagrams as `sd_notify` sends them come in, `READY=1` goes out as one wake.
//!
//! The socket has a name and no file, so that a process of any user and in any folder can reach it; its name holds a random number,
//! since whoever knows it and shares our network can say that the job is ready.

use std::io;
use std::os::linux::net::SocketAddrExt as _;
use std::os::unix::net::{SocketAddr, UnixDatagram as StdUnixDatagram};

use tokio::net::UnixDatagram;
use tokio::sync::mpsc;
use tokio_util::task::AbortOnDropHandle;

use crate::event::{RunId, Wake};
use crate::log::Origin;

/// Tells a process where to say that it is ready.
pub(super) const VARIABLE: &str = "NOTIFY_SOCKET";
/// The longest message; of a longer one the end is lost.
const MESSAGE_LIMIT: usize = 4 * 1024;
/// How much of a status is logged.
const STATUS_LIMIT: usize = 256;

/// One run's socket; gone when dropped.
#[derive(Debug)]
pub(super) struct Socket {
    socket: UnixDatagram,
    name: String,
}

impl Socket {
    pub(super) fn bind(run: RunId) -> io::Result<Self> {
        let name = format!(
            "flightline/{}/{}/{:016x}",
            std::process::id(),
            run.0,
            fastrand::u64(..)
        );
        let socket = StdUnixDatagram::bind_addr(&SocketAddr::from_abstract_name(&name)?)?;
        socket.set_nonblocking(true)?;
        Ok(Self {
            socket: UnixDatagram::from_std(socket)?,
            name: format!("@{name}"),
        })
    }

    /// As it stands in [`VARIABLE`].
    pub(super) fn name(&self) -> &str {
        &self.name
    }

    /// Reads it, in a task that ends with what is returned.
    pub(super) fn listen(
        self,
        run: RunId,
        origin: &Origin,
        wakes: mpsc::Sender<Wake>,
    ) -> AbortOnDropHandle<()> {
        let name = origin.name.to_string();
        AbortOnDropHandle::new(tokio::spawn(async move {
            let mut said = Said::Nothing;
            let mut message = vec![0; MESSAGE_LIMIT];
            loop {
                let read = match self.socket.recv(&mut message).await {
                    Ok(read) => read,
                    Err(error) => {
                        tracing::error!("the readiness of {name} cannot be read: {error}");
                        return;
                    }
                };
                let heard = hear(message.get(..read).unwrap_or_default());
                if let Some(status) = heard.status {
                    tracing::debug!("{name} says: {status}");
                }
                if heard.said == Said::Ready && said == Said::Nothing {
                    said = Said::Ready;
                    if wakes.send(Wake::Ready { run }).await.is_err() {
                        return;
                    }
                }
            }
        }))
    }
}

/// Whether a process has said that it is ready.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
enum Said {
    #[default]
    Nothing,
    Ready,
}

/// What a message says, of what matters here.
#[derive(Debug, Default, PartialEq, Eq)]
struct Heard {
    said: Said,
    status: Option<String>,
}

fn hear(message: &[u8]) -> Heard {
    let mut heard = Heard::default();
    for line in message.split(|byte| *byte == b'\n') {
        if line == b"READY=1" {
            heard.said = Said::Ready;
        } else if let Some(status) = line.strip_prefix(b"STATUS=") {
            let status = String::from_utf8_lossy(status);
            heard.status = Some(status.chars().take(STATUS_LIMIT).collect());
        }
    }
    heard
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_a_whole_line_says_ready() {
        for text in ["READY=1", "READY=1\n", "STATUS=up\nREADY=1\nMAINPID=7"] {
            assert_eq!(hear(text.as_bytes()).said, Said::Ready, "{text}");
        }
        for text in ["", "READY=0", "READY=10", "XREADY=1", "STOPPING=1"] {
            assert_eq!(hear(text.as_bytes()).said, Said::Nothing, "{text}");
        }
    }

    #[test]
    fn a_status_is_cut_and_harmless() {
        let heard = hear(b"STATUS=\xff loading");
        assert_eq!(heard.status.as_deref(), Some("\u{fffd} loading"));
        let long = format!("STATUS={}", "ä".repeat(MESSAGE_LIMIT));
        let status = hear(long.as_bytes()).status.unwrap();
        assert_eq!(status.chars().count(), STATUS_LIMIT);
    }
}
