//! The series table behind `/metrics`: samples come in with decode, the present value of each series goes out as text.
//! What breaks a limit or a rule is refused and counted, its neighbours are not; nothing here delays or stops the path.

/// What decode finds → updates.
mod observe;
/// The series table itself.
pub mod table;
/// Names made valid.
mod name;
/// Labels made canonical.
mod labels;
/// Fields as numbers.
mod number;
/// Raw spellings of series.
mod key;
/// One kind per name.
mod family;
/// Where series live.
mod slot;
/// What a sample does to its series.
mod update;
/// Which deltas were added already.
mod applied;
/// When series end.
mod wheel;
/// Samples of lines, several at a time.
mod pending;
/// Why a sample was refused.
pub mod refusal;
/// What a scraper asks for.
pub mod accept;
/// The table as text.
mod render;
/// The own registry as text.
mod own;
/// One answer, in chunks.
pub mod scrape;

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Instant;

use flightline_contract::class::Class;
use prometheus::proto::MetricFamily;
use prometheus::{IntCounter, IntGauge, Registry};

use self::accept::{Coding, Format};
use self::refusal::Refusal;
use self::scrape::Scrape;
use self::table::Table;
use crate::config;
use crate::metrics::Metrics;

/// Ended series worked off per scrape, for the case that no message comes any more to do it.
const TIDY_PER_SCRAPE: usize = 2_000;

/// What a scrape shows.
#[derive(Debug, Clone)]
pub enum Shown {
    /// A worker's own metrics and its series table.
    Table(Exporter),
    /// What is registered here.
    Registered(Registry),
}

impl From<Exporter> for Shown {
    fn from(exporter: Exporter) -> Self {
        Self::Table(exporter)
    }
}

impl From<Registry> for Shown {
    fn from(registry: Registry) -> Self {
        Self::Registered(registry)
    }
}

impl Shown {
    /// The answer to one scrape at `now`.
    pub fn scrape(&self, format: Format, coding: Coding, now: Instant) -> Scrape {
        Scrape::new(self.clone(), format, coding, now)
    }
}

/// The series table and the own metrics, shared by the path and the admin listener.
#[derive(Debug, Clone)]
pub struct Exporter(Arc<Shared>);

#[derive(Debug)]
struct Shared {
    table: Mutex<Table>,
    classes: Vec<Class>,
    registry: Registry,
    refused: [IntCounter; Refusal::ALL.len()],
    series: IntGauge,
    bytes: IntGauge,
}

impl Exporter {
    /// An empty table with `metrics` beside it; its time begins at `start`.
    pub fn new(config: &config::Exporter, metrics: &Metrics, start: Instant) -> Self {
        Self(Arc::new(Shared {
            table: Mutex::new(Table::new(config, start)),
            classes: config.classes.clone(),
            registry: metrics.registry.clone(),
            refused: Refusal::ALL.map(|reason| {
                metrics
                    .exporter_refused
                    .with_label_values(&[reason.as_str()])
            }),
            series: metrics.exporter_series.clone(),
            bytes: metrics.exporter_bytes.clone(),
        }))
    }

    /// Whether data of that class is shown: if not, its messages need not be handed in, and their lines must not be.
    pub fn shows(&self, class: Class) -> bool {
        self.0.classes.contains(&class)
    }

    /// The table, to hand samples in. Lock it once for many messages, and never over an await.
    pub fn lock(&self) -> MutexGuard<'_, Table> {
        // A table that panicked half-way through one sample still serves all others.
        self.0.table.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The answer to one scrape at `now`.
    pub fn scrape(&self, format: Format, coding: Coding, now: Instant) -> Scrape {
        Shown::from(self.clone()).scrape(format, coding, now)
    }

    /// Brings the own metrics up to date and gathers them; says the number of the scrape that begins.
    fn gather(&self, now: Instant) -> (Vec<MetricFamily>, u32) {
        let scrape = {
            let mut table = self.lock();
            let scrape = table.begin_scrape(now);
            table.tidy(TIDY_PER_SCRAPE);
            let counts = table.counts();
            for (reason, counter) in Refusal::ALL.into_iter().zip(&self.0.refused) {
                // Under the lock, so that two scrapes cannot add the same difference.
                counter.inc_by(counts.refused.get(reason).saturating_sub(counter.get()));
            }
            self.0
                .series
                .set(i64::try_from(counts.series).unwrap_or(i64::MAX));
            self.0
                .bytes
                .set(i64::try_from(counts.bytes).unwrap_or(i64::MAX));
            scrape
        };
        (self.0.registry.gather(), scrape)
    }
}

#[cfg(test)]
mod tests;
