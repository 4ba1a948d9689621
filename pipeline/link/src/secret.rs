//! A secret: named in, read when it is needed. Text with logins in its addresses: in, and out without them.

use std::path::PathBuf;

/// A secret that is read from its file when it is needed, so that a rotated one is picked up; never shown.
#[derive(Clone, PartialEq, Eq)]
pub enum Secret {
    /// Given in the configuration or the environment.
    Value(String),
    /// In a file; white space around it is not part of it.
    File(PathBuf),
}

impl std::fmt::Debug for Secret {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Value(_) => f.write_str("Secret"),
            Self::File(path) => write!(f, "Secret({})", path.display()),
        }
    }
}

impl Secret {
    /// The secret as it stands now.
    ///
    /// # Errors
    /// When its file cannot be read.
    pub fn read(&self) -> std::io::Result<String> {
        match self {
            Self::Value(value) => Ok(value.clone()),
            Self::File(path) => Ok(std::fs::read_to_string(path)?.trim().to_owned()),
        }
    }
}

/// What a masked value looks like.
pub const MASK: &str = "*****";

/// `text` without who logs in, wherever something could be an address with a user: with a scheme or without. A password may hold `/` and
/// `@`, so everything is masked up to the last `@` before a blank or a quote.
pub fn without_users(text: &str) -> String {
    let mut before = ' ';
    let pieces = text.split_inclusive(move |c: char| {
        let is_escaped = std::mem::replace(&mut before, c) == '\\';
        c.is_whitespace() || (matches!(c, '"' | '\'' | '`') && !is_escaped)
    });
    pieces.map(without_user).collect()
}

fn without_user(piece: &str) -> String {
    let Some((head, host)) = piece.rsplit_once('@') else {
        return piece.to_owned();
    };
    match head.split_once("://") {
        _ if head.is_empty() => piece.to_owned(),
        Some((scheme, _)) => format!("{scheme}://{MASK}@{host}"),
        None => format!("{MASK}@{host}"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn whatever_stands_before_a_host_is_masked() {
        for (text, shown) in [
            ("nats://joe:hush@h:4222", "nats://*****@h:4222"),
            (
                "see 'http://joe:hu/s@h@host/path'",
                "see 'http://*****@host/path'",
            ),
            ("joe:hush@h:4222", "*****@h:4222"),
            ("http://h:8086/path", "http://h:8086/path"),
            ("\"joe:hu\\\"sh@h\"", "\"*****@h\""),
        ] {
            assert_eq!(without_users(text), shown);
        }
    }
}
