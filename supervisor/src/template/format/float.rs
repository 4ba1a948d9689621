//! Fractions come in, digits with a point, an exponent or both go out. They are written in templates, so none is infinite.

use super::layout::Flags;
use super::{Printer, Value};

/// More digits than a fraction can have; zeros follow.
const MOST_DIGITS: usize = 1100;

/// Bits of a fraction behind the point.
const MANTISSA: u32 = 52;

impl Printer<'_> {
    pub(super) fn float(&mut self, number: f64, verb: char, value: &Value<'_>) {
        let precision = self.layout.precision;
        let magnitude = number.abs();
        let digits = match verb {
            'v' | 'g' => general(magnitude, precision, 'e'),
            'G' => general(magnitude, precision, 'E'),
            'e' | 'E' => exponential(magnitude, precision.unwrap_or(6), verb),
            'f' | 'F' => fixed(magnitude, precision.unwrap_or(6)),
            'b' => binary(magnitude),
            'x' => hexadecimal(magnitude, precision),
            'X' => hexadecimal(magnitude, precision).to_uppercase(),
            _ => return self.bad_verb(value, verb),
        };
        let flags = self.layout.flags;
        let digits = match flags.has(Flags::SHARP) && verb != 'b' {
            true => marked(&digits, verb, precision),
            false => digits,
        };
        let sign = match () {
            () if number.is_sign_negative() => "-",
            () if flags.has(Flags::PLUS) => "+",
            () if flags.has(Flags::SPACE) => " ",
            () => "",
        };
        let fills = flags.has(Flags::ZERO) && !flags.has(Flags::MINUS);
        if fills && !sign.is_empty() {
            let width = self.layout.width.unwrap_or(0);
            self.out.push(sign);
            let missing = width.saturating_sub(digits.len() + 1);
            self.out.repeat("0", missing);
            self.out.push(&digits);
        } else {
            self.pad(&format!("{sign}{digits}"));
        }
    }
}

/// Digits without a point and trailing zeros, and the power of ten before the first of them. With a precision, so many digits.
fn decimal(magnitude: f64, precision: Option<usize>) -> (String, i32) {
    let written = match precision {
        None => format!("{magnitude:e}"),
        Some(count) => format!("{magnitude:.*e}", count.min(MOST_DIGITS)),
    };
    let (mantissa, exponent) = written.split_once('e').unwrap_or((&written, "0"));
    let digits = mantissa.replace('.', "");
    (
        digits.trim_end_matches('0').to_owned(),
        exponent.parse().unwrap_or(0),
    )
}

fn fixed(magnitude: f64, precision: usize) -> String {
    let exact = precision.min(MOST_DIGITS);
    let mut text = format!("{magnitude:.exact$}");
    text.push_str(&"0".repeat(precision - exact));
    text
}

fn exponential(magnitude: f64, precision: usize, letter: char) -> String {
    let exact = precision.min(MOST_DIGITS);
    let written = format!("{magnitude:.exact$e}");
    let (mantissa, exponent) = written.split_once('e').unwrap_or((&written, "0"));
    let zeros = "0".repeat(precision - exact);
    let exponent: i32 = exponent.parse().unwrap_or(0);
    let sign = if exponent < 0 { '-' } else { '+' };
    format!(
        "{mantissa}{zeros}{letter}{sign}{:02}",
        exponent.unsigned_abs()
    )
}

