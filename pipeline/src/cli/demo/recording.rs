//! The shipped recording, over and over, its times moved to now: series that stood still would show nothing.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use bytes::Bytes;

use flightline_contract::token::Prefix;

use super::settings;
use crate::cli::{Exit, Failure};
use crate::stream::Record;

/// Sensors, health, life-cycle, metrics, and a few poison messages.
const STREAM: &str = include_str!("../../../../fixtures/data/streams/demo.ndjson");
/// The times in it are within its length after this one, in milliseconds or nanoseconds since the Unix epoch.
const RECORDED_MS: u64 = 1_780_000_000_000;
/// What every such time begins with.
const MARK: &[u8] = b"17800000";
/// Digits of a time in milliseconds, and in nanoseconds.
const MILLIS: usize = 13;
const NANOS: usize = 19;

/// Where it is played, which tells its subjects.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Place {
    /// In this process alone: as recorded.
    Process,
    /// On a server, beside what others publish there.
    Server,
}

impl Place {
    fn subject(self, recorded: &str) -> String {
        let own = recorded
            .strip_prefix(Prefix::DEFAULT)
            .filter(|rest| rest.starts_with('.'));
        match (self, own) {
            (Self::Process, _) => recorded.to_owned(),
            (Self::Server, Some(rest)) => format!("{}{rest}", settings::PREFIX),
            (Self::Server, None) => format!("{}.{recorded}", settings::FOREIGN),
        }
    }
}

/// The recording, endless.
#[derive(Debug)]
pub(super) struct Recording {
    records: Vec<Record>,
    next: usize,
}

impl Recording {
    /// Reads it, to be played at `place`.
    ///
    /// # Errors
    /// When this program was built with a recording that is none.
    pub(super) fn open(place: Place) -> Result<Self, Failure> {
        let records: Result<Vec<_>, _> = STREAM
            .lines()
            .map(|line| Record::parse(line.as_bytes()))
            .collect();
        match records {
            Ok(mut records) if !records.is_empty() => {
                for record in &mut records {
                    record.subject = place.subject(&record.subject);
                }
                Ok(Self { records, next: 0 })
            }
            Ok(_) => Err(Failure::new(Exit::Unavailable, "the recording is empty")),
            Err(error) => Err(Failure::new(
                Exit::Unavailable,
                format!("the recording: {error}"),
            )),
        }
    }

    /// The next record, as if it were sent at `now`: two records of one sensor need two of those, a millisecond apart.
    pub(super) fn next(&mut self, now: SystemTime) -> Record {
        let mut record = self.records[self.next].clone();
        self.next = (self.next + 1) % self.records.len();
        let recorded = Duration::from_millis(RECORDED_MS) + record.offset();
        let now = now.duration_since(UNIX_EPOCH).unwrap_or_default();
        record.payload = moved(&record.payload, now.saturating_sub(recorded));
        record
    }
}

/// The payload with every time in it moved by `by`.
fn moved(payload: &Bytes, by: Duration) -> Bytes {
    let mut out = Vec::with_capacity(payload.len());
    let mut rest = payload.as_ref();
    while !rest.is_empty() {
        let digits = rest.iter().take_while(|byte| byte.is_ascii_digit()).count();
        let (run, behind) = rest.split_at(digits);
        match time(run) {
            Some((time, MILLIS)) => {
                out.extend_from_slice((time + by.as_millis()).to_string().as_bytes())
            }
            Some((time, _)) => out.extend_from_slice((time + by.as_nanos()).to_string().as_bytes()),
            None => out.extend_from_slice(run),
        }
        let words = behind
            .iter()
            .take_while(|byte| !byte.is_ascii_digit())
            .count();
        let (words, behind) = behind.split_at(words);
        out.extend_from_slice(words);
        rest = behind;
    }
    Bytes::from(out)
}

fn time(run: &[u8]) -> Option<(u128, usize)> {
    let fits = matches!(run.len(), MILLIS | NANOS) && run.starts_with(MARK);
    let time = std::str::from_utf8(run)
        .ok()
        .filter(|_| fits)?
        .parse()
        .ok()?;
    Some((time, run.len()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_move_and_nothing_else_does() {
        let payload = Bytes::from_static(
            b"{\"time\":1780000000100,\"value\":42} m v=17800000i 1780000000000000001",
        );
        let moved = moved(&payload, Duration::from_secs(1));
        assert_eq!(
            moved.as_ref(),
            b"{\"time\":1780000001100,\"value\":42} m v=17800000i 1780000001000000001"
        );
    }

    #[test]
    fn bytes_that_are_no_text_stay() {
        let payload = Bytes::from_static(&[0xff, b'1', 0x00, b'9']);
        assert_eq!(moved(&payload, Duration::from_secs(1)), payload);
    }

    #[test]
    fn on_a_server_every_subject_is_the_demos_own() {
        let recording = Recording::open(Place::Server).unwrap();
        for record in recording.records {
            let (first, _) = record.subject.split_once('.').unwrap();
            assert!(["telemetry-demo", "sensors-demo"].contains(&first));
        }
    }

    #[test]
    fn the_recording_can_be_played_for_ever() {
        let mut recording = Recording::open(Place::Process).unwrap();
        let count = recording.records.len();
        for _ in 0..=count {
            recording.next(SystemTime::now());
        }
        assert_eq!(recording.next, 1);
    }
}
