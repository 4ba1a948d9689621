//! How a question went comes in, when to ask the next and whether Consul may wait with its answer goes out. Pure: time is handed in.
//!
//! Events are at least an interval apart, and none comes later than an interval after its change: the first change after a quiet
//! interval is told at once, those that follow it are told together.

use std::time::Duration;

use tokio::time::Instant;

use super::memory::Difference;
use crate::consul::client::Block;

/// Between two questions to an agent that answers at once although nothing changed: its index also counts what is no news.
const GAP: Duration = Duration::from_secs(1);

/// Consul itself waits ten minutes at most, proxies before it often less.
const WAIT_LONGEST: Duration = Duration::from_secs(300);

/// The pace of one watch.
#[derive(Debug)]
pub struct Pace {
    interval: Duration,
    index: Option<u64>,
    next: Instant,
}

/// How a question went.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Outcome {
    /// There was an answer.
    Answered {
        /// As of which change, if whoever answers counts them.
        index: Option<u64>,
        /// Whether it is news.
        difference: Difference,
    },
    /// There was none.
    Failed,
}

impl Pace {
    /// The first question is an interval away.
    pub fn new(interval: Duration, now: Instant) -> Self {
        Self {
            interval,
            index: None,
            next: now + interval,
        }
    }

    /// When to ask.
    pub const fn next(&self) -> Instant {
        self.next
    }

    /// What Consul may wait for, once it has said as of which change it knows.
    pub fn block(&self) -> Option<Block> {
        self.index.map(|index| Block {
            index,
            wait: self.interval.min(WAIT_LONGEST),
        })
    }

    /// What was asked at `asked` has come to an end now.
    pub fn asked(&mut self, asked: Instant, now: Instant, outcome: Outcome) {
        let before = self.index;
        let (index, next) = match outcome {
            // A server that is back may count anew, so the next answer is not waited for.
            Outcome::Failed => (None, asked + self.interval),
            Outcome::Answered { index, difference } => {
                let index = index.filter(|index| *index > 0);
                let next = match (difference, index) {
                    (Difference::Changed, _) => now + self.interval,
                    (Difference::Same, Some(_)) => asked + GAP.min(self.interval),
                    (Difference::Same, None) => asked + self.interval,
                };
                // Consul's rule for an index that goes back: begin again.
                (index.filter(|index| Some(*index) >= before), next)
            }
        };
        self.index = index;
        self.next = next.max(now);
    }
}

#[cfg(test)]
mod tests {
    use super::Difference::{Changed, Same};
    use super::*;

    const INTERVAL: Duration = Duration::from_secs(10);

    fn answered(index: Option<u64>, difference: Difference) -> Outcome {
        Outcome::Answered { index, difference }
    }

    struct Clock(Instant);

    impl Clock {
        fn at(&self, seconds: u64) -> Instant {
            self.0 + Duration::from_secs(seconds)
        }
    }

    fn begun() -> (Clock, Pace) {
        let clock = Clock(Instant::now());
        let pace = Pace::new(INTERVAL, clock.at(0));
        assert_eq!(pace.next(), clock.at(10));
        assert_eq!(pace.block(), None);
        (clock, pace)
    }

    #[test]
    fn events_are_an_interval_apart_and_a_quiet_service_is_waited_for() {
        let (clock, mut pace) = begun();
        pace.asked(clock.at(10), clock.at(10), answered(Some(5), Changed));
        assert_eq!(pace.next(), clock.at(20));
        pace.asked(clock.at(20), clock.at(30), answered(Some(5), Same));
        assert_eq!(pace.next(), clock.at(30));
        let wait = Block {
            index: 5,
            wait: INTERVAL,
        };
        assert_eq!(pace.block(), Some(wait));
    }

    #[test]
    fn an_index_that_runs_ahead_of_the_news_makes_no_storm_of_questions() {
        let (clock, mut pace) = begun();
        pace.asked(clock.at(10), clock.at(10), answered(Some(5), Same));
        assert_eq!(pace.next(), clock.at(11));
        pace.asked(clock.at(11), clock.at(11), answered(Some(6), Same));
        assert_eq!(pace.next(), clock.at(12));
    }

    #[test]
    fn an_index_that_goes_back_or_is_zero_begins_again() {
        let (clock, mut pace) = begun();
        for (index, blocks) in [(9, true), (3, false), (3, true), (0, false)] {
            pace.asked(clock.at(10), clock.at(10), answered(Some(index), Same));
            assert_eq!(pace.block().is_some(), blocks, "{index}");
        }
    }

    #[test]
    fn an_agent_without_an_index_is_asked_each_interval() {
        let (clock, mut pace) = begun();
        pace.asked(clock.at(10), clock.at(11), answered(None, Same));
        assert_eq!(pace.next(), clock.at(20));
        assert_eq!(pace.block(), None);
    }

    #[test]
    fn a_failure_is_tried_again_after_an_interval_and_at_once_if_it_took_one() {
        let (clock, mut pace) = begun();
        pace.asked(clock.at(10), clock.at(10), answered(Some(7), Same));
        pace.asked(clock.at(11), clock.at(14), Outcome::Failed);
        assert_eq!(pace.next(), clock.at(21));
        assert_eq!(pace.block(), None);
        pace.asked(clock.at(21), clock.at(33), Outcome::Failed);
        assert_eq!(pace.next(), clock.at(33));
    }
}
