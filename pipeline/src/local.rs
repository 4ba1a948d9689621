//! The path without a server in front: records of this process go through decode and batch into the configured sinks. What
//! `demo` and `replay --to path` run on.

use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use tokio::time::{Instant, timeout};

use crate::ack::Told;
use crate::config::{Config, DeadLetters};
use crate::console::Console;
use crate::deadletter::file::LetterFile;
use crate::deadletter::store::Store;
use crate::run::{Ended, Parts, Stages, StartError};
use crate::source::memory::Feeder;

/// The name of the dead-letter file where the configuration means a stream: there is no server to ask.
const LETTERS: &str = "flightline-deadletters.ndjson";
/// Nobody waits for acks here; the path looks so often, for nothing.
const NO_ACK_WAIT: Duration = Duration::from_secs(30);

/// A running path, fed from here.
#[derive(Debug)]
pub struct Local {
    /// Takes messages; dropping it is the end of input.
    pub feeder: Feeder,
    /// Where dead letters are kept.
    pub letters: PathBuf,
    stages: Stages,
}

impl Local {
    /// Starts the stages of `config`, seen through `console`.
    ///
    /// # Errors
    /// When a sink cannot be opened.
    pub fn start(config: &Config, console: &Console) -> Result<Self, StartError> {
        let letters = match &config.deadletter {
            DeadLetters::File { path } => path.clone(),
            DeadLetters::JetStream { .. } => PathBuf::from(LETTERS),
        };
        let metrics = Arc::clone(&console.metrics);
        let parts = Parts {
            told: Told::Nobody,
            ack_wait: NO_ACK_WAIT,
            letters: Store::File(LetterFile::new(letters.clone(), None)),
            exporter: console.exporter.clone(),
            metrics: Arc::clone(&metrics),
            pulse: Arc::clone(&console.health.path),
        };
        let (handoff, stages) = Stages::start(config, parts)?;
        console.watch(None, Vec::new());
        Ok(Self {
            feeder: Feeder::new(handoff, metrics),
            letters,
            stages,
        })
    }

    /// Waits until everything fed is settled, for at most `limit`.
    pub async fn finish(mut self, limit: Duration) -> Ended {
        let start = Instant::now();
        // What a full path did not take yet; it has ended or is late, which the stages tell better.
        timeout(limit, self.feeder.flush()).await.ok();
        drop(self.feeder);
        self.stages
            .finish(limit.saturating_sub(start.elapsed()))
            .await
    }
}
