//! The golden file of subjects, the table in README and the contract's table say the same.

use std::collections::BTreeSet;

use flightline_contract::table::{Content, SUBJECTS};
use flightline_contract::token::Prefix;

const README: &str = include_str!("../../../README.md");
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
fn the_table_in_readme_has_the_subjects_of_the_contract_and_no_other() {
    let (_, rest) = README
        .split_once("| subject | payload |\n| --- | --- |\n")
        .expect("README has a table of subjects");
    let rows: Vec<&str> = rest
        .lines()
        .map_while(|line| line.strip_prefix("| `")?.split('`').next())
        .collect();
    let prefix = Prefix::default();
    let subjects = SUBJECTS.map(|row| row.pattern.replace("<prefix>", prefix.as_str()));
    assert_eq!(rows, subjects);
}
