//! What an operator sees of a running process: own metrics, the series table, readiness, and the listener that tells them.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use prometheus::IntCounter;

use crate::admin::AdminState;
use crate::admin::health::Health;
use crate::admin::listener::{Listener, Unheard};
use crate::admin::status::{ExporterStatus, Lag, LaneStatus, Queue, StageStatus, Status};
use crate::bus::Bus;
use crate::config::Config;
use crate::exporter::Exporter;
use crate::metrics::{Metrics, Stage};
use crate::source::lanes::{Board, Row};

/// How often readiness is brought up to date.
pub(crate) const LOOK: Duration = Duration::from_millis(100);

/// How far behind the durable consumer was at the last look; nothing for sources without one.
pub type LastLag = Arc<Mutex<Option<Lag>>>;

/// The console of one process.
#[derive(Debug)]
pub struct Console {
    /// The own metrics.
    pub metrics: Arc<Metrics>,
    /// The series table.
    pub exporter: Exporter,
    /// Whether this process should get work.
    pub health: Arc<Health>,
    /// Where the source leaves the consumer's lag.
    pub lag: LastLag,
    /// Where the source leaves the lanes of a divided stream.
    pub lanes: Board,
    /// Where it listens.
    pub listener: Listener,
}

impl Console {
    /// Opens the listener of `config`.
    ///
    /// # Errors
    /// When its address or its certificate cannot be used.
    pub async fn open(config: &Config) -> Result<Self, Unheard> {
        let start = Instant::now();
        let metrics = Arc::new(Metrics::new());
        let high_water = i64::try_from(config.admin.high_water).unwrap_or(i64::MAX);
        metrics.high_water.set(high_water);
        let exporter = Exporter::new(&config.exporter, &metrics, start);
        let health = Arc::new(Health::new(config.admin.high_water));
        let (lag, lanes) = (LastLag::default(), Board::default());
        let view = View {
            start,
            metrics: Arc::clone(&metrics),
            exporter: exporter.clone(),
            health: Arc::clone(&health),
            lag: Arc::clone(&lag),
            lanes: Arc::clone(&lanes),
            limits: Limits::of(config),
        };
        let state = AdminState::new(Arc::clone(&health), exporter.clone(), move || view.status());
        let counted = &metrics.listeners;
        let listener = Listener::open(&config.admin, counted, state).await?;
        Ok(Self {
            metrics,
            exporter,
            health,
            lag,
            lanes,
            listener,
        })
    }

    /// Keeps readiness up to date until the console is closed: by the connection of `bus`, if there is one, by whether the server lets it
    /// subscribe to `patterns`, and by what is held.
    pub fn watch(&self, bus: Option<Bus>, patterns: Vec<String>) {
        let (health, metrics, stop) = (
            Arc::clone(&self.health),
            Arc::clone(&self.metrics),
            self.listener.stop.clone(),
        );
        tokio::spawn(async move {
            let mut looks = tokio::time::interval(LOOK);
            while stop.run_until_cancelled(looks.tick()).await.is_some() {
                if bus.as_ref().is_none_or(Bus::is_connected) {
                    health.connected();
                } else {
                    health.disconnected();
                }
                let deaf =
                    |pattern: &&String| bus.as_ref().is_some_and(|bus| bus.is_deaf_to(pattern));
                health.refused(patterns.iter().find(deaf).cloned());
                health.held(metrics.held());
                metrics.ready.set(i64::from(health.readiness().is_ready()));
            }
        });
    }

    /// Messages that were received and whose fate is not settled: with JetStream they are delivered again.
    pub fn unsettled(&self) -> u64 {
        self.metrics
            .received
            .get()
            .saturating_sub(self.metrics.duplicates.get())
            .saturating_sub(self.metrics.forgotten.get())
            .saturating_sub(self.metrics.acked.get())
    }

    /// Closes the listener; the last thing to do.
    pub async fn close(self) {
        self.listener.close().await;
    }
}

/// The limits that `/status` shows beside depths.
#[derive(Debug)]
struct Limits {
    held: u64,
    high_water: u64,
    /// Of the write front, if there is one.
    ingest: Option<u64>,
}

impl Limits {
    fn of(config: &Config) -> Self {
        let held = match &config.source {
            crate::config::Source::JetStream(source) => source.prefetch_bytes,
            crate::config::Source::Core(source) => source.buffer,
        };
        Self {
            held: held as u64,
            high_water: config.admin.high_water as u64,
            ingest: config
                .ingest
                .as_ref()
                .map(|ingest| ingest.max_pending as u64),
        }
    }
}

/// What `/status` is made from.
#[derive(Debug)]
struct View {
    start: Instant,
    metrics: Arc<Metrics>,
    exporter: Exporter,
    health: Arc<Health>,
    lag: LastLag,
    lanes: Board,
    limits: Limits,
}

