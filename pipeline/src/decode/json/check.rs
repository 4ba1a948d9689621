//! The whole grammar of JSON in one pass: text comes in, the places of its parts or that of the first error come out.

use crate::decode::json::{Entry, Place, Text};
use crate::decode::scan::block::{Block, SIZE};

/// The deepest nesting: as deep as serde_json goes, and far deeper than any payload of the contract.
const DEPTH_LIMIT: u32 = 127;

/// Text that is not JSON.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("not JSON: {what} at byte {}", at + 1)]
pub(in crate::decode) struct Malformed {
    what: &'static str,
    at: usize,
}

/// Where the one JSON value stands that `text` is but for blanks around it; into `entries` go those of the value itself, if it is an
/// object. What strings hold is not looked at beyond their escapes.
pub(in crate::decode) fn check(text: &[u8], entries: &mut Vec<Entry>) -> Result<Place, Malformed> {
    entries.clear();
    let mut walk = Walk {
        text,
        at: super::blanks(text, 0),
        entries,
    };
    let start = walk.at;
    let end = walk.value()?;
    walk.blanks();
    if walk.at == text.len() {
        Ok(Place { start, end })
    } else {
        Err(walk.error("something follows the value"))
    }
}

/// Puts the entries of the checked object at `place` into `entries`.
pub(in crate::decode) fn index(text: &[u8], place: Place, entries: &mut Vec<Entry>) {
    entries.clear();
    let mut walk = Walk {
        text,
        at: place.start,
        entries,
    };
    let checked = walk.value();
    debug_assert_eq!(checked, Ok(place.end), "it was checked with the whole");
}

/// What follows a value and all that it closes.
enum Next {
    Value,
    /// Of the value itself, there.
    End(usize),
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Kind {
    Array,
    Object,
}

/// The containers that are open, one bit each: 1 is an object.
#[derive(Default)]
struct Open {
    bits: u128,
    depth: u32,
}

impl Open {
    fn push(&mut self, kind: Kind) -> Option<()> {
        if self.depth == DEPTH_LIMIT {
            return None;
        }
        self.bits = self.bits << 1 | u128::from(kind == Kind::Object);
        self.depth += 1;
        Some(())
    }

    fn pop(&mut self) {
        self.bits >>= 1;
        self.depth -= 1;
    }

    fn top(&self) -> Option<Kind> {
        match (self.depth, self.bits & 1) {
            (0, _) => None,
            (_, 0) => Some(Kind::Array),
            _ => Some(Kind::Object),
        }
    }
}

struct Walk<'t, 'e> {
    text: &'t [u8],
    at: usize,
    /// Of the object that is the value itself; none while that is something else.
    entries: &'e mut Vec<Entry>,
}

impl Walk<'_, '_> {
    /// Passes one value and returns where it ends.
    fn value(&mut self) -> Result<usize, Malformed> {
        let mut open = Open::default();
        loop {
            self.blanks();
            if open.depth == 1
                && let Some(entry) = self.entries.last_mut()
            {
                entry.value.start = self.at;
            }
            match self.text.get(self.at) {
                Some(b'{') => {
                    self.at += 1;
                    self.blanks();
                    if !self.eat(b'}') {
                        open.push(Kind::Object)
                            .ok_or(self.error("nested too deep"))?;
                        self.key(&open)?;
                        continue;
                    }
                }
                Some(b'[') => {
                    self.at += 1;
                    self.blanks();
                    if !self.eat(b']') {
                        open.push(Kind::Array)
                            .ok_or(self.error("nested too deep"))?;
                        continue;
                    }
                }
                Some(b'"') => _ = self.string()?,
                Some(b'-' | b'0'..=b'9') => self.number()?,
                Some(b't') => self.word(b"true")?,
                Some(b'f') => self.word(b"false")?,
                Some(b'n') => self.word(b"null")?,
                _ => return Err(self.error("a value is missing")),
            }
            if let Next::End(at) = self.close(&mut open)? {
                return Ok(at);
            }
        }
    }

    fn error(&self, what: &'static str) -> Malformed {
        Malformed { what, at: self.at }
    }

    fn blanks(&mut self) {
        self.at = super::blanks(self.text, self.at);
    }

    fn eat(&mut self, byte: u8) -> bool {
        let found = self.text.get(self.at) == Some(&byte);
        self.at += usize::from(found);
        found
    }

    /// Behind a value: closes what ends here, up to the next value's start or the text's end.
    fn close(&mut self, open: &mut Open) -> Result<Next, Malformed> {
        loop {
            if open.depth == 1
                && let Some(entry) = self.entries.last_mut()
            {
                entry.value.end = self.at;
            }
            let end = self.at;
            self.blanks();
            match open.top() {
                None => return Ok(Next::End(end)),
                Some(Kind::Array) if self.eat(b',') => return Ok(Next::Value),
                Some(Kind::Array) if self.eat(b']') => open.pop(),
                Some(Kind::Array) => return Err(self.error("`,` or `]` is missing")),
                Some(Kind::Object) if self.eat(b',') => {
                    self.blanks();
                    self.key(open)?;
                    return Ok(Next::Value);
                }
                Some(Kind::Object) if self.eat(b'}') => open.pop(),
                Some(Kind::Object) => return Err(self.error("`,` or `}` is missing")),
            }
        }
    }

    fn key(&mut self, open: &Open) -> Result<(), Malformed> {
        let start = self.at;
        if self.text.get(start) != Some(&b'"') {
            return Err(self.error("a key is missing"));
        }
        let text = self.string()?;
        if open.depth == 1 {
            let key = Place {
                start,
                end: self.at,
            };
            // The value's place follows.
            self.entries.push(Entry {
                key,
                text,
                value: key,
            });
        }
        self.blanks();
        if self.eat(b':') {
            Ok(())
        } else {
            Err(self.error("`:` is missing"))
        }
    }

    fn string(&mut self) -> Result<Text, Malformed> {
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

    fn number(&mut self) -> Result<(), Malformed> {
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
        Ok(())
    }

    fn digits(&mut self) -> Result<(), Malformed> {
        let end = digits_end(self.text, self.at);
        if end == self.at {
            return Err(self.error("a digit is missing"));
        }
        self.at = end;
        Ok(())
    }

    fn word(&mut self, word: &[u8]) -> Result<(), Malformed> {
        if !self.text[self.at..].starts_with(word) {
            return Err(self.error("a value is missing"));
        }
        self.at += word.len();
        Ok(())
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

#[cfg(test)]
mod tests;
