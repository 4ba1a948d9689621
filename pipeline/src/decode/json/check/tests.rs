//! The grammar is that of serde_json, and entries stand where serde_json finds them.

use super::*;

fn check(text: &[u8]) -> Result<Place, Malformed> {
    super::check(text, &mut Vec::new())
}
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
