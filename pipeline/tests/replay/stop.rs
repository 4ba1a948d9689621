//! Ctrl-C in the middle of a replay: what was sent is settled or told, at once or within the drain.

use std::path::Path;
use std::process::Command;
use std::time::{Duration, Instant};

use flightline_fixtures::process::{Process, Signal};
use flightline_fixtures::record::Record;
use flightline_fixtures::stub::Stub;
use flightline_fixtures::wait;

use super::support::{BINARY, PATIENCE};
use super::{BASE, files, into_files, stream};

fn start(folder: &Path, config: &str, words: &[&str]) -> Process {
    std::fs::write(folder.join("c.toml"), config).unwrap();
    let mut command = Command::new(BINARY);
    command
        .args(["-c", "c.toml", "replay", "stream.ndjson", "--to", "path"])
        .args(words)
        .env_clear()
        .current_dir(folder);
    Process::spawn(command, &folder.join("said")).unwrap()
}

fn record(offset: u64, payload: &[u8]) -> Record {
    Record::new(offset, "telemetry.app.s.lines", None, payload)
}

#[test]
fn in_a_pause_it_ends_at_once_with_everything_sent_stored() {
    let folder = tempfile::tempdir().unwrap();
    let hour = 3_600_000;
    stream(
        folder.path(),
        &[record(0, b"m v=1"), record(hour, b"m v=2")],
    );
    let mut replay = start(folder.path(), &into_files("none"), &[]);
    let written = || {
        let paths = std::fs::read_dir(folder.path().join("out"));
        let mut paths = paths.into_iter().flatten().flatten();
        paths.any(|entry| entry.metadata().is_ok_and(|data| data.len() > 0))
    };
    wait::until(PATIENCE, written).unwrap();
    replay.signal(Signal::Int).unwrap();
    let status = replay.wait(PATIENCE).unwrap();
    let said = replay.tail();
    assert_eq!(status.code(), Some(75), "{said}");
    assert!(said.contains("1 messages sent; 1 lines stored"), "{said}");
    assert!(
        said.contains("stopped before the end of stream.ndjson"),
        "{said}"
    );
    let [file] = files(folder.path()).try_into().unwrap();
    assert!(std::fs::read_to_string(file).unwrap().starts_with("m v=1 "));
}

#[test]
fn before_a_store_that_stands_still_it_ends_within_the_drain_and_says_what_is_not_stored() {
    let folder = tempfile::tempdir().unwrap();
    let store = Stub::start();
    store.hold();
    let line = [b'x'; 60_000];
    let payload = [b"m v=\"".as_slice(), &line, b"\""].concat();
    let records: Vec<Record> = (0..2_000).map(|_| record(0, &payload)).collect();
    stream(folder.path(), &records);
    let config = format!(
        "{BASE}[run]\ndrain = \"1s\"\n[sink]\nkind = \"influxdb\"\napi = \"v1\"\nurl = \"{}\"\ndb = \"flight\"\n",
        store.url()
    );
    let mut replay = start(folder.path(), &config, &["--speed", "max"]);
    wait::until(PATIENCE, || store.writes().len() >= 2).unwrap();
    let start = Instant::now();
    replay.signal(Signal::Int).unwrap();
    let status = replay.wait(PATIENCE).unwrap();
    let said = replay.tail();
    assert_eq!(status.code(), Some(75), "{said}");
    assert!(said.contains("not known to be stored"), "{said}");
    assert!(start.elapsed() < Duration::from_secs(10));
}
