//! JSON5 text comes in, a tree with places or the first mistake goes out. All of JSON5 is read, which is more than ContainerPilot
//! reads; a comment ends where it should.

use crate::config::tree::{Entry, Node, Span, Value};

/// Numbers.
mod number;
/// Strings and their escapes.
mod string;

/// How deep arrays and objects may lie in each other: five levels have a meaning, and each level costs stack.
pub const DEPTH_LIMIT: usize = 64;

/// Why a text is not JSON5.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{what}")]
pub struct SyntaxError {
    /// Where, as a byte of the text; at its end when something is missing there.
    pub at: usize,
    /// What is wrong, one sentence without a full stop.
    pub what: String,
    /// What to do about it.
    pub cure: &'static str,
}

/// Reads one value, which is the whole text.
///
/// # Errors
/// The first mistake.
pub fn parse(text: &str) -> Result<Node, SyntaxError> {
    let mut parser = Parser { text, at: 0 };
    let node = parser.value(0)?;
    parser.blank()?;
    match parser.peek() {
        None => Ok(node),
        Some(found) => Err(parser.wrong(
            format!("expected the end of the file after the value, found {found:?}"),
            "remove it, or look for a bracket that was closed too early",
        )),
    }
}

/// How far white space and comments go at the start of `text`, in bytes; a comment without an end goes to the end.
pub(crate) fn blank_length(text: &str) -> usize {
    let mut parser = Parser { text, at: 0 };
    match parser.blank() {
        Ok(()) => parser.at,
        Err(_) => text.len(),
    }
}

struct Parser<'t> {
    text: &'t str,
    /// Always at a boundary of characters.
    at: usize,
}

