//! One token of a subject, checked: what cannot become syntax of NATS.

use std::fmt;
use std::str::FromStr;

/// The longest token: room for the longest host name (253 bytes); four of them stay far below a server's limit for a
/// protocol line (4 KiB).
pub const TOKEN_LIMIT: usize = 255;

/// One token of a subject: not empty, without `.`, `*`, `>`, white space or control characters, at most [`TOKEN_LIMIT`]
/// bytes.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Token(Box<str>);

/// Why a text is not a token.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum TokenError {
    /// Nothing in it.
    #[error("a subject token must not be empty")]
    Empty,
    /// More than [`TOKEN_LIMIT`] bytes.
    #[error("a subject token must not be longer than {TOKEN_LIMIT} bytes")]
    TooLong,
    /// A character that means something to NATS, or that nobody can see.
    #[error(
        "a subject token must not contain {0:?} (nor '.', '*', '>', white space or control characters)"
    )]
    Forbidden(char),
}

impl Token {
    /// The checked token.
    ///
    /// # Errors
    /// When the text is not one token, see [`TokenError`].
    pub fn new(text: &str) -> Result<Self, TokenError> {
        Self::check(text).map(|()| Self(text.into()))
    }

    /// Whether `text` could be a token, without making one.
    ///
    /// # Errors
    /// When it could not, see [`TokenError`].
    pub fn check(text: &str) -> Result<(), TokenError> {
        if text.is_empty() {
            return Err(TokenError::Empty);
        }
        if text.len() > TOKEN_LIMIT {
            return Err(TokenError::TooLong);
        }
        match text.chars().find(|&character| is_forbidden(character)) {
            Some(character) => Err(TokenError::Forbidden(character)),
            None => Ok(()),
        }
    }

    /// A token from text that nobody has checked: what is forbidden becomes `_`, what is too long is cut, nothing at
    /// all becomes `_`. For dead letters, whose headers carry the original.
    pub fn lossy(text: &str) -> Self {
        let mut token = String::with_capacity(text.len().min(TOKEN_LIMIT));
        for character in text.chars() {
            let character = if is_forbidden(character) {
                '_'
            } else {
                character
            };
            if token.len() + character.len_utf8() > TOKEN_LIMIT {
                break;
            }
            token.push(character);
        }
        if token.is_empty() {
            token.push('_');
        }
        Self(token.into())
    }

    /// The text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

fn is_forbidden(character: char) -> bool {
    matches!(character, '.' | '*' | '>') || character.is_whitespace() || character.is_control()
}

impl fmt::Display for Token {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl FromStr for Token {
    type Err = TokenError;

    fn from_str(text: &str) -> Result<Self, TokenError> {
        Self::new(text)
    }
}

/// The first token of the contract's subjects, `telemetry` by default.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Prefix(Token);

/// Why a text is not a prefix.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum PrefixError {
    /// It is not even a token.
    #[error(transparent)]
    Token(#[from] TokenError),
    /// NATS or Flightline itself uses it.
    #[error(
        "a prefix must not begin with '$' or '_' (NATS's own) nor be `deadletter` (the dead letters')"
    )]
    Reserved,
}

impl Prefix {
    /// The prefix unless configured.
    pub const DEFAULT: &'static str = "telemetry";

    /// The checked prefix.
    ///
    /// # Errors
    /// When the text is not one token or is somebody else's, see [`PrefixError`].
    pub fn new(text: &str) -> Result<Self, PrefixError> {
        let token = Token::new(text)?;
        if text.starts_with(['$', '_']) || text == crate::topic::DEAD_LETTER {
            return Err(PrefixError::Reserved);
        }
        Ok(Self(token))
    }

    /// The text.
    pub fn as_str(&self) -> &str {
        self.0.as_str()
    }
}

impl Default for Prefix {
    fn default() -> Self {
        Self(Token(Self::DEFAULT.into()))
    }
}

impl fmt::Display for Prefix {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn what_means_something_to_nats_is_no_token() {
        for (text, error) in [
            ("", TokenError::Empty),
            ("a.b", TokenError::Forbidden('.')),
            ("*", TokenError::Forbidden('*')),
            ("a>", TokenError::Forbidden('>')),
            ("a b", TokenError::Forbidden(' ')),
            ("a\u{a0}b", TokenError::Forbidden('\u{a0}')),
            ("a\r\nPUB", TokenError::Forbidden('\r')),
            ("a\0", TokenError::Forbidden('\0')),
        ] {
            assert_eq!(Token::new(text), Err(error), "{text:?}");
        }
        assert_eq!(
            Token::new(&"x".repeat(TOKEN_LIMIT + 1)),
            Err(TokenError::TooLong)
        );
        assert!(Token::new(&"x".repeat(TOKEN_LIMIT)).is_ok());
        assert!(Token::new("zähler-1_a:b").is_ok());
    }

    #[test]
    fn a_prefix_is_not_somebody_elses() {
        for text in ["$SYS", "_INBOX", "deadletter"] {
            assert_eq!(Prefix::new(text), Err(PrefixError::Reserved), "{text}");
        }
        assert_eq!(Prefix::new(Prefix::DEFAULT), Ok(Prefix::default()));
    }

    proptest! {
        #[test]
        fn any_text_can_be_made_a_token(text in any::<String>()) {
            let token = Token::lossy(&text);
            prop_assert_eq!(Token::check(token.as_str()), Ok(()));
            if Token::check(&text).is_ok() {
                prop_assert_eq!(token.as_str(), text);
            }
        }
    }
}
