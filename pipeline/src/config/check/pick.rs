//! Where a value comes from, as typed: `sensor`, `$2`, `$.data.value`.

use crate::config::{JsonPath, Pick};

/// What a pick looks like, for messages.
pub(super) const PICK_EXAMPLE: &str =
    "write a name, \"$.path\" into the payload, or \"$2\" for the subject's second token";
/// What a path looks like, for messages.
pub(super) const PATH_EXAMPLE: &str =
    "write the keys from the outside in: \"$.time\", \"$.data.value\" or \"$['odd.key']\"";

/// A literal, a token's number or a path.
pub(super) fn pick(text: &str) -> Result<Pick, String> {
    match text.strip_prefix('$') {
        None if text.is_empty() => Err("is empty".to_owned()),
        None => Ok(Pick::Literal(text.to_owned())),
        Some(rest) if rest.starts_with('$') => Ok(Pick::Literal(rest.to_owned())),
        Some(rest) if rest.starts_with(|c: char| c.is_ascii_digit()) => match rest.parse() {
            Ok(0) => Err("counts from 1".to_owned()),
            Ok(number) => Ok(Pick::Token(number)),
            Err(_) => Err("is no number of a token".to_owned()),
        },
        Some(_) => json_path(text).map(Pick::Json),
    }
}

/// `$.a.b`, `$['odd key'].c`
pub(super) fn json_path(text: &str) -> Result<JsonPath, String> {
    let mut rest = text
        .strip_prefix('$')
        .ok_or_else(|| "does not start with `$.`".to_owned())?;
    let mut keys = Vec::new();
    while !rest.is_empty() {
        let (key, after) = if let Some(quoted) = rest.strip_prefix("['") {
            quoted
                .split_once("']")
                .ok_or_else(|| "has `['` without `']`".to_owned())?
        } else if let Some(plain) = rest.strip_prefix('.') {
            plain.split_at(plain.find(['.', '[']).unwrap_or(plain.len()))
        } else {
            return Err("is no path".to_owned());
        };
        if key.is_empty() {
            return Err("has an empty key".to_owned());
        }
        keys.push(key.to_owned());
        rest = after;
    }
    if keys.is_empty() {
        return Err("names no key".to_owned());
    }
    Ok(JsonPath(keys))
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn path(keys: &[&str]) -> JsonPath {
        JsonPath(keys.iter().map(|key| (*key).to_owned()).collect())
    }

    #[test]
    fn a_pick_is_a_literal_a_token_or_a_path() {
        for (text, expected) in [
            ("sensor", Pick::Literal("sensor".to_owned())),
            ("$$5", Pick::Literal("$5".to_owned())),
            ("$2", Pick::Token(2)),
            ("$.a.b", Pick::Json(path(&["a", "b"]))),
            ("$['a.b'].c", Pick::Json(path(&["a.b", "c"]))),
        ] {
            assert_eq!(pick(text), Ok(expected), "{text}");
        }
        for text in [
            "", "$", "$0", "$1x", "$a", "$.", "$.a..b", "$['a", "$['']", "$.a]b[",
        ] {
            assert!(pick(text).is_err(), "{text}");
        }
    }

    proptest! {
        #[test]
        fn no_text_makes_a_pick_panic(text in ".{0,20}", likely in "[$]{0,2}[.'\\[\\]a0-9]{0,12}") {
            drop((pick(&text), pick(&likely)));
        }
    }
}
