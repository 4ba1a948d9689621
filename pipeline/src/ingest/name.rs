//! The name of a database or bucket, which anybody may have typed, comes in; one token of a subject comes out. Different names give
//! different tokens, and no name becomes syntax.

use flightline_contract::token::{Token, TokenError};
use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};

/// What is escaped: all but letters, digits, `-` and `_`. The slash stands for itself only between database and retention policy.
const ESCAPED: &AsciiSet = &NON_ALPHANUMERIC.remove(b'-').remove(b'_');

/// The token of a database, and of its retention policy if one is named: `db`, `db/rp`.
///
/// # Errors
/// When the database has no name, or the names are too long for a token.
pub(super) fn of_database(db: &str, rp: Option<&str>) -> Result<Token, TokenError> {
    if db.is_empty() {
        return Err(TokenError::Empty);
    }
    let db = utf8_percent_encode(db, ESCAPED);
    match rp.filter(|rp| !rp.is_empty()) {
        None => Token::new(&db.to_string()),
        Some(rp) => Token::new(&format!("{db}/{}", utf8_percent_encode(rp, ESCAPED))),
    }
}

/// The token of a bucket. `db/rp` is how InfluxDB 1.8 spells a database with a retention policy as a bucket: it gives the same token.
///
/// # Errors
/// As [`of_database`].
pub(super) fn of_bucket(bucket: &str) -> Result<Token, TokenError> {
    match bucket.split_once('/') {
        Some((db, rp)) => of_database(db, Some(rp)),
        None => of_database(bucket, None),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn usual_names_stay_readable_and_the_rest_is_escaped() {
        for (db, rp, token) in [
            ("telegraf", None, "telegraf"),
            ("telegraf", Some(""), "telegraf"),
            ("telegraf", Some("autogen"), "telegraf/autogen"),
            ("my db", None, "my%20db"),
            ("a.b.>", None, "a%2Eb%2E%3E"),
            ("a/b", None, "a%2Fb"),
            ("100%", Some("*"), "100%25/%2A"),
            ("é\r\n", None, "%C3%A9%0D%0A"),
        ] {
            assert_eq!(of_database(db, rp).unwrap().as_str(), token);
        }
        assert_eq!(
            of_bucket("telegraf/autogen"),
            of_database("telegraf", Some("autogen"))
        );
        assert_eq!(of_bucket("telegraf"), of_database("telegraf", None));
        assert_eq!(of_database("", Some("autogen")), Err(TokenError::Empty));
        assert_eq!(of_bucket(""), Err(TokenError::Empty));
        assert_eq!(of_bucket(&"x".repeat(256)), Err(TokenError::TooLong));
    }

    proptest! {
        #[test]
        fn different_names_give_different_tokens(
            one in ("[ab/%.]{1,3}", prop::option::of("[ab/%.]{1,3}")),
            other in ("[ab/%.]{1,3}", prop::option::of("[ab/%.]{1,3}")),
        ) {
            let tokens = [&one, &other].map(|(db, rp)| of_database(db, rp.as_deref()).unwrap());
            prop_assert_eq!(tokens[0] == tokens[1], one == other);
        }

        #[test]
        fn no_name_becomes_syntax(db in any::<String>(), rp in prop::option::of(any::<String>())) {
            if let Ok(token) = of_database(&db, rp.as_deref()) {
                let plain = |byte: u8| byte.is_ascii_alphanumeric() || b"-_%/".contains(&byte);
                prop_assert!(token.as_str().bytes().all(plain), "{}", token);
            }
        }
    }
}
