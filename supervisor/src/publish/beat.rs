//! Results of checks come in, whether to publish them goes out. Pure: the first of a check, another status, and then one a beat, so that
//! a reader can tell "still well" from "nobody is there".

use std::collections::BTreeMap;
use std::time::Duration;

use flightline_contract::health::Status;
use tokio::time::Instant;

/// Checks that are remembered: far more than a machine has jobs. Beyond, the one that was silent longest is forgotten, whose next result
/// then counts as its first.
const CHECKS: usize = 1024;

/// What was last published of each check.
#[derive(Debug)]
pub struct Beats {
    beat: Duration,
    last: BTreeMap<String, (Status, Instant)>,
}

impl Beats {
    /// Between two results that say the same, at least `beat`.
    pub fn new(beat: Duration) -> Self {
        Self {
            beat,
            last: BTreeMap::new(),
        }
    }

    /// Another beat, from the next result on.
    pub fn set(&mut self, beat: Duration) {
        self.beat = beat;
    }

    /// Whether this result is to be published; if so, it is remembered as such.
    pub fn is_due(&mut self, check: &str, status: Status, now: Instant) -> bool {
        if let Some((known, at)) = self.last.get_mut(check) {
            let due = *known != status || now.duration_since(*at) >= self.beat;
            if due {
                (*known, *at) = (status, now);
            }
            return due;
        }
        if self.last.len() >= CHECKS {
            let silent = self.last.iter().min_by_key(|(_, (_, at))| *at);
            if let Some(silent) = silent.map(|(check, _)| check.clone()) {
                self.last.remove(&silent);
            }
        }
        self.last.insert(check.to_owned(), (status, now));
        true
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_check_is_published_first_on_change_and_once_a_beat() {
        let (start, beat) = (Instant::now(), Duration::from_secs(30));
        let mut beats = Beats::new(beat);
        let mut due = |check, status, seconds| {
            beats.is_due(check, status, start + Duration::from_secs(seconds))
        };
        assert!(due("a", Status::Passing, 0));
        assert!(!due("a", Status::Passing, 29));
        assert!(due("b", Status::Passing, 29));
        assert!(due("a", Status::Passing, 30));
        assert!(due("a", Status::Critical, 31));
        assert!(!due("a", Status::Critical, 60));
        assert!(due("a", Status::Critical, 61));
    }

    #[test]
    fn names_without_end_do_not_take_room_without_end() {
        let now = Instant::now();
        let mut beats = Beats::new(Duration::from_secs(30));
        for number in 0..2 * CHECKS {
            assert!(beats.is_due(&number.to_string(), Status::Passing, now));
        }
        assert_eq!(beats.last.len(), CHECKS);
    }
}
