//! What the stages count in, the JSON of `/status` out.

use std::collections::BTreeMap;
use std::sync::{Mutex, PoisonError};
use std::time::SystemTime;

use serde::Serialize;

use crate::exporter::Exporter;
use crate::exporter::refusal::Refusal;
use crate::source::damage::DamageStatus;

/// The most bytes of an error that are kept: the first sentence matters, a server's whole answer does not.
const MAX_ERROR: usize = 512;

/// Everything that `/status` tells.
#[derive(Debug, Clone, Serialize)]
pub struct Status {
    /// The version of this program.
    pub version: &'static str,
    /// [`super::health::Readiness::as_str`].
    pub state: &'static str,
    /// Since the start.
    pub uptime_seconds: f64,
    /// The stages in the order of the path.
    pub stages: Vec<StageStatus>,
    /// How far behind the durable consumer is; absent for sources without one.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub consumer: Option<Lag>,
    /// The lanes of a divided stream; absent where it is not divided.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub lanes: Vec<LaneStatus>,
    /// Damage to the stream's history, the oldest first; absent where there was none.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub history: Vec<DamageStatus>,
    /// The series table.
    pub exporter: ExporterStatus,
}

/// One stage.
#[derive(Debug, Clone, Serialize)]
pub struct StageStatus {
    /// [`crate::metrics::Stage::as_str`].
    pub stage: &'static str,
    /// What it counted since the start, by name.
    pub counters: BTreeMap<String, u64>,
    /// What waits in front of it.
    pub queues: Vec<Queue>,
    /// What went wrong last.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub last_error: Option<LastError>,
}

/// One bounded queue.
#[derive(Debug, Clone, Serialize)]
pub struct Queue {
    /// Its name.
    pub name: String,
    /// What it counts: messages, bytes, batches.
    pub unit: &'static str,
    /// How much waits.
    pub depth: u64,
    /// How much may wait.
    pub limit: u64,
}

/// How far behind a durable consumer is.
#[derive(Debug, Clone, Serialize)]
pub struct Lag {
    /// Its stream.
    pub stream: String,
    /// Its name.
    pub consumer: String,
    /// Messages not delivered yet.
    pub pending: u64,
    /// Messages delivered and not acknowledged.
    pub ack_pending: u64,
    /// Everything up to this sequence is acknowledged.
    pub ack_floor: u64,
}

/// One lane of a divided stream.
#[derive(Debug, Clone, Serialize)]
pub struct LaneStatus {
    /// Its name.
    pub lane: String,
    /// Its durable consumer.
    pub consumer: String,
    /// Who reads it: `here`, `leaving` (here, and not much longer), `elsewhere` or `nobody`.
    pub owner: &'static str,
    /// How far behind it is, if it is read here.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub lag: Option<Lag>,
}

/// What went wrong last in a stage.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct LastError {
    /// Seconds since the Unix epoch.
    pub time: u64,
    /// What it was.
    pub error: String,
    /// How many errors there have been, this one included.
    pub count: u64,
}

/// The series table.
#[derive(Debug, Clone, Serialize)]
pub struct ExporterStatus {
    /// Series shown.
    pub series: usize,
    /// Bytes held.
    pub bytes: usize,
    /// Samples refused, by reason; reasons without any are left out.
    pub refused: BTreeMap<&'static str, u64>,
}

impl From<&Exporter> for ExporterStatus {
    fn from(exporter: &Exporter) -> Self {
        let counts = exporter.lock().counts();
        Self {
            series: counts.series,
            bytes: counts.bytes,
            refused: Refusal::ALL
                .into_iter()
                .map(|reason| (reason.as_str(), counts.refused.get(reason)))
                .filter(|(_, count)| *count > 0)
                .collect(),
        }
    }
}

/// The last error of each stage or part, by its name, kept for `/status`.
#[derive(Debug, Default)]
pub struct LastErrors(Mutex<BTreeMap<&'static str, LastError>>);

impl LastErrors {
    /// Keeps an error in place of the last one of that name.
    pub fn record(&self, name: &'static str, now: SystemTime, error: &dyn std::fmt::Display) {
        let mut text = error.to_string();
        text.truncate(text.floor_char_boundary(MAX_ERROR));
        let time = now
            .duration_since(SystemTime::UNIX_EPOCH)
            .map_or(0, |since| since.as_secs());
        let mut all = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let count = all.get(name).map_or(0, |last| last.count) + 1;
        let last = LastError {
            time,
            error: text,
            count,
        };
        all.insert(name, last);
    }

    /// The last error of that name.
    pub fn get(&self, name: &str) -> Option<LastError> {
        let all = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        all.get(name).cloned()
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    #[test]
    fn the_last_error_of_a_stage_is_kept_short() {
        let errors = LastErrors::default();
        let now = SystemTime::UNIX_EPOCH + Duration::from_secs(7);
        errors.record("sink", now, &"first");
        errors.record("sink", now, &"ü".repeat(1_000));
        let last = errors.get("sink").unwrap();
        assert_eq!((last.time, last.count, last.error.len()), (7, 2, MAX_ERROR));
        assert_eq!(errors.get("source"), None);
    }
}
