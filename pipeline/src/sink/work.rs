//! The lines of one batch that are not yet known to be stored or refused. Answers come in, the next part to send goes out. A pure
//! state machine: every line ends in exactly one of a part that was stored and the lines that were refused.

use std::ops::Range;

/// Lines that are sent in one request: numbers of lines in the batch, from 0, ascending.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Part {
    ranges: Vec<Range<usize>>,
    lines: usize,
}

impl Part {
    fn of(ranges: Vec<Range<usize>>) -> Self {
        let lines = ranges.iter().map(Range::len).sum();
        Self { ranges, lines }
    }

    /// How many lines.
    pub fn len(&self) -> usize {
        self.lines
    }

    /// Whether there is no line.
    pub fn is_empty(&self) -> bool {
        self.lines == 0
    }

    /// The stretches of lines.
    pub fn ranges(&self) -> &[Range<usize>] {
        &self.ranges
    }

    /// Each line.
    pub fn iter(&self) -> impl Iterator<Item = usize> + '_ {
        self.ranges.iter().cloned().flatten()
    }

    /// The `n`th line, from 0.
    pub fn nth(&self, n: usize) -> Option<usize> {
        self.iter().nth(n)
    }

    /// The first `count` lines and the others.
    fn cut(self, count: usize) -> (Self, Self) {
        let mut head = Vec::new();
        let mut tail = Vec::new();
        let mut left = count;
        for range in self.ranges {
            let middle = range.start + range.len().min(left);
            left -= middle - range.start;
            if middle > range.start {
                head.push(range.start..middle);
            }
            if middle < range.end {
                tail.push(middle..range.end);
            }
        }
        (Self::of(head), Self::of(tail))
    }

    /// Without `lines` (ascending).
    fn without(self, lines: &[usize]) -> Self {
        let mut rest = Vec::new();
        let mut named = lines.iter().copied().peekable();
        for range in self.ranges {
            let mut start = range.start;
            while let Some(line) = named.next_if(|line| *line < range.end) {
                if line >= start {
                    if line > start {
                        rest.push(start..line);
                    }
                    start = line + 1;
                }
            }
            if start < range.end {
                rest.push(start..range.end);
            }
        }
        Self::of(rest)
    }
}

/// What is left to do for a batch.
#[derive(Debug)]
pub struct Work {
    /// A stack, so that it holds no more parts than the batch halves.
    pending: Vec<Part>,
}

impl Work {
    /// All `lines` lines of a batch, in one part.
    pub fn whole(lines: usize) -> Self {
        let mut work = Self {
            pending: Vec::new(),
        };
        work.push(Part::of(std::iter::once(0..lines).collect()));
        work
    }

    /// The part to send next; what becomes of it is said by one of the other methods, or by none if it was stored.
    pub fn take(&mut self) -> Option<Part> {
        self.pending.pop()
    }

    /// Among `part` are refused lines that nobody names: each half is tried. A single line cannot be halved: it is refused itself.
    pub fn halve(&mut self, part: Part) {
        let half = part.len() / 2;
        self.split(part, half);
    }

    /// `part` is to be sent when everything else was.
    pub fn later(&mut self, part: Part) {
        self.pending.insert(0, part);
    }

    /// `part` is to be sent in two: its first `count` lines and the others.
    pub fn split(&mut self, part: Part, count: usize) {
        debug_assert!(0 < count && count < part.len(), "both must get smaller");
        let (head, tail) = part.cut(count);
        self.push(tail);
        self.push(head);
    }

    /// `refused` lines (ascending) of `part` are known, the others are to be sent again.
    pub fn without(&mut self, part: Part, refused: &[usize]) {
        self.push(part.without(refused));
    }

    /// `suspects` (ascending) of `part` are each to be sent alone, the others together.
    pub fn isolate(&mut self, part: Part, suspects: &[usize]) {
        self.push(part.without(suspects));
        for line in suspects.iter().rev() {
            self.push(Part::of(std::iter::once(*line..line + 1).collect()));
        }
    }

