//! What came of one trial: one JSON line. Comparisons, the baseline and the charts are made from these and nothing else.

use hdrhistogram::Histogram;
use serde::{Deserialize, Serialize};

use crate::scenario::Scenario;
use crate::trial::plan::Incident;

/// One trial.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Record {
    /// When it began, RFC 3339, UTC.
    pub at: String,
    /// The commit that the product was built from; `-dirty` behind it if the tree had changes, `unknown` if nobody knows.
    pub commit: String,
    /// The trials that it may be divided by, and they by it.
    pub turn: Turn,
    /// Where it ran.
    pub machine: Machine,
    /// What moved the data.
    pub program: Program,
    /// What was moved, and how.
    pub scenario: Scenario,
    /// What happened meanwhile: with anything but nothing its rate is no rate.
    pub incident: Incident,
    /// How what arrived was checked.
    pub check: Check,
    /// Messages and lines: sent, stored, and what became of the rest.
    pub count: Count,
    /// Seconds from the first message published to the last line stored; of a stream that was filled before, from the first line
    /// stored. Batches that are not full at the end wait for their age however fast a program is: their lines are taken to come at
    /// the rate of those before.
    pub seconds: f64,
    /// CPU of each process.
    pub cpu: Cpu,
    /// The program's largest resident memory, in bytes.
    pub resident: u64,
    /// From publish (as scheduled) to stored, where a rate was kept; of a write front, from a request to its answer.
    pub latency: Option<Latency>,
}

/// Trials made one right after the other, each by another program or in another way, so that all saw the machine in the same mood.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Turn {
    /// Which run of the bench.
    pub run: String,
    /// What was measured: a row of the table of targets, or a scenario.
    pub row: String,
    /// The how manieth turn of that run.
    pub number: u32,
}

/// Where a trial ran.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Machine {
    /// The processor's name.
    pub cpu: String,
    /// How many of it.
    pub cores: usize,
    /// Memory in bytes.
    pub memory: u64,
    /// The kernel's release.
    pub kernel: String,
    /// nats-server's version.
    pub nats: String,
}

/// What moved the data.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Program {
    /// `floor`, `flightline`, `telegraf`, ...
    pub name: String,
    /// As it says of itself.
    pub version: String,
    /// How many of its processes shared the work.
    pub workers: u32,
}

/// How what arrived was checked.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Check {
    /// Lines and bytes are counted, and the bytes added up: as many lost as doubled, or an altered line, shows as `altered: 1`.
    Count,
    /// Each line is known by its number and compared with what was published: loss, doubles and alterations are exact.
    Account,
    /// A real store says how many it has.
    Store,
}

/// Messages and lines.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct Count {
    /// Messages published.
    pub messages: u64,
    /// Lines in them.
    pub lines: u64,
    /// Bytes in them.
    pub bytes: u64,
    /// Lines that reached the store, each counted once.
    pub stored: u64,
    /// Lines that did not.
    pub lost: u64,
    /// Lines that reached it more than once, counted without the first time.
    pub doubled: u64,
    /// Lines that reached it in other bytes than were published.
    pub altered: u64,
    /// Messages that the program itself says its client dropped, if it says anything about it.
    pub dropped: Option<u64>,
}

/// CPU seconds, user and system, from the first message to the last line.
#[derive(Debug, Clone, Copy, PartialEq, Default, Serialize, Deserialize)]
pub struct Cpu {
    /// The program under test, all its workers.
    pub program: f64,
    /// nats-server, if it is ours.
    pub server: Option<f64>,
    /// The store, if it is ours.
    pub store: Option<f64>,
    /// Who publishes.
    pub publisher: f64,
}

/// Microseconds.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Latency {
    /// Half of all are faster.
    pub p50: u64,
    /// 99 %.
    pub p99: u64,
    /// 99.9 %.
    pub p999: u64,
    /// The slowest.
    pub max: u64,
}

impl Cpu {
    /// What was used since `before`.
    #[must_use]
    pub fn since(&self, before: &Self) -> Self {
        let since = |after: Option<f64>, before: Option<f64>| Some(after? - before?);
        Self {
            program: self.program - before.program,
            server: since(self.server, before.server),
            store: since(self.store, before.store),
            publisher: self.publisher - before.publisher,
        }
    }
}

impl Latency {
    /// Latencies from a microsecond to this are told, to three digits; what is slower is told as this.
    const SLOWEST_US: u64 = 600_000_000;

    /// An empty histogram of microseconds.
    ///
    /// # Panics
    /// Never: its bounds are right.
    pub fn histogram() -> Histogram<u64> {
        Histogram::new_with_max(Self::SLOWEST_US, 3).expect("the bounds are right")
    }

    /// What is told of `latencies`; nothing of none.
    pub fn of(latencies: &Histogram<u64>) -> Option<Self> {
        let at = |share| latencies.value_at_quantile(share);
        (!latencies.is_empty()).then(|| Self {
            p50: at(0.5),
            p99: at(0.99),
            p999: at(0.999),
            max: latencies.max(),
        })
    }
}

impl Record {
    /// Whether every line reached the store as it was published. What lost lines has done less work: its rate is of another kind.
    pub fn is_whole(&self) -> bool {
        self.count.lost == 0 && self.count.altered == 0
    }

    /// Stored lines a second.
    #[expect(clippy::cast_precision_loss, reason = "fewer than 2^52 lines")]
    pub fn lines_per_second(&self) -> f64 {
        self.count.stored as f64 / self.seconds
    }

    /// Published bytes a second, in millions.
    #[expect(clippy::cast_precision_loss, reason = "fewer than 2^52 bytes")]
    pub fn megabytes_per_second(&self) -> f64 {
        self.count.bytes as f64 / self.seconds / 1e6
    }

    /// The program's CPU nanoseconds for each stored line.
    #[expect(clippy::cast_precision_loss, reason = "fewer than 2^52 lines")]
    pub fn program_ns_per_line(&self) -> f64 {
        self.cpu.program * 1e9 / self.count.stored.max(1) as f64
    }
}
