//! Field values and timestamps: their types, and whether they are in range. Only a timestamp is turned into a number.

use super::block::{self, Block};
use super::fault::Fault;
use crate::decode::dialect::Rules;
use crate::decode::line::FieldType;

/// Integers of fewer digits are in range of `i64` whatever they are.
const SURE_INTEGER: usize = 19;
/// The same for `u64`.
const SURE_UNSIGNED: usize = 20;
/// The largest finite `f64` has 309 digits before the point.
const SURE_FLOAT: usize = 309;

/// Digits of a usual timestamp.
const USUAL_TIME: usize = 19;

/// The times that a line can say, in nanoseconds. InfluxDB 1 and 2 keep the outermost values for themselves; it is the year 2262.
pub(crate) const TIMES: std::ops::RangeInclusive<i64> = i64::MIN + 2..=i64::MAX - 1;

/// Where the string that opens at `open` ends. A backslash takes the next byte with it, whatever that is; a newline is a byte like
/// others.
#[inline]
pub(super) fn string(text: &[u8], open: usize) -> Result<usize, Fault> {
    let mut at = open + 1;
    loop {
        let Some(found) = text
            .get(at..)
            .and_then(|rest| memchr::memchr2(b'"', b'\\', rest))
        else {
            return Err(Fault::Unclosed);
        };
        at += found;
        if text[at] == b'"' {
            return Ok(at + 1);
        }
        at += 2;
    }
}

/// The type of the value from `start` to `end`, which is no string.
#[inline(always)]
pub(super) fn plain(
    text: &[u8],
    start: usize,
    end: usize,
    rules: Rules,
) -> Result<FieldType, Fault> {
    match short(text, start, end) {
        Some(kind) => Ok(kind),
        None => any_plain(&text[start..end], rules),
    }
}

/// The type of a number of a few digits; `None` for everything else.
#[inline(always)]
pub(super) fn short(text: &[u8], start: usize, end: usize) -> Option<FieldType> {
    let bytes = text.get(start..)?.first_chunk()?;
    let length = end - start;
    if length.wrapping_sub(1) >= block::SIZE {
        return None;
    }
    // The bits of what is behind the value are pushed out at the top.
    let unused = 32 - length;
    let odd = Block::new(*bytes).no_digit() << unused;
    if odd == 0 {
        return Some(FieldType::Float);
    }
    let byte = |odd: u32| {
        let at = odd.trailing_zeros() as usize - unused;
        (at, bytes[at & (block::SIZE - 1)])
    };
    let (mut at, mut first) = byte(odd);
    let mut rest = odd & (odd - 1);
    let mut digits = 0;
    if first == b'-' && at == 0 {
        if rest == 0 {
            return (length > 1).then_some(FieldType::Float);
        }
        (at, first) = byte(rest);
        rest &= rest - 1;
        digits = 1;
    }
    match first {
        b'.' if rest == 0 && at > digits && at + 1 < length => Some(FieldType::Float),
        b'i' if rest == 0 && at > digits && at + 1 == length => Some(FieldType::Integer),
        b't' if bytes[..4] == *b"true" && length == 4 => Some(FieldType::Boolean),
        b'f' if bytes[..5] == *b"false" && length == 5 => Some(FieldType::Boolean),
        _ => None,
    }
}

/// The type of a value of any form and length; `None` for none.
#[cold]
#[inline(never)]
pub(super) fn long(text: &[u8], start: usize, end: usize, rules: Rules) -> Option<FieldType> {
    any_plain(text.get(start..end)?, rules).ok()
}

/// The same for values of every form and length.
#[cold]
#[inline(never)]
fn any_plain(value: &[u8], rules: Rules) -> Result<FieldType, Fault> {
    match value {
        [] => Err(Fault::FieldValue),
        b"t" | b"T" | b"true" | b"True" | b"TRUE" | b"f" | b"F" | b"false" | b"False"
        | b"FALSE" => Ok(FieldType::Boolean),
        [digits @ .., b'i'] => integer::<i64>(digits, SURE_INTEGER).map(|()| FieldType::Integer),
        [b'-', .., b'u'] => Err(Fault::Value),
        [digits @ .., b'u'] if rules.unsigned() => {
            integer::<u64>(digits, SURE_UNSIGNED).map(|()| FieldType::Unsigned)
        }
        [digits @ .., b'u'] => integer::<u64>(digits, usize::MAX).and(Err(Fault::Unsigned)),
        _ => float(value, rules).map(|()| FieldType::Float),
    }
}

