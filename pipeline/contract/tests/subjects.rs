//! The golden file of subjects and the contract's table say the same.

use std::collections::BTreeSet;

use flightline_contract::table::{Content, SUBJECTS, documentation};

const GOLDEN: &str = include_str!("../../../fixtures/data/subjects.txt");

fn golden() -> BTreeSet<String> {
    GOLDEN
        .lines()
        .filter(|line| !line.starts_with('#') && !line.is_empty())
        .map(str::to_owned)
        .collect()
}

fn table() -> BTreeSet<String> {
    SUBJECTS
        .iter()
        .map(|row| {
            let content = match row.content {
                Content::Class(class) => class.as_str(),
                Content::DeadLetters => "deadletter",
            };
            let (encodings, stream) = (row.encodings_text(), row.stream.name());
            format!(
                "{content} | {} | {} | {encodings} | {stream}",
                row.pattern, row.payload
            )
        })
        .collect()
}

#[test]
fn every_subject_of_the_table_is_in_the_golden_file() {
    let missing: Vec<_> = table().difference(&golden()).cloned().collect();
    assert!(
        missing.is_empty(),
        "not in fixtures/data/subjects.txt: {missing:#?}"
    );
}

#[test]
fn every_subject_of_the_golden_file_is_in_the_table() {
    let gone: Vec<_> = golden().difference(&table()).cloned().collect();
    assert!(gone.is_empty(), "not in the contract's table: {gone:#?}");
}

#[test]
fn the_documentation_names_every_subject() {
    let text = documentation();
    for row in &SUBJECTS {
        assert!(text.contains(row.pattern), "{}", row.pattern);
    }
}
