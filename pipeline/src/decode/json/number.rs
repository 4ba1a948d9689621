//! Numbers that line protocol writes as JSON does.

/// Decimals of so many digits are the shortest ones for the double they mean, so a double's digits would be the same.
const EXACT_DIGITS: usize = 15;

/// Whether `text`, a scalar of checked JSON, is a number that [`with_decimal`](crate::decode::write::with_decimal) would write just
/// so. What is not plain may still come out the same.
pub(in crate::decode) fn is_plain(text: &[u8]) -> bool {
    let digits = text.strip_prefix(b"-").unwrap_or(text);
    if digits.len() > EXACT_DIGITS {
        return false;
    }
    let whole = digits
        .iter()
        .take_while(|byte| byte.is_ascii_digit())
        .count();
    match (digits, &digits[whole..]) {
        // A zero with a sign keeps its sign only as `-0.0`.
        ([b'0'], []) => digits.len() == text.len(),
        ([b'1'..=b'9', ..], []) => true,
        // Small numbers may get an exponent.
        ([b'1'..=b'9', ..] | [b'0', b'.', b'1'..=b'9', ..], [b'.', fraction @ ..]) => {
            matches!(fraction, [.., b'1'..=b'9']) && fraction.iter().all(u8::is_ascii_digit)
        }
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::decode::write::with_decimal;

    fn written(text: &str) -> String {
        let number = serde_json::from_str(text).unwrap();
        with_decimal(number, str::to_owned).unwrap()
    }

    #[test]
    fn most_numbers_are_plain() {
        for text in [
            "0",
            "42",
            "-7",
            "42.5",
            "-0.25",
            "101325",
            "1502675000.123",
            "999999999999999",
        ] {
            assert!(is_plain(text.as_bytes()), "{text}");
            assert_eq!(written(text), text);
        }
        for text in [
            "-0",
            "1.0",
            "1.50",
            "0.01",
            "1e3",
            "-",
            "9007199254740993",
            "\"1\"",
            "true",
            "null",
            "{}",
        ] {
            assert!(!is_plain(text.as_bytes()), "{text}");
        }
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(4096))]
        #[test]
        fn a_plain_number_is_written_as_it_came(text in "-?(0|[1-9][0-9]{0,16})(\\.[0-9]{1,16})?([eE][+-]?[0-9]{1,2})?") {
            if is_plain(text.as_bytes()) {
                prop_assert_eq!(written(&text), text);
            }
        }
    }
}
