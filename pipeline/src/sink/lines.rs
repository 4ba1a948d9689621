//! A batch comes in, its lines come out one by one, for the rare times when not all of them share one fate. Costs one copy of the
//! batch and one scan, so it is made only after a refusal.

use std::ops::Range;

use bytes::{Bytes, BytesMut};

use super::work::Part;
use crate::batch::Batch;
use crate::decode::dialect::Rules;
use crate::decode::scan::Scanner;

/// The lines of a batch, in its order.
#[derive(Debug)]
pub struct Lines {
    text: Bytes,
    /// Without the line ends.
    ranges: Vec<Range<usize>>,
}

/// The batch says another number of lines than it has: nothing that a store says of a line can be attributed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("the batch counts {counted} lines, but {found} can be told apart")]
pub struct Miscounted {
    /// What the batch says.
    pub counted: usize,
    /// What is there.
    pub found: usize,
}

impl Lines {
    /// The lines of `batch`.
    ///
    /// # Errors
    /// [`Miscounted`], which decode is there to prevent.
    pub fn of(batch: &Batch) -> Result<Self, Miscounted> {
        let mut text = BytesMut::with_capacity(batch.bytes);
        for segment in &batch.segments {
            text.extend_from_slice(segment);
        }
        let lines = Self::split(text.freeze());
        if lines.ranges.len() == batch.lines {
            Ok(lines)
        } else {
            Err(Miscounted {
                counted: batch.lines,
                found: lines.ranges.len(),
            })
        }
    }

    fn split(text: Bytes) -> Self {
        // What any store takes: the stricter rules of the sinks were kept when the lines were written.
        let mut scanner = Scanner::new(Rules::of([]));
        let mut ranges = Vec::new();
        let mut at = 0;
        while let Some(scanned) = scanner.next(&text, at) {
            at = scanned.next;
            ranges.push(scanned.range);
        }
        Self { text, ranges }
    }

    /// Line `line` (from 0), without its end.
    pub fn text(&self, line: usize) -> &[u8] {
        &self.text[self.ranges[line].clone()]
    }

    /// As [`Lines::text`], shared.
    pub fn bytes(&self, line: usize) -> Bytes {
        self.text.slice(self.ranges[line].clone())
    }

    /// The body that holds just `part`.
    pub fn segments(&self, part: &Part) -> Vec<Bytes> {
        let stretch = |lines: &Range<usize>| {
            self.text
                .slice(self.start(lines.start)..self.start(lines.end))
        };
        part.ranges().iter().map(stretch).collect()
    }

    /// Where to cut `part`, of at least two lines, so that both parts have about the same number of bytes: lines in the first.
    pub fn half_of_bytes(&self, part: &Part) -> usize {
        let size = |line: usize| self.start(line + 1) - self.start(line);
        let half = part.iter().map(size).sum::<usize>() / 2;
        let mut before = 0;
        let whole = part.iter().take_while(|line| {
            before += size(*line);
            before <= half
        });
        whole.count().clamp(1, part.len() - 1)
    }

    fn start(&self, line: usize) -> usize {
        self.ranges
            .get(line)
            .map_or(self.text.len(), |range| range.start)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::sink::work::Work;

    fn batch(segments: &[&'static str], lines: usize) -> Batch {
        Batch {
            segments: segments.iter().map(|text| Bytes::from(*text)).collect(),
            lines,
            bytes: segments.iter().map(|text| text.len()).sum(),
            ..Batch::default()
        }
    }

    #[test]
    fn lines_are_found_across_segments_and_newlines_in_strings() {
        let lines = Lines::of(&batch(&["m v=1 1\nm s=\"a\nb", "\" 2\nm v", "=3 3\n"], 3)).unwrap();
        assert_eq!(lines.text(0), b"m v=1 1");
        assert_eq!(lines.text(1), b"m s=\"a\nb\" 2");
        assert_eq!(lines.bytes(2), "m v=3 3");
    }

    #[test]
    fn a_wrong_count_is_said_and_nothing_attributed() {
        let error = Lines::of(&batch(&["m v=1 1\nm v=2 2\n"], 3)).unwrap_err();
        assert_eq!((error.counted, error.found), (3, 2));
    }

    #[test]
    fn a_part_is_sent_as_its_lines_with_their_ends() {
        let lines = Lines::of(&batch(&["a v=1 1\nb v=1 1\nc v=1 1\nd v=1 1\n"], 4)).unwrap();
        let mut work = Work::whole(4);
        let whole = work.take().unwrap();
        work.without(whole, &[1]);
        let rest = work.take().unwrap();
        assert_eq!(
            lines.segments(&rest).concat(),
            b"a v=1 1\nc v=1 1\nd v=1 1\n"
        );
    }

    #[test]
    fn halves_are_halves_of_bytes() {
        let long = "x".repeat(1000);
        let text = format!("a v=1 1\nb v=1 1\nc,t={long} v=1 1\nd v=1 1\n");
        let lines = Lines::split(Bytes::from(text));
        let whole = Work::whole(4).take().unwrap();
        assert_eq!(lines.half_of_bytes(&whole), 2);
        let mut work = Work::whole(4);
        let whole = work.take().unwrap();
        work.split(whole, 2);
        let (head, tail) = (work.take().unwrap(), work.take().unwrap());
        assert_eq!(lines.half_of_bytes(&head), 1);
        assert_eq!(lines.half_of_bytes(&tail), 1);
    }
}
