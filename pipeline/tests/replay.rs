//! Promise: what is recorded can be played: through the path into files and stores, or to NATS, once or often, at its pace or
//! faster; and when it cannot be played to its end, one is told where and why.

#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

#[path = "rig/support.rs"]
mod support;

#[path = "replay/record.rs"]
mod record;
#[path = "replay/stop.rs"]
mod stop;

use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use assert_cmd::Command;
use assert_cmd::assert::Assert;
use flightline_fixtures::generator::{Generator, Message, Settings, Strings, golden};
use flightline_fixtures::influxd::Influxd;
use flightline_fixtures::nats::Nats;
use flightline_fixtures::record::{self as fixture, Record};
use flightline_fixtures::server::free_port;
use flightline_fixtures::worker::Worker;
use predicates::str::contains;
use support::{BINARY, PATIENCE, Publisher};

/// The first customers' subjects, and the parts that are the same in every test.
const BASE: &str = r#"
[admin]
listen = "127.0.0.1:0"
[batch]
age = "100ms"
[deadletter]
kind = "file"
path = "letters.ndjson"
[[mapping]]
subjects = ["humidity", "motion", "temperature"]
service = "sensors"
measurement = "sensor"
tags = { type = "$.type" }
fields = ["value"]
time = "$.time"
time_unit = "ms"
"#;

/// `flightline` in `folder` with this configuration.
fn flightline(folder: &Path, config: &str, words: &[&str]) -> Command {
    std::fs::write(folder.join("c.toml"), config).unwrap();
    let mut command = Command::new(BINARY);
    command
        .args(["-c", "c.toml"])
        .args(words)
        .env_clear()
        .current_dir(folder)
        .timeout(PATIENCE);
    command
}

fn replay(folder: &Path, config: &str, file: &Path, words: &[&str]) -> Assert {
    let words = [&["replay", file.to_str().unwrap()], words].concat();
    flightline(folder, config, &words).assert()
}

fn stdout(assert: &Assert) -> String {
    String::from_utf8(assert.get_output().stdout.clone()).unwrap()
}

fn stderr(assert: &Assert) -> String {
    String::from_utf8(assert.get_output().stderr.clone()).unwrap()
}

fn into_files(compression: &str) -> String {
    format!("{BASE}[sink]\nkind = \"file\"\ndir = \"out\"\ncompression = \"{compression}\"\n")
}

fn into_influx(influx: &Influxd) -> String {
    let url = influx.url();
    format!("{BASE}[sink]\nkind = \"influxdb\"\napi = \"v1\"\nurl = \"{url}\"\ndb = \"flight\"\n")
}

fn to_nats(url: &str) -> String {
    format!("{BASE}[nats]\nurl = \"{url}\"\n")
}

/// The finished files of a file sink, in order.
fn files(folder: &Path) -> Vec<PathBuf> {
    let entries = std::fs::read_dir(folder.join("out")).unwrap();
    let mut files: Vec<_> = entries.map(|entry| entry.unwrap().path()).collect();
    files.sort();
    files
}

/// A stream file of these records.
fn stream(folder: &Path, records: &[Record]) -> PathBuf {
    let path = folder.join("stream.ndjson");
    std::fs::write(&path, fixture::write(records)).unwrap();
    path
}

/// `path`, packed beside it.
fn packed(path: &Path, folder: &Path) -> PathBuf {
    let packed = folder.join("packed.ndjson.zst");
    let plain = std::fs::read(path).unwrap();
    std::fs::write(&packed, zstd::encode_all(plain.as_slice(), 3).unwrap()).unwrap();
    packed
}

