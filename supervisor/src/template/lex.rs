//! Text comes in, tokens with their places go out. A space inside of an action is a token, too: it tells `.A.B` from `.A .B`.

use super::{Fault, TemplateError};

/// What tokens are.
mod token;

pub(super) use token::{Keyword, Kind, Token, Tokens};

/// What trim markers take away.
const SPACES: [char; 4] = [' ', '\t', '\r', '\n'];

/// Reads a source that is no longer than [`super::limits::LONGEST_SOURCE`].
pub(super) fn lex(source: &str) -> Tokens {
    let mut lexer = Lexer {
        source,
        at: 0,
        tokens: Vec::new(),
    };
    let broken = lexer.source_text().err();
    let kind = match broken {
        None => Kind::End,
        Some(_) => Kind::Broken,
    };
    lexer.take(kind, 0);
    Tokens {
        tokens: lexer.tokens,
        broken,
    }
}

struct Lexer<'s> {
    source: &'s str,
    at: usize,
    tokens: Vec<Token>,
}

/// What follows the right delimiter.
enum Closing {
    Plain,
    Trimming,
}

impl<'s> Lexer<'s> {
    fn rest(&self) -> &'s str {
        self.behind(0)
    }

    fn behind(&self, length: usize) -> &'s str {
        self.source.get(self.at + length..).unwrap_or_default()
    }

    /// The next `length` bytes are a token.
    fn take(&mut self, kind: Kind, length: usize) {
        // The source has a limit far below.
        let place = |offset: usize| u32::try_from(offset).unwrap_or(u32::MAX);
        self.tokens.push(Token {
            kind,
            start: place(self.at),
            end: place(self.at + length),
        });
        self.at += length;
    }

    fn fail<T>(&self, what: &str, cure: &str) -> Result<T, TemplateError> {
        Err(Fault::cured(what, cure).at(self.at))
    }

    fn source_text(&mut self) -> Result<(), TemplateError> {
        while let Some(length) = self.rest().find("{{") {
            let trims = is_left_marker(self.behind(length + 2));
            let text = self.rest().get(..length).unwrap_or_default();
            let kept = if trims {
                text.trim_end_matches(SPACES).len()
            } else {
                length
            };
            if kept > 0 {
                self.take(Kind::Text, kept);
            }
            self.at += length - kept;
            let marker = if trims { 2 } else { 0 };
            if self.behind(2 + marker).starts_with("/*") {
                self.comment(2 + marker)?;
            } else {
                self.take(Kind::Open, 2);
                self.at += marker;
                self.action()?;
            }
        }
        let length = self.rest().len();
        if length > 0 {
            self.take(Kind::Text, length);
        }
        Ok(())
    }

    fn comment(&mut self, opening: usize) -> Result<(), TemplateError> {
        let Some(length) = self.behind(opening + 2).find("*/") else {
            return self.fail("a comment has no end", "close it with */}}");
        };
        let start = self.at;
        self.at += opening + 2 + length + 2;
        let Some(closing) = self.closing() else {
            self.at = start;
            return self.fail(
                "a comment is not alone in its action",
                "write {{/* … */}} without spaces, or with trim markers",
            );
        };
        self.close(&closing);
        Ok(())
    }

    fn closing(&self) -> Option<Closing> {
        if self.rest().starts_with("}}") {
            return Some(Closing::Plain);
        }
        let trimmed = self.rest().strip_prefix(SPACES)?;
        trimmed.starts_with("-}}").then_some(Closing::Trimming)
    }

    /// Skips the right delimiter and what it trims.
    fn close(&mut self, closing: &Closing) {
        match closing {
            Closing::Plain => self.at += 2,
            Closing::Trimming => {
                self.at += 4;
                let text = self.rest();
                self.at += text.len() - text.trim_start_matches(SPACES).len();
            }
        }
    }

    fn action(&mut self) -> Result<(), TemplateError> {
        let mut parens = 0_usize;
        loop {
            if let Some(closing) = self.closing() {
                if parens > 0 {
                    return self.fail("a parenthesis is not closed in its action", "add `)`");
                }
                self.take(Kind::Close, 0);
                self.close(&closing);
                return Ok(());
            }
            let Some(next) = self.rest().chars().next() else {
                return self.fail("an action has no end", "close it with }}");
            };
            match next {
                ' ' | '\t' | '\r' | '\n' => self.spaces(),
                '=' => self.take(Kind::Assign, 1),
                ':' if self.behind(1).starts_with('=') => self.take(Kind::Declare, 2),
                ':' => return self.fail("a lone `:` in an action", "declare with `:=`"),
                '|' => self.take(Kind::Pipe, 1),
                ',' => self.take(Kind::Comma, 1),
                '"' => self.quoted(Kind::Quoted, '"')?,
                '\'' => self.quoted(Kind::Character, '\'')?,
                '`' => self.raw()?,
                '$' => self.name(Kind::Variable)?,
                '.' if !self.behind(1).starts_with(|c: char| c.is_ascii_digit()) => {
                    self.name(Kind::Field)?;
                }
                '.' | '+' | '-' | '0'..='9' => self.number()?,
                '(' => {
                    parens += 1;
                    self.take(Kind::LeftParen, 1);
                }
                ')' if parens == 0 => {
                    return self.fail("a parenthesis is closed that was not opened", "");
                }
                ')' => {
                    parens -= 1;
                    self.take(Kind::RightParen, 1);
                }
                _ if is_name(next) => self.word()?,
                ' '..='~' => self.take(Kind::Other, 1),
                _ => return self.fail("a character that means nothing in an action", ""),
            }
        }
    }

    fn spaces(&mut self) {
        let rest = self.rest();
        let length = rest.len() - rest.trim_start_matches(SPACES).len();
        // The last space may belong to a trim marker.
        let length = match self.behind(length).starts_with("-}}") {
            true => length - 1,
            false => length,
        };
        self.take(Kind::Space, length);
    }

    fn quoted(&mut self, kind: Kind, quote: char) -> Result<(), TemplateError> {
        let mut characters = self.rest().char_indices().skip(1);
        while let Some((at, character)) = characters.next() {
            match character {
                '\n' => break,
                '\\' if matches!(characters.next(), None | Some((_, '\n'))) => break,
                _ if character == quote => {
                    self.take(kind, at + 1);
                    return Ok(());
                }
                _ => {}
            }
        }
        self.fail(
            "a quoted text does not end on its line",
            "texts of several lines stand in back quotes",
        )
    }

    fn raw(&mut self) -> Result<(), TemplateError> {
        match self.behind(1).find('`') {
            Some(length) => self.take(Kind::Raw, length + 2),
            None => return self.fail("a raw text has no end", "close it with a back quote"),
        }
        Ok(())
    }

    /// A field or a variable, whose first character is known.
    fn name(&mut self, kind: Kind) -> Result<(), TemplateError> {
        let length = name_length(self.behind(1)) + 1;
        self.terminated(length)?;
        match (kind, length) {
            (Kind::Field, 1) => self.take(Kind::Dot, 1),
            _ => self.take(kind, length),
        }
        Ok(())
    }

    fn word(&mut self) -> Result<(), TemplateError> {
        let length = name_length(self.rest());
        self.terminated(length)?;
        let word = self.rest().get(..length).unwrap_or_default();
        let kind = Keyword::named(word).map_or(Kind::Word, Kind::Keyword);
        self.take(kind, length);
        Ok(())
    }

    fn terminated(&mut self, length: usize) -> Result<(), TemplateError> {
        let behind = self.behind(length);
        let ends = [' ', '\t', '\r', '\n', '.', ',', '|', ':', ')', '('];
        if behind.is_empty() || behind.starts_with(ends) || behind.starts_with("}}") {
            return Ok(());
        }
        let named = self.rest().starts_with('.');
        self.at += length;
        self.fail(
            "a name is followed by a character that ends no name",
            if named {
                "other names are reached with index, as in {{ index . \"A-B\" }}"
            } else {
                "put a space between"
            },
        )
    }

    fn number(&mut self) -> Result<(), TemplateError> {
        let length = number_length(self.rest());
        let behind = self.behind(length);
        if behind.starts_with(is_name) || behind.starts_with(['+', '-']) {
            return self.fail("not a number", "");
        }
        self.take(Kind::Number, length);
        Ok(())
    }
}

