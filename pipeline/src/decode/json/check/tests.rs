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

#[test]
fn a_message_of_many_entries_leaves_no_large_buffer_behind() {
    let text = format!("{{{}\"a\":0}}", "\"\":0,".repeat(100 * NOTED));
    let mut entries = Vec::new();
    super::check(text.as_bytes(), &mut entries).unwrap();
    index(text.as_bytes(), 0, &mut entries);
    assert_eq!(entries.len(), NOTED);
    assert!(entries.capacity() <= 2 * NOTED, "{}", entries.capacity());
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
    fn a_value_is_what_it_is_said_to_be(
        number in "-?(0|[1-9][0-9]{0,17})(\\.[0-9]{1,17})?([eE][+-]?[0-9]{1,2})?", word in "\"[a-z\u{e9} ]{0,20}(\\\\n)?[a-z]{0,20}\"|true|false|null|[{]\"a\":1[}]|[{][}]|\\[1\\]|\\[\\]",
        is_number: bool, blank in " ?",
    ) {
        let value = if is_number { number } else { word };
        let text = format!("{{\"key\":{value}{blank},\"b\":{value}}}");
        let mut entries = Vec::new();
        super::check(text.as_bytes(), &mut entries).unwrap();
        prop_assert_eq!(entries.len(), 2);
        for entry in entries {
            let found = entry.value.of(text.as_bytes());
            prop_assert_eq!(found, value.as_bytes());
            let is_plain = super::super::is_plain(found);
            let agrees = match entry.form {
                Form::Plain => found[0] == b'"' && !value.contains('\\'),
                Form::Escaped => found[0] == b'"' && value.contains('\\'),
                Form::Integer => is_plain && super::super::integer(found).is_some(),
                Form::Decimal => is_plain && value.contains('.'),
                Form::Number => value.parse::<f64>().is_ok(),
                Form::True => found == b"true",
                Form::False => found == b"false",
                Form::Null => found == b"null",
                Form::Other => matches!(found[0], b'{' | b'['),
            };
            prop_assert!(agrees, "{value}: {:?}", entry.form);
        }
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
