//! What is to be done in a trial, and whether it can be.

use std::time::Duration;

use anyhow::ensure;
use serde::{Deserialize, Serialize};

use super::BATCH_LINES;
use crate::discard::figures::{Expectation, Stall};
use crate::payload::clock::Clock;
use crate::payload::template::most_lines;
use crate::payload::{MOST_LINES, MOST_SUBJECTS, Traffic};
use crate::publish::now;
use crate::record::Check;
use crate::scenario::{Rate, Scenario, Shape, Source, Store, Switch};

/// Between the start of a paced publisher and its first message.
const LEAD: Duration = Duration::from_millis(500);
/// Of a paced trial, the beginning is not told: connections and buffers are new.
const WARM_UP: Duration = Duration::from_secs(1);

/// What is to be done.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Plan {
    /// What is moved, and how.
    pub scenario: Scenario,
    /// How many messages.
    pub messages: u64,
    /// How many workers share them.
    pub workers: u32,
    /// How what arrives is checked.
    pub check: Check,
    /// What happens meanwhile.
    pub incident: Incident,
}

/// What happens during a trial.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Incident {
    /// Nothing.
    None,
    /// The first worker is killed (SIGKILL) when so many lines have arrived.
    KillOne {
        /// Lines.
        after_lines: u64,
    },
    /// The store hangs for a while.
    Stall(Stall),
}

impl Plan {
    /// One worker, nothing in between, and the most exact check that does not weigh on the result.
    pub fn new(scenario: Scenario, messages: u64) -> Self {
        let is_front = matches!(scenario.source, Source::Front { .. });
        let check = match (scenario.store, scenario.shape, scenario.rate) {
            // What the stream has is read when all is over.
            (Store::Discard, ..) if is_front => Check::Account,
            (Store::Influxdb | Store::Victoria, ..) => Check::Store,
            (Store::Discard, Shape::Lines50, Rate::Full) => Check::Count,
            (Store::Discard, ..) => Check::Account,
        };
        Self {
            scenario,
            messages,
            workers: 1,
            check,
            incident: Incident::None,
        }
    }

    /// Whether the messages lie in a stream before the workers start, so that their publisher takes no CPU from them.
    pub fn is_filled_before(&self) -> bool {
        let is_read = match self.scenario.source {
            Source::Explicit | Source::Partitions(_) => true,
            Source::Core | Source::Front { .. } => false,
        };
        is_read && self.scenario.rate == Rate::Full
    }

    /// Whether it can be done.
    ///
    /// # Errors
    /// Why not.
    pub fn validate(&self) -> anyhow::Result<()> {
        ensure!(self.messages > 0 && self.workers > 0, "nothing to do");
        ensure!(
            (1..=MOST_SUBJECTS).contains(&self.scenario.subjects),
            "{} subjects: name 1 to {MOST_SUBJECTS}, for their numbers have six digits",
            self.scenario.subjects
        );
        let most = MOST_LINES / u64::from(most_lines(self.scenario.shape));
        ensure!(
            self.messages <= most,
            "{} messages of this shape are more than {most}: more than {MOST_LINES} lines, of each of which the store keeps a bit",
            self.messages
        );
        let discards = self.scenario.store == Store::Discard;
        let paced = self.scenario.rate != Rate::Full;
        ensure!(
            !paced || self.check != Check::Count,
            "lines that are timed are accounted for"
        );
        match self.check {
            Check::Count => ensure!(
                discards && self.scenario.shape.is_lines(),
                "only lines that pass byte for byte into the store that discards can be checked by counting"
            ),
            Check::Account => ensure!(discards, "only the store that discards can account"),
            Check::Store => ensure!(!discards, "the store that discards counts or accounts"),
        }
        match self.scenario.source {
            Source::Front { .. } => self.validate_front(),
            Source::Core | Source::Explicit | Source::Partitions(_) => Ok(()),
        }
    }

    /// What is written to a front goes into one subject of a stream, from which nothing is read.
    fn validate_front(&self) -> anyhow::Result<()> {
        let scenario = self.scenario;
        ensure!(
            scenario.shape.is_lines(),
            "clients of a write front write lines: line, lines50, sample"
        );
        ensure!(
            scenario.rate == Rate::Full && scenario.subjects == 1,
            "clients of a write front write to one bucket, as fast as they are answered"
        );
        ensure!(
            scenario.store == Store::Discard && scenario.exporter == Switch::Off,
            "behind a write front nothing is read: there is no store, and there are no series"
        );
        ensure!(
            self.workers == 1 && self.incident == Incident::None,
            "a write front is measured by itself: one worker, and nothing happens meanwhile"
        );
        Ok(())
    }

