//! `flightline run`: a worker until a signal comes. The first SIGTERM or SIGINT drains, the second ends at once.

use tokio_util::sync::CancellationToken;
use tracing::warn;

use super::{Exit, Failure};
use crate::config::Config;
use crate::worker::{self, Outcome};

/// Runs a worker of `config`.
///
/// # Errors
/// When it cannot start.
pub async fn run(config: &Config) -> Result<Exit, Failure> {
    let signals = Signals::watch()?;
    match worker::run(config, signals.stop, signals.abandon).await {
        Ok(Outcome::Drained) => Ok(Exit::Ok),
        Ok(Outcome::Unacked(_)) => Ok(Exit::Unacked),
        Err(error) => Err(Failure::new(Exit::Unavailable, error.to_string())),
    }
}

/// What the signals of a process ask for.
#[derive(Debug, Clone)]
pub struct Signals {
    /// After the first: end as you should.
    pub stop: CancellationToken,
    /// After the second: end now.
    pub abandon: CancellationToken,
}

impl Signals {
    /// Listens to SIGTERM and SIGINT from now on.
    ///
    /// # Errors
    /// When the system does not let us.
    pub fn watch() -> std::io::Result<Self> {
        use tokio::signal::unix::{SignalKind, signal};
        let mut term = signal(SignalKind::terminate())?;
        let mut int = signal(SignalKind::interrupt())?;
        let signals = Self { stop: CancellationToken::new(), abandon: CancellationToken::new() };
        let Self { stop, abandon } = signals.clone();
        tokio::spawn(async move {
            for token in [stop, abandon] {
                tokio::select! {
                    _ = term.recv() => {}
                    _ = int.recv() => {}
                }
                if token.is_cancelled() {
                    continue;
                }
                warn!("told to stop; once more to stop at once");
                token.cancel();
            }
        });
        Ok(signals)
    }
}
