//! Promise: the store that discards notices a lost, a doubled and an altered line, whatever a client does to its body on the way.

#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::io::Write;
use std::path::Path;
use std::time::{Duration, Instant};

use flate2::Compression;
use flate2::write::GzEncoder;
use flightline_bench::discard::figures::{Expectation, Figures, Stall};
use flightline_bench::payload::clock::Clock;
use flightline_bench::payload::{Payloads, Traffic};
use flightline_bench::record::Check;
use flightline_bench::scenario::{Shape, Store};
use flightline_bench::trial::depot::Depot;
use flightline_fixtures::http::{post, request};
use tempfile::TempDir;

const BENCH: &str = env!("CARGO_BIN_EXE_flightline-bench");
/// Bytes of a line with its end.
const LINE: usize = 151;

struct Discard {
    depot: Depot,
    _folder: TempDir,
}

fn traffic() -> Traffic {
    Traffic {
        shape: Shape::Line,
        subjects: 1,
        messages: 1_000,
        clock: Clock::unpaced(1),
    }
}

fn begun(check: Check, stall: Option<Stall>) -> Discard {
    let folder = tempfile::tempdir().unwrap();
    let depot = Depot::start(Store::Discard, Shape::Line, Path::new(BENCH), folder.path());
    let mut depot = depot.unwrap();
    depot
        .begin(&Expectation {
            traffic: traffic(),
            check,
            latency_from: None,
            tail: 0,
            stall,
        })
        .unwrap();
    Discard {
        depot,
        _folder: folder,
    }
}

impl Discard {
    fn write(&self, body: &[u8]) {
        let url = format!("{}/api/v2/write?org=o&bucket=b", self.depot.target().url);
        assert_eq!(post(&url, body).unwrap().status, 204);
    }

    fn figures(&mut self) -> Figures {
        self.depot.figures().unwrap()
    }
}

fn body() -> Vec<u8> {
    let payloads = Payloads::new(traffic());
    let mut body = Vec::new();
    for message in 0..1_000 {
        payloads.payload(message, &mut body);
        body.push(b'\n');
    }
    body
}

#[test]
fn a_lost_a_doubled_and_an_altered_line_are_each_counted() {
    let mut discard = begun(Check::Account, None);
    let mut body = body();
    body[7 * LINE + 30] ^= 1;
    discard.write(&body[LINE..]);
    discard.write(&body[LINE..3 * LINE]);
    let figures = discard.figures();
    let sent = Payloads::new(traffic()).sum();
    let count = figures.count(Check::Account, 1_000, &sent, None);
    assert_eq!((count.lost, count.doubled, count.altered), (1, 2, 1));
    assert_eq!((count.stored, figures.bodies), (999, 2));
    assert!(figures.first > 0 && figures.first <= figures.last);
    assert_eq!(figures.first_lines, 999);
}

#[test]
fn a_compressed_body_is_understood() {
    let mut discard = begun(Check::Account, None);
    let mut packed = GzEncoder::new(Vec::new(), Compression::fast());
    packed.write_all(&body()).unwrap();
    let packed = packed.finish().unwrap();
    let url = format!("{}/write?db=x", discard.depot.target().url);
    let answer = request("POST", &url, &[("content-encoding", "gzip")], &packed);
    assert_eq!(answer.unwrap().status, 204);
    assert_eq!(discard.figures().stored, 1_000);
    let torn = request("POST", &url, &[("content-encoding", "gzip")], &packed[..99]);
    assert_eq!(torn.unwrap().status, 400);
    assert_eq!(discard.figures().lines, 1_000);
}

#[test]
fn a_body_that_is_too_large_is_refused_packed_or_not_and_the_next_is_taken() {
    let mut discard = begun(Check::Account, None);
    let url = format!("{}/write?db=x", discard.depot.target().url);
    let large = vec![b'\n'; (64 << 20) + 1];
    let mut packed = GzEncoder::new(Vec::new(), Compression::fast());
    packed.write_all(&large).unwrap();
    let packed = packed.finish().unwrap();
    let plain = post(&url, &large).unwrap();
    let unpacked = request("POST", &url, &[("content-encoding", "gzip")], &packed).unwrap();
    for answer in [plain, unpacked] {
        assert_eq!(answer.status, 413);
        assert!(
            answer.text().contains("smaller batches"),
            "{}",
            answer.text()
        );
    }
    discard.write(&body());
    assert_eq!(discard.figures().lines, 1_000);
}

#[test]
fn what_is_written_elsewhere_is_read_to_its_end_and_kept_nowhere() {
    let mut discard = begun(Check::Account, None);
    let url = format!("{}/elsewhere/write", discard.depot.target().url);
    let large = body().repeat(100);
    for _ in 0..10 {
        assert_eq!(post(&url, &large).unwrap().status, 200);
    }
    assert_eq!(discard.figures().lines, 0);
}

#[test]
fn a_new_trial_begins_with_nothing() {
    let mut discard = begun(Check::Count, None);
    discard.write(&body());
    assert_eq!(discard.figures().lines, 1_000);
    let again = Expectation {
        traffic: traffic(),
        check: Check::Count,
        latency_from: None,
        tail: 0,
        stall: None,
    };
    discard.depot.begin(&again).unwrap();
    assert_eq!(discard.figures(), Figures::default());
}

#[test]
fn a_stalled_store_answers_late_and_counts_late() {
    let stall = Stall {
        after_lines: 500,
        seconds: 1,
    };
    let mut discard = begun(Check::Account, Some(stall));
    let body = body();
    discard.write(&body[..500 * LINE]);
    assert_eq!(discard.figures().stored, 500);
    assert!(!discard.figures().hung);
    let before = Instant::now();
    discard.write(&body[500 * LINE..]);
    assert!(before.elapsed() >= Duration::from_secs(1));
    assert!(discard.figures().hung);
    assert_eq!(discard.figures().stored, 1_000);
}
