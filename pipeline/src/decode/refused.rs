//! The faults of one message come in, its letters go out: one for each refused piece while they are few, one for the whole message
//! when they are many. Nothing is lost: the letter for the whole message has all its bytes.

use std::ops::Range;

use crate::deadletter::Letter;
use crate::decode::refusal::Refusal;
use crate::delivery::Delivery;

/// Letters for pieces of one message, at most. A letter costs some 200 bytes here and a message of its own in the stream, so a message
/// of 1 MB with nothing but line feeds and `x` in it would cost half a million of them; nobody reads more than a few of one message.
pub(super) const LETTERS_PER_MESSAGE: usize = 100;

/// What of one message was refused so far.
#[derive(Debug)]
pub(super) struct Refused<'l> {
    letters: &'l mut Vec<Letter>,
    /// Where its letters begin.
    first: usize,
    pieces: usize,
}

impl<'l> Refused<'l> {
    /// Nothing yet; `letters` has those of other messages.
    pub(super) fn new(letters: &'l mut Vec<Letter>) -> Self {
        let first = letters.len();
        Self {
            letters,
            first,
            pieces: 0,
        }
    }

    /// The whole of `delivery` is refused.
    pub(super) fn message(&mut self, delivery: &Delivery, refusal: Refusal) {
        let Refusal { reason, detail } = refusal;
        self.letters.push(Letter::message(delivery, reason, detail));
    }

    /// Piece `number` (from 1) of `delivery` is refused, which stands at `range`. Its fault is only asked for when it is told.
    pub(super) fn piece(
        &mut self,
        delivery: &Delivery,
        number: u32,
        range: Range<usize>,
        fault: impl FnOnce() -> Refusal,
    ) {
        self.pieces += 1;
        if self.pieces <= LETTERS_PER_MESSAGE {
            let Refusal { reason, detail } = fault();
            self.letters
                .push(Letter::line(delivery, number, range, reason, detail));
        }
    }

    /// The message has ended.
    pub(super) fn finish(self, delivery: &Delivery) {
        if self.pieces <= LETTERS_PER_MESSAGE {
            return;
        }
        let mut own = self.letters.drain(self.first..);
        let Some(first) = own.next() else { return };
        drop(own);
        let detail = format!(
            "{} lines or elements refused, too many for a letter each; the first is number {}: {}",
            self.pieces,
            first.line.unwrap_or(1),
            first.detail
        );
        self.letters
            .push(Letter::message(delivery, first.reason, detail));
    }
}
