//! What configurations in the wild rely on.

use super::*;
use crate::config::json5::parse;

fn value(text: &str) -> Value {
    parse(text).unwrap().value
}

#[test]
fn whole_numbers_are_taken_from_numbers_flags_and_text() {
    for (text, expected) in [
        ("5", 5),
        ("5.9", 5),
        ("-5.9", -5),
        ("true", 1),
        ("false", 0),
        ("'103'", 103),
        ("'0x10'", 16),
        ("'010'", 8),
        ("'-7'", -7),
        ("'+7'", 7),
        ("'0'", 0),
    ] {
        assert_eq!(int(&value(text)), Ok(expected), "{text}");
    }
    for text in [
        "'5s'", "''", "'1.5'", "'08'", "'0x'", "'--5'", "' 5'", "[]", "{}", "null",
    ] {
        assert!(int(&value(text)).is_err(), "{text}");
    }
    for text in ["Infinity", "NaN", "1e300", "-1e300"] {
        assert_eq!(int(&value(text)), Err(WeakError::TooLarge), "{text}");
    }
}

#[test]
fn text_is_taken_from_numbers_and_flags() {
    for (typed, expected) in [
        ("'x'", "x"),
        ("5", "5"),
        ("5.50", "5.5"),
        ("1000000", "1000000"),
        ("1e21", "1000000000000000000000"),
        ("0.000001", "0.000001"),
        ("true", "1"),
        ("false", "0"),
    ] {
        assert_eq!(text(&value(typed)).as_deref(), Ok(expected), "{typed}");
    }
    for typed in ["[]", "{}", "null"] {
        assert!(text(&value(typed)).is_err(), "{typed}");
    }
}

#[test]
fn flags_are_taken_from_numbers_and_the_words_of_go() {
    for (text, expected) in [
        ("true", true),
        ("0", false),
        ("-1", true),
        ("''", false),
        ("'t'", true),
        ("'FALSE'", false),
        ("'1'", true),
    ] {
        assert_eq!(flag(&value(text)), Ok(expected), "{text}");
    }
    for text in ["'nope'", "'yes'", "[]", "{}"] {
        assert!(flag(&value(text)).is_err(), "{text}");
    }
}

#[test]
fn a_list_is_not_a_single_text() {
    assert_eq!(list(&value("['a', 1, true]")).unwrap(), ["a", "1", "1"]);
    assert_eq!(list(&value("{}")), Ok(Vec::new()));
    for text in ["'a'", "5", "{a: 1}", "[[]]", "[null]"] {
        assert!(list(&value(text)).is_err(), "{text}");
    }
    assert_eq!(texts(&value("'a'")).unwrap(), ["a"]);
    assert_eq!(texts(&value("['a', 'b']")).unwrap(), ["a", "b"]);
}

#[test]
fn durations_are_taken_from_whole_numbers_too() {
    let seconds = |text: &str| {
        let duration = duration(&value(text)).map(|typed| typed.and_then(Nanoseconds::positive));
        duration.map(|typed| typed.map(|duration| duration.as_secs()))
    };
    assert_eq!(seconds("5"), Ok(Some(5)));
    assert_eq!(seconds("'5'"), Ok(Some(5)));
    assert_eq!(seconds("'1m'"), Ok(Some(60)));
    assert_eq!(seconds("true"), Ok(Some(1)));
    assert_eq!(seconds("''"), Ok(None));
    for text in ["1.5", "'1.5'", "'x'", "'20yy'", "[]"] {
        assert!(seconds(text).is_err(), "{text}");
    }
}

/// A command as typed, program first.
fn words(text: &str) -> Result<Vec<String>, WeakError> {
    exec(&value(text)).map(|exec| [vec![exec.program], exec.args].concat())
}

#[test]
fn a_command_is_divided_at_single_spaces_and_nowhere_else() {
    assert_eq!(
        words("'  /bin/app  -x\\ty $A '").unwrap(),
        ["/bin/app", "", "-x\ty", "$A"]
    );
    assert_eq!(words("'/bin/app a b'"), words("['/bin/app', 'a', 'b']"));
    for text in ["''", "'  '", "[]", "['']"] {
        assert_eq!(words(text), Err(WeakError::NoProgram), "{text}");
    }
    for text in ["true", "5", "{}", "null", "[['a']]", "['a', null]"] {
        assert!(words(text).is_err(), "{text}");
    }
}

#[test]
fn bug_a_large_number_in_a_command_has_no_exponent() {
    assert_eq!(
        words("['app', 1000000, 0.5, true, 'a b']").unwrap(),
        ["app", "1000000", "0.5", "true", "a b"]
    );
}
