//! Failures and successes of one kind of call come in, whether they are worth a line goes out: the first is, a reminder while it goes on,
//! and the end. Pure: time is handed in.

use std::time::{Duration, Instant};

/// Between two lines about a failure that goes on.
pub const REMINDER: Duration = Duration::from_secs(30);

/// One kind of call, and whether it fails.
#[derive(Debug, Default)]
pub struct Trouble {
    current: Option<Current>,
}

#[derive(Debug)]
struct Current {
    since: Instant,
    told: Instant,
    failures: u64,
}

/// Whether a failure is worth a line.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Worth {
    /// It is the first.
    First,
    /// It has gone on for a while: so many failures so far.
    Reminder(u64),
    /// It was told not long ago.
    Nothing,
}

/// A failure that went on has ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Over {
    /// How often it failed.
    pub failures: u64,
    /// For how long.
    pub lasted: Duration,
}

impl Trouble {
    /// It failed.
    pub fn failed(&mut self, now: Instant) -> Worth {
        let Some(current) = &mut self.current else {
            self.current = Some(Current {
                since: now,
                told: now,
                failures: 1,
            });
            return Worth::First;
        };
        current.failures += 1;
        if now.duration_since(current.told) < REMINDER {
            return Worth::Nothing;
        }
        current.told = now;
        Worth::Reminder(current.failures)
    }

    /// It succeeded.
    pub fn ended(&mut self, now: Instant) -> Option<Over> {
        let current = self.current.take()?;
        Some(Over {
            failures: current.failures,
            lasted: now.duration_since(current.since),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_failure_that_goes_on_is_told_first_and_then_twice_a_minute() {
        let start = Instant::now();
        let at = |seconds| start + Duration::from_secs(seconds);
        let mut trouble = Trouble::default();
        assert_eq!(trouble.failed(at(0)), Worth::First);
        assert_eq!(trouble.failed(at(5)), Worth::Nothing);
        assert_eq!(trouble.failed(at(29)), Worth::Nothing);
        assert_eq!(trouble.failed(at(30)), Worth::Reminder(4));
        assert_eq!(trouble.failed(at(59)), Worth::Nothing);
        let over = trouble.ended(at(62)).unwrap();
        assert_eq!((over.failures, over.lasted.as_secs()), (5, 62));
        assert_eq!(trouble.ended(at(63)), None);
        assert_eq!(trouble.failed(at(64)), Worth::First);
    }
}
