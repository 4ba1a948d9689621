//! Integers come in, digits of some base or a character go out.

use super::layout::Flags;
use super::quote::{is_printable, quoted};
use super::{Printer, Value};

/// Of a number whose magnitude stands elsewhere.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Sign {
    None,
    Minus,
}

impl Sign {
    pub(super) fn of(number: i64) -> Self {
        match number < 0 {
            true => Self::Minus,
            false => Self::None,
        }
    }
}

impl Printer<'_> {
    pub(super) fn integer(&mut self, magnitude: u64, sign: Sign, verb: char, value: &Value<'_>) {
        let go_syntax = self.layout.flags.has(Flags::GO_SYNTAX);
        match verb {
            // Bytes are hexadecimal in Go's syntax.
            'v' if go_syntax && matches!(value, Value::Byte(_)) => {
                let flags = self.layout.flags;
                self.layout.flags = flags.with(Flags::SHARP);
                self.digits(&format!("{magnitude:x}"), "0x", sign);
                self.layout.flags = flags;
            }
            'v' | 'd' => self.digits(&magnitude.to_string(), "", sign),
            'b' => self.digits(&format!("{magnitude:b}"), "0b", sign),
            'o' | 'O' => self.octal(magnitude, sign, verb),
            'x' => self.digits(&format!("{magnitude:x}"), "0x", sign),
            'X' => self.digits(&format!("{magnitude:X}"), "0X", sign),
            'c' => self.pad(character(magnitude, sign).encode_utf8(&mut [0; 4])),
            'q' => {
                let charset = self.layout.flags.charset();
                let character = character(magnitude, sign).to_string();
                self.pad(&quoted(&character, '\'', charset));
            }
            'U' => self.code_point(magnitude, sign),
            _ => self.bad_verb(value, verb),
        }
    }

    fn octal(&mut self, magnitude: u64, sign: Sign, verb: char) {
        let digits = format!("{magnitude:o}");
        if verb == 'O' {
            // Its own prefix stands before the one that `#` asks for.
            let marked = self.layout.flags.has(Flags::SHARP);
            self.prefixed(&digits, if marked { "0o0" } else { "0o" }, sign);
        } else {
            self.digits(&digits, "0", sign);
        }
    }

    /// With the base's prefix if it is asked for.
    fn digits(&mut self, digits: &str, prefix: &str, sign: Sign) {
        let marked = self.layout.flags.has(Flags::SHARP);
        self.prefixed(digits, if marked { prefix } else { "" }, sign);
    }

    fn prefixed(&mut self, digits: &str, prefix: &str, sign: Sign) {
        let flags = self.layout.flags;
        if self.layout.precision == Some(0) && digits == "0" {
            return self.pad_with_spaces("");
        }
        let sign = match sign {
            Sign::Minus => "-",
            Sign::None if flags.has(Flags::PLUS) => "+",
            Sign::None if flags.has(Flags::SPACE) => " ",
            Sign::None => "",
        };
        let fills = flags.has(Flags::ZERO) && !flags.has(Flags::MINUS);
        let least = match (self.layout.precision, self.layout.width) {
            (Some(precision), _) => precision,
            (None, Some(width)) if fills => width.saturating_sub(sign.len()),
            (None, _) => 0,
        };
        let zeros = "0".repeat(least.saturating_sub(digits.len()));
        // One leading zero is enough to be octal.
        let has_zero = !zeros.is_empty() || digits.starts_with('0');
        let prefix = match prefix {
            "0" if has_zero => "",
            "0o0" if has_zero => "0o",
            prefix => prefix,
        };
        self.pad_with_spaces(&format!("{sign}{prefix}{zeros}{digits}"));
    }

    /// As in `U+0078`, and with `#` the character behind it.
    fn code_point(&mut self, magnitude: u64, sign: Sign) {
        let number = two_complement(magnitude, sign);
        let least = self.layout.precision.unwrap_or(0).max(4);
        let digits = format!("{number:X}");
        let zeros = "0".repeat(least.saturating_sub(digits.len()));
        let shown = u32::try_from(number)
            .ok()
            .and_then(char::from_u32)
            .filter(|character| self.layout.flags.has(Flags::SHARP) && is_printable(*character));
        let shown = shown.map_or(String::new(), |character| format!(" '{character}'"));
        self.pad_with_spaces(&format!("U+{zeros}{digits}{shown}"));
    }
}

fn two_complement(magnitude: u64, sign: Sign) -> u64 {
    match sign {
        Sign::None => magnitude,
        Sign::Minus => magnitude.wrapping_neg(),
    }
}

fn character(magnitude: u64, sign: Sign) -> char {
    u32::try_from(two_complement(magnitude, sign))
        .ok()
        .and_then(char::from_u32)
        .unwrap_or(char::REPLACEMENT_CHARACTER)
}
