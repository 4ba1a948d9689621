//! Literals come in as they are written, their values go out: quoted and raw texts, characters and numbers, as Go reads them. A text
//! must be UTF-8, which Go would not ask for: what comes of the template has to be.

use std::borrow::Cow;
use std::str::Chars;

use super::Fault;

/// A number without a declared type is one of two.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) enum Number {
    Int(i64),
    Float(f64),
}

/// One character or byte of a quoted text.
enum Unit {
    Character(char),
    Byte(u8),
}

/// The value of a text, in double quotes or in back quotes.
pub(super) fn text(quoted: &str) -> Result<Cow<'_, str>, Fault> {
    if let Some(raw) = quoted.strip_prefix('`') {
        let raw = raw.strip_suffix('`').unwrap_or(raw);
        // As in Go's sources, so that line ends of another system change nothing.
        return Ok(match raw.contains('\r') {
            true => Cow::Owned(raw.replace('\r', "")),
            false => Cow::Borrowed(raw),
        });
    }
    let inner = quoted
        .strip_prefix('"')
        .and_then(|rest| rest.strip_suffix('"'))
        .ok_or_else(|| Fault::new("not a text"))?;
    if !inner.contains('\\') {
        return Ok(Cow::Borrowed(inner));
    }
    let mut bytes = Vec::with_capacity(inner.len());
    let mut characters = inner.chars();
    while let Some(character) = characters.next() {
        match unit(character, &mut characters, '"')? {
            Unit::Character(character) => {
                bytes.extend_from_slice(character.encode_utf8(&mut [0; 4]).as_bytes());
            }
            Unit::Byte(byte) => bytes.push(byte),
        }
    }
    String::from_utf8(bytes)
        .map(Cow::Owned)
        .map_err(|_| Fault::cured("a text is not UTF-8", "write characters as \\u00e9"))
}

/// The number of a character in single quotes.
pub(super) fn character(quoted: &str) -> Result<i64, Fault> {
    let inner = quoted
        .strip_prefix('\'')
        .and_then(|rest| rest.strip_suffix('\''))
        .unwrap_or_default();
    let mut characters = inner.chars();
    let first = characters.next().ok_or_else(one_character)?;
    let value = match unit(first, &mut characters, '\'')? {
        Unit::Character(character) => i64::from(u32::from(character)),
        Unit::Byte(byte) => i64::from(byte),
    };
    match characters.next() {
        None => Ok(value),
        Some(_) => Err(one_character()),
    }
}

fn one_character() -> Fault {
    Fault::cured(
        "not one character in single quotes",
        "texts stand in double quotes or back quotes",
    )
}

fn unit(first: char, rest: &mut Chars<'_>, quote: char) -> Result<Unit, Fault> {
    if first != '\\' {
        return Ok(Unit::Character(first));
    }
    let unknown = || Fault::cured("an unknown escape in a text", "a backslash is written \\\\");
    let character = match rest.next().ok_or_else(unknown)? {
        'a' => '\x07',
        'b' => '\x08',
        'f' => '\x0c',
        'n' => '\n',
        'r' => '\r',
        't' => '\t',
        'v' => '\x0b',
        '\\' => '\\',
        escaped if escaped == quote => quote,
        'x' => return byte(digits(rest, 2, 16)?),
        'u' => scalar(digits(rest, 4, 16)?)?,
        'U' => scalar(digits(rest, 8, 16)?)?,
        octal @ '0'..='7' => {
            let high = octal.to_digit(8).ok_or_else(unknown)?;
            return byte(high * 64 + digits(rest, 2, 8)?);
        }
        _ => return Err(unknown()),
    };
    Ok(Unit::Character(character))
}

fn digits(rest: &mut Chars<'_>, count: usize, base: u32) -> Result<u32, Fault> {
    let mut value = 0_u32;
    for _ in 0..count {
        let digit = rest.next().and_then(|character| character.to_digit(base));
        let digit = digit.ok_or_else(|| Fault::new("an escape in a text has too few digits"))?;
        // Eight digits of base 16 are the most, and fit.
        value = value.wrapping_mul(base).wrapping_add(digit);
    }
    Ok(value)
}

fn byte(value: u32) -> Result<Unit, Fault> {
    u8::try_from(value)
        .map(Unit::Byte)
        .map_err(|_| Fault::new("an escape in a text is larger than a byte"))
}

fn scalar(value: u32) -> Result<char, Fault> {
    char::from_u32(value).ok_or_else(|| Fault::new("an escape in a text is no character"))
}

/// The value of a number.
pub(super) fn number(text: &str) -> Result<Number, Fault> {
    let unsigned = text.strip_prefix(['+', '-']).unwrap_or(text);
    let negative = text.starts_with('-');
    if text.ends_with('i') {
        return Err(Fault::new("imaginary numbers are not supported"));
    }
    let hexadecimal = unsigned.starts_with("0x") || unsigned.starts_with("0X");
    if hexadecimal && unsigned.contains(['.', 'p', 'P']) {
        return Err(Fault::new("hexadecimal fractions are not supported"));
    }
    if !hexadecimal && unsigned.contains(['.', 'e', 'E']) {
        return float(text);
    }
    let value = magnitude(unsigned)?;
    let value = match negative {
        true => 0_i64.checked_sub_unsigned(value),
        false => i64::try_from(value).ok(),
    };
    value
        .map(Number::Int)
        .ok_or_else(|| Fault::new("an integer needs more than 64 bits"))
}

fn float(text: &str) -> Result<Number, Fault> {
    // An underscore stands between two digits or not at all.
    let mut parts = text.split('_').peekable();
    while let (Some(part), Some(next)) = (parts.next(), parts.peek()) {
        let is_digit = |character: char| character.is_ascii_digit();
        if !part.ends_with(is_digit) || !next.starts_with(is_digit) {
            return Err(Fault::new("not a number"));
        }
    }
    match text.replace('_', "").parse::<f64>() {
        Ok(value) if value.is_finite() => Ok(Number::Float(value)),
        _ => Err(Fault::new("not a number")),
    }
}

/// An integer without its sign: the prefix says its base, a lone leading zero means 8.
fn magnitude(text: &str) -> Result<u64, Fault> {
    let lower = text.to_ascii_lowercase();
    let (digits, base) = if let Some(digits) = lower.strip_prefix("0x") {
        (digits, 16)
    } else if let Some(digits) = lower.strip_prefix("0o") {
        (digits, 8)
    } else if let Some(digits) = lower.strip_prefix("0b") {
        (digits, 2)
    } else if lower.len() > 1 && lower.starts_with('0') {
        (lower.strip_prefix('0').unwrap_or_default(), 8)
    } else {
        (lower.as_str(), 10)
    };
    // One underscore may stand between digits, and between prefix and digits.
    let stray =
        digits.ends_with('_') || digits.contains("__") || (base == 10 && digits.starts_with('_'));
    let plain = digits.replace('_', "");
    if stray || plain.is_empty() || plain.starts_with(['+', '-']) {
        return Err(Fault::new("not a number"));
    }
    u64::from_str_radix(&plain, base).map_err(|error| match error.kind() {
        std::num::IntErrorKind::PosOverflow => Fault::new("an integer needs more than 64 bits"),
        _ => Fault::new("not a number"),
    })
}
