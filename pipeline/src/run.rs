//! Joins the stages behind a source and ends them in the order of the data. The only list of stages.
//!
//! Stopping is end of input: the source drops its end, the path cuts what is open and drops the sinks' queues, each sink ends
//! when it has its verdicts, the dead-letter stage when nobody can hand in any more, and the ack stage last. One deadline
//! holds for all of it; whoever is late is named.

use std::sync::Arc;
use std::time::Duration;

use tokio::sync::mpsc;
use tokio::task::JoinHandle;
use tokio::time::{Instant, timeout_at};
use tracing::{error, info};

use crate::ack::{self, Ledger, Told};
use crate::config::{Config, Source};
use crate::deadletter::Office;
use crate::deadletter::store::{self, Store};
use crate::decode::route::{Router, RouterError};
use crate::exporter::Exporter;
use crate::metrics::Metrics;
use crate::path::alone::Alone;
use crate::path::{Path, Ways};
use crate::pulse::Pulse;
use crate::sink::{self, Writer};
use crate::source::handoff::{Handoff, handoff};

/// Batches that wait in front of a sink; with those in flight and the open one this bounds the worker's memory.
const SINK_QUEUE: usize = 2;
/// Settled batches on their way to the ack stage: acking is far faster than storing.
const SETTLED_QUEUE: usize = 16;

/// What the stages need beside the configuration.
#[derive(Debug)]
pub struct Parts {
    /// Who is told of stored messages.
    pub told: Told,
    /// How long the server waits for an ack.
    pub ack_wait: Duration,
    /// Where dead letters go.
    pub letters: Store,
    /// The series table.
    pub exporter: Exporter,
    /// The own metrics.
    pub metrics: Arc<Metrics>,
    /// Feels whether the path comes back from its turns.
    pub pulse: Arc<Pulse>,
}

impl Parts {
    /// Where messages are written down that were delivered too often: there are none without a stream.
    fn alone(&self, config: &Config) -> Option<Alone> {
        match (&self.told, &config.source) {
            (Told::Server(bus, _), Source::JetStream(source)) => {
                Some(Alone::new(bus.clone(), &source.stream, &source.consumer))
            }
            (Told::Server(..) | Told::Nobody, _) => None,
        }
    }
}

/// The stages behind a source.
#[derive(Debug)]
pub struct Stages {
    /// In the order of the data.
    stages: Vec<(String, JoinHandle<()>)>,
    prolong: Option<JoinHandle<()>>,
    /// For letters of messages that do not come by the path.
    office: Office,
}

/// How the stages ended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Ended {
    /// All input is settled.
    Clean,
    /// The deadline came first; the stage that was late.
    Late(String),
}

/// The stages cannot be started: nothing has been touched.
#[derive(Debug, thiserror::Error)]
pub enum StartError {
    /// The configuration's subjects lead nowhere.
    #[error(transparent)]
    Router(#[from] RouterError),
    /// A sink cannot be opened.
    #[error(transparent)]
    Sink(#[from] sink::OpenError),
}

impl Stages {
    /// Starts everything behind the source.
    ///
    /// # Errors
    /// When a sink cannot be opened: its folder is not writable, its certificates are no certificates.
    pub fn start(config: &Config, parts: Parts) -> Result<(Handoff, Self), StartError> {
        let alone = parts.alone(config);
        let Parts {
            told,
            ack_wait,
            letters,
            exporter,
            metrics,
            pulse,
        } = parts;
        let router = Arc::new(Router::new(config)?);
        let (settled, settled_batches) = mpsc::channel(SETTLED_QUEUE);
        let (recycle, recycled) = mpsc::channel(SETTLED_QUEUE);
        let (office, mail) = Office::open();
        let ledger = Ledger::default();
        let mut stages = Vec::new();

        let mut inputs = Vec::new();
        for config in &config.sinks {
            let (input, shares) = mpsc::channel(SINK_QUEUE);
            let stage = Writer::open(config, &metrics)?.run(shares, office.clone());
            stages.push((format!("sink {}", config.name), tokio::spawn(stage)));
            inputs.push(input);
        }
        let sinks = router
            .destinations()
            .iter()
            .map(|destination| {
                destination
                    .sinks
                    .iter()
                    .map(|index| inputs[*index].clone())
                    .collect()
            })
            .collect();
        drop(inputs);
        let letters = store::run(mail, letters, Arc::clone(&router), Arc::clone(&metrics));
        stages.push(("deadletter".to_owned(), tokio::spawn(letters)));
        let ack = ack::run(settled_batches, told.clone(), recycle, Arc::clone(&metrics));
        stages.push(("ack".to_owned(), tokio::spawn(ack)));
        let prolong = prolong(&told, &ledger, ack_wait, &metrics);

        let ways = Ways {
            sinks,
            office: office.clone(),
            settled,
            recycled,
            ledger,
        };
        let path = Path::new(
            router,
            config.batch,
            ways,
            exporter,
            (told, ack_wait),
            metrics,
        )
        .with_alone(alone);
        let (hands, intake) = handoff();
        let path = tokio::spawn(pulse.of(async move {
            if let Err(error) = path.run(intake).await {
                error!(%error, "the path has ended");
            }
        }));
        stages.insert(0, ("path".to_owned(), path));
        let stages = Self {
            stages,
            prolong,
            office,
        };
        Ok((hands, stages))
    }

    /// Puts the source in front: the drain's deadline holds for what it still has in its hands, too.
    pub fn lead(&mut self, source: JoinHandle<()>) {
        self.stages.insert(0, ("source".to_owned(), source));
    }

    /// Where letters can be handed in; who holds it must give it up for the stages to end.
    pub fn office(&self) -> Office {
        self.office.clone()
    }

    /// Waits until all input is settled, once the source was told to end, for at most `limit`.
    pub async fn finish(self, limit: Duration) -> Ended {
        // The dead-letter stage ends when nobody can hand in any more.
        drop(self.office);
        let deadline = Instant::now() + limit;
        let mut ended = Ended::Clean;
        for (name, mut stage) in self.stages {
            match timeout_at(deadline, &mut stage).await {
                Ok(Ok(())) => info!(stage = name, "drained"),
                Ok(Err(panic)) => {
                    error!(stage = name, error = %panic, "a stage has failed");
                    ended = Ended::Late(name);
                }
                Err(_) => {
                    stage.abort();
                    if ended == Ended::Clean {
                        error!(
                            stage = name,
                            "the drain's deadline has come: what is not stored will be delivered again"
                        );
                        ended = Ended::Late(name);
                    }
                }
            }
        }
        if let Some(prolong) = self.prolong {
            prolong.abort();
        }
        ended
    }
}

/// Tells the server, if there is one, what is worked on.
fn prolong(
    told: &Told,
    ledger: &Ledger,
    ack_wait: Duration,
    metrics: &Arc<Metrics>,
) -> Option<JoinHandle<()>> {
    let Told::Server(bus, eras) = told else {
        return None;
    };
    let server = (bus.clone(), eras.clone());
    let prolong = ledger
        .clone()
        .prolong(server, ack_wait, Arc::clone(metrics));
    Some(tokio::spawn(prolong))
}
