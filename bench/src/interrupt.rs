//! SIGINT or SIGTERM comes in, and whoever waits hears of it: each wait of a trial looks here and ends with an error, so that what
//! was started is ended and what was written is removed on the way out. Who does not want to wait for that sends a second signal,
//! and is left with the rest.

use std::io;
use std::sync::atomic::{AtomicU8, Ordering};
use std::thread;
use std::time::Duration;

use flightline_fixtures::wait;
use tokio::signal::unix::{SignalKind, signal};

/// What a shell adds to a signal's number for an exit code.
const BY_SIGNAL: u8 = 128;
/// Their numbers, on every system.
const INT: u8 = 2;
const TERM: u8 = 15;

/// The signal that was heard; none if 0. A process has its signals once, and so it has this.
static HEARD: AtomicU8 = AtomicU8::new(0);

/// Somebody wants this to end.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("ended by a signal")]
pub struct Interrupted;

/// Listens from now on. Before, a signal ends the process at once.
///
/// # Errors
/// When the system does not let us.
pub fn watch() -> io::Result<()> {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()?;
    let inside = runtime.enter();
    let mut int = signal(SignalKind::interrupt())?;
    let mut term = signal(SignalKind::terminate())?;
    drop(inside);
    let listen = async move {
        loop {
            let heard = tokio::select! {
                _ = int.recv() => INT,
                _ = term.recv() => TERM,
            };
            if HEARD.swap(heard, Ordering::Relaxed) != 0 {
                std::process::exit(i32::from(BY_SIGNAL + heard));
            }
        }
    };
    let thread = thread::Builder::new().name("signals".to_owned());
    thread.spawn(move || runtime.block_on(listen))?;
    Ok(())
}

/// Whether to go on.
///
/// # Errors
/// When a signal was heard.
pub fn check() -> Result<(), Interrupted> {
    match exit_code() {
        None => Ok(()),
        Some(_) => Err(Interrupted),
    }
}

/// What to end with when a signal was heard: 130 after SIGINT, 143 after SIGTERM.
pub fn exit_code() -> Option<u8> {
    let heard = HEARD.load(Ordering::Relaxed);
    (heard != 0).then_some(BY_SIGNAL + heard)
}

/// Looks at `condition` until it gives something.
///
/// # Errors
/// When it gives nothing within `limit`, or a signal is heard.
pub fn until_some<T>(
    limit: Duration,
    mut condition: impl FnMut() -> Option<T>,
) -> anyhow::Result<T> {
    let given = wait::until_some(limit, || match check() {
        Ok(()) => condition().map(Ok),
        Err(interrupted) => Some(Err(interrupted)),
    });
    Ok(given??)
}
