//! What of one request was refused: the first faults with their places, and how many there are in all.

use flightline_contract::deadletter::Reason;

/// Faults that are told one by one: a client that sends nonsense is to learn what is wrong, not to get it all back.
const LISTED: usize = 100;
/// The most bytes of a refused line that the answer repeats.
const SHOWN: usize = 128;

/// One refused line or element.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Listed {
    /// The line of the body, or the element of the array, from 1.
    pub(super) number: usize,
    /// What is wrong with it.
    pub(super) fault: String,
    /// How it begins.
    pub(super) original: String,
}

/// Everything that was refused.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Refusals {
    listed: Vec<Listed>,
    total: usize,
    reasons: [u64; Reason::ALL.len()],
}

impl Refusals {
    /// Piece `number` is refused. Its fault is only asked for when it is told.
    pub(super) fn add(
        &mut self,
        number: impl FnOnce() -> usize,
        reason: Reason,
        fault: impl FnOnce() -> String,
        original: &[u8],
    ) {
        self.total += 1;
        self.reasons[reason as usize] += 1;
        if self.listed.len() < LISTED {
            let shown = &original[..original.len().min(SHOWN)];
            self.listed.push(Listed {
                number: number(),
                fault: fault(),
                original: String::from_utf8_lossy(shown).into_owned(),
            });
        }
    }

    /// Those that are told, in the order of the body.
    pub(super) fn listed(&self) -> &[Listed] {
        &self.listed
    }

    /// The first, if any.
    pub(super) fn first(&self) -> Option<&Listed> {
        self.listed.first()
    }

    /// How many there are.
    pub(super) fn total(&self) -> usize {
        self.total
    }

    /// How many there are of each reason that occurs.
    pub(super) fn reasons(&self) -> impl Iterator<Item = (Reason, u64)> {
        let counts = Reason::ALL.map(|reason| (reason, self.reasons[reason as usize]));
        counts.into_iter().filter(|(_, count)| *count > 0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reasons_stand_in_their_order() {
        for (place, reason) in Reason::ALL.into_iter().enumerate() {
            assert_eq!(reason as usize, place);
        }
    }

    #[test]
    fn all_are_counted_and_few_are_told() {
        let mut refusals = Refusals::default();
        for number in 1..=LISTED + 5 {
            let line = [b'x'; SHOWN + 1];
            refusals.add(|| number, Reason::LineSyntax, || "no".to_owned(), &line);
        }
        assert_eq!(refusals.total(), LISTED + 5);
        assert_eq!(refusals.listed().len(), LISTED);
        assert_eq!(refusals.listed()[0].original.len(), SHOWN);
        let reasons: Vec<_> = refusals.reasons().collect();
        assert_eq!(reasons, [(Reason::LineSyntax, 105)]);
    }
}
