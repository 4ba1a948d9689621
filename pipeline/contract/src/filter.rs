//! Subject patterns that can be subscribed to, and what they match.

use std::fmt;

use crate::class::Class;
use crate::token::{Prefix, Token, TokenError};
use crate::topic::DEAD_LETTER;

/// The longest pattern; a server takes a few KiB, and nobody types one by hand.
pub const FILTER_LIMIT: usize = 1024;

/// A subject pattern: `*` stands for one token, `>` at the end for one or more.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Filter(String);

/// Why a text is not a subject pattern.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum FilterError {
    /// One of its tokens is neither a wildcard nor a token.
    #[error("{0}; `*` and `>` must stand alone between dots")]
    Token(#[from] TokenError),
    /// `>` is not the last token.
    #[error("`>` must be the last token of a subject pattern")]
    GreaterNotLast,
    /// More than [`FILTER_LIMIT`] bytes.
    #[error("a subject pattern must not be longer than {FILTER_LIMIT} bytes")]
    TooLong,
}

impl Filter {
    /// Everything under the prefix.
    pub fn all(prefix: &Prefix) -> Self {
        Self(format!("{prefix}.>"))
    }

    /// Everything of one class.
    pub fn class(prefix: &Prefix, class: Class) -> Self {
        Self(format!("{prefix}.{class}.*.*"))
    }

    /// Everything of one class about one service.
    pub fn service(prefix: &Prefix, class: Class, service: &Token) -> Self {
        Self(format!("{prefix}.{class}.{service}.*"))
    }

    /// All dead letters.
    pub fn dead_letters() -> Self {
        Self(format!("{DEAD_LETTER}.>"))
    }

    /// A pattern that somebody typed.
    ///
    /// # Errors
    /// When it is none, see [`FilterError`].
    pub fn parse(text: &str) -> Result<Self, FilterError> {
        if text.len() > FILTER_LIMIT {
            return Err(FilterError::TooLong);
        }
        let mut tokens = text.split('.').peekable();
        while let Some(token) = tokens.next() {
            match token {
                "*" => {}
                ">" if tokens.peek().is_none() => {}
                ">" => return Err(FilterError::GreaterNotLast),
                token => Token::check(token)?,
            }
        }
        Ok(Self(text.to_owned()))
    }

    /// Whether a message on `subject` would be delivered to a subscription of this pattern. Allocates nothing, and is asked for each
    /// message: a walk over the bytes costs half of what taking tokens apart does.
    pub fn matches(&self, subject: &str) -> bool {
        let (mut pattern, mut rest) = (self.0.as_bytes(), subject.as_bytes());
        loop {
            match pattern {
                [b'>'] => return true,
                [b'*', behind @ ..] => {
                    let end = rest.iter().position(|byte| *byte == b'.');
                    pattern = behind;
                    rest = &rest[end.unwrap_or(rest.len())..];
                }
                _ => {
                    let pairs = pattern.iter().zip(rest);
                    let same = pairs.take_while(|(ours, its)| ours == its && **ours != b'.');
                    let same = same.count();
                    (pattern, rest) = (&pattern[same..], &rest[same..]);
                }
            }
            match (pattern, rest) {
                ([], []) => return true,
                ([b'.', next @ ..], [b'.', others @ ..]) => (pattern, rest) = (next, others),
                _ => return false,
            }
        }
    }

    /// Whether some subject matches both: two streams with such patterns would store it twice.
    pub fn overlaps(&self, other: &Self) -> bool {
        let (mut ours, mut theirs) = (self.0.split('.'), other.0.split('.'));
        loop {
            match (ours.next(), theirs.next()) {
                (None, None) | (Some(">"), Some(_)) | (Some(_), Some(">")) => return true,
                (Some(a), Some(b)) if a == b || a == "*" || b == "*" => {}
                _ => return false,
            }
        }
    }