#[test]
fn the_shipped_stream_goes_through_the_path_into_files_plain_and_packed() {
    let shipped = fixture::stream("demo");
    let mut seen = Vec::new();
    for form in ["plain", "packed"] {
        let folder = tempfile::tempdir().unwrap();
        let file = match form {
            "plain" => shipped.clone(),
            _ => packed(&shipped, folder.path()),
        };
        let words = ["--to", "path", "--speed", "max"];
        let assert = replay(folder.path(), &into_files("none"), &file, &words).code(0);
        let [written] = files(folder.path()).try_into().unwrap();
        let lines = std::fs::read_to_string(written).unwrap().lines().count();
        let said = stdout(&assert);
        assert!(
            said.contains(&format!(
                "252 messages sent; {lines} lines stored, 5 dead letters"
            )) && said.contains("letters.ndjson"),
            "{said}"
        );
        let letters = std::fs::read_to_string(folder.path().join("letters.ndjson")).unwrap();
        assert_eq!(letters.lines().count(), 5);
        seen.push(lines);
    }
    assert!(seen[0] > 252 && seen[0] == seen[1], "{seen:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn the_shipped_stream_goes_to_nats_where_a_worker_stores_it() {
    let (nats, influx) = (Nats::start(), Influxd::start());
    influx.create_database("flight");
    let publisher = Publisher::new(&nats).await;
    let folder = tempfile::tempdir().unwrap();
    let file = fixture::stream("demo");
    let assert = replay(
        folder.path(),
        &to_nats(&nats.url()),
        &file,
        &["--speed", "max"],
    )
    .code(0);
    assert_eq!(stdout(&assert), "252 messages sent\n");

    let sink = format!(
        "[sink]\nkind = \"influxdb\"\napi = \"v1\"\nurl = \"{}\"\ndb = \"flight\"\n",
        influx.url()
    );
    let worker = Worker::start(BINARY, &support::config(&nats, &sink));
    publisher.wait_all_acked(|| worker.log()).await;
    let stored = worker.metric("flightline_stored_lines_total{sink=\"main\"}");
    let points = u32::try_from(influx.points("flight").len()).unwrap();
    assert_eq!(
        f64::from(points),
        stored,
        "every line is a point of its own"
    );
    assert_eq!(support::dead_letters(&nats).await.len(), 5);
}

#[test]
fn files_of_the_file_sink_go_into_influxdb_point_by_point() {
    let messages: Vec<Message> = Generator::new(Settings {
        messages: 5_000,
        strings: Strings::ManyLines,
        ..Settings::default()
    })
    .collect();
    let records: Vec<Record> = messages
        .iter()
        .map(|message| Record::new(0, &message.subject, message.content_type, &message.payload))
        .collect();
    for compression in ["none", "zstd"] {
        let folder = tempfile::tempdir().unwrap();
        let file = stream(folder.path(), &records);
        let config = into_files(compression) + "max_bytes = \"200KiB\"\n";
        replay(folder.path(), &config, &file, &["--to", "path"]).code(0);
        let written = files(folder.path());
        assert!(written.len() > 1, "{compression}: {written:?}");

        let influx = Influxd::start();
        influx.create_database("flight");
        for file in &written {
            replay(
                folder.path(),
                &into_influx(&influx),
                file,
                &["--to", "path", "--speed", "max"],
            )
            .code(0)
            .stdout(contains(" 0 dead letters"));
        }
        let stored = influx.points("flight");
        assert_eq!(golden(&messages).difference(&stored), None, "{compression}");
    }
}

#[test]
fn the_pace_is_kept_and_a_repeated_file_is_played_as_often() {
    let folder = tempfile::tempdir().unwrap();
    let record = |offset, value: u32| {
        let line = format!("paced v={value}i");
        Record::new(offset, "telemetry.app.pace.lines", None, line.as_bytes())
    };
    let records = [record(0, 0), record(4_000, 1), record(8_000, 2)];
    let file = stream(folder.path(), &records);
    let start = Instant::now();
    let words = ["--to", "path", "--speed", "x10", "--repeat", "2"];
    replay(folder.path(), &into_files("none"), &file, &words)
        .code(0)
        .stdout(contains("6 messages sent; 6 lines stored, 0 dead letters"));
    assert!(start.elapsed() >= Duration::from_millis(1_600));
    let [written] = files(folder.path()).try_into().unwrap();
    let text = std::fs::read_to_string(written).unwrap();
    let (values, times): (Vec<&str>, Vec<i64>) = text
        .lines()
        .map(|line| {
            let mut words = line.split(' ').skip(1);
            let value = words.next().unwrap();
            (value, words.next().unwrap().parse::<i64>().unwrap())
        })
        .unzip();
    assert_eq!(values, ["v=0i", "v=1i", "v=2i", "v=0i", "v=1i", "v=2i"]);
    let span = times[5] - times[0];
    assert!(span >= 1_600_000_000, "stamped when played: {span} ns");
}

#[test]
fn a_broken_line_is_told_with_its_place_and_what_stood_before_it_is_stored() {
    let folder = tempfile::tempdir().unwrap();
    let record = Record::new(0, "telemetry.app.s.lines", None, b"m v=1");
    let file = folder.path().join("broken.ndjson");
    let text = fixture::write(&[record.clone(), record]) + "{\"offset_ms\":1}\n";
    std::fs::write(&file, text).unwrap();
    let words = ["--to", "path", "--speed", "max"];
    let assert = replay(folder.path(), &into_files("none"), &file, &words)
        .code(64)
        .stdout(contains("2 messages sent; 2 lines stored"))
        .stderr(contains("broken.ndjson:3: not a record"));
    assert!(stderr(&assert).contains("subject"), "{}", stderr(&assert));
}

#[test]
fn a_file_that_is_not_there_or_cut_off_is_told_by_name() {
    let folder = tempfile::tempdir().unwrap();
    let words = ["--to", "path", "--speed", "max"];
    let absent = folder.path().join("absent.ndjson");
    replay(folder.path(), &into_files("none"), &absent, &words)
        .code(64)
        .stderr(contains("absent.ndjson: cannot be read"));
    let whole = packed(&fixture::stream("demo"), folder.path());
    let bytes = std::fs::read(&whole).unwrap();
    let cut = folder.path().join("cut.ndjson.zst");
    std::fs::write(&cut, &bytes[..bytes.len() / 2]).unwrap();
    replay(folder.path(), &into_files("none"), &cut, &words)
        .code(64)
        .stderr(contains("cut.ndjson.zst"));
}

#[test]
fn nats_that_is_not_there_is_one_clear_message_and_exit_69() {
    let folder = tempfile::tempdir().unwrap();
    let address = format!("127.0.0.1:{}", free_port());
    let config = to_nats(&format!("nats://{address}"));
    let kept = folder.path().join("kept.ndjson");
    std::fs::write(&kept, "an earlier recording\n").unwrap();
    for words in [
        vec!["replay", "kept.ndjson"],
        vec!["record", "--out", "kept.ndjson", "--for", "1s"],
    ] {
        let words = [vec!["-q"], words].concat();
        let assert = flightline(folder.path(), &config, &words).assert().code(69);
        let said = stderr(&assert);
        assert!(said.contains(&address), "{words:?}: {said}");
        assert_eq!(said.lines().count(), 1, "{words:?}: {said}");
    }
    let text = std::fs::read_to_string(kept).unwrap();
    assert_eq!(text, "an earlier recording\n", "it is not lost");
}

#[test]
fn subjects_that_no_stream_captures_are_told() {
    let nats = Nats::start();
    let folder = tempfile::tempdir().unwrap();
    let config = to_nats(&nats.url());
    let file = fixture::stream("demo");
    replay(folder.path(), &config, &file, &["--speed", "max"])
        .code(69)
        .stderr(contains("stream"));
}
