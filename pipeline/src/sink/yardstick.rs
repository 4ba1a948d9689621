//! Stored bodies come in, one line that the store has taken goes out, to be sent again when the store fails on others. That changes
//! nothing: the same point with the same values is what a redelivery is, too.

use std::sync::{Mutex, MutexGuard, PoisonError};

use bytes::{Bytes, BytesMut};

use crate::decode::dialect::Rules;
use crate::decode::scan::Scanner;

/// What is looked at of a body. A first line that is longer is no use as a measure: the one before it stays.
const LOOK: usize = 4 * 1024;

/// The first line of the last body that was stored.
#[derive(Debug, Default)]
pub(super) struct Yardstick(Mutex<Option<Bytes>>);

impl Yardstick {
    /// The store has all of `segments`.
    pub(super) fn took(&self, segments: &[Bytes]) {
        if let Some(line) = first_line(segments) {
            *self.lock() = Some(line);
        }
    }

    /// The line with its end, if there is one yet.
    pub(super) fn line(&self) -> Option<Bytes> {
        self.lock().clone()
    }

    /// The store does not take it any more.
    pub(super) fn forget(&self) {
        *self.lock() = None;
    }

    fn lock(&self) -> MutexGuard<'_, Option<Bytes>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// A copy, so that no batch's buffer is held for it.
fn first_line(segments: &[Bytes]) -> Option<Bytes> {
    let mut text = BytesMut::new();
    for segment in segments {
        let room = LOOK - text.len();
        text.extend_from_slice(segment.get(..room).unwrap_or(segment));
    }
    let mut scanner = Scanner::new(Rules::of([]));
    let scanned = scanner.next(&text, 0)?;
    // Without its end it may have been cut by the limit.
    let whole = scanned.line.is_ok() && text.get(scanned.range.end) == Some(&b'\n');
    whole.then(|| Bytes::copy_from_slice(&text[scanned.range.start..=scanned.range.end]))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_line_is_kept_whole_or_not_at_all() {
        let yardstick = Yardstick::default();
        assert_eq!(yardstick.line(), None);
        yardstick.took(&[Bytes::from("a s=\"x\ny"), Bytes::from("\" 1\nb v=1 2\n")]);
        assert_eq!(yardstick.line().unwrap(), "a s=\"x\ny\" 1\n");
        let long = format!("c s=\"{}\" 1\n", "x".repeat(LOOK));
        yardstick.took(&[Bytes::from(long), Bytes::from("d v=1 1\n")]);
        assert_eq!(yardstick.line().unwrap(), "a s=\"x\ny\" 1\n");
        yardstick.forget();
        assert_eq!(yardstick.line(), None);
    }
}
