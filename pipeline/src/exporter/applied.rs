//! Stream sequences in, out: whether this process has applied a message already, so that a redelivered delta is not added
//! twice. Below the window nothing is known; such a redelivery counts as applied: a count too low by one message is
//! better than one that grows by itself.

use std::num::NonZeroU64;

use crate::delivery::Attempt;

/// How many sequences back a redelivery is recognised: 30 s of ack wait at half a million messages per second. 2 MiB at most,
/// touched only as far as sequences reach.
const WINDOW: u64 = 1 << 24;
const WORD: u64 = 64;

/// Whether the deltas of a message are to be added.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Deltas {
    /// Add them.
    Count,
    /// They have been added.
    Skip,
}

/// The sequences this process has applied.
#[derive(Debug)]
pub(super) struct Applied {
    window: u64,
    high: u64,
    bits: Vec<u64>,
}

impl Applied {
    /// Nothing applied yet.
    pub(super) fn new() -> Self {
        Self::with_window(WINDOW)
    }

    fn with_window(window: u64) -> Self {
        Self {
            window,
            high: 0,
            bits: Vec::new(),
        }
    }

    /// Marks `sequence` as applied and says whether its deltas count. A first delivery always does.
    pub(super) fn admit(&mut self, sequence: NonZeroU64, attempt: Attempt) -> Deltas {
        let sequence = sequence.get();
        if self.bits.is_empty() {
            let words = usize::try_from(self.window / WORD).expect("the window fits into memory");
            self.bits = vec![0; words];
            self.high = sequence;
        }
        if self.high.saturating_sub(sequence) >= self.window {
            if attempt == Attempt::Again {
                return Deltas::Skip;
            }
            // A first delivery from so far below is a new stream: what is known of the old one says nothing.
            self.bits.fill(0);
            self.high = sequence;
        }
        self.raise(sequence);
        let (word, bit) = self.place(sequence);
        let known = self.bits[word] & bit != 0;
        self.bits[word] |= bit;
        match attempt {
            Attempt::Again if known => Deltas::Skip,
            Attempt::First | Attempt::Again => Deltas::Count,
        }
    }

    /// Moves the window up to `sequence` and clears what comes into it.
    fn raise(&mut self, sequence: u64) {
        if sequence <= self.high {
            return;
        }
        if sequence - self.high >= self.window {
            self.bits.fill(0);
        } else {
            let mut next = self.high + 1;
            while next <= sequence {
                let (word, bit) = self.place(next);
                if next.is_multiple_of(WORD) && sequence - next >= WORD {
                    self.bits[word] = 0;
                    next += WORD;
                } else {
                    self.bits[word] &= !bit;
                    next += 1;
                }
            }
        }
        self.high = sequence;
    }

    fn place(&self, sequence: u64) -> (usize, u64) {
        let at = sequence % self.window;
        let word = usize::try_from(at / WORD).expect("the window fits into memory");
        (word, 1 << (at % WORD))
    }
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use proptest::prelude::*;

    use super::*;

    fn sequence(number: u64) -> NonZeroU64 {
        NonZeroU64::new(number).unwrap()
    }

    #[test]
    fn a_redelivery_counts_only_if_this_process_has_not_applied_it() {
        let mut applied = Applied::new();
        assert_eq!(applied.admit(sequence(5), Attempt::Again), Deltas::Count);
        assert_eq!(applied.admit(sequence(5), Attempt::Again), Deltas::Skip);
        assert_eq!(applied.admit(sequence(9), Attempt::First), Deltas::Count);
        assert_eq!(applied.admit(sequence(7), Attempt::Again), Deltas::Count);
        assert_eq!(applied.admit(sequence(9), Attempt::Again), Deltas::Skip);
        assert_eq!(applied.admit(sequence(9), Attempt::First), Deltas::Count);
    }

    #[test]
    fn a_redelivery_from_below_the_window_is_taken_as_applied() {
        let mut applied = Applied::with_window(128);
        applied.admit(sequence(1_000), Attempt::First);
        assert_eq!(applied.admit(sequence(872), Attempt::Again), Deltas::Skip);
        assert_eq!(applied.admit(sequence(873), Attempt::Again), Deltas::Count);
    }

    #[test]
    fn a_new_stream_starts_the_window_again() {
        let mut applied = Applied::with_window(128);
        applied.admit(sequence(1_000), Attempt::First);
        assert_eq!(applied.admit(sequence(1), Attempt::First), Deltas::Count);
        assert_eq!(applied.admit(sequence(1), Attempt::Again), Deltas::Skip);
        assert_eq!(applied.admit(sequence(2), Attempt::Again), Deltas::Count);
    }

    proptest! {
        #[test]
        fn within_the_window_nothing_is_added_twice(
            steps in prop::collection::vec((1_u64..400, any::<bool>(), 0_u64..60), 1..200)
        ) {
            let mut applied = Applied::with_window(256);
            let mut model = HashSet::new();
            let mut high = 0;
            for (back, again, forward) in steps {
                high = if high == 0 { 500 } else { high + forward };
                let number = if again { high.saturating_sub(back % 250).max(1) } else { high };
                let attempt = if again { Attempt::Again } else { Attempt::First };
                let fresh = model.insert(number);
                let expected = if again && !fresh { Deltas::Skip } else { Deltas::Count };
                prop_assert_eq!(applied.admit(sequence(number), attempt), expected);
                high = high.max(number);
            }
        }
    }
}
