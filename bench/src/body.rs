//! Messages of lines come in; bodies, as clients of a write front send them, come out, and the messages that a front makes of a body
//! for the stream.

use crate::payload::{Payloads, Traffic};
use crate::trial::BATCH_LINES;

/// The longest message that a front makes of lines: what `pipeline/src/ingest/pack.rs` says. A trial in which the product makes another
/// number of messages fails.
pub const PIECE: usize = 64 * 1024;

/// The bodies of a trial: each of 5,000 lines, the last one of what is left.
#[derive(Debug)]
pub struct Bodies {
    payloads: Payloads,
    messages_each: u64,
}

impl Bodies {
    /// Of all messages of `traffic`, in their order.
    pub fn new(traffic: Traffic) -> Self {
        Self {
            messages_each: (BATCH_LINES as u64 / traffic.most_lines()).max(1),
            payloads: Payloads::new(traffic),
        }
    }

    /// How many.
    pub fn count(&self) -> u64 {
        self.payloads
            .traffic()
            .messages
            .div_ceil(self.messages_each)
    }

    /// Appends body `number`: every line of it has its end.
    pub fn body(&self, number: u64, out: &mut Vec<u8>) {
        let first = number * self.messages_each;
        let behind = (first + self.messages_each).min(self.payloads.traffic().messages);
        for message in first..behind {
            self.payloads.payload(message, out);
            if out.last() != Some(&b'\n') {
                out.push(b'\n');
            }
        }
    }

    /// How many messages a front makes of all.
    pub fn pieces(&self) -> u64 {
        let mut count = 0;
        let mut body = Vec::new();
        for number in 0..self.count() {
            body.clear();
            self.body(number, &mut body);
            count += pieces(&body).count() as u64;
        }
        count
    }
}

/// `body` as messages: as many whole lines in each as fit.
pub fn pieces(body: &[u8]) -> impl Iterator<Item = &[u8]> {
    let mut rest = body;
    std::iter::from_fn(move || {
        let (piece, left) = rest.split_at(cut(rest));
        rest = left;
        (!piece.is_empty()).then_some(piece)
    })
}

/// Where the first message ends. A line that is longer than that is one of its own.
fn cut(lines: &[u8]) -> usize {
    if lines.len() <= PIECE {
        return lines.len();
    }
    let end = |at: usize| at + 1;
    memchr::memrchr(b'\n', &lines[..PIECE])
        .or_else(|| memchr::memchr(b'\n', lines))
        .map_or(lines.len(), end)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::payload::clock::Clock;
    use crate::scenario::Shape;

    fn bodies(shape: Shape, messages: u64) -> Bodies {
        Bodies::new(Traffic {
            shape,
            subjects: 1,
            messages,
            clock: Clock::unpaced(50),
        })
    }

    #[test]
    fn bodies_hold_all_messages_once_and_five_thousand_lines_each() {
        for (shape, messages) in [(Shape::Line, 12_000), (Shape::Lines50, 240)] {
            let bodies = bodies(shape, messages);
            assert_eq!(bodies.count(), 3);
            let mut all = Vec::new();
            for (number, lines) in [(0, 5_000), (1, 5_000), (2, 2_000)] {
                let mut body = Vec::new();
                bodies.body(number, &mut body);
                assert_eq!(crate::payload::newlines(&body), lines, "{shape}");
                assert_eq!(body.last(), Some(&b'\n'));
                all.extend(body);
            }
            let sum = bodies.payloads.sum();
            assert_eq!(sum.lines, 12_000);
            assert_eq!(sum.checksum, crate::payload::checksum(&all));
        }
    }

    #[test]
    fn a_body_of_five_thousand_lines_is_twelve_messages() {
        assert_eq!(bodies(Shape::Lines50, 200).pieces(), 24);
    }

    proptest! {
        #[test]
        fn pieces_are_the_body_again_in_whole_lines_and_none_could_hold_one_more(
            lengths in proptest::collection::vec(1..90_000_usize, 0..12),
        ) {
            let lines: Vec<Vec<u8>> = lengths
                .iter()
                .map(|length| [vec![b'l'; length - 1], vec![b'\n']].concat())
                .collect();
            let body = lines.concat();
            let pieces: Vec<&[u8]> = pieces(&body).collect();
            prop_assert_eq!(pieces.concat(), body.as_slice());
            let mut lines = lines.iter();
            for (number, piece) in pieces.iter().enumerate() {
                let mut length = 0;
                let mut count = 0;
                while length < piece.len() {
                    length += lines.next().unwrap().len();
                    count += 1;
                }
                prop_assert_eq!(length, piece.len(), "whole lines");
                prop_assert!(length <= PIECE || count == 1);
                let next = lines.clone().next().map_or(0, Vec::len);
                prop_assert!(number + 1 == pieces.len() || length + next > PIECE);
            }
        }
    }
}
