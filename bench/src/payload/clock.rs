//! A line's number in, its timestamp out, and back: each line of a trial has a timestamp of its own, by which it is known again.
//! On a paced trial the timestamp is the moment at which the line was to be published.

use serde::{Deserialize, Serialize};

/// Digits of a timestamp in nanoseconds: from September 2001 to November 2286 they are as many.
pub const DIGITS: usize = 19;

/// The timestamps of a trial: line `j` of message `i` has `base + i * step + j`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Clock {
    /// Of the first line, in nanoseconds since the Unix epoch.
    pub base: u64,
    /// From one message to the next; at least the most lines in a message.
    pub step: u64,
}

/// Where a line stands: its message, and its number in it, both from 0.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Place {
    /// The message.
    pub message: u64,
    /// The line in it.
    pub line: u64,
}

impl Clock {
    /// When nothing is paced: one nanosecond a line, some time in the past.
    pub fn unpaced(lines: u64) -> Self {
        Self {
            base: 1_700_000_000_000_000_000,
            step: lines,
        }
    }

    /// The first timestamp of message `message`.
    pub fn time(self, message: u64) -> u64 {
        self.base + message * self.step
    }

    /// The place of the line with timestamp `time`; `None` before the first.
    pub fn place(self, time: u64) -> Option<Place> {
        let since = time.checked_sub(self.base)?;
        Some(Place {
            message: since / self.step,
            line: since % self.step,
        })
    }
}

/// Writes `time` over the `DIGITS` bytes of `text`.
pub fn write(time: u64, text: &mut [u8]) {
    let mut rest = time;
    for digit in text.iter_mut().rev() {
        let last = u8::try_from(rest % 10).expect("a digit is below 10");
        *digit = b'0' + last;
        rest /= 10;
    }
}

/// The number that the `DIGITS` bytes of `text` are; `None` if one of them is no digit.
pub fn read(text: &[u8]) -> Option<u64> {
    let (head, rest) = text.split_first_chunk()?;
    let (middle, tail) = rest.split_first_chunk()?;
    let mut number = eight(*head)? * 100_000_000 + eight(*middle)?;
    for digit in tail {
        let value = digit.wrapping_sub(b'0');
        if value > 9 {
            return None;
        }
        number = number * 10 + u64::from(value);
    }
    Some(number)
}

/// Eight digits at once: pairs, then fours, then all.
fn eight(text: [u8; 8]) -> Option<u64> {
    const ZEROS: u64 = 0x3030_3030_3030_3030;
    let raw = u64::from_le_bytes(text);
    let digits = raw.wrapping_sub(ZEROS);
    let above = raw.wrapping_add(0x4646_4646_4646_4646);
    if (digits | above) & 0x8080_8080_8080_8080 != 0 {
        return None;
    }
    let pairs = digits.wrapping_mul(10).wrapping_add(digits >> 8) & 0x00ff_00ff_00ff_00ff;
    let fours = pairs.wrapping_mul(100).wrapping_add(pairs >> 16) & 0x0000_ffff_0000_ffff;
    Some((fours.wrapping_mul(10_000).wrapping_add(fours >> 32)) & 0xffff_ffff)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn a_timestamp_is_read_as_it_was_written(time in 1_000_000_000_000_000_000_u64..9_999_999_999_999_999_999) {
            let mut text = [0; DIGITS];
            write(time, &mut text);
            prop_assert_eq!(std::str::from_utf8(&text).unwrap(), time.to_string());
            prop_assert_eq!(read(&text), Some(time));
        }

        #[test]
        fn what_is_no_number_is_not_read(at in 0..DIGITS, byte in any::<u8>().prop_filter("no digit", |byte| !byte.is_ascii_digit())) {
            let mut text = *b"1700000000000000000";
            text[at] = byte;
            prop_assert_eq!(read(&text), None);
        }

        #[test]
        fn each_line_has_a_place_of_its_own(message in 0..1_000_000_000_u64, lines in 1..50_u64, line in 0..50_u64) {
            let clock = Clock::unpaced(50);
            let place = Place { message, line: line.min(lines) };
            prop_assert_eq!(clock.place(clock.time(message) + place.line), Some(place));
        }
    }
}
