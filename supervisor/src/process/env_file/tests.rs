//! What a file of variables may say, and what is wrong with others.

use proptest::prelude::*;

use super::*;

fn value(line: &str) -> String {
    let mut variables = parse(line.as_bytes()).expect("a good line");
    assert_eq!(variables.len(), 1, "{line}");
    variables.remove(0).1
}

#[test]
fn values_are_bare_or_in_quotes() {
    for (line, expected) in [
        ("A=", ""),
        ("A=b c", "b c"),
        ("  A=b  ", "b"),
        ("export A=b", "b"),
        ("export\tA=b", "b"),
        ("A=b#c", "b#c"),
        ("A=b # c", "b"),
        ("A=b\t# c", "b"),
        ("A=b=c", "b=c"),
        ("A='b # c' # d", "b # c"),
        ("A='$b\\n'", "$b\\n"),
        ("A=\"b\\n\\t\\\"\\\\\\$\"", "b\n\t\"\\$"),
        ("A=$HOME", "$HOME"),
        ("A=b\r", "b"),
    ] {
        assert_eq!(value(line), expected, "{line}");
    }
}

#[test]
fn a_name_may_be_export() {
    assert_eq!(
        parse(b"export=1"),
        Ok(vec![("export".to_owned(), "1".to_owned())])
    );
}

#[test]
fn comments_and_empty_lines_are_counted_and_passed_over() {
    let text = b"# a\n\n \nA=1\nA=2\n";
    let twice = ["1", "2"].map(|value| ("A".to_owned(), value.to_owned()));
    assert_eq!(parse(text), Ok(twice.to_vec()));
    assert_eq!(parse(b"# a\n\nB"), Err((3, Problem::NoEquals)));
}

#[test]
fn wrong_lines_say_what_is_wrong() {
    for (line, expected) in [
        ("A", Problem::NoEquals),
        ("=a", Problem::BadName),
        ("1A=a", Problem::BadName),
        ("A B=a", Problem::BadName),
        ("A =a", Problem::BadName),
        ("A='b", Problem::OpenQuote),
        ("A=\"b\\", Problem::OpenQuote),
        ("A=\"b\\q\"", Problem::BadEscape),
        ("A='b'c", Problem::AfterQuote),
        ("A=\0", Problem::Nul),
    ] {
        assert_eq!(parse(line.as_bytes()), Err((1, expected)), "{line}");
    }
    assert_eq!(parse(b"A=1\nB=\xff"), Err((2, Problem::NotText)));
    let many = "A=1\n".repeat(VARIABLES_LIMIT + 1);
    assert_eq!(
        parse(many.as_bytes()),
        Err((VARIABLES_LIMIT + 1, Problem::TooMany))
    );
}

#[test]
fn files_are_files_and_not_too_long() {
    let folder = tempfile::tempdir().unwrap();
    assert!(matches!(
        read(folder.path()),
        Err(EnvFileError::NoFile { .. })
    ));
    let path = folder.path().join("env");
    assert!(matches!(read(&path), Err(EnvFileError::Unreadable { .. })));
    let mut text = "#".repeat(usize::try_from(FILE_LIMIT).unwrap());
    std::fs::write(&path, &text).unwrap();
    assert_eq!(read(&path).unwrap(), []);
    text.push('#');
    std::fs::write(&path, &text).unwrap();
    assert!(matches!(read(&path), Err(EnvFileError::TooLong { .. })));
}

proptest! {
    #[test]
    fn no_text_panics(text in proptest::collection::vec(any::<u8>(), 0..300)) {
        let lines = text.split(|byte| *byte == b'\n').count();
        if let Err((line, _)) = parse(&text) {
            prop_assert!((1..=lines).contains(&line));
        }
    }

    #[test]
    fn every_value_can_be_written_in_double_quotes(value in "[^\0\n\r\t]*") {
        let quoted: String = value.chars().flat_map(|letter| {
            let escape = matches!(letter, '"' | '\\' | '$').then_some('\\');
            escape.into_iter().chain([letter])
        }).collect();
        let line = format!("A=\"{quoted}\"");
        prop_assert_eq!(parse(line.as_bytes()), Ok(vec![("A".to_owned(), value)]));
    }
}