    /// What is published, if it begins now.
    ///
    /// # Errors
    /// When lines cannot be told apart at that rate.
    pub fn traffic(&self) -> anyhow::Result<Traffic> {
        let mut traffic = Traffic {
            shape: self.scenario.shape,
            subjects: self.scenario.subjects,
            messages: self.messages,
            clock: Clock::unpaced(1),
        };
        traffic.clock = match self.scenario.rate {
            Rate::Full => Clock::unpaced(traffic.most_lines()),
            Rate::PerSecond(rate) => Clock {
                base: now() + nanos(LEAD),
                step: 1_000_000_000 / u64::from(rate),
            },
        };
        ensure!(
            traffic.clock.step >= traffic.most_lines(),
            "at that rate lines have no nanosecond of their own"
        );
        Ok(traffic)
    }

    /// What the store is told of `traffic`.
    pub fn expectation(&self, traffic: Traffic) -> Expectation {
        Expectation {
            traffic,
            check: self.check,
            latency_from: match self.scenario.rate {
                Rate::Full => None,
                Rate::PerSecond(_) => Some(traffic.clock.base + nanos(WARM_UP)),
            },
            tail: self.tail(&traffic),
            stall: match self.incident {
                Incident::Stall(stall) => Some(stall),
                Incident::None | Incident::KillOne { .. } => None,
            },
        }
    }

    /// Each worker ends with a batch that is not full. Of JSON, whoever does not decode it counts messages.
    fn tail(&self, traffic: &Traffic) -> u64 {
        let lines_each = if self.scenario.shape.is_lines() {
            1
        } else {
            traffic.most_lines()
        };
        u64::from(self.workers) * BATCH_LINES as u64 * lines_each
    }
}

fn nanos(duration: Duration) -> u64 {
    u64::try_from(duration.as_nanos()).expect("it is short")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::scenario::Coding;

    fn plan(shape: Shape, subjects: u32, messages: u64) -> Plan {
        let scenario = Scenario {
            shape,
            subjects,
            ..Scenario::default()
        };
        Plan::new(scenario, messages)
    }

    #[test]
    fn more_subjects_than_their_numbers_can_tell_apart_are_refused() {
        assert!(plan(Shape::Line, 1_000_000, 10).validate().is_ok());
        for subjects in [0, 1_000_001] {
            let refused = plan(Shape::Line, subjects, 10).validate().unwrap_err();
            assert!(refused.to_string().contains("1 to 1000000"), "{refused}");
        }
    }

    #[test]
    fn a_write_front_is_measured_as_it_is_or_not_at_all() {
        let front = Scenario {
            source: Source::Front {
                clients: 2,
                coding: Coding::Identity,
            },
            ..Scenario::default()
        };
        let of = |scenario| Plan::new(scenario, 10);
        assert!(of(front).validate().is_ok());
        assert!(!of(front).is_filled_before());
        let wrong = [
            Plan {
                workers: 2,
                ..of(front)
            },
            Plan {
                incident: Incident::KillOne { after_lines: 1 },
                ..of(front)
            },
            of(Scenario {
                shape: Shape::Sensor,
                ..front
            }),
            of(Scenario {
                subjects: 2,
                ..front
            }),
            of(Scenario {
                rate: Rate::PerSecond(9),
                ..front
            }),
            of(Scenario {
                store: Store::Influxdb,
                ..front
            }),
            of(Scenario {
                exporter: Switch::On,
                ..front
            }),
        ];
        for plan in wrong {
            let refused = plan.validate().unwrap_err().to_string();
            assert!(refused.contains("write front"), "{refused}");
        }
    }

    #[test]
    fn more_lines_than_the_store_can_know_are_refused() {
        for (shape, most) in [(Shape::Line, 1_000_000_000), (Shape::Lines50, 20_000_000)] {
            assert!(plan(shape, 1, most).validate().is_ok());
            for messages in [most + 1, u64::MAX] {
                let refused = plan(shape, 1, messages).validate().unwrap_err();
                assert!(refused.to_string().contains(&most.to_string()), "{refused}");
            }
        }
    }
}
