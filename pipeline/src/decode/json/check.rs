//! The whole grammar of JSON in one pass: text comes in, "well formed" or the place of the first error comes out.

/// The deepest nesting: as deep as serde_json goes, and far deeper than any payload of the contract.
const DEPTH_LIMIT: u32 = 127;

/// Text that is not JSON.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("not JSON: {what} at byte {}", at + 1)]
pub(in crate::decode) struct Malformed {
    what: &'static str,
    at: usize,
}

/// Whether `text` is one JSON value with nothing but blanks around it. What strings hold is not looked at beyond their escapes.
pub(in crate::decode) fn check(text: &[u8]) -> Result<(), Malformed> {
    let mut walk = Walk { text, at: 0 };
    let mut open = Open::default();
    loop {
        walk.blanks();
        match walk.text.get(walk.at) {
            Some(b'{') => {
                walk.at += 1;
                walk.blanks();
                if !walk.eat(b'}') {
                    open.push(Kind::Object)
                        .ok_or(walk.error("nested too deep"))?;
                    walk.key()?;
                    continue;
                }
            }
            Some(b'[') => {
                walk.at += 1;
                walk.blanks();
                if !walk.eat(b']') {
                    open.push(Kind::Array)
                        .ok_or(walk.error("nested too deep"))?;
                    continue;
                }
            }
            Some(b'"') => walk.string()?,
            Some(b'-' | b'0'..=b'9') => walk.number()?,
            Some(b't') => walk.word(b"true")?,
            Some(b'f') => walk.word(b"false")?,
            Some(b'n') => walk.word(b"null")?,
            _ => return Err(walk.error("a value is missing")),
        }
        if walk.close(&mut open)? == Next::End {
            return Ok(());
        }
    }
}

/// What follows a value and all that it closes.
#[derive(PartialEq, Eq)]
enum Next {
    Value,
    End,
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

struct Walk<'t> {
    text: &'t [u8],
    at: usize,
}

impl Walk<'_> {
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
            self.blanks();
            match open.top() {
                None if self.at == self.text.len() => return Ok(Next::End),
                None => return Err(self.error("something follows the value")),
                Some(Kind::Array) if self.eat(b',') => return Ok(Next::Value),
                Some(Kind::Array) if self.eat(b']') => open.pop(),
                Some(Kind::Array) => return Err(self.error("`,` or `]` is missing")),
                Some(Kind::Object) if self.eat(b',') => {
                    self.blanks();
                    self.key()?;
                    return Ok(Next::Value);
                }
                Some(Kind::Object) if self.eat(b'}') => open.pop(),
                Some(Kind::Object) => return Err(self.error("`,` or `}` is missing")),
            }
        }
    }

    fn key(&mut self) -> Result<(), Malformed> {
        if self.text.get(self.at) != Some(&b'"') {
            return Err(self.error("a key is missing"));
        }
        self.string()?;
        self.blanks();
        if self.eat(b':') {
            Ok(())
        } else {
            Err(self.error("`:` is missing"))
        }
    }

    fn string(&mut self) -> Result<(), Malformed> {
        let open = self.at;
        self.at += 1;
        loop {
            let special = |byte: &u8| matches!(byte, b'"' | b'\\' | 0..=0x1f);
            let Some(found) = self.text[self.at..].iter().position(special) else {
                self.at = open;
                return Err(self.error("a string is not closed"));
            };
            self.at += found;
            match self.text[self.at] {
                b'"' => {
                    self.at += 1;
                    return Ok(());
                }
                b'\\' => self.escape()?,
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
        let length = self.text[self.at..]
            .iter()
            .take_while(|byte| byte.is_ascii_digit())
            .count();
        if length == 0 {
            return Err(self.error("a digit is missing"));
        }
        self.at += length;
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

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use serde::de::IgnoredAny;

    #[test]
    fn an_error_names_its_place() {
        for (text, what, at) in [
            ("", "a value is missing", 0),
            ("{", "a key is missing", 1),
            ("{\"a\"}", "`:` is missing", 4),
            ("{\"a\":1,}", "a key is missing", 7),
            ("[1,]", "a value is missing", 3),
            ("[1 2]", "`,` or `]` is missing", 3),
            ("{\"a\":1 \"b\"", "`,` or `}` is missing", 7),
            ("\"a", "a string is not closed", 0),
            (
                "\"a\nb\"",
                "a control character in a string must be escaped",
                2,
            ),
            ("\"\\x\"", "an unknown escape", 1),
            ("-", "a digit is missing", 1),
            ("01", "something follows the value", 1),
            ("1.e5", "a digit is missing", 2),
            ("tru", "a value is missing", 0),
            ("{} x", "something follows the value", 3),
        ] {
            assert_eq!(
                check(text.as_bytes()),
                Err(Malformed { what, at }),
                "{text}"
            );
        }
        assert_eq!(
            check("[".repeat(200).as_bytes()).map_err(|error| error.what),
            Err("nested too deep")
        );
    }

    proptest! {
        #[test]
        fn it_takes_what_serde_json_takes(text in "[\\[\\]{}:, \"\\\\0-9eE.+\\-truefalsn\n]{0,14}") {
            let serde = serde_json::from_slice::<IgnoredAny>(text.as_bytes());
            prop_assert_eq!(check(text.as_bytes()).is_ok(), serde.is_ok(), "{:?}", serde);
        }

        #[test]
        fn it_never_reads_beyond_any_bytes(text in any::<Vec<u8>>()) {
            let serde = serde_json::from_slice::<IgnoredAny>(&text);
            prop_assert_eq!(check(&text).is_ok(), serde.is_ok());
        }

        #[test]
        fn a_broken_copy_of_a_message_is_found(cut in 0_usize..90, byte in any::<u8>()) {
            let mut text = br#"{"samples":[{"name":"a","kind":"gauge","value":-1.5e3,"labels":{"x":"\u00e9\\"}},null]}"#.to_vec();
            let at = cut.min(text.len() - 1);
            text[at] = byte;
            let serde = serde_json::from_slice::<IgnoredAny>(&text);
            prop_assert_eq!(check(&text).is_ok(), serde.is_ok(), "{}", String::from_utf8_lossy(&text));
        }
    }
}
