//! Strings in either quotes, with every escape of JSON5.

use super::{Parser, SyntaxError, is_line_end, wrong_at};

impl Parser<'_> {
    pub(super) fn string(&mut self) -> Result<String, SyntaxError> {
        let start = self.at;
        let quote = self.next();
        let mut text = String::new();
        loop {
            let at = self.at;
            match self.next() {
                None => return Err(wrong_at(start, "this text has no end", "close the quotes")),
                next if next == quote => return Ok(text),
                Some('\n' | '\r') => {
                    return Err(wrong_at(
                        at,
                        "text in quotes cannot go on in the next line",
                        "close the quotes, or end the line with a backslash",
                    ));
                }
                Some('\\') => text.extend(self.escape(at)?),
                Some(next) => text.push(next),
            }
        }
    }

    /// What stands for the escape that began at `start`; nothing for the end of a line.
    fn escape(&mut self, start: usize) -> Result<Option<char>, SyntaxError> {
        let wrong = |what: &str| {
            let cure = "write \\\\ for a backslash";
            wrong_at(start, what, cure)
        };
        let escaped = match self.next() {
            None => return Err(wrong("this text has no end")),
            Some('b') => '\u{8}',
            Some('f') => '\u{c}',
            Some('n') => '\n',
            Some('r') => '\r',
            Some('t') => '\t',
            Some('v') => '\u{b}',
            Some('0') if !self.peek().is_some_and(|c| c.is_ascii_digit()) => '\0',
            Some('0'..='9') => return Err(wrong("a digit cannot be escaped")),
            Some('x') => self
                .hexadecimal(2)
                .and_then(char::from_u32)
                .ok_or_else(|| wrong("\\x wants two hexadecimal digits"))?,
            Some('u') => self.unicode(start)?,
            Some('\r') => {
                self.eat("\n");
                return Ok(None);
            }
            Some(next) if is_line_end(next) => return Ok(None),
            Some(next) => next,
        };
        Ok(Some(escaped))
    }

    /// What follows `\u`: four digits, or twice four where one character is written as two halves.
    pub(super) fn unicode(&mut self, start: usize) -> Result<char, SyntaxError> {
        let wrong = |what: &str| wrong_at(start, what, "write \\u and four hexadecimal digits");
        let no_digits = "\\u wants four hexadecimal digits";
        let first = self.hexadecimal(4).ok_or_else(|| wrong(no_digits))?;
        let code = match first {
            0xd800..=0xdbff if self.eat("\\u") => {
                let second = self.hexadecimal(4).ok_or_else(|| wrong(no_digits))?;
                let low = second.checked_sub(0xdc00).filter(|low| *low < 0x400);
                low.map(|low| 0x10000 + ((first - 0xd800) << 10) + low)
            }
            _ => Some(first),
        };
        code.and_then(char::from_u32)
            .ok_or_else(|| wrong("half a character"))
    }

    fn hexadecimal(&mut self, count: usize) -> Option<u32> {
        let digits = self.rest().get(..count)?;
        if !digits.bytes().all(|byte| byte.is_ascii_hexdigit()) {
            return None;
        }
        self.at += count;
        u32::from_str_radix(digits, 16).ok()
    }
}