    fn push(&mut self, part: Part) {
        if !part.is_empty() {
            self.pending.push(part);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use std::collections::BTreeSet;

    /// How the simulated server answers a body with bad lines.
    #[derive(Debug, Clone, Copy)]
    enum Server {
        /// Names nothing.
        Silent,
        /// Names the first bad line, and is right.
        NamesFirst,
        /// Names the first line, whether it is bad or not.
        Lies,
    }

    struct Run {
        stored: BTreeSet<usize>,
        refused: Vec<usize>,
        requests: usize,
    }

    /// A server that refuses any body with a bad line, and any of more than `limit` lines.
    fn run(lines: usize, bad: &BTreeSet<usize>, limit: usize, server: Server) -> Run {
        let mut work = Work::whole(lines);
        let mut run = Run {
            stored: BTreeSet::new(),
            refused: Vec::new(),
            requests: 0,
        };
        while let Some(part) = work.take() {
            run.requests += 1;
            let bad_here: Vec<usize> = part.iter().filter(|line| bad.contains(line)).collect();
            if part.len() > limit {
                work.halve(part);
            } else if bad_here.is_empty() {
                run.stored.extend(part.iter());
            } else if part.len() == 1 {
                run.refused.extend(part.iter());
            } else {
                match server {
                    Server::Silent => work.halve(part),
                    Server::NamesFirst => {
                        run.refused.push(bad_here[0]);
                        work.without(part, &bad_here[..1]);
                    }
                    Server::Lies => {
                        let first = part.nth(0).unwrap();
                        work.isolate(part, &[first]);
                    }
                }
            }
        }
        run
    }

    #[test]
    fn one_bad_line_in_5000_costs_two_requests_a_halving() {
        let run = run(5000, &BTreeSet::from([3711]), 5000, Server::Silent);
        assert_eq!(run.refused, [3711]);
        assert_eq!(run.stored.len(), 4999);
        assert!(run.requests <= 1 + 2 * 13, "{} requests", run.requests);
    }

    #[test]
    fn the_rest_of_a_named_line_is_one_request() {
        let run = run(5000, &BTreeSet::from([17]), 5000, Server::NamesFirst);
        assert_eq!((run.refused, run.requests), (vec![17], 2));
    }

    #[test]
    fn named_lines_leave_the_others_in_order() {
        let part = Part::of(vec![0..5, 8..10]);
        assert_eq!(
            part.clone().without(&[0, 3, 9]).ranges(),
            [1..3, 4..5, 8..9]
        );
        assert_eq!(part.clone().without(&[6]).ranges(), [0..5, 8..10]);
        let (head, tail) = part.cut(6);
        assert_eq!(head.ranges(), [0..5, 8..9]);
        assert_eq!(tail.ranges(), std::slice::from_ref(&(9..10)));
    }

    #[test]
    fn a_batch_without_lines_is_no_work() {
        assert_eq!(Work::whole(0).take(), None);
    }

    proptest! {
        #[test]
        fn all_good_lines_are_stored_and_exactly_the_bad_ones_refused(
            lines in 1usize..300, bad in proptest::collection::btree_set(0usize..300, 0..40), limit in 1usize..400,
            server in prop_oneof![Just(Server::Silent), Just(Server::NamesFirst), Just(Server::Lies)],
        ) {
            let bad: BTreeSet<usize> = bad.into_iter().filter(|line| *line < lines).collect();
            let run = run(lines, &bad, limit, server);
            let good: BTreeSet<usize> = (0..lines).filter(|line| !bad.contains(line)).collect();
            prop_assert_eq!(&run.stored, &good);
            let mut refused = run.refused.clone();
            refused.sort_unstable();
            prop_assert_eq!(refused, bad.iter().copied().collect::<Vec<_>>());
            // A binary tree over the lines has 2n-1 nodes, whoever is named.
            prop_assert!(run.requests < 2 * lines);
            if limit >= lines && matches!(server, Server::Silent) {
                let depth = (usize::BITS - (lines - 1).leading_zeros()) as usize;
                prop_assert!(run.requests <= 1 + 2 * depth * bad.len());
            }
        }
    }
}
