//! Failures of a part of a batch come in, what to do with the part goes out: try it again, halve it, or give up its one line. Pure: the
//! time is handed in. A failure (5xx, a lost connection, no answer) says nothing about lines, so a part is compared: right after its
//! failure a line of our own is sent (`probe.rs`). Only if that passes does the failure count against the part.
//!
//! A line is given up after `WITNESSED` such pairs in a row, over the sink's patience. A store that fails on a share `p` of all
//! requests, whatever is in them, gets there with a chance below `(p (1 - p))^5`, which is at most 0.001; a store that is down, full or
//! restarting fails on the comparison as well and never gets there. A store that refuses our line can't be compared with: the batch is
//! halved a few times, since one of the pieces may pass, and no line is given up.

use std::time::Duration;

use tokio::time::Instant;

/// Failures in a row before a batch is compared for the first time: a restart of the store takes fewer.
const TRIES: u32 = 5;
/// Failures in a row, each beside a comparison that passed, before a line is given up.
const WITNESSED: u32 = 5;
/// How often a batch is halved although the store cannot be compared with anything: one of up to 16 pieces then passes, unless the store
/// takes nothing at all.
const BLIND: u32 = 15;

/// What a failure says.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Weight {
    /// It may be due to a line: 5xx, a lost connection, no answer.
    MayBeALine,
    /// It is about the store as a whole: it asks to wait, knows us not, has no such database.
    TheStore,
}

/// What to do after a failure.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Course {
    /// Try again after a pause.
    Again,
    /// Compare, and say how that went.
    Compare,
}

/// How our own line fared.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Comparison {
    /// It was taken.
    Taken,
    /// It failed, too.
    Failed,
    /// The store refuses it.
    Impossible,
}

/// What becomes of the part.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Sentence {
    /// Try again after a pause.
    Again,
    /// What else is left of the batch goes first.
    Later,
    /// Its halves are tried.
    Halve,
    /// The store will never take its one line.
    GiveUp,
}

/// The trial of one batch, part by part.
#[derive(Debug)]
pub struct Trial {
    patience: Duration,
    suspicion: Suspicion,
    blind: u32,
    lines: usize,
    failures: u32,
    witnessed: u32,
    first_failure: Option<Instant>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Suspicion {
    /// Failures are taken to be the store's.
    None,
    /// Since then the store has failed on this batch only.
    Since(Instant),
}

impl Trial {
    /// Of a batch that is under no suspicion; a line is not given up sooner than after `patience`.
    pub fn new(patience: Duration) -> Self {
        Self {
            patience,
            suspicion: Suspicion::None,
            blind: BLIND,
            lines: 0,
            failures: 0,
            witnessed: 0,
            first_failure: None,
        }
    }

    /// A part of so many lines is next.
    pub fn begin(&mut self, lines: usize) {
        self.lines = lines;
        self.failures = 0;
        self.witnessed = 0;
        self.first_failure = None;
    }

    /// The part failed at `now`.
    pub fn failed(&mut self, weight: Weight, now: Instant) -> Course {
        if weight == Weight::TheStore {
            self.clear();
            return Course::Again;
        }
        self.failures = self.failures.saturating_add(1);
        let first = *self.first_failure.get_or_insert(now);
        let long = self.failures >= TRIES && now.duration_since(first) >= self.patience;
        match self.suspicion {
            Suspicion::Since(_) => Course::Compare,
            // Pieces of a batch that was halved blindly: the sooner one of them passes, the better.
            Suspicion::None if long || self.blind < BLIND => Course::Compare,
            Suspicion::None => Course::Again,
        }
    }

    /// The comparison went like this; it is `now`.
    pub fn compared(&mut self, comparison: Comparison, now: Instant) -> Sentence {
        match comparison {
            Comparison::Failed => {
                self.clear();
                Sentence::Again
            }
            Comparison::Impossible if self.lines > 1 && self.blind > 0 => {
                self.blind -= 1;
                Sentence::Halve
            }
            // The others are not to wait for it.
            Comparison::Impossible => Sentence::Later,
            Comparison::Taken => {
                let since = match self.suspicion {
                    Suspicion::Since(since) => since,
                    Suspicion::None => now,
                };
                self.suspicion = Suspicion::Since(since);
                self.witnessed = self.witnessed.saturating_add(1);
                if self.lines > 1 {
                    Sentence::Halve
                } else if self.witnessed >= WITNESSED && now.duration_since(since) >= self.patience
                {
                    Sentence::GiveUp
                } else {
                    Sentence::Again
                }
            }
        }
    }

    /// The store as a whole is unwell: what was held against the batch counts for nothing.
    fn clear(&mut self) {
        self.suspicion = Suspicion::None;
        self.failures = 0;
        self.witnessed = 0;
        self.first_failure = None;
    }
}

#[cfg(test)]
mod tests;
