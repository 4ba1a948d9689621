//! A field's value as the scanner let it pass comes in, the number that its series shows goes out; strings show none.

use crate::decode::line::FieldType;

/// The most digits of which each number is exact as a double.
const EXACT: usize = 15;

/// Powers of ten, exact as doubles.
const POWERS: [f64; EXACT + 1] = [
    1e0, 1e1, 1e2, 1e3, 1e4, 1e5, 1e6, 1e7, 1e8, 1e9, 1e10, 1e11, 1e12, 1e13, 1e14, 1e15,
];

/// The number that a field shows. One that the scanner let pass and Rust cannot read is not finite.
pub(super) fn number(kind: FieldType, text: &[u8]) -> Option<f64> {
    match kind {
        FieldType::Float => Some(read(text)),
        FieldType::Integer | FieldType::Unsigned => text.split_last().map(|(_, text)| read(text)),
        FieldType::Boolean => match text.first() {
            Some(b't' | b'T') => Some(1.0),
            _ => Some(0.0),
        },
        FieldType::String => None,
    }
}

fn read(text: &[u8]) -> f64 {
    decimal(text).unwrap_or_else(|| {
        let text = std::str::from_utf8(text).unwrap_or_default();
        text.parse().unwrap_or(f64::NAN)
    })
}

/// A sign, digits and a point, as nearly all numbers are written. Digits as a whole and the power of ten are both exact, so
/// their quotient is rounded once, and is the number that the slow way gives.
fn decimal(text: &[u8]) -> Option<f64> {
    let (negative, text) = match text {
        [b'-', rest @ ..] => (true, rest),
        _ => (false, text),
    };
    if text.len() > EXACT + 1 {
        return None;
    }
    let (mut sum, mut digits, mut places) = (0_i64, 0_usize, None);
    for byte in text {
        match byte.wrapping_sub(b'0') {
            digit @ 0..=9 => {
                sum = sum * 10 + i64::from(digit);
                digits += 1;
            }
            _ if *byte == b'.' && places.is_none() => places = Some(digits),
            _ => return None,
        }
    }
    if digits == 0 || digits > EXACT {
        return None;
    }
    #[expect(clippy::cast_precision_loss, reason = "fifteen digits are exact")]
    let whole = sum as f64;
    let value = match places {
        Some(before) => whole / POWERS[digits - before],
        None => whole,
    };
    Some(if negative { -value } else { value })
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn each_type_shows_its_number() {
        for (kind, text, shown) in [
            (FieldType::Float, "1.5", Some(1.5)),
            (FieldType::Float, "1.", Some(1.0)),
            (FieldType::Float, "-.5", Some(-0.5)),
            (FieldType::Float, "1e3", Some(1_000.0)),
            (FieldType::Float, "-12.5E-2", Some(-0.125)),
            (
                FieldType::Float,
                "0.1234567890123456789",
                Some(0.123_456_789_012_345_68),
            ),
            (FieldType::Integer, "-3i", Some(-3.0)),
            (
                FieldType::Integer,
                "9223372036854775807i",
                Some(9_223_372_036_854_775_807.0),
            ),
            (FieldType::Unsigned, "7u", Some(7.0)),
            (FieldType::Boolean, "true", Some(1.0)),
            (FieldType::Boolean, "F", Some(0.0)),
            (FieldType::String, "\"1\"", None),
        ] {
            assert_eq!(number(kind, text.as_bytes()), shown, "{text}");
        }
        for text in ["", "-", ".", "-.", "1.2.3", "x"] {
            let shown = number(FieldType::Float, text.as_bytes());
            assert!(shown.is_some_and(f64::is_nan), "{text}");
        }
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(2_000))]
        #[test]
        fn the_short_way_gives_what_the_long_one_gives(text in "-?[0-9]{0,9}\\.?[0-9]{0,9}") {
            if let Some(value) = decimal(text.as_bytes()) {
                prop_assert_eq!(value.to_bits(), text.parse::<f64>().unwrap().to_bits());
            }
        }
    }
}