impl<'t> Parser<'t> {
    fn rest(&self) -> &'t str {
        self.text.get(self.at..).unwrap_or_default()
    }

    fn peek(&self) -> Option<char> {
        self.rest().chars().next()
    }

    fn next(&mut self) -> Option<char> {
        let next = self.peek()?;
        self.at += next.len_utf8();
        Some(next)
    }

    fn eat(&mut self, wanted: &str) -> bool {
        let found = self.rest().starts_with(wanted);
        if found {
            self.at += wanted.len();
        }
        found
    }

    fn wrong(&self, what: impl Into<String>, cure: &'static str) -> SyntaxError {
        wrong_at(self.at, what, cure)
    }

    fn span_from(&self, start: usize) -> Span {
        Span {
            start,
            end: self.at,
        }
    }

    /// Passes over white space and comments.
    fn blank(&mut self) -> Result<(), SyntaxError> {
        loop {
            let rest = self.rest();
            self.at += rest.len() - rest.trim_start_matches(is_space).len();
            let start = self.at;
            if self.eat("//") {
                let rest = self.rest();
                self.at += rest.find(is_line_end).unwrap_or(rest.len());
            } else if self.eat("/*") {
                let Some(length) = self.rest().find("*/") else {
                    return Err(wrong_at(
                        start,
                        "this comment has no end",
                        "close it with */",
                    ));
                };
                self.at += length + "*/".len();
            } else {
                return Ok(());
            }
        }
    }

    fn value(&mut self, depth: usize) -> Result<Node, SyntaxError> {
        const HOLE: &str = "write a value; a template variable that is not set leaves a hole";
        if depth > DEPTH_LIMIT {
            let what = format!("more than {DEPTH_LIMIT} arrays and objects in each other");
            return Err(self.wrong(what, "look for a bracket that is not closed"));
        }
        self.blank()?;
        let start = self.at;
        let value = match self.peek() {
            None => return Err(self.wrong("expected a value, found the end of the file", HOLE)),
            Some('{') => Value::Object(self.object(depth)?),
            Some('[') => Value::Array(self.array(depth)?),
            Some('"' | '\'') => Value::Text(self.string()?),
            Some('+' | '-' | '.' | '0'..='9') => Value::Number(self.number()?),
            Some(found) if is_name_start(found) => self.word()?,
            Some(found) => {
                return Err(self.wrong(format!("expected a value, found {found:?}"), HOLE));
            }
        };
        Ok(Node {
            at: self.span_from(start),
            value,
        })
    }

    fn word(&mut self) -> Result<Value, SyntaxError> {
        let start = self.at;
        let word = self.name()?;
        match word.as_str() {
            "null" => Ok(Value::Null),
            "true" => Ok(Value::Bool(true)),
            "false" => Ok(Value::Bool(false)),
            "Infinity" => Ok(Value::Number(f64::INFINITY)),
            "NaN" => Ok(Value::Number(f64::NAN)),
            _ => Err(wrong_at(
                start,
                "expected a value, found a bare word",
                "put text in quotes",
            )),
        }
    }

    fn object(&mut self, depth: usize) -> Result<Vec<Entry>, SyntaxError> {
        let mut entries = Vec::new();
        let open = self.at;
        self.eat("{");
        loop {
            self.blank()?;
            if self.eat("}") {
                return Ok(entries);
            }
            let start = self.at;
            let key = match self.peek() {
                Some('"' | '\'') => self.string()?,
                Some(found) if is_name_start(found) || found == '\\' => self.name()?,
                Some(',') => return Err(self.wrong("one comma too many", "remove it")),
                found => return Err(self.unexpected(found, "a key or `}`", open)),
            };
            let key_at = self.span_from(start);
            self.blank()?;
            if !self.eat(":") {
                let found = self.peek();
                return Err(self.unexpected(found, "`:` after a key", open));
            }
            let node = self.value(depth + 1)?;
            entries.push(Entry { key, key_at, node });
            self.separator("}", "`,` or `}` after a value", open)?;
        }
    }

    fn array(&mut self, depth: usize) -> Result<Vec<Node>, SyntaxError> {
        let mut items = Vec::new();
        let open = self.at;
        self.eat("[");
        loop {
            self.blank()?;
            if self.eat("]") {
                return Ok(items);
            }
            match self.peek() {
                Some(',') => return Err(self.wrong("one comma too many", "remove it")),
                None => return Err(self.unexpected(None, "a value or `]`", open)),
                Some(_) => items.push(self.value(depth + 1)?),
            }
            self.separator("]", "`,` or `]` after a value", open)?;
        }
    }

    /// Takes a comma, or leaves `close` where it is.
    fn separator(&mut self, close: &str, wanted: &str, open: usize) -> Result<(), SyntaxError> {
        self.blank()?;
        if self.eat(",") || self.rest().starts_with(close) {
            return Ok(());
        }
        let found = self.peek();
        Err(self.unexpected(found, wanted, open))
    }

    fn unexpected(&self, found: Option<char>, wanted: &str, open: usize) -> SyntaxError {
        match found {
            Some(found) => self.wrong(
                format!("expected {wanted}, found {found:?}"),
                "look here and at the line above: a comma, a colon or a quote may be missing",
            ),
            None => wrong_at(
                open,
                format!("expected {wanted}, found the end of the file"),
                "close this bracket",
            ),
        }
    }

    /// A key without quotes.
    fn name(&mut self) -> Result<String, SyntaxError> {
        let mut name = String::new();
        while let Some(next) = self.peek() {
            let start = self.at;
            if next == '\\' {
                self.next();
                name.push(self.name_escape(start)?);
            } else if is_name_start(next) || (!name.is_empty() && is_name_part(next)) {
                self.next();
                name.push(next);
            } else {
                break;
            }
        }
        Ok(name)
    }

    fn name_escape(&mut self, start: usize) -> Result<char, SyntaxError> {
        let escaped = self.eat("u").then(|| self.unicode(start)).transpose()?;
        escaped.filter(|c| is_name_part(*c)).ok_or_else(|| {
            wrong_at(
                start,
                "a key cannot hold this escape",
                "put the key in quotes",
            )
        })
    }
}

fn wrong_at(at: usize, what: impl Into<String>, cure: &'static str) -> SyntaxError {
    SyntaxError {
        at,
        what: what.into(),
        cure,
    }
}

/// White space of JSON5: that of Unicode, and the mark at the start of some files.
fn is_space(c: char) -> bool {
    c == '\u{feff}' || (c.is_whitespace() && c != '\u{85}')
}

fn is_line_end(c: char) -> bool {
    matches!(c, '\n' | '\r' | '\u{2028}' | '\u{2029}')
}

fn is_name_start(c: char) -> bool {
    c.is_alphabetic() || matches!(c, '$' | '_')
}

fn is_name_part(c: char) -> bool {
    is_name_start(c) || c.is_alphanumeric() || matches!(c, '\u{200c}' | '\u{200d}')
}

#[cfg(test)]
mod tests;
