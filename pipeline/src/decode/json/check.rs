//! The whole grammar of JSON in one pass: text comes in, the places of its parts or that of the first error come out.

use crate::decode::json::{Entry, Form, NOTED, Place, Text};

mod scalar;

/// The deepest nesting: as deep as serde_json goes, and far deeper than any payload of the contract.
const DEPTH_LIMIT: u32 = 127;

/// Text that is not JSON.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("not JSON: {what} at byte {}", at + 1)]
pub(in crate::decode) struct Malformed {
    what: &'static str,
    at: usize,
}

/// Where the one JSON value stands that `text` is but for blanks around it; into `entries` go the first [`NOTED`] of the value itself, if it
/// is an object. What strings hold is not looked at beyond their escapes.
pub(in crate::decode) fn check(text: &[u8], entries: &mut Vec<Entry>) -> Result<Place, Malformed> {
    entries.clear();
    let mut walk = Walk {
        text,
        at: super::blanks(text, 0),
    };
    let start = walk.at;
    let end = walk.value(entries)?;
    walk.blanks();
    if walk.at == text.len() {
        Ok(Place { start, end })
    } else {
        Err(walk.error("something follows the value"))
    }
}

/// Puts the first [`NOTED`] entries of the checked value that starts at `start` into `entries`, if it is an object, and returns its
/// place.
pub(in crate::decode) fn index(text: &[u8], start: usize, entries: &mut Vec<Entry>) -> Place {
    entries.clear();
    let mut walk = Walk { text, at: start };
    let end = walk.value(entries);
    Place {
        start,
        end: end.expect("it was checked with the whole"),
    }
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

    #[inline(always)]
    fn top(&self) -> Option<Kind> {
        match (self.depth, self.bits & 1) {
            (0, _) => None,
            (_, 0) => Some(Kind::Array),
            _ => Some(Kind::Object),
        }
    }
}

struct Walk<'t> {
    text: &'t [u8],
    at: usize,
}

/// The entry that is not complete yet, of the object that is the value itself.
struct Pending {
    key: Place,
    text: Text,
    start: usize,
    form: Form,
}

impl Pending {
    fn complete(&self, end: usize) -> Entry {
        Entry {
            key: self.key,
            text: self.text,
            value: Place {
                start: self.start,
                end,
            },
            form: self.form,
        }
    }
}

impl Walk<'_> {
    /// Passes one value and returns where it ends. Into `entries` go the first of the object that is the value itself.
    fn value(&mut self, entries: &mut Vec<Entry>) -> Result<usize, Malformed> {
        let mut open = Open::default();
        let mut pending = Pending {
            key: Place { start: 0, end: 0 },
            text: Text::Plain,
            start: 0,
            form: Form::Other,
        };
        // Whether the value itself is an object.
        let has_entries = self.text.get(self.at) == Some(&b'{');
        loop {
            self.blanks();
            let start = self.at;
            let form = match self.text.get(start) {
                Some(b'{') => {
                    self.at += 1;
                    self.blanks();
                    if !self.eat(b'}') {
                        if open.depth == 1 {
                            (pending.start, pending.form) = (start, Form::Other);
                        }
                        open.push(Kind::Object)
                            .ok_or(self.error("nested too deep"))?;
                        self.key(&open, &mut pending)?;
                        continue;
                    }
                    Form::Other
                }
                Some(b'[') => {
                    self.at += 1;
                    self.blanks();
                    if !self.eat(b']') {
                        if open.depth == 1 {
                            (pending.start, pending.form) = (start, Form::Other);
                        }
                        open.push(Kind::Array)
                            .ok_or(self.error("nested too deep"))?;
                        continue;
                    }
                    Form::Other
                }
                Some(b'"') => self.string()?.into(),
                Some(b'-' | b'0'..=b'9') => self.number()?,
                Some(b't') => self.word(b"true", Form::True)?,
                Some(b'f') => self.word(b"false", Form::False)?,
                Some(b'n') => self.word(b"null", Form::Null)?,
                _ => return Err(self.error("a value is missing")),
            };
            if open.depth == 1 {
                (pending.start, pending.form) = (start, form);
            }
            loop {
                let end = self.at;
                if has_entries && open.depth == 1 && entries.len() < NOTED {
                    entries.push(pending.complete(end));
                }
                self.blanks();
                match open.top() {
                    None => return Ok(end),
                    Some(Kind::Object) if self.eat(b',') => {
                        self.blanks();
                        self.key(&open, &mut pending)?;
                        break;
                    }
                    Some(Kind::Object) if self.eat(b'}') => open.pop(),
                    Some(Kind::Object) => return Err(self.error("`,` or `}` is missing")),
                    Some(Kind::Array) if self.eat(b',') => break,
                    Some(Kind::Array) if self.eat(b']') => open.pop(),
                    Some(Kind::Array) => return Err(self.error("`,` or `]` is missing")),
                }
            }
        }
    }

    fn error(&self, what: &'static str) -> Malformed {
        Malformed { what, at: self.at }
    }

    #[inline(always)]
    fn blanks(&mut self) {
        // Most bytes that blanks could stand before are beyond all of them.
        if self.text.get(self.at).is_some_and(|byte| *byte <= b' ') {
            self.at = super::blanks(self.text, self.at);
        }
    }

    #[inline(always)]
    fn eat(&mut self, byte: u8) -> bool {
        let found = self.text.get(self.at) == Some(&byte);
        self.at += usize::from(found);
        found
    }

    #[inline(always)]
    fn key(&mut self, open: &Open, pending: &mut Pending) -> Result<(), Malformed> {
        let start = self.at;
        if self.text.get(start) != Some(&b'"') {
            return Err(self.error("a key is missing"));
        }
        let text = self.string()?;
        if open.depth == 1 {
            pending.text = text;
            pending.key = Place {
                start,
                end: self.at,
            };
        }
        self.blanks();
        if self.eat(b':') {
            Ok(())
        } else {
            Err(self.error("`:` is missing"))
        }
    }
}

#[cfg(test)]
mod tests;
