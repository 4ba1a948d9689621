//! Durations in Go's words: `300ms`, `1h15m`, and whole numbers as seconds where ContainerPilot has it so.

use std::time::Duration;

const NANOSECOND: i64 = 1;
const MICROSECOND: i64 = 1_000;
const MILLISECOND: i64 = 1_000_000;
const SECOND: i64 = 1_000_000_000;
const MINUTE: i64 = 60 * SECOND;
const HOUR: i64 = 60 * MINUTE;

/// What a duration looks like, for whoever typed something else.
pub const EXAMPLE: &str = "write a duration such as '500ms', '5s' or '1h30m', or whole seconds";

/// Signed, in nanoseconds: as far as Go counts, about 292 years either way.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Nanoseconds(i64);

/// Why a text is no duration.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum DurationError {
    /// Nothing in it, or no number where one should be.
    #[error("is no duration")]
    NoNumber,
    /// A number without a unit.
    #[error("has a number without a unit (ns, us, ms, s, m, h)")]
    NoUnit,
    /// A unit that there is not.
    #[error("has an unknown unit (there are ns, us, ms, s, m, h)")]
    UnknownUnit,
    /// More than 292 years.
    #[error("is longer than 292 years")]
    TooLong,
}

impl Nanoseconds {
    /// Whole seconds.
    ///
    /// # Errors
    /// When it is too long.
    pub fn seconds(seconds: i64) -> Result<Self, DurationError> {
        seconds
            .checked_mul(SECOND)
            .map(Self)
            .ok_or(DurationError::TooLong)
    }

    /// What is not less than nothing, as the rest of the program has it.
    pub fn positive(self) -> Option<Duration> {
        u64::try_from(self.0).ok().map(Duration::from_nanos)
    }

    /// The duration, where it is longer than nothing.
    pub fn above_zero(self) -> Option<Duration> {
        self.positive().filter(|duration| !duration.is_zero())
    }
}

/// A duration as jobs have it: nothing for empty text, whole numbers are seconds, the rest is Go's.
///
/// # Errors
/// When it is neither, see [`DurationError`].
pub fn typed(text: &str) -> Result<Option<Nanoseconds>, DurationError> {
    if text.is_empty() {
        return Ok(None);
    }
    let digits = text.strip_prefix(['+', '-']).unwrap_or(text);
    if !digits.is_empty() && digits.bytes().all(|byte| byte.is_ascii_digit()) {
        let seconds = text.parse().map_err(|_| DurationError::TooLong)?;
        return Nanoseconds::seconds(seconds).map(Some);
    }
    go(text).map(Some)
}

/// A duration as Go parses it: a unit behind each number, `0` alone needs none.
///
/// # Errors
/// When it is none, see [`DurationError`].
pub fn go(text: &str) -> Result<Nanoseconds, DurationError> {
    let (sign, mut rest) = match text.strip_prefix('-') {
        Some(rest) => (-1, rest),
        None => (1, text.strip_prefix('+').unwrap_or(text)),
    };
    if rest == "0" {
        return Ok(Nanoseconds(0));
    }
    if rest.is_empty() {
        return Err(DurationError::NoNumber);
    }
    let mut sum: i64 = 0;
    while !rest.is_empty() {
        let (whole, after) = digits(rest);
        let (fraction, after) = match after.strip_prefix('.') {
            Some(after) => digits(after),
            None => ("", after),
        };
        if whole.is_empty() && fraction.is_empty() {
            return Err(DurationError::NoNumber);
        }
        let length = after
            .find(|c: char| c == '.' || c.is_ascii_digit())
            .unwrap_or(after.len());
        let (unit, after) = after.split_at(length);
        let part = scaled(whole, fraction, unit_of(unit)?)?;
        sum = sum.checked_add(part).ok_or(DurationError::TooLong)?;
        rest = after;
    }
    Ok(Nanoseconds(sign * sum))
}

fn digits(text: &str) -> (&str, &str) {
    let length = text
        .find(|c: char| !c.is_ascii_digit())
        .unwrap_or(text.len());
    text.split_at(length)
}

fn unit_of(unit: &str) -> Result<i64, DurationError> {
    match unit {
        "ns" => Ok(NANOSECOND),
        // The micro sign and the Greek letter look the same.
        "us" | "\u{b5}s" | "\u{3bc}s" => Ok(MICROSECOND),
        "ms" => Ok(MILLISECOND),
        "s" => Ok(SECOND),
        "m" => Ok(MINUTE),
        "h" => Ok(HOUR),
        "" => Err(DurationError::NoUnit),
        _ => Err(DurationError::UnknownUnit),
    }
}

/// `whole.fraction` units; digits below a nanosecond are dropped.
fn scaled(whole: &str, fraction: &str, unit: i64) -> Result<i64, DurationError> {
    let whole: i64 = match whole {
        "" => 0,
        digits => digits.parse().map_err(|_| DurationError::TooLong)?,
    };
    // Eighteen digits are below a nanosecond of an hour, and fit.
    let fraction = fraction.get(..18).unwrap_or(fraction);
    let part = fraction
        .bytes()
        .fold((0_i128, 1_i128), |(sum, scale), digit| {
            (sum * 10 + i128::from(digit - b'0'), scale * 10)
        });
    let part = i128::from(unit) * part.0 / part.1;
    let part = i64::try_from(part).map_err(|_| DurationError::TooLong)?;
    whole
        .checked_mul(unit)
        .and_then(|whole| whole.checked_add(part))
        .ok_or(DurationError::TooLong)
}

/// A duration as it would be typed, in the largest units.
pub fn show(duration: Duration) -> String {
    let mut rest = i64::try_from(duration.as_nanos()).unwrap_or(i64::MAX);
    if rest == 0 {
        return "0s".to_owned();
    }
    let units = [
        (HOUR, "h"),
        (MINUTE, "m"),
        (SECOND, "s"),
        (MILLISECOND, "ms"),
        (MICROSECOND, "us"),
        (NANOSECOND, "ns"),
    ];
    let mut text = String::new();
    for (unit, name) in units {
        let count = rest / unit;
        rest %= unit;
        if count > 0 {
            text.push_str(&format!("{count}{name}"));
        }
    }
    text
}

#[cfg(test)]
mod tests;
