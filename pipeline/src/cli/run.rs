//! `flightline run`: a worker until a signal comes. The first SIGTERM or SIGINT drains, the second ends at once.

use tokio_util::sync::CancellationToken;
use tracing::{info, warn};

use super::{Exit, Failure};
use crate::config::Config;
use crate::config::check::partitions::out_of_order;
use crate::config::load::Loaded;
use crate::console::Console;
use crate::notify;
use crate::worker::{self, Outcome};

/// Runs a worker of `config`.
///
/// # Errors
/// When it cannot start.
pub async fn run(config: &Config) -> Result<Exit, Failure> {
    let signals = Signals::watch()?;
    let console = Console::open(config).await.map_err(unavailable)?;
    info!(address = %console.listener.address, "admin listener");
    notify::start(&console.health, config.drain);
    if let Some(note) = out_of_order(config) {
        warn!("{note}");
    }
    let outcome = worker::run(config, &console, signals.stop, signals.abandon).await;
    console.close().await;
    match outcome.map_err(unavailable)? {
        Outcome::Drained => Ok(Exit::Ok),
        Outcome::Unacked(_) => Ok(Exit::Unacked),
    }
}

/// The console of a verb that is over soon. Where nobody has configured an address and that of a worker is taken, any free
/// one will do: the verb has work to do beside being looked at.
pub(super) async fn passing_console(loaded: &Loaded) -> Result<Console, Failure> {
    let opened = Console::open(&loaded.config).await;
    match opened {
        Err(error) if error.is_taken() && loaded.is_default("admin.listen") => {
            let mut config = loaded.config.clone();
            config.admin.listen.set_port(0);
            Console::open(&config).await
        }
        opened => opened,
    }
    .map_err(unavailable)
}

/// A failure of something that is needed.
pub(super) fn unavailable(error: impl std::fmt::Display) -> Failure {
    Failure::new(Exit::Unavailable, error.to_string())
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
        let signals = Self {
            stop: CancellationToken::new(),
            abandon: CancellationToken::new(),
        };
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
