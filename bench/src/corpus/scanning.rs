//! Lines come in, the scanner reads them: how many were good comes out.

use flightline::decode::dialect::{Dialect, Rules};
use flightline::decode::scan::Scanner;

use crate::corpus::{Length, Payload};

/// Lines in one payload.
pub const LINES: u32 = 100;

/// A scanner and what it reads.
#[derive(Debug)]
pub struct Scanning {
    scanner: Scanner,
    payload: Vec<u8>,
}

impl Scanning {
    /// [`LINES`] lines of that length, each of another series, to be kept to the rules of that dialect.
    pub fn new(dialect: Dialect, length: Length) -> Self {
        let lines = (0..LINES).map(|number| Payload::Line(length).bytes(number));
        Self {
            scanner: Scanner::new(Rules::of([dialect])),
            payload: lines.collect::<Vec<_>>().join(&b'\n'),
        }
    }

    /// Reads all of them.
    pub fn run(&mut self) -> u32 {
        let mut good = 0;
        let mut pass = self.scanner.pass(&self.payload, 0);
        while let Some(found) = pass.next() {
            good += u32::from(found.line.is_ok());
        }
        good
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_line_is_good_for_every_store() {
        for dialect in Dialect::ALL {
            for length in Length::ALL {
                assert_eq!(Scanning::new(dialect, length).run(), LINES);
            }
        }
    }
}
