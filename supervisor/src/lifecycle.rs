//! Gives each change its number and its time: one sequence for all jobs of the instance and for the supervisor itself, from 1, without
//! gaps, over reloads. Who receives the changes can tell by it that none is missing.

use std::time::{SystemTime, UNIX_EPOCH};

use flightline_contract::lifecycle::LifecycleChange;
use flightline_contract::value::{Text, Timestamp};

use crate::action::Change;

/// Counts the changes of one process of the supervisor.
#[derive(Debug, Default)]
pub struct Journal {
    sequence: u64,
}

impl Journal {
    /// The change as it is published.
    pub fn number(&mut self, change: &Change, now: SystemTime) -> LifecycleChange<'static> {
        self.sequence += 1;
        LifecycleChange {
            job: change
                .job
                .as_deref()
                .map(|name| Text::from(name.to_owned())),
            from: change.from,
            to: change.to,
            cause: Text::from(change.cause.to_string()),
            // The supervisor's own number is known to who does things, not to who decides.
            pid: change
                .job
                .as_ref()
                .map_or_else(|| Some(std::process::id()), |_| change.pid),
            exit: change.exit,
            attempt: change.attempt,
            sequence: self.sequence,
            time: Some(timestamp(now)),
        }
    }
}

/// Nanoseconds since 1970; a clock before that, or beyond 2262, is taken as the nearest that can be written.
pub fn timestamp(now: SystemTime) -> Timestamp {
    let since = now.duration_since(UNIX_EPOCH).unwrap_or_default();
    Timestamp(i64::try_from(since.as_nanos()).unwrap_or(i64::MAX))
}

#[cfg(test)]
mod tests {
    use flightline_contract::lifecycle::State;

    use super::*;
    use crate::action::Cause;

    #[test]
    fn all_jobs_share_one_sequence_without_gaps() {
        let mut journal = Journal::default();
        let mut number = |job: Option<&str>| {
            let change = Change {
                job: job.map(Into::into),
                from: State::Pending,
                to: State::Starting,
                cause: Cause::Start,
                pid: None,
                exit: None,
                attempt: 1,
            };
            journal.number(&change, UNIX_EPOCH).sequence
        };
        assert_eq!(
            [number(None), number(Some("a")), number(Some("b"))],
            [1, 2, 3]
        );
    }
}
