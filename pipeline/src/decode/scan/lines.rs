//! Lines found again in bytes that have been scanned before. A cold path.

use std::ops::Range;

use super::Scanner;
use crate::decode::dialect::Rules;

/// The lines of `body`, which has been accepted, each with the newline that ends it: a newline within a string ends none.
/// Together they are all of `body`.
pub fn line_ends(body: &[u8]) -> LineEnds<'_> {
    LineEnds {
        body,
        at: 0,
        // Whatever was accepted under stricter rules keeps these as well.
        scanner: Scanner::new(Rules::of([])),
    }
}

/// See [`line_ends`].
#[derive(Debug)]
pub struct LineEnds<'a> {
    body: &'a [u8],
    at: usize,
    scanner: Scanner,
}

impl Iterator for LineEnds<'_> {
    type Item = Range<usize>;

    fn next(&mut self) -> Option<Range<usize>> {
        if self.at == self.body.len() {
            return None;
        }
        let start = self.at;
        // Nothing but blanks: they belong to no line, and still must not be lost.
        self.at = self
            .scanner
            .next(self.body, start)
            .map_or(self.body.len(), |scanned| scanned.next);
        Some(start..self.at)
    }
}
