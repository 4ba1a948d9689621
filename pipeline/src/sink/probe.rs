//! The time comes in, a line of our own goes out, which is written when the store fails on others. A line of the user's that was stored
//! before would not do: written again after a newer value of its series and time, it brings the old one back.

use std::time::{SystemTime, UNIX_EPOCH};

use bytes::Bytes;

/// The measurement, of one series.
pub const MEASUREMENT: &str = "flightline_probe";

/// The line with its end, as of `now`: a time that no retention period has passed.
pub(super) fn line(now: SystemTime) -> Bytes {
    let time = now.duration_since(UNIX_EPOCH).unwrap_or_default();
    Bytes::from(format!("{MEASUREMENT} v=1i {}\n", time.as_nanos()))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::decode::dialect::Rules;
    use crate::decode::scan::Scanner;

    #[test]
    fn the_probe_is_one_line() {
        let line = line(SystemTime::now());
        let mut scanner = Scanner::new(Rules::of([]));
        let scanned = scanner.next(&line, 0).unwrap();
        assert!(scanned.line.is_ok());
        assert_eq!(scanned.range, 0..line.len() - 1);
    }
}
