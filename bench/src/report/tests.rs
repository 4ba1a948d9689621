//! The report as a whole: what is written, what is escaped, what is left out.

use super::*;
use crate::medians::FLOOR;
use crate::medians::sample::{at_minute, by, lines_in, paced};

fn all() -> Vec<Record> {
    let mut records = Vec::new();
    for (commit, seconds, hour) in [("aaaaaaaaaaaa", 1.3, 0), ("bbbbbbbbbbbb", 1.1, 2)] {
        for (minute, more) in (0..).zip([0.0, 0.05, 0.02]) {
            let mut run = vec![
                by(lines_in(1.0), FLOOR),
                lines_in(seconds + more),
                by(lines_in(4.0 + more), "telegraf"),
                by(paced(lines_in(10.0)), FLOOR),
                paced(lines_in(10.0)),
            ];
            for record in &mut run {
                commit.clone_into(&mut record.commit);
                *record = at_minute(record.clone(), hour * 60 + minute);
            }
            records.append(&mut run);
        }
    }
    records
}

fn written(records: Vec<Record>) -> (tempfile::TempDir, String) {
    let folder = tempfile::tempdir().unwrap();
    let read = runs::Read {
        records,
        unreadable: vec![7],
    };
    let page = write(&read, None, folder.path()).unwrap();
    let page = fs::read_to_string(page).unwrap();
    (folder, page)
}

#[test]
fn every_chart_is_a_file_and_in_the_page() {
    let (folder, page) = written(all());
    for name in ["ratio", "cpu", "latency", "spread", "trend"] {
        let svg = fs::read_to_string(folder.path().join(format!("{name}.svg"))).unwrap();
        assert!(svg.starts_with("<svg "), "{name}");
        assert!(page.contains(&svg), "{name} is in the page");
    }
    assert!(page.contains("1 lines of the file are no records"));
}

#[test]
fn the_page_loads_nothing_from_elsewhere() {
    let (_folder, page) = written(all());
    let elsewhere = page.replace("http://www.w3.org/2000/svg", "");
    for word in [
        "http://", "https://", "src=", "href=", "url(", "@import", "<script",
    ] {
        assert!(!elsewhere.contains(word), "{word}");
    }
}

#[test]
fn whatever_a_record_says_is_text() {
    let mut records = all();
    for record in &mut records {
        record.machine.cpu = "<img src=x onerror=\"alert('1')\">&".to_owned();
        if record.program.name == "telegraf" {
            record.program.name = "<script>alert(1)</script>".to_owned();
        }
    }
    let (_folder, page) = written(records);
    assert!(!page.contains("<img") && !page.contains("<script"));
    assert!(page.contains("&lt;script&gt;"));
}

#[test]
fn one_commit_without_a_kept_rate_has_neither_trend_nor_latency() {
    let records = vec![by(lines_in(1.0), FLOOR), lines_in(1.5)];
    let (folder, page) = written(records);
    assert!(!folder.path().join("trend.svg").exists());
    assert!(!folder.path().join("latency.svg").exists());
    assert!(page.contains("There is no trend yet"));
}

#[test]
fn a_trial_that_stored_nothing_breaks_no_chart() {
    let mut records = all();
    records[1].count.stored = 0;
    records[1].seconds = 0.0;
    let (_folder, page) = written(records);
    assert!(!page.contains("NaN") && !page.contains("inf"));
}

#[test]
fn no_record_is_said_with_the_way_to_make_one() {
    let folder = tempfile::tempdir().unwrap();
    let error = write(&runs::Read::default(), Some("abc"), folder.path()).unwrap_err();
    assert_eq!(
        error.to_string(),
        "no record of commit abc: run `floor` and `e2e` first"
    );
}