/// Whatever is shorter. Without a precision, as few digits as tell the number from its neighbours.
fn general(magnitude: f64, precision: Option<usize>, letter: char) -> String {
    let precision = precision.map(|precision| precision.max(1));
    let (digits, exponent) = decimal(magnitude, precision.map(|count| count - 1));
    let count = digits.len().max(1);
    let before_point = if digits.is_empty() { 0 } else { exponent + 1 };
    let before_point = usize::try_from(before_point).unwrap_or(0);
    // Below this power of ten there is no exponent.
    let least = match precision {
        None => 6,
        Some(most) if most > count && count >= before_point => count,
        Some(most) => most,
    };
    let is_large = exponent >= 0 && usize::try_from(exponent).unwrap_or(0) >= least;
    if !digits.is_empty() && (exponent < -4 || is_large) {
        return exponential(magnitude, count - 1, letter);
    }
    let behind_point = match i32::try_from(count) {
        Ok(count) if !digits.is_empty() => usize::try_from(count - 1 - exponent).unwrap_or(0),
        _ => 0,
    };
    fixed(magnitude, behind_point)
}

/// Mantissa and power of two, both decimal.
fn binary(magnitude: f64) -> String {
    let (mantissa, exponent) = parts(magnitude);
    let exponent = exponent - i32::try_from(MANTISSA).unwrap_or(0);
    format!("{mantissa}p{exponent:+}")
}

/// Mantissa as an integer, and the power of two of its highest bit.
fn parts(magnitude: f64) -> (u64, i32) {
    let bits = magnitude.to_bits();
    let fraction = bits & ((1 << MANTISSA) - 1);
    match i32::try_from(bits >> MANTISSA & 0x7ff).unwrap_or(0) {
        0 => (fraction, -1022),
        exponent => (fraction | 1 << MANTISSA, exponent - 1023),
    }
}

fn hexadecimal(magnitude: f64, precision: Option<usize>) -> String {
    let (mut mantissa, mut exponent) = parts(magnitude);
    if mantissa == 0 {
        exponent = 0;
    } else {
        while mantissa >> MANTISSA == 0 {
            mantissa <<= 1;
            exponent -= 1;
        }
    }
    if let Some(digits) = precision.filter(|digits| *digits < 13) {
        let dropped = MANTISSA - 4 * u32::try_from(digits).unwrap_or(0);
        let (half, rest) = (1_u64 << (dropped - 1), mantissa & ((1 << dropped) - 1));
        mantissa = mantissa >> dropped << dropped;
        // To the nearest, and halves to the even one.
        if rest > half || (rest == half && mantissa >> dropped & 1 == 1) {
            mantissa += 1 << dropped;
        }
        if mantissa >> (MANTISSA + 1) != 0 {
            mantissa >>= 1;
            exponent += 1;
        }
    }
    let fraction = format!("{:013x}", mantissa & ((1 << MANTISSA) - 1));
    let fraction = match precision {
        None => fraction.trim_end_matches('0').to_owned(),
        Some(digits) if digits <= 13 => fraction.chars().take(digits).collect(),
        Some(digits) => format!("{fraction}{}", "0".repeat(digits - 13)),
    };
    let point = if fraction.is_empty() { "" } else { "." };
    let sign = if exponent < 0 { '-' } else { '+' };
    let whole = mantissa >> MANTISSA;
    format!(
        "0x{whole}{point}{fraction}p{sign}{:02}",
        exponent.unsigned_abs()
    )
}

/// What `#` asks for: always a point, and no zeros taken away.
fn marked(digits: &str, verb: char, precision: Option<usize>) -> String {
    let wanted = match verb {
        'v' | 'g' | 'G' | 'x' => precision.unwrap_or(6),
        _ => 0,
    };
    let letters: &[char] = match verb {
        'x' | 'X' => &['p', 'P'],
        _ => &['e', 'E', 'p', 'P'],
    };
    let (mantissa, tail) = match digits.find(letters) {
        Some(at) => digits.split_at(at),
        None => (digits, ""),
    };
    let significant = mantissa
        .chars()
        .filter(|character| *character != '.')
        .skip_while(|character| *character == '0')
        .count();
    let mut missing = wanted.saturating_sub(significant);
    let mut point = "";
    if !mantissa.contains('.') {
        point = ".";
        if mantissa == "0" {
            missing = missing.saturating_sub(1);
        }
    }
    format!("{mantissa}{point}{}{tail}", "0".repeat(missing))
}
