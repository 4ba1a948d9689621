//! What a process tells the service manager that started it, as systemd's `sd_notify` has it: datagrams to the socket that `NOTIFY_SOCKET`
//! names, a file or, behind an `@`, an abstract name. Without the variable nothing is said to anybody.

use std::ffi::OsStr;
use std::fmt::Write as _;
use std::io;
use std::os::linux::net::SocketAddrExt as _;
use std::os::unix::ffi::OsStrExt as _;
use std::os::unix::net::{SocketAddr, UnixDatagram as StdUnixDatagram};
use std::time::Duration;

use nix::time::{ClockId, clock_gettime};
use tokio::net::UnixDatagram;

/// Where it listens.
const SOCKET: &str = "NOTIFY_SOCKET";
/// How often it wants a sign of life, in microseconds.
const WATCHDOG: &str = "WATCHDOG_USEC";
/// From which process; from any if absent.
pub const WATCHDOG_PID: &str = "WATCHDOG_PID";
/// What a process is told by its service manager, and must not hand on to its own children.
pub const VARIABLES: [&str; 3] = [SOCKET, WATCHDOG, WATCHDOG_PID];
/// Characters of a status.
const STATUS: usize = 256;

const WRITING: &str = "writing to a string does not fail";

/// One thing that is told.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Said {
    /// It has started, or has taken its configuration again.
    Ready,
    /// It takes its configuration again.
    Reloading,
    /// It ends, and that may take so long.
    Stopping {
        /// At most.
        within: Duration,
    },
    /// What it does, for people.
    Status(String),
    /// It makes progress.
    Alive,
}

/// A service manager that wants to hear.
#[derive(Debug)]
pub struct Manager {
    socket: UnixDatagram,
    watchdog: Option<Duration>,
}

impl Manager {
    /// The one that the environment names, if it names one. To be called within a runtime.
    ///
    /// # Errors
    /// When it names one that cannot be reached.
    pub fn of_environment() -> io::Result<Option<Self>> {
        let Some(name) = std::env::var_os(SOCKET).filter(|name| !name.is_empty()) else {
            return Ok(None);
        };
        let read = |name| std::env::var(name).ok();
        let watchdog = watchdog(
            read(WATCHDOG).as_deref(),
            read(WATCHDOG_PID).as_deref(),
            std::process::id(),
        );
        Self::open(&name, watchdog).map(Some)
    }

    fn open(name: &OsStr, watchdog: Option<Duration>) -> io::Result<Self> {
        let address = match name.as_bytes().strip_prefix(b"@") {
            Some(name) => SocketAddr::from_abstract_name(name)?,
            None => SocketAddr::from_pathname(name)?,
        };
        let socket = StdUnixDatagram::unbound()?;
        socket.connect_addr(&address)?;
        socket.set_nonblocking(true)?;
        Ok(Self {
            socket: UnixDatagram::from_std(socket)?,
            watchdog,
        })
    }

    /// How often it wants [`Said::Alive`] at least, if it does.
    pub fn watchdog(&self) -> Option<Duration> {
        self.watchdog
    }

    /// Tells it all of that at once.
    ///
    /// # Errors
    /// When it does not listen any more.
    pub async fn tell(&self, said: &[Said]) -> io::Result<()> {
        if said.is_empty() {
            return Ok(());
        }
        self.socket.send(text(said, monotonic()).as_bytes()).await?;
        Ok(())
    }
}

/// What is wanted of the process `own`.
fn watchdog(micros: Option<&str>, of: Option<&str>, own: u32) -> Option<Duration> {
    if of.is_some_and(|of| of.parse() != Ok(own)) {
        return None;
    }
    let micros = micros?.parse().ok().filter(|micros| *micros > 0)?;
    Some(Duration::from_micros(micros))
}

/// A service manager takes a reload for done only if it is told ready after this time.
fn monotonic() -> Duration {
    clock_gettime(ClockId::CLOCK_MONOTONIC).map_or(Duration::ZERO, Duration::from)
}

fn text(said: &[Said], now: Duration) -> String {
    let mut text = String::new();
    for one in said {
        match one {
            Said::Ready => text.push_str("READY=1\n"),
            Said::Alive => text.push_str("WATCHDOG=1\n"),
            Said::Reloading => {
                let now = now.as_micros();
                writeln!(text, "RELOADING=1\nMONOTONIC_USEC={now}").expect(WRITING);
            }
            Said::Stopping { within } => {
                let within = within.as_micros();
                writeln!(text, "STOPPING=1\nEXTEND_TIMEOUT_USEC={within}").expect(WRITING);
            }
            Said::Status(status) => {
                // A line end would begin another word.
                let clean = |c: char| if c.is_control() { ' ' } else { c };
                text.push_str("STATUS=");
                text.extend(status.chars().take(STATUS).map(clean));
                text.push('\n');
            }
        }
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_status_says_nothing_else() {
        let said = [Said::Status("up\nREADY=1".to_owned()), Said::Alive];
        assert_eq!(
            text(&said, Duration::ZERO),
            "STATUS=up READY=1\nWATCHDOG=1\n"
        );
        let long = Said::Status("ä".repeat(1000));
        assert_eq!(
            text(&[long], Duration::ZERO).chars().count(),
            7 + STATUS + 1
        );
    }

    #[test]
    fn a_reload_and_an_end_say_when() {
        assert_eq!(
            text(&[Said::Reloading], Duration::from_millis(7)),
            "RELOADING=1\nMONOTONIC_USEC=7000\n"
        );
        let within = Duration::from_secs(2);
        assert_eq!(
            text(&[Said::Stopping { within }], Duration::ZERO),
            "STOPPING=1\nEXTEND_TIMEOUT_USEC=2000000\n"
        );
    }

    #[test]
    fn a_watchdog_is_of_the_process_that_it_names() {
        let second = Some(Duration::from_secs(1));
        assert_eq!(watchdog(Some("1000000"), None, 7), second);
        assert_eq!(watchdog(Some("1000000"), Some("7"), 7), second);
        assert_eq!(watchdog(Some("1000000"), Some("8"), 7), None);
        for wrong in [None, Some("0"), Some("x"), Some("-1")] {
            assert_eq!(watchdog(wrong, None, 7), None, "{wrong:?}");
        }
    }
}