    /// The pattern.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for Filter {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// Whether all that the pattern `inner` matches is matched by the pattern `outer`.
pub fn covers(outer: &str, inner: &str) -> bool {
    let mut inner = inner.split('.');
    for token in outer.split('.') {
        match (token, inner.next()) {
            (">", Some(_)) => return true,
            ("*", Some(have)) if have != ">" => {}
            (_, Some(have)) if have == token => {}
            _ => return false,
        }
    }
    inner.next().is_none()
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn filter(text: &str) -> Filter {
        Filter::parse(text).unwrap()
    }

    /// Token by token, as the server's documentation says it.
    fn takes(pattern: &str, subject: &str) -> bool {
        let mut tokens = subject.split('.');
        for pattern in pattern.split('.') {
            match (pattern, tokens.next()) {
                (">", Some(_)) => return true,
                ("*", Some(_)) => {}
                (literal, Some(token)) if literal == token => {}
                _ => return false,
            }
        }
        tokens.next().is_none()
    }

    proptest! {
        #[test]
        fn a_walk_over_bytes_matches_what_tokens_match(
            pattern in "([ab]{1,2}|\\*)(\\.([ab]{1,2}|\\*)){0,3}(\\.>)?",
            subject in "[ab.]{0,9}",
        ) {
            prop_assert_eq!(filter(&pattern).matches(&subject), takes(&pattern, &subject));
        }
    }

    #[test]
    fn patterns_match_as_the_server_matches_them() {
        for (pattern, subject, expected) in [
            ("a", "a", true),
            ("a", "a.b", false),
            ("a.*", "a.b", true),
            ("a.*", "a", false),
            ("a.*", "a.b.c", false),
            ("a.>", "a", false),
            ("a.>", "a.b.c", true),
            ("*.b", "a.b", true),
            (">", "a", true),
            ("*", "a.b", false),
            ("a.b", "a", false),
        ] {
            assert_eq!(
                filter(pattern).matches(subject),
                expected,
                "{pattern} {subject}"
            );
        }
    }

    #[test]
    fn what_is_no_pattern_says_why() {
        for (text, error) in [
            ("", FilterError::Token(TokenError::Empty)),
            ("a..b", FilterError::Token(TokenError::Empty)),
            ("a.b*", FilterError::Token(TokenError::Forbidden('*'))),
            (">.a", FilterError::GreaterNotLast),
            ("a b", FilterError::Token(TokenError::Forbidden(' '))),
        ] {
            assert_eq!(Filter::parse(text), Err(error), "{text}");
        }
        assert_eq!(Filter::parse(&"a.".repeat(600)), Err(FilterError::TooLong));
    }

    #[test]
    fn a_stream_that_captures_more_is_good_enough() {
        assert!(covers(">", "telemetry.>"));
        assert!(covers("telemetry.>", "telemetry.>"));
        assert!(covers("*.x", "a.x"));
        assert!(!covers("telemetry.metric.>", "telemetry.>"));
        assert!(!covers("*", ">"));
        assert!(!covers("a.b", "a"));
        assert!(!covers("a", "a.b"));
    }

    #[test]
    fn two_patterns_overlap_when_one_subject_matches_both() {
        for (a, b, expected) in [
            ("a.*", "*.b", true),
            ("a.>", "a", false),
            ("a.>", "a.*.c", true),
            ("a.*", "a.b.c", false),
            ("telemetry.>", "deadletter.>", false),
            (">", "*", true),
        ] {
            assert_eq!(filter(a).overlaps(&filter(b)), expected, "{a} {b}");
            assert_eq!(filter(b).overlaps(&filter(a)), expected, "{b} {a}");
        }
    }

    proptest! {
        #[test]
        fn patterns_that_match_a_common_subject_overlap(
            a in "([ab*]\\.){0,3}[ab*>]", b in "([ab*]\\.){0,3}[ab*>]", subject in "([ab]\\.){0,3}[ab]"
        ) {
            let (a, b) = (filter(&a), filter(&b));
            if a.matches(&subject) && b.matches(&subject) {
                prop_assert!(a.overlaps(&b));
            }
        }
    }
}
