//! Numbers: decimal with or without a digit on each side of the point, hexadecimal, infinite.

use super::{Parser, SyntaxError, is_name_part, wrong_at};

const CURE: &str = "write a number such as 5, 0.5 or 0x10, or put the text in quotes";

impl Parser<'_> {
    pub(super) fn number(&mut self) -> Result<f64, SyntaxError> {
        let start = self.at;
        let sign = if self.eat("-") {
            -1.0
        } else {
            self.eat("+");
            1.0
        };
        let rest = self.rest();
        let length = rest.find(|c| !is_part(c)).unwrap_or(rest.len());
        let (typed, _) = rest.split_at(length);
        // 1e+5: a sign stands inside a number only behind its e.
        let typed = match rest.strip_prefix(typed) {
            Some(after) if is_open_exponent(typed) && after.starts_with(['+', '-']) => {
                let digits = after.get(1..).unwrap_or_default();
                let more = digits.find(|c| !is_part(c)).unwrap_or(digits.len());
                rest.split_at(length + 1 + more).0
            }
            _ => typed,
        };
        self.at += typed.len();
        let magnitude = magnitude(typed)
            .ok_or_else(|| wrong_at(start, "this is neither a number nor text in quotes", CURE))?;
        Ok(sign * magnitude)
    }
}

fn is_part(c: char) -> bool {
    c == '.' || is_name_part(c)
}

fn is_open_exponent(typed: &str) -> bool {
    typed.ends_with(['e', 'E']) && !is_hexadecimal(typed)
}

fn is_hexadecimal(typed: &str) -> bool {
    typed.starts_with("0x") || typed.starts_with("0X")
}

fn magnitude(typed: &str) -> Option<f64> {
    match typed {
        "Infinity" => return Some(f64::INFINITY),
        "NaN" => return Some(f64::NAN),
        _ if is_hexadecimal(typed) => {
            let digits = typed.get(2..).filter(|digits| !digits.is_empty())?;
            return digits.chars().try_fold(0.0, |sum: f64, digit| {
                Some(sum * 16.0 + f64::from(digit.to_digit(16)?))
            });
        }
        _ => {}
    }
    let (mantissa, exponent) = match typed.split_once(['e', 'E']) {
        Some((mantissa, exponent)) => (mantissa, Some(exponent)),
        None => (typed, None),
    };
    let (whole, fraction) = mantissa.split_once('.').unwrap_or((mantissa, ""));
    let digits = |text: &str| text.bytes().all(|byte| byte.is_ascii_digit());
    let exponent = exponent.map(|text| text.strip_prefix(['+', '-']).unwrap_or(text));
    let is_number = digits(whole)
        && digits(fraction)
        && !(whole.is_empty() && fraction.is_empty())
        && !(whole.len() > 1 && whole.starts_with('0'))
        && exponent.is_none_or(|text| !text.is_empty() && digits(text));
    // Rust's own grammar is wider than JSON5's, never narrower.
    is_number.then(|| typed.parse().ok()).flatten()
}
