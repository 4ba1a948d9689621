//! The promise: a line passes only if every store it goes to takes it, and what is refused is refused for a reason.
//!
//! The table says what a real InfluxDB 1.6.7 answers, so the same table is replayed against one.

use flightline::decode::dialect::{Dialect, Rules};
use flightline::decode::scan::Scanner;
use flightline_fixtures::http;
use flightline_fixtures::influxd::Influxd;

#[path = "dialect/cases.rs"]
mod cases;

use cases::{Case, Verdict};

/// Why a verdict of ours differs from that of InfluxDB 1.6.7 (for dialect 1) or of the crate influxdb-line-protocol (dialect 3).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Why {
    /// It does not.
    Same,
    /// The line goes out without the blanks or the carriage return around it, and so it is taken.
    Shortened,
    /// The crate reads a number that is too large as infinity.
    Infinity,
    /// InfluxDB 1 and 2 keep the outermost times for themselves.
    OuterTimes,
    /// The crate goes on where InfluxDB 1 and the documentation refuse: unescaped `=` and `,`, a comma too many.
    LaxCrate,
    /// Stored, but only the last of two values; refused if they differ in type. The crate does not look.
    LastValue,
    /// InfluxDB 3 refuses two columns of one name, after the crate has parsed the line.
    TwoColumns,
    /// InfluxDB drops a field `time` in silence if there are others, else refuses the line, after parsing.
    ReservedTime,
    /// InfluxDB 1 skips NUL, and tabs before a field or time, as blanks: the name that is stored is another one.
    EatenBlank,
    /// Backslashes before a delimiter: InfluxDB 1 looks one byte back, the crate counts them.
    Backslashes,
    /// InfluxDB 1 stores a string with something behind its closing quote as another string.
    BrokenString,
}

fn all() -> impl Iterator<Item = &'static Case> {
    [
        cases::NUMBERS,
        cases::TIMES,
        cases::STRINGS,
        cases::TAGS,
        cases::NAMES,
    ]
    .into_iter()
    .flatten()
}

fn show(line: &[u8]) -> String {
    line.escape_ascii().to_string()
}

/// What goes out of `line` for a store of `dialect`, if anything does.
fn passed(line: &[u8], dialect: Dialect) -> Option<Vec<u8>> {
    let mut scanner = Scanner::new(Rules::of([dialect]));
    let scanned = scanner.next(line, 0).expect("every case is a line");
    assert_eq!(scanned.next, line.len(), "{}: a second line", show(line));
    scanned.line.is_ok().then(|| line[scanned.range].to_vec())
}

#[test]
fn each_dialect_gets_what_its_store_takes() {
    for (line, influx, ours, theirs, why) in all() {
        let seen = Dialect::ALL.map(|dialect| Verdict::from(passed(line, dialect).is_some()));
        assert_eq!(&seen, ours, "{}", show(line));
        let differs = seen[0] != *influx || seen[2] != *theirs;
        assert_eq!(differs, *why != Why::Same, "{}: {why:?}", show(line));
    }
}

#[test]
fn a_line_for_several_stores_keeps_the_rules_of_all() {
    let sets: [&[Dialect]; 3] = [
        &[Dialect::V1, Dialect::V3],
        &[Dialect::V2, Dialect::V3],
        &Dialect::ALL,
    ];
    for (line, ..) in all() {
        for set in sets {
            let all = set.iter().all(|dialect| passed(line, *dialect).is_some());
            let together = Scanner::new(Rules::of(set.iter().copied()))
                .next(line, 0)
                .is_some_and(|scanned| scanned.line.is_ok());
            assert_eq!(together, all, "{} for {set:?}", show(line));
        }
    }
}

#[test]
fn the_crate_answers_as_the_table_says() {
    for (line, _, _, theirs, _) in all() {
        let taken = std::str::from_utf8(line).is_ok_and(|text| {
            influxdb_line_protocol::parse_lines(text)
                .all(|line| line.is_ok_and(|line| line.series.generate_base().is_ok()))
        });
        assert_eq!(Verdict::from(taken), *theirs, "{}", show(line));
    }
}

#[test]
fn a_real_influxdb_answers_as_the_table_says_and_takes_all_that_passes() {
    let influxd = Influxd::start();
    let mut number = 0;
    let mut write = |body: &[u8]| {
        // Each line into its own database: a field has one type in a database.
        number += 1;
        let db = format!("d{number}");
        influxd.create_database(&db);
        let url = format!("{}/write?precision=ns&db={db}", influxd.url());
        let answer = http::request("POST", &url, &[], body).expect("an answer");
        (answer.status, answer.text())
    };
    for (line, influx, ..) in all() {
        let (status, text) = write(line);
        assert_eq!(
            Verdict::from(status == 204),
            *influx,
            "{}: {text}",
            show(line)
        );
        if let Some(mut line) = passed(line, Dialect::V1) {
            line.push(b'\n');
            let (status, text) = write(&line);
            assert_eq!(status, 204, "{}: {text}", show(&line));
        }
    }
}