fn is_left_marker(text: &str) -> bool {
    text.strip_prefix('-')
        .is_some_and(|text| text.starts_with(SPACES))
}

fn is_name(character: char) -> bool {
    character == '_' || character.is_alphanumeric()
}

fn name_length(text: &str) -> usize {
    text.find(|c| !is_name(c)).unwrap_or(text.len())
}

/// The length of what looks like a number; what it is worth is found later.
fn number_length(text: &str) -> usize {
    let skip = |text: &'_ str, set: &str| text.trim_start_matches(|c| set.contains(c)).len();
    let one = |text: &str, set: &str| usize::from(text.starts_with(|c| set.contains(c)));
    let mut at = one(text, "+-");
    let rest = |at: usize| text.get(at..).unwrap_or_default();
    let (mut digits, mut exponent) = ("0123456789_", "eE");
    if rest(at).starts_with('0') {
        at += 1;
        for (prefix, of_base, its_exponent) in [
            ("xX", "0123456789abcdefABCDEF_", "pP"),
            ("oO", "01234567_", ""),
            ("bB", "01_", ""),
        ] {
            if one(rest(at), prefix) == 1 {
                at += 1;
                (digits, exponent) = (of_base, its_exponent);
                break;
            }
        }
    }
    at = text.len() - skip(rest(at), digits);
    if rest(at).starts_with('.') {
        at = text.len() - skip(rest(at + 1), digits);
    }
    if one(rest(at), exponent) == 1 {
        at += 1;
        at += one(rest(at), "+-");
        at = text.len() - skip(rest(at), "0123456789_");
    }
    at + one(rest(at), "i")
}