impl View {
    fn status(&self) -> Status {
        let metrics = &self.metrics;
        let queue = |name: &str, unit, depth: i64, limit| Queue {
            name: name.to_owned(),
            unit,
            depth: u64::try_from(depth).unwrap_or_default(),
            limit,
        };
        let (limit, high_water) = (self.limits.held, self.limits.high_water);
        let held = queue("held", "bytes", metrics.held_bytes.get(), limit);
        let in_flight = metrics.in_flight_bytes.get();
        let in_flight = queue("in_flight", "bytes", in_flight, high_water);
        let mut stages = self.ingest();
        stages.extend([
            self.stage(
                Stage::Source,
                source_counters(
                    metrics,
                    &[
                        ("received_messages", &metrics.received),
                        ("received_bytes", &metrics.received_bytes),
                        ("redelivered_messages", &metrics.redelivered),
                        ("duplicate_messages", &metrics.duplicates),
                        ("dropped_messages", &metrics.dropped),
                        ("stalls", &metrics.stalls),
                        ("given_up_messages", &metrics.given_up),
                        ("isolated_messages", &metrics.isolated),
                    ],
                ),
                vec![held],
            ),
            self.stage(
                Stage::Decode,
                counters(&[
                    ("decoded_messages", &metrics.decoded),
                    ("decoded_lines", &metrics.lines),
                    ("dead_lettered_messages", &metrics.dead_lettered_messages),
                ]),
                Vec::new(),
            ),
            self.stage(
                Stage::Batch,
                by_label(metrics, "flightline_batches_total"),
                Vec::new(),
            ),
            self.stage(
                Stage::Sink,
                by_label(metrics, "flightline_stored_lines_total"),
                vec![in_flight],
            ),
            self.stage(
                Stage::Ack,
                counters(&[
                    ("acked_messages", &metrics.acked),
                    ("prolonged_messages", &metrics.prolonged),
                ]),
                Vec::new(),
            ),
        ]);
        Status {
            version: env!("CARGO_PKG_VERSION"),
            state: self.health.readiness().as_str(),
            uptime_seconds: self.start.elapsed().as_secs_f64(),
            stages,
            consumer: self.lag.lock().expect("no holder panics").clone(),
            lanes: self.lanes(),
            history: metrics.damage.all(),
            exporter: ExporterStatus::from(&self.exporter),
        }
    }

    /// The write front, if this worker has one.
    fn ingest(&self) -> Vec<StageStatus> {
        let Some(max_pending) = self.limits.ingest else {
            return Vec::new();
        };
        let ingest = &self.metrics.ingest;
        let counters = counters(&[
            ("stored_lines", &ingest.lines),
            ("received_bytes", &ingest.bytes),
        ]);
        let refused = by_label(&self.metrics, "flightline_ingest_refused_lines_total");
        let refused = refused.into_iter().filter(|(_, lines)| *lines > 0);
        let refused = refused.map(|(reason, lines)| (format!("refused_{reason}"), lines));
        let under_way = Queue {
            name: "bodies".to_owned(),
            unit: "bytes",
            depth: u64::try_from(ingest.held_bytes.get()).unwrap_or_default(),
            limit: max_pending,
        };
        let counters = counters.into_iter().chain(refused).collect();
        vec![self.stage(Stage::Ingest, counters, vec![under_way])]
    }

    fn lanes(&self) -> Vec<LaneStatus> {
        let board = self.lanes.lock().expect("no holder panics");
        board.iter().map(Row::status).collect()
    }

    fn stage(
        &self,
        stage: Stage,
        counters: BTreeMap<String, u64>,
        queues: Vec<Queue>,
    ) -> StageStatus {
        StageStatus {
            stage: stage.as_str(),
            counters,
            queues,
            last_error: self.metrics.errors.get(stage.as_str()),
        }
    }
}

/// With the signs of damage, which have a label of their own.
fn source_counters(metrics: &Metrics, named: &[(&str, &IntCounter)]) -> BTreeMap<String, u64> {
    let damage = ("history_damage".to_owned(), metrics.history_damage_sum());
    counters(named).into_iter().chain([damage]).collect()
}

fn counters(named: &[(&str, &IntCounter)]) -> BTreeMap<String, u64> {
    named
        .iter()
        .map(|(name, counter)| ((*name).to_owned(), counter.get()))
        .collect()
}

/// The values of a counter by the value of its one label.
fn by_label(metrics: &Metrics, name: &str) -> BTreeMap<String, u64> {
    let families = metrics.registry.gather();
    let Some(family) = families.iter().find(|family| family.name() == name) else {
        return BTreeMap::new();
    };
    let rows = family.get_metric().iter().filter_map(|metric| {
        let label = metric.get_label().first()?;
        #[expect(
            clippy::cast_possible_truncation,
            clippy::cast_sign_loss,
            reason = "counters are whole and not negative"
        )]
        let value = metric.get_counter().get_value() as u64;
        Some((label.value().to_owned(), value))
    });
    rows.collect()
}
