//! Durations ("500ms", "1h30m") and sizes ("1MiB", "64MB") as people type them, and back.

use std::fmt::Write as _;
use std::time::Duration;

/// Why a text is no duration or size.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum UnitError {
    /// Nothing there.
    #[error("is empty")]
    Empty,
    /// A part does not start with a number.
    #[error("has a part without a number")]
    Number,
    /// A number stands alone.
    #[error("has a number without a unit")]
    NoUnit,
    /// A unit that is none of those known.
    #[error("has an unknown unit")]
    Unit,
    /// More than fits.
    #[error("is too large")]
    TooLarge,
}

/// What a duration looks like, for messages.
pub const DURATION_EXAMPLE: &str = "write a number and a unit (ns, us, ms, s, m, h, d), for example \"500ms\", \"10s\" or \"1h30m\"";
/// What a size looks like, for messages.
pub const SIZE_EXAMPLE: &str = "write a number and a unit (B, KiB, MiB, GiB, TiB, kB, MB, GB, TB), for example \"512KiB\" or \"64MB\"";

/// Decimal places that count: a nanosecond of a second.
const PLACES: usize = 9;

/// A number as `whole + fraction / 10^9`, and what follows it.
fn number(text: &str) -> Result<(u128, u128, &str), UnitError> {
    let (whole, rest) = digits(text);
    let (fraction, rest) = match rest.strip_prefix('.') {
        Some(rest) => digits(rest),
        None => ("", rest),
    };
    if whole.is_empty() || (rest.len() + whole.len() < text.len() && fraction.is_empty()) {
        return Err(UnitError::Number);
    }
    let whole: u64 = whole.parse().map_err(|_| UnitError::TooLarge)?;
    let fraction = fraction
        .bytes()
        .chain(std::iter::repeat(b'0'))
        .take(PLACES)
        .fold(0_u128, |sum, digit| sum * 10 + u128::from(digit - b'0'));
    Ok((u128::from(whole), fraction, rest))
}

fn digits(text: &str) -> (&str, &str) {
    let end = text.bytes().take_while(u8::is_ascii_digit).count();
    text.split_at(end)
}

/// A sum of numbers with units, such as "1h30m" or "1.5s".
///
/// # Errors
/// When it is none, see [`UnitError`].
pub fn duration(text: &str) -> Result<Duration, UnitError> {
    let mut rest = text.trim();
    if rest.is_empty() {
        return Err(UnitError::Empty);
    }
    let mut nanos = 0_u128;
    while !rest.is_empty() {
        let (whole, fraction, after) = number(rest)?;
        let end = after
            .find(|c: char| c.is_ascii_digit() || c.is_whitespace())
            .unwrap_or(after.len());
        let (unit, next) = after.split_at(end);
        let scale: u128 = match unit {
            "" => return Err(UnitError::NoUnit),
            "ns" => 1,
            "us" | "µs" | "μs" => 1_000,
            "ms" => 1_000_000,
            "s" => 1_000_000_000,
            "m" => 60_000_000_000,
            "h" => 3_600_000_000_000,
            "d" => 86_400_000_000_000,
            _ => return Err(UnitError::Unit),
        };
        nanos += whole * scale + fraction * scale / 1_000_000_000;
        rest = next.trim_start();
    }
    u64::try_from(nanos)
        .map(Duration::from_nanos)
        .map_err(|_| UnitError::TooLarge)
}

/// A number of bytes with a unit, such as "1MiB" or "64MB". Binary units have an `i`; case does not matter.
///
/// # Errors
/// When it is none, see [`UnitError`].
pub fn size(text: &str) -> Result<u64, UnitError> {
    let text = text.trim();
    if text.is_empty() {
        return Err(UnitError::Empty);
    }
    let (whole, fraction, unit) = number(text)?;
    let scale: u128 = match unit.trim_start().to_ascii_lowercase().as_str() {
        "" => return Err(UnitError::NoUnit),
        "b" => 1,
        "kib" => 1 << 10,
        "mib" => 1 << 20,
        "gib" => 1 << 30,
        "tib" => 1 << 40,
        "kb" => 1_000,
        "mb" => 1_000_000,
        "gb" => 1_000_000_000,
        "tb" => 1_000_000_000_000,
        _ => return Err(UnitError::Unit),
    };
    u64::try_from(whole * scale + fraction * scale / 1_000_000_000).map_err(|_| UnitError::TooLarge)
}

