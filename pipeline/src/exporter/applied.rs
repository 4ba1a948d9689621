//! Stream sequences in, out: whether this process has applied a message already, so that a redelivered delta is not added
//! twice. The lanes of a divided stream may be far from each other in it, so what is remembered are the parts of the stream that
//! were touched last. Of a part that was forgotten nothing is known; a redelivery from there counts as applied: a count too low by
//! one message is better than one that grows by itself.

use std::collections::HashMap;
use std::num::NonZeroU64;

use crate::delivery::Attempt;

/// How many parts are remembered: with 2^16 sequences each, 30 s of ack wait at half a million messages per second. 2 MiB at
/// most, taken only as parts are touched.
const PARTS: usize = 256;
/// Words of 64 sequences in a part.
const WORDS: u64 = 1 << 10;
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
    most: usize,
    words: u64,
    /// The latest part: messages come in runs, so that hardly any has to be looked for.
    part: Part,
    /// The others.
    parts: HashMap<u64, Part>,
    /// Above this number no part was forgotten.
    forgotten: Option<u64>,
    turn: u64,
}

/// Neighbouring sequences.
#[derive(Debug, Default)]
struct Part {
    number: u64,
    /// When it was the latest.
    turn: u64,
    bits: Box<[u64]>,
}

impl Applied {
    /// Nothing applied yet.
    pub(super) fn new() -> Self {
        Self::with(PARTS, WORDS)
    }

    fn with(most: usize, words: u64) -> Self {
        Self {
            most,
            words,
            part: Part::default(),
            parts: HashMap::new(),
            forgotten: None,
            turn: 0,
        }
    }

    /// Marks `sequence` as applied and says whether its deltas count. A first delivery always does.
    pub(super) fn admit(&mut self, sequence: NonZeroU64, attempt: Attempt) -> Deltas {
        let sequence = sequence.get();
        let number = sequence / WORD / self.words;
        if number != self.part.number || self.part.bits.is_empty() {
            self.turn_to(number);
        }
        let word = usize::try_from(sequence / WORD % self.words).expect("a part fits into memory");
        let bit = 1 << (sequence % WORD);
        let known = self.part.bits[word] & bit != 0;
        self.part.bits[word] |= bit;
        match attempt {
            Attempt::Again | Attempt::Often if known => Deltas::Skip,
            Attempt::First | Attempt::Again | Attempt::Often => Deltas::Count,
        }
    }

    fn has_forgotten(&self, number: u64) -> bool {
        self.forgotten.is_some_and(|forgotten| number <= forgotten)
            && !self.parts.contains_key(&number)
    }

    /// Makes a part the latest; a new one takes the place of the one that was touched longest ago.
    fn turn_to(&mut self, number: u64) {
        self.turn += 1;
        let next = self.parts.remove(&number).unwrap_or_else(|| {
            let words = usize::try_from(self.words).expect("a part fits into memory");
            let all = if self.has_forgotten(number) {
                u64::MAX
            } else {
                0
            };
            Part {
                number,
                turn: 0,
                bits: vec![all; words].into_boxed_slice(),
            }
        });
        let mut last = std::mem::replace(&mut self.part, next);
        if !last.bits.is_empty() {
            last.turn = self.turn;
            self.parts.insert(last.number, last);
        }
        if self.parts.len() >= self.most {
            let oldest = self.parts.values().min_by_key(|part| part.turn);
            if let Some(number) = oldest.map(|part| part.number) {
                self.parts.remove(&number);
                self.forgotten = self.forgotten.max(Some(number));
            }
        }
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
    fn a_redelivery_from_a_forgotten_part_is_taken_as_applied() {
        // Two parts of 64.
        let mut applied = Applied::with(2, 1);
        applied.admit(sequence(1), Attempt::First);
        applied.admit(sequence(70), Attempt::First);
        assert_eq!(applied.admit(sequence(2), Attempt::Again), Deltas::Count);
        applied.admit(sequence(71), Attempt::First);
        applied.admit(sequence(130), Attempt::First);
        assert_eq!(applied.admit(sequence(72), Attempt::Again), Deltas::Count);
        assert_eq!(applied.admit(sequence(3), Attempt::Again), Deltas::Skip);
        // Also after a first delivery there, as on a lane far behind the others.
        applied.admit(sequence(4), Attempt::First);
        assert_eq!(applied.admit(sequence(1), Attempt::Again), Deltas::Skip);
        assert_eq!(applied.admit(sequence(300), Attempt::Again), Deltas::Count);
    }

    #[test]
    fn lanes_far_from_each_other_do_not_make_each_other_forget() {
        let mut applied = Applied::new();
        let (behind, ahead) = (10_000_000, 1_000_000_000);
        for step in 0..1_000 {
            for lane in [behind, ahead] {
                let number = sequence(lane + step);
                assert_eq!(applied.admit(number, Attempt::First), Deltas::Count);
            }
        }
        for step in 0..1_000 {
            for lane in [behind, ahead] {
                let number = sequence(lane + step);
                assert_eq!(applied.admit(number, Attempt::Again), Deltas::Skip);
            }
        }
        let fresh = sequence(behind + 1_000);
        assert_eq!(applied.admit(fresh, Attempt::Again), Deltas::Count);
    }

    #[test]
    fn a_new_stream_counts_from_its_beginning() {
        let mut applied = Applied::with(2, 1);
        applied.admit(sequence(1_000), Attempt::First);
        assert_eq!(applied.admit(sequence(1), Attempt::First), Deltas::Count);
        assert_eq!(applied.admit(sequence(1), Attempt::Again), Deltas::Skip);
        assert_eq!(applied.admit(sequence(2), Attempt::Again), Deltas::Count);
    }

    proptest! {
        #[test]
        fn within_reach_nothing_is_added_twice(
            steps in prop::collection::vec((any::<bool>(), 1_u64..400, any::<bool>(), 0_u64..60), 1..200)
        ) {
            // Eight parts of 64, for two lanes that go back less than three parts each.
            let mut applied = Applied::with(8, 1);
            let mut model = HashSet::new();
            let mut high = [500, 1_000_000];
            for (lane, back, again, forward) in steps {
                let high = &mut high[usize::from(lane)];
                *high += forward;
                let number = if again { *high - back % 128 } else { *high };
                let attempt = if again { Attempt::Again } else { Attempt::First };
                let fresh = model.insert(number);
                let expected = if again && !fresh { Deltas::Skip } else { Deltas::Count };
                let said = applied.admit(sequence(number), attempt);
                // From a forgotten part, what was never applied here counts as applied, too.
                let unsure = again && fresh;
                prop_assert!(said == expected || unsure);
            }
        }
    }
}