/// Digits with or without a sign; they are in range if they are fewer than `sure`.
fn integer<T: std::str::FromStr>(text: &[u8], sure: usize) -> Result<(), Fault> {
    let digits = unsigned(text);
    if digits.is_empty() || !digits.iter().all(u8::is_ascii_digit) {
        return Err(Fault::Value);
    }
    if digits.len() < sure || parse::<T>(text).is_some() {
        Ok(())
    } else {
        Err(Fault::Range)
    }
}

/// Digits with or without a sign, a point and an exponent.
fn float(text: &[u8], rules: Rules) -> Result<(), Fault> {
    let count = |text: &[u8]| text.iter().take_while(|byte| byte.is_ascii_digit()).count();
    let digits = unsigned(text);
    let whole = count(digits);
    let (fraction, rest) = match &digits[whole..] {
        [b'.', rest @ ..] => (Some(count(rest)), &rest[count(rest)..]),
        rest => (None, rest),
    };
    let exponent = match rest {
        [] => None,
        [b'e' | b'E', b'+' | b'-', digits @ ..] | [b'e' | b'E', digits @ ..] => Some(digits),
        _ => return Err(Fault::Value),
    };
    if whole + fraction.unwrap_or(0) == 0
        || exponent.is_some_and(|digits| digits.is_empty() || count(digits) < digits.len())
    {
        return Err(Fault::Value);
    }
    if (whole == 0 || fraction == Some(0)) && !rules.bare_point() {
        return Err(Fault::BarePoint);
    }
    if exponent.is_none() && whole < SURE_FLOAT {
        return Ok(());
    }
    match parse::<f64>(text) {
        Some(value) if value.is_finite() => Ok(()),
        _ => Err(Fault::Range),
    }
}

fn unsigned(text: &[u8]) -> &[u8] {
    text.strip_prefix(b"-").unwrap_or(text)
}

fn parse<T: std::str::FromStr>(text: &[u8]) -> Option<T> {
    std::str::from_utf8(text).ok()?.parse().ok()
}

/// Whether `text` is a timestamp of the usual length: nanoseconds of our days have nineteen digits.
#[inline(always)]
pub(in crate::decode) fn is_usual_time(text: &[u8]) -> bool {
    let (Some(head), Some(last)) = (text.first_chunk(), text.last_chunk()) else {
        return false;
    };
    // In range unless the first digit is a nine.
    text.len() == USUAL_TIME
        && head[0] < b'9'
        && Block::new(*head).no_digit() | Block::new(*last).no_digit() == 0
}

/// The timestamp that is all of `text`.
#[inline]
pub(in crate::decode) fn timestamp(text: &[u8]) -> Result<i64, Fault> {
    if is_usual_time(text)
        && let Some((head, &[a, b, c])) = text.split_first_chunk()
    {
        let [head, body] = halves(*head).map(block::number);
        let [a, b, c] = [a, b, c].map(|digit| u64::from(digit & 15));
        let value = (head * 100_000_000 + body) * 1000 + a * 100 + b * 10 + c;
        return i64::try_from(value).map_err(|_| Fault::TimestampRange);
    }
    any_timestamp(text)
}

#[inline(always)]
fn halves(bytes: [u8; block::SIZE]) -> [[u8; 8]; 2] {
    let whole = u128::from_le_bytes(bytes);
    [
        (whole as u64).to_le_bytes(),
        ((whole >> 64) as u64).to_le_bytes(),
    ]
}

/// The same for timestamps of every length and sign.
#[inline(never)]
fn any_timestamp(text: &[u8]) -> Result<i64, Fault> {
    let digits = unsigned(text);
    if digits.is_empty() || !digits.iter().all(u8::is_ascii_digit) {
        return Err(Fault::Timestamp);
    }
    parse(text)
        .filter(|time| TIMES.contains(time))
        .ok_or(Fault::TimestampRange)
}
