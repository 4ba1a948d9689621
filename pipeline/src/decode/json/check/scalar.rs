//! Strings, numbers and words: what stands at a place comes in, what it is comes out, and the place behind it.

use crate::decode::json::check::{Malformed, Walk};
use crate::decode::json::{Form, Text};
use crate::decode::scan::block::{Block, SIZE};

impl Walk<'_> {
    /// Passes the string that opens here.
    #[inline(always)]
    pub(super) fn string(&mut self) -> Result<Text, Malformed> {
        let start = self.at + 1;
        if let Some(bytes) = self.text.get(start..).and_then(<[u8]>::first_chunk) {
            let found = Block::new(*bytes).special_in_json();
            let length = found.trailing_zeros() as usize;
            if found != 0 && bytes[length & (SIZE - 1)] == b'"' {
                self.at = start + length + 1;
                return Ok(Text::Plain);
            }
        }
        self.any_string()
    }

    /// The same for strings of every length.
    #[inline(never)]
    fn any_string(&mut self) -> Result<Text, Malformed> {
        let open = self.at;
        let mut found = Text::Plain;
        self.at += 1;
        loop {
            let Some(special) = special(self.text, self.at) else {
                self.at = open;
                return Err(self.error("a string is not closed"));
            };
            self.at = special;
            match self.text[self.at] {
                b'"' => {
                    self.at += 1;
                    return Ok(found);
                }
                b'\\' => {
                    self.escape()?;
                    found = Text::Escaped;
                }
                _ => return Err(self.error("a control character in a string must be escaped")),
            }
        }
    }

    fn escape(&mut self) -> Result<(), Malformed> {
        let rest = &self.text[self.at + 1..];
        let length = match rest {
            [b'"' | b'\\' | b'/' | b'b' | b'f' | b'n' | b'r' | b't', ..] => 2,
            [b'u', a, b, c, d, ..] if [a, b, c, d].iter().all(|byte| byte.is_ascii_hexdigit()) => 6,
            _ => return Err(self.error("an unknown escape")),
        };
        self.at += length;
        Ok(())
    }

    /// Passes the number that starts here.
    #[inline(always)]
    pub(super) fn number(&mut self) -> Result<Form, Malformed> {
        if let Some((length, form)) = usual_number(self.text, self.at) {
            self.at += length;
            return Ok(form);
        }
        self.any_number()
    }

    /// The same for numbers of every form.
    #[inline(never)]
    fn any_number(&mut self) -> Result<Form, Malformed> {
        self.eat(b'-');
        if !self.eat(b'0') {
            self.digits()?;
        }
        if self.eat(b'.') {
            self.digits()?;
        }
        if self.eat(b'e') || self.eat(b'E') {
            if !self.eat(b'+') {
                self.eat(b'-');
            }
            self.digits()?;
        }
        Ok(Form::Number)
    }

    fn digits(&mut self) -> Result<(), Malformed> {
        let end = digits_end(self.text, self.at);
        if end == self.at {
            return Err(self.error("a digit is missing"));
        }
        self.at = end;
        Ok(())
    }

    /// Passes `word`, which is of that form.
    #[inline(always)]
    pub(super) fn word(&mut self, word: &[u8], form: Form) -> Result<Form, Malformed> {
        if !self.text[self.at..].starts_with(word) {
            return Err(self.error("a value is missing"));
        }
        self.at += word.len();
        Ok(form)
    }
}

/// The length of a number without a sign that is written as line protocol writes it, and which of the two it is. It ends within one
/// block, so that it has at most 15 digits; see [`number`](crate::decode::json::number).
#[inline(always)]
fn usual_number(text: &[u8], at: usize) -> Option<(usize, Form)> {
    let bytes: &[u8; SIZE] = text.get(at..)?.first_chunk()?;
    let byte = |at: usize| bytes[at & (SIZE - 1)];
    let odd = Block::new(*bytes).no_digit();
    let whole = odd.trailing_zeros() as usize;
    if whole == 0 || odd == 0 || byte(0) == b'0' && whole > 1 {
        return None;
    }
    match byte(whole) {
        b',' | b'}' | b']' => Some((whole, Form::Integer)),
        b'.' => {
            let rest = odd & (odd - 1);
            let end = rest.trailing_zeros() as usize;
            let is_usual = rest != 0
                && end > whole + 1
                && matches!(byte(end), b',' | b'}' | b']')
                && byte(end - 1) != b'0'
                // Small numbers may get an exponent.
                && (byte(0) != b'0' || byte(2) != b'0');
            is_usual.then_some((end, Form::Decimal))
        }
        _ => None,
    }
}

/// The first quote, backslash or control character from `at` on.
fn special(text: &[u8], mut at: usize) -> Option<usize> {
    while let Some(bytes) = text.get(at..).and_then(<[u8]>::first_chunk) {
        let found = Block::new(*bytes).special_in_json();
        if found != 0 {
            return Some(at + found.trailing_zeros() as usize);
        }
        at += SIZE;
    }
    if let Some(bytes) = text.last_chunk() {
        // The text's last block, without what is before the place.
        let past = at - (text.len() - SIZE);
        let found = Block::new(*bytes)
            .special_in_json()
            .checked_shr(u32::try_from(past).ok()?)?;
        return (found != 0).then(|| at + found.trailing_zeros() as usize);
    }
    let special = |byte: &u8| matches!(byte, b'"' | b'\\' | 0..=0x1f);
    let found = text.get(at..)?.iter().position(special)?;
    Some(at + found)
}

/// The first byte from `at` on that is no digit.
fn digits_end(text: &[u8], mut at: usize) -> usize {
    while let Some(bytes) = text.get(at..).and_then(<[u8]>::first_chunk) {
        let digits = Block::new(*bytes).no_digit().trailing_zeros() as usize;
        if digits < SIZE {
            return at + digits;
        }
        at += SIZE;
    }
    let rest = text.get(at..).unwrap_or_default();
    at + rest.iter().take_while(|byte| byte.is_ascii_digit()).count()
}
