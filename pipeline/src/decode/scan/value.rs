//! A field value or timestamp: where it ends, its type, and whether it is in range. Only a timestamp is turned into a number.

use super::fault::Fault;
use super::word;
use crate::decode::dialect::Rules;
use crate::decode::line::FieldType;

/// Where a value ends and what it is, or where it is wrong.
pub(super) type Found<T> = Result<(usize, T), (usize, Fault)>;

/// Integers of fewer digits are in range of `i64` whatever they are.
const SURE_INTEGER: usize = 19;
/// The same for `u64`.
const SURE_UNSIGNED: usize = 20;
/// The largest finite `f64` has 309 digits before the point.
const SURE_FLOAT: usize = 309;

/// InfluxDB 1 and 2 keep the outermost values for themselves; it is the year 2262.
const TIMES: std::ops::RangeInclusive<i64> = i64::MIN + 2..=i64::MAX - 1;

/// The value at `at`. What follows it is the caller's to check.
#[inline(always)]
pub(super) fn value(text: &[u8], at: usize, rules: Rules) -> Found<FieldType> {
    match text.get(at) {
        Some(b'0'..=b'9' | b'-' | b'.') => number(text, at, rules),
        Some(b'"') => string(text, at),
        Some(b't' | b'T' | b'f' | b'F') => boolean(text, at),
        Some(b',' | b' ' | b'\n' | b'\r') | None => Err((at, Fault::FieldValue)),
        Some(_) => Err((at, Fault::Value)),
    }
}

/// `"` to `"`. A backslash takes the next byte with it, whatever that is; a newline is a byte like others.
#[inline]
fn string(text: &[u8], open: usize) -> Found<FieldType> {
    let mut at = open + 1;
    loop {
        let Some(found) = text.get(at..).and_then(|rest| memchr::memchr2(b'"', b'\\', rest)) else {
            return Err((open, Fault::Unclosed));
        };
        at += found;
        if text[at] == b'"' {
            return Ok((at + 1, FieldType::String));
        }
        at += 2;
    }
}

#[inline]
fn boolean(text: &[u8], at: usize) -> Found<FieldType> {
    let rest = &text[at..];
    let word = rest.iter().take_while(|byte| byte.is_ascii_alphabetic()).count();
    match &rest[..word] {
        b"t" | b"T" | b"true" | b"True" | b"TRUE" | b"f" | b"F" | b"false" | b"False" | b"FALSE" => {
            Ok((at + word, FieldType::Boolean))
        }
        _ => Err((at, Fault::Value)),
    }
}

/// `-`? digits, then `i`, `u`, or a point with digits and an exponent.
#[inline(always)]
fn number(text: &[u8], start: usize, rules: Rules) -> Found<FieldType> {
    let first = start + usize::from(text[start] == b'-');
    let mut at = digits(text, first);
    let mut count = at - first;
    match text.get(at) {
        Some(b'i') if count > 0 => {
            if count >= SURE_INTEGER {
                range::<i64>(text, start, at)?;
            }
            return Ok((at + 1, FieldType::Integer));
        }
        Some(b'u') if count > 0 && first == start => {
            if !rules.unsigned() {
                return Err((at, Fault::Unsigned));
            }
            if count >= SURE_UNSIGNED {
                range::<u64>(text, start, at)?;
            }
            return Ok((at + 1, FieldType::Unsigned));
        }
        Some(b'.') => {
            let end = digits(text, at + 1);
            let fraction = end - at - 1;
            if count + fraction == 0 {
                return Err((start, Fault::Value));
            }
            if (count == 0 || fraction == 0) && !rules.bare_point() {
                return Err((at, Fault::BarePoint));
            }
            at = end;
        }
        _ if count == 0 => return Err((start, Fault::Value)),
        _ => {}
    }
    if let Some(b'e' | b'E') = text.get(at) {
        let sign = usize::from(matches!(text.get(at + 1), Some(b'+' | b'-')));
        let end = digits(text, at + 1 + sign);
        if end == at + 1 + sign {
            return Err((at, Fault::Value));
        }
        at = end;
        // Its range cannot be told by counting.
        count = SURE_FLOAT;
    }
    if count >= SURE_FLOAT {
        finite(text, start, at)?;
    }
    Ok((at, FieldType::Float))
}

/// Where the decimal digits that start at `at` end.
#[inline(always)]
fn digits(text: &[u8], mut at: usize) -> usize {
    while let Some(word) = word::load(text, at) {
        let found = word::no_digit(word);
        if found != 0 {
            return at + word::index(found);
        }
        at += word::SIZE;
    }
    while text.get(at).is_some_and(u8::is_ascii_digit) {
        at += 1;
    }
    at
}

#[cold]
fn range<T: std::str::FromStr>(text: &[u8], start: usize, end: usize) -> Result<(), (usize, Fault)> {
    match parse::<T>(text, start, end) {
        Some(_) => Ok(()),
        None => Err((start, Fault::Range)),
    }
}

#[cold]
fn finite(text: &[u8], start: usize, end: usize) -> Result<(), (usize, Fault)> {
    match parse::<f64>(text, start, end) {
        Some(value) if value.is_finite() => Ok(()),
        _ => Err((start, Fault::Range)),
    }
}

fn parse<T: std::str::FromStr>(text: &[u8], start: usize, end: usize) -> Option<T> {
    std::str::from_utf8(&text[start..end]).ok()?.parse().ok()
}

/// The timestamp at `start`.
#[inline(always)]
pub(super) fn timestamp(text: &[u8], start: usize) -> Found<i64> {
    let first = start + usize::from(text.get(start) == Some(&b'-'));
    let end = digits(text, first);
    if first == end {
        return Err((start, Fault::Timestamp));
    }
    let time = if end - first <= SURE_INTEGER {
        // Nineteen digits fit u64.
        let size = text[first..end]
            .rchunks(word::SIZE)
            .rev()
            .fold(0, |value: u64, chunk| match word::load(chunk, 0) {
                Some(word) => value * 100_000_000 + word::number(word),
                None => chunk.iter().fold(value, |value, digit| value * 10 + u64::from(digit - b'0')),
            });
        let size = i64::try_from(size).ok();
        if first == start { size } else { size.map(|size| -size) }
    } else {
        parse(text, start, end)
    };
    match time {
        Some(time) if TIMES.contains(&time) => Ok((end, time)),
        _ => Err((start, Fault::TimestampRange)),
    }
}
