//! Text and numbers to the bytes that mean them in line protocol.

use bytes::BytesMut;

use super::{Part, WriteError};

/// A name: measurement, tag key, tag value or field key.
///
/// A comma, a space and (but for the measurement) an equals sign get a backslash. A backslash itself has no escape in InfluxDB 1
/// and 2 and is one in InfluxDB 3, so it is written as it is where all of them read it as itself, and refused elsewhere.
#[inline]
pub(super) fn name(out: &mut BytesMut, text: &str, part: Part) -> Result<(), WriteError> {
    if is_clean(text.as_bytes()) {
        short(out, text);
        Ok(())
    } else {
        escaped(out, text, part)
    }
}

/// Appends `text`, which is short nearly always: up to 16 bytes are put together in a register and appended as one word, because a
/// copy of unknown length is a call that costs more than what it copies.
#[inline]
pub(super) fn short(out: &mut BytesMut, text: &str) {
    let bytes = text.as_bytes();
    let length = bytes.len();
    let word = if length > size_of::<u128>() {
        out.extend_from_slice(bytes);
        return;
    } else if let (Some(first), Some(last)) = (bytes.first_chunk(), bytes.last_chunk()) {
        // Where the two overlap, they are the same.
        let (first, last) = (u64::from_le_bytes(*first), u64::from_le_bytes(*last));
        u128::from(first) | u128::from(last) << (8 * (length - 8))
    } else if let (Some(first), Some(last)) = (bytes.first_chunk(), bytes.last_chunk()) {
        let (first, last) = (u32::from_le_bytes(*first), u32::from_le_bytes(*last));
        u128::from(u64::from(first) | u64::from(last) << (8 * (length - 4)))
    } else if let (Some(first), Some(last)) = (bytes.first(), bytes.last()) {
        let middle = u32::from(bytes[length / 2]) << (8 * (length / 2));
        u128::from(u32::from(*first) | middle | u32::from(*last) << (8 * (length - 1)))
    } else {
        return;
    };
    let end = out.len() + length;
    out.extend_from_slice(&word.to_le_bytes());
    out.truncate(end);
}

/// Every name.
#[cold]
#[inline(never)]
fn escaped(out: &mut BytesMut, text: &str, part: Part) -> Result<(), WriteError> {
    if text.is_empty() {
        return Err(WriteError::Empty(part));
    }
    let bytes = text.as_bytes();
    let mut done = 0;
    while let Some(found) = bytes[done..].iter().position(|byte| is_special(*byte)) {
        let at = done + found;
        out.extend_from_slice(&bytes[done..at]);
        match bytes[at] {
            b'=' if part == Part::Measurement => {}
            b',' | b' ' | b'=' => out.extend_from_slice(b"\\"),
            b'\\' if matches!(bytes.get(at + 1), None | Some(b'\\' | b',' | b' ' | b'=')) => {
                return Err(WriteError::Backslash(part));
            }
            b'\\' => {}
            _ => return Err(WriteError::Control(part)),
        }
        out.extend_from_slice(&bytes[at..=at]);
        done = at + 1;
    }
    out.extend_from_slice(&bytes[done..]);
    Ok(())
}

/// Whether a name is known to need no escape and no refusal. Names are short, so they are looked at in words that may overlap.
#[inline]
fn is_clean(name: &[u8]) -> bool {
    if let (Some(first), Some(last)) = (name.first_chunk(), name.last_chunk()) {
        let (words, _) = name.as_chunks();
        let within = words.get(1..).unwrap_or_default();
        is_clean_word(u64::from_le_bytes(*first))
            && is_clean_word(u64::from_le_bytes(*last))
            && within
                .iter()
                .all(|word| is_clean_word(u64::from_le_bytes(*word)))
    } else if let (Some(first), Some(last)) = (name.first_chunk(), name.last_chunk()) {
        let (first, last) = (u32::from_le_bytes(*first), u32::from_le_bytes(*last));
        is_clean_word(u64::from(first) | u64::from(last) << 32)
    } else {
        !name.is_empty() && !name.iter().any(|byte| is_special(*byte))
    }
}

/// Whether none of eight bytes is special.
#[inline]
fn is_clean_word(word: u64) -> bool {
    const ONES: u64 = u64::MAX / 255;
    // The highest bit of a byte is set if the byte is less than `limit`, and of no byte if none is.
    let less = |word: u64, limit: u8| word.wrapping_sub(ONES * u64::from(limit)) & !word;
    let equal = |byte: u8| less(word ^ (ONES * u64::from(byte)), 1);
    let found = less(word, b' ' + 1) | equal(b',') | equal(b'=') | equal(b'\\');
    found & (ONES << 7) == 0
}

fn is_special(byte: u8) -> bool {
    matches!(byte, b',' | b' ' | b'=' | b'\\' | 0..=0x1f)
}

/// A string with its quotes. Within them a quote and a backslash get a backslash; everything else, newlines too, is itself.
pub(super) fn string(out: &mut BytesMut, text: &str) {
    out.extend_from_slice(b"\"");
    let mut rest = text.as_bytes();
    while let Some(at) = memchr::memchr2(b'"', b'\\', rest) {
        out.extend_from_slice(&rest[..at]);
        out.extend_from_slice(&[b'\\', rest[at]]);
        rest = &rest[at + 1..];
    }
    out.extend_from_slice(rest);
    out.extend_from_slice(b"\"");
}

/// Below this every integral double is an integer of the same digits.
const EXACT: f64 = 9_007_199_254_740_992.0;

/// A number in the fewest digits that mean it: `42`, `0.1`, `1e-7`.
pub(super) fn float(out: &mut BytesMut, float: f64) -> Result<(), WriteError> {
    with_decimal(float, |digits| out.extend_from_slice(digits.as_bytes()))
}

/// Hands the digits of a finite number to `then`.
///
/// # Errors
/// When it is not finite.
pub(in crate::decode) fn with_decimal<R>(
    float: f64,
    then: impl FnOnce(&str) -> R,
) -> Result<R, WriteError> {
    if !float.is_finite() {
        return Err(WriteError::NotFinite);
    }
    let is_minus_zero = float == 0.0 && float.is_sign_negative();
    if float.fract() == 0.0 && float.abs() < EXACT && !is_minus_zero {
        #[expect(clippy::cast_possible_truncation, reason = "integral and within 2^53")]
        let integer = float as i64;
        Ok(then(itoa::Buffer::new().format(integer)))
    } else {
        Ok(then(zmij::Buffer::new().format_finite(float)))
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn a_text_of_every_length_is_appended_whole(before in ".{0,3}", text in ".{0,20}", after in ".{0,3}") {
            let mut out = BytesMut::new();
            [&before, &text, &after].iter().for_each(|text| short(&mut out, text));
            let whole = [before, text, after].concat();
            prop_assert_eq!(&out[..], whole.as_bytes());
        }

        #[test]
        fn a_name_is_clean_if_nothing_in_it_is_special(name in "[ -~\u{0}-\u{1f}\u{e9}]{0,3}[a-zA-Z0-9_\u{e9}.]{0,18}[ -~]?") {
            let expected = !name.is_empty() && !name.bytes().any(is_special);
            prop_assert_eq!(is_clean(name.as_bytes()), expected);
        }
    }
}
