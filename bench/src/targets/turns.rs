//! Turns of two trials, one right after the other, come in; what the second took more than the first goes out. A turn in which
//! either lost lines says nothing about rates, for less work was done, and is made again a few times.

use super::float;
use super::row::{Row, Target, Unit};
use crate::medians::Spread;
use crate::record::Record;

/// Two trials, one right after the other.
#[derive(Debug, Clone)]
pub(super) struct Pair {
    /// What is divided by.
    pub(super) base: Record,
    pub(super) product: Record,
}

impl Pair {
    fn is_whole(&self) -> bool {
        self.base.is_whole() && self.product.is_whole()
    }
}

/// All turns of a row, those that lost lines included.
#[derive(Debug)]
pub(super) struct Turns {
    wanted: usize,
    pairs: Vec<Pair>,
}

impl Turns {
    /// Makes `runs` turns, and for each that lost lines another one, but no more than twice as many.
    pub(super) fn make(
        runs: u32,
        mut turn: impl FnMut() -> anyhow::Result<Pair>,
    ) -> anyhow::Result<Self> {
        let mut turns = Self {
            wanted: runs as usize,
            pairs: Vec::new(),
        };
        while turns.whole().count() < turns.wanted && turns.pairs.len() < 2 * turns.wanted {
            turns.pairs.push(turn()?);
        }
        Ok(turns)
    }

    /// Those in which every line arrived.
    fn whole(&self) -> impl Iterator<Item = &Pair> {
        self.pairs.iter().filter(|pair| pair.is_whole())
    }

    /// Of the turns in which every line arrived, if there were enough of those.
    pub(super) fn spread(&self, value: impl Fn(&Pair) -> f64) -> Option<Spread> {
        if self.whole().count() < self.wanted {
            return None;
        }
        Spread::of(self.whole().map(value))
    }

    /// How much faster the product was.
    pub(super) fn ratios(&self) -> Option<Spread> {
        self.spread(|pair| pair.product.lines_per_second() / pair.base.lines_per_second())
    }

    /// Nanoseconds of CPU a line that the product took more.
    pub(super) fn more_ns(&self) -> Option<Spread> {
        self.spread(|pair| pair.product.program_ns_per_line() - pair.base.program_ns_per_line())
    }

    /// The product's count in every turn, for what it loses is a result; none if it does not say it.
    pub(super) fn counted(&self, count: impl Fn(&Record) -> Option<u64>) -> Option<Spread> {
        let counts: Option<Vec<u64>> = self.pairs.iter().map(|pair| count(&pair.product)).collect();
        Spread::of(counts?.into_iter().map(float))
    }

    /// A row of that, which is to be nothing.
    pub(super) fn none_of(&self, what: &str, count: impl Fn(&Record) -> Option<u64>) -> Row {
        Row::new(what, Target::AtMost(0.0), Unit::Count, self.counted(count))
    }

    /// `note`, and what the turns lost that were made again.
    pub(super) fn note(&self, note: String) -> String {
        let void = self.pairs.iter().filter(|pair| !pair.is_whole());
        let (mut turns, mut base, mut product) = (0, 0, 0);
        for pair in void {
            turns += 1;
            base += pair.base.count.lost;
            product += pair.product.count.lost;
        }
        if turns == 0 {
            return note;
        }
        let who = match self.pairs.first() {
            Some(pair) if pair.base.program.name != pair.product.program.name => {
                pair.base.program.name.as_str()
            }
            _ => "what it is held against",
        };
        let made = self.pairs.len();
        let lost = format!(
            "{turns} of {made} turns do not count: {who} lost {base} lines, the product {product}"
        );
        if note.is_empty() {
            lost
        } else {
            format!("{note}; {lost}")
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::medians::FLOOR;
    use crate::medians::sample::{by, lines_in};
    use crate::targets::row::Verdict;

    /// Turns of a floor that takes a second and a product that takes two, with what each loses.
    fn turns(runs: u32, lost: &[(u64, u64)]) -> Turns {
        let mut lost = lost.iter().copied().chain(std::iter::repeat((0, 0)));
        let turn = || {
            let (floor, product) = lost.next().unwrap_or_default();
            let mut pair = Pair {
                base: by(lines_in(1.0), FLOOR),
                product: lines_in(2.0),
            };
            pair.base.count.lost = floor;
            pair.product.count.lost = product;
            pair.product.count.dropped = Some(product);
            if floor + product > 0 {
                pair.product.seconds = 0.1;
            }
            Ok(pair)
        };
        Turns::make(runs, turn).unwrap()
    }

    #[test]
    fn a_turn_that_lost_lines_is_made_again_and_counts_for_no_rate() {
        let turns = turns(3, &[(10, 0), (0, 0), (0, 7)]);
        assert_eq!(turns.pairs.len(), 5);
        let ratios = turns.ratios().unwrap();
        assert_eq!((ratios.low, ratios.high, ratios.runs), (0.5, 0.5, 3));
        let note = turns.note("as it is".to_owned());
        assert_eq!(
            note,
            "as it is; 2 of 5 turns do not count: floor lost 10 lines, the product 7"
        );
    }

    #[test]
    fn what_loses_lines_again_and_again_has_no_rate() {
        let turns = turns(2, &[(1, 0), (1, 0), (1, 0)]);
        assert_eq!(turns.pairs.len(), 4);
        assert_eq!(turns.ratios(), None);
        assert_eq!(turns.more_ns(), None);
    }

    #[test]
    fn what_the_product_dropped_is_told_of_every_turn() {
        let turns = turns(2, &[(0, 5_000)]);
        let row = turns.none_of("dropped", |record| record.count.dropped);
        assert_eq!(row.verdict(), Verdict::Missed);
        let row = turns.none_of("dropped", |_| None);
        assert_eq!(row.verdict(), Verdict::NotMeasured);
    }

    #[test]
    fn turns_that_lose_nothing_are_as_many_as_were_asked_for() {
        let turns = turns(5, &[]);
        assert_eq!(turns.pairs.len(), 5);
        assert_eq!(turns.note(String::new()), "");
    }
}