/// A duration as [`duration`] reads it.
pub fn show_duration(value: Duration) -> String {
    const UNITS: [(u128, &str); 7] = [
        (86_400_000_000_000, "d"),
        (3_600_000_000_000, "h"),
        (60_000_000_000, "m"),
        (1_000_000_000, "s"),
        (1_000_000, "ms"),
        (1_000, "us"),
        (1, "ns"),
    ];
    let mut nanos = value.as_nanos();
    let mut out = String::new();
    for (scale, unit) in UNITS {
        if nanos >= scale {
            write!(out, "{}{unit}", nanos / scale).expect("writing to a String cannot fail");
            nanos %= scale;
        }
    }
    if out.is_empty() { "0s".to_owned() } else { out }
}

/// A size as [`size`] reads it: in the largest binary unit that needs no fraction.
pub fn show_size(value: u64) -> String {
    [(40, "TiB"), (30, "GiB"), (20, "MiB"), (10, "KiB")]
        .into_iter()
        .find(|(bits, _)| value > 0 && value.trailing_zeros() >= *bits)
        .map_or_else(
            || format!("{value}B"),
            |(bits, unit)| format!("{}{unit}", value >> bits),
        )
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn durations_are_sums_of_numbers_with_units() {
        for (text, expected) in [
            ("500ms", Duration::from_millis(500)),
            ("1h30m", Duration::from_secs(5400)),
            ("1h 30m", Duration::from_secs(5400)),
            ("1.5s", Duration::from_millis(1500)),
            ("30d", Duration::from_secs(30 * 86_400)),
            ("0s", Duration::ZERO),
            ("7µs", Duration::from_micros(7)),
        ] {
            assert_eq!(duration(text), Ok(expected), "{text}");
        }
        for (text, error) in [
            ("", UnitError::Empty),
            ("10", UnitError::NoUnit),
            ("ms", UnitError::Number),
            ("5 lightyears", UnitError::NoUnit),
            ("5lightyears", UnitError::Unit),
            ("1.s", UnitError::Number),
            ("-1s", UnitError::Number),
            ("99999999999999999999s", UnitError::TooLarge),
            ("999999999999d", UnitError::TooLarge),
        ] {
            assert_eq!(duration(text), Err(error), "{text}");
        }
    }

    #[test]
    fn sizes_tell_binary_from_decimal_units() {
        for (text, expected) in [
            ("1MiB", 1 << 20),
            ("64MB", 64_000_000),
            ("0.5 KiB", 512),
            ("7b", 7),
        ] {
            assert_eq!(size(text), Ok(expected), "{text}");
        }
        assert_eq!(size("1024"), Err(UnitError::NoUnit));
        assert_eq!(size("1 parsec"), Err(UnitError::Unit));
        assert_eq!(size("99999999TiB"), Err(UnitError::TooLarge));
    }

    proptest! {
        #[test]
        fn no_text_makes_the_parsers_panic(text in ".{0,40}", likely in "[0-9.]{0,25}[a-zA-Zµ ]{0,4}[0-9.]{0,3}[a-z]{0,2}") {
            for text in [text, likely] {
                prop_assert!(duration(&text).is_ok() || duration(&text).is_err());
                prop_assert!(size(&text).is_ok() || size(&text).is_err());
            }
        }

        #[test]
        fn what_is_shown_is_read_back(nanos: u64, bytes: u64) {
            let value = Duration::from_nanos(nanos);
            prop_assert_eq!(duration(&show_duration(value)), Ok(value));
            prop_assert_eq!(size(&show_size(bytes)), Ok(bytes));
        }
    }
}
