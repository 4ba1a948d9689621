//! Refused lines of a batch come in, dead letters go out: a message of line protocol gives the original bytes of each line, one of JSON
//! the whole message once. Nothing is lost: a line that cannot be found in its message takes the whole message along.

use std::ops::Range;

use flightline_contract::deadletter::Reason;

use super::lines::Lines;
use crate::batch::Batch;
use crate::deadletter::Letter;
use crate::decode::dialect::Rules;
use crate::decode::scan::Scanner;
use crate::delivery::Delivery;

/// One line that a store will never take.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Refusal {
    /// The line of the batch, from 0.
    pub line: usize,
    /// Why.
    pub reason: Reason,
    /// The store's words.
    pub detail: String,
}

/// The letters of `refusals`.
pub fn letters(batch: &Batch, lines: &Lines, mut refusals: Vec<Refusal>) -> Vec<Letter> {
    refusals.sort_by_key(|refusal| refusal.line);
    let mut letters = Vec::with_capacity(refusals.len());
    let mut refusals = refusals.into_iter().peekable();
    let mut first = 0;
    for entry in &batch.entries {
        let own = first..first + entry.lines as usize;
        first = own.end;
        if refusals
            .peek()
            .is_none_or(|refusal| refusal.line >= own.end)
        {
            continue;
        }
        let mut places = Places::of(&entry.delivery, own.clone(), lines);
        let mut whole = Whole::NotKept;
        while let Some(refusal) = refusals.next_if(|refusal| refusal.line < own.end) {
            match places.find(refusal.line) {
                Some((number, range)) => letters.push(Letter::line(
                    &entry.delivery,
                    number,
                    range,
                    refusal.reason,
                    refusal.detail,
                )),
                None if whole == Whole::NotKept => {
                    whole = Whole::Kept;
                    letters.push(Letter::message(
                        &entry.delivery,
                        refusal.reason,
                        refusal.detail,
                    ));
                }
                None => {}
            }
        }
    }
    letters
}

/// All messages of `batch`: when its lines cannot be told apart.
pub fn all_messages(batch: &Batch, detail: &str) -> Vec<Letter> {
    let with_lines = batch.entries.iter().filter(|entry| entry.lines > 0);
    with_lines
        .map(|entry| Letter::message(&entry.delivery, Reason::Refused, detail))
        .collect()
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Whole {
    Kept,
    NotKept,
}

/// Finds lines of a batch in the message they came from. They stand there in the same order, with others between them that decode
/// refused, and perhaps without the timestamp that decode appended.
struct Places<'a> {
    payload: &'a [u8],
    lines: &'a Lines,
    scanner: Scanner,
    at: usize,
    /// Lines of the message passed so far.
    number: u32,
    /// The next line of the batch to find.
    next: usize,
}

impl<'a> Places<'a> {
    fn of(delivery: &'a Delivery, own: Range<usize>, lines: &'a Lines) -> Self {
        Self {
            payload: &delivery.payload,
            lines,
            scanner: Scanner::new(Rules::of([])),
            at: 0,
            number: 0,
            next: own.start,
        }
    }

    /// The number (from 1) and place in the message of line `line` of the batch; to be asked in ascending order.
    fn find(&mut self, line: usize) -> Option<(u32, Range<usize>)> {
        while let Some(scanned) = self.scanner.next(self.payload, self.at) {
            self.at = scanned.next;
            self.number += 1;
            if is_from(
                self.lines.text(self.next),
                &self.payload[scanned.range.clone()],
            ) {
                self.next += 1;
                if self.next > line {
                    return Some((self.number, scanned.range));
                }
            }
        }
        None
    }
}

/// Whether `written` is `original`, or that with a timestamp behind it.
fn is_from(written: &[u8], original: &[u8]) -> bool {
    match written.strip_prefix(original) {
        Some([]) => true,
        Some([b' ', stamp @ ..]) => stamp
            .iter()
            .all(|byte| byte.is_ascii_digit() || *byte == b'-'),
        Some(_) | None => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::batch::Entry;
    use crate::delivery::{Ack, Attempt, Declared, Stamp};
    use bytes::Bytes;

    fn entry(payload: &'static str, lines: u32) -> Entry {
        Entry {
            delivery: Delivery {
                subject: "telemetry.app.a.b".into(),
                payload: Bytes::from(payload),
                declared: Declared::Nothing,
                stamp: Stamp {
                    time: 7,
                    sequence: None,
                    attempt: Attempt::First,
                },
                ack: Ack::none(),
            },
            lines,
        }
    }

    fn refusal(line: usize) -> Refusal {
        Refusal {
            line,
            reason: Reason::Refused,
            detail: format!("no {line}"),
        }
    }

    fn batch() -> (Batch, Lines) {
        let text = "a v=1 1\nb v=2 7\nc v=3 8\nd v=4 9\nj v=5 7\nj v=6 8\n";
        let batch = Batch {
            segments: vec![Bytes::from_static(text.as_bytes())],
            lines: 6,
            bytes: text.len(),
            entries: vec![
                entry("a v=1 1", 1),
                entry("nothing of this was taken", 0),
                // The second line was refused by decode, the third got its time from the message.
                entry("b v=2 7\nbad\n# comment\nc v=3\r\nd v=4 9\n", 3),
                entry("{\"v\":[5,6]}", 2),
            ],
            ..Batch::default()
        };
        let lines = Lines::of(&batch).unwrap();
        (batch, lines)
    }

    #[test]
    fn a_line_of_line_protocol_is_kept_with_its_number_and_original_bytes() {
        let (batch, lines) = batch();
        let letters = letters(&batch, &lines, vec![refusal(2), refusal(0)]);
        let seen: Vec<_> = letters
            .iter()
            .map(|letter| (letter.line, letter.payload.as_ref(), letter.detail.as_str()))
            .collect();
        assert_eq!(
            seen,
            [
                (Some(1), b"a v=1 1".as_slice(), "no 0"),
                (Some(3), b"c v=3".as_slice(), "no 2"),
            ]
        );
    }

    #[test]
    fn a_json_message_is_kept_once_and_whole() {
        let (batch, lines) = batch();
        let letters = letters(&batch, &lines, vec![refusal(4), refusal(5)]);
        assert_eq!(letters.len(), 1);
        assert_eq!(
            (letters[0].line, letters[0].payload.as_ref()),
            (None, b"{\"v\":[5,6]}".as_slice())
        );
    }

    #[test]
    fn all_messages_are_those_with_lines() {
        let (batch, _) = batch();
        assert_eq!(all_messages(&batch, "x").len(), 3);
    }
}
