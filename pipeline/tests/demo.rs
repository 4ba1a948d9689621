//! Promise: the demo runs without any server and with real ones, ends by itself or on Ctrl-C, and in the end adds up: what was
//! sent is what was stored and dead-lettered, counted once more in what it left behind.

#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::net::TcpListener;
use std::path::Path;
use std::process::Command;
use std::time::Duration;

use flightline_fixtures::influxd::Influxd;
use flightline_fixtures::nats::Nats;
use flightline_fixtures::process::{Process, Signal};
use flightline_fixtures::{http, prometheus, server, wait};
use tempfile::TempDir;

const BINARY: &str = env!("CARGO_BIN_EXE_flightline");
/// A debug build on a busy machine.
const PATIENCE: Duration = Duration::from_secs(60);

struct Demo {
    folder: TempDir,
    process: Process,
}

impl Demo {
    /// Starts `flightline demo --dir out` with more words and variables, and nothing else in its environment.
    fn start(words: &[&str], variables: &[(&str, &str)]) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let mut command = Command::new(BINARY);
        command
            .args(["demo", "--dir", "out"])
            .args(words)
            .env_clear()
            .envs(variables.iter().copied())
            .current_dir(folder.path());
        let process = Process::spawn(command, &folder.path().join("said")).unwrap();
        Self { folder, process }
    }

    /// Everything it has said so far.
    fn said(&self) -> String {
        std::fs::read_to_string(self.folder.path().join("said")).unwrap()
    }

    /// Where it says that its admin listener is.
    fn admin(&self) -> String {
        wait::until_some(PATIENCE, || {
            let said = self.said();
            let rest = said.split_once("metrics  ")?.1;
            Some(rest.split_once("/metrics\n")?.0.to_owned())
        })
        .unwrap_or_else(|late| panic!("no address: {late}: {}", self.said()))
    }

    /// Waits until its end; the exit code and what it said.
    fn end(mut self) -> (Option<i32>, Summary, TempDir) {
        let status = self.process.wait(PATIENCE).unwrap();
        let summary = Summary::read(&self.said());
        (status.code(), summary, self.folder)
    }
}

/// The numbers of the summary.
#[derive(Debug)]
struct Summary {
    sent: usize,
    stored: usize,
    dead: usize,
    lines: usize,
    letters: usize,
}

impl Summary {
    fn read(said: &str) -> Self {
        let number = |before: &str, after: &str| -> usize {
            let found = said.lines().find_map(|line| {
                let (head, _) = line.split_once(after)?;
                let number = match before {
                    "" => head,
                    before => head.rsplit_once(before)?.1,
                };
                number.parse().ok()
            });
            found.unwrap_or_else(|| panic!("no number before {after:?}:\n{said}"))
        };
        Self {
            sent: number("", " messages sent = "),
            stored: number("= ", " stored + "),
            dead: number("+ ", " dead-lettered"),
            lines: number("", " lines stored, "),
            letters: number("stored, ", " letters kept"),
        }
    }

    fn adds_up(&self) {
        assert!(self.sent > 500, "{self:?}");
        assert!(self.dead > 0, "the recording has poison in it: {self:?}");
        assert_eq!(self.sent, self.stored + self.dead, "{self:?}");
    }
}

/// Newlines in the files of the only run below `out` whose names end so.
fn count(folder: &Path, ending: &str) -> usize {
    let mut runs = std::fs::read_dir(folder.join("out")).unwrap();
    let run = runs.next().unwrap().unwrap().path();
    assert!(runs.next().is_none());
    let mut lines = 0;
    for file in std::fs::read_dir(run).unwrap() {
        let path = file.unwrap().path();
        if path.to_str().unwrap().ends_with(ending) {
            lines += std::fs::read_to_string(path).unwrap().lines().count();
        }
    }
    lines
}

#[test]
fn it_ends_by_itself_and_the_files_hold_what_it_says() {
    let (code, summary, folder) = Demo::start(&["--for", "2s"], &[]).end();
    assert_eq!(code, Some(0));
    summary.adds_up();
    assert_eq!(count(folder.path(), ".lp"), summary.lines);
    assert_eq!(count(folder.path(), "letters.ndjson"), summary.letters);
    assert_eq!(count(folder.path(), ".part"), 0, "every file is finished");
}

#[test]
fn while_it_runs_it_can_be_looked_at_and_ctrl_c_ends_it_with_the_summary() {
    let demo = Demo::start(&[], &[("FLIGHTLINE__ADMIN__LISTEN", "127.0.0.1:0")]);
    let admin = demo.admin();
    let metrics = || http::get(&format!("{admin}/metrics")).unwrap().text();
    wait::until(PATIENCE, || {
        let text = metrics();
        text.contains("http_requests_total{") && text.contains("flightline_up{")
    })
    .unwrap_or_else(|late| panic!("{late}:\n{}", metrics()));
    prometheus::check_metrics(&metrics()).unwrap();
    let status = http::get(&format!("{admin}/status")).unwrap().text();
    let status: serde_json::Value = serde_json::from_str(&status).unwrap();
    assert_eq!(status["state"], "ready");
    // Half a recording, so that there is poison in it.
    wait::until(PATIENCE, || {
        let text = metrics();
        let stored = text
            .lines()
            .find_map(|line| line.strip_prefix("flightline_stored_lines_total{sink=\"main\"} "));
        stored.is_some_and(|lines| lines.parse().is_ok_and(|lines: f64| lines > 1_500.0))
    })
    .unwrap();
    demo.process.signal(Signal::Int).unwrap();
    let (code, summary, folder) = demo.end();
    assert_eq!(code, Some(0));
    summary.adds_up();
    assert_eq!(count(folder.path(), ".lp"), summary.lines);
}

#[test]
fn points_without_a_time_are_stamped_with_the_time_they_were_played() {
    let now = || {
        std::time::SystemTime::UNIX_EPOCH
            .elapsed()
            .unwrap()
            .as_nanos()
    };
    let before = now();
    let (code, _, folder) = Demo::start(&["--for", "1s", "--rate", "20000"], &[]).end();
    assert_eq!(code, Some(0));
    let after = now();
    let run = std::fs::read_dir(folder.path().join("out")).unwrap().next();
    let run = run.unwrap().unwrap().path();
    for file in std::fs::read_dir(run).unwrap() {
        let path = file.unwrap().path();
        if path.extension().is_some_and(|extension| extension == "lp") {
            for line in std::fs::read_to_string(path).unwrap().lines() {
                let time: u128 = line.rsplit_once(' ').unwrap().1.parse().unwrap();
                // The recording's own times are moved to the millisecond.
                assert!(
                    (before - 1_000_000..after).contains(&time),
                    "{line}: not between {before} and {after}"
                );
            }
        }
    }
}

#[test]
fn a_configured_address_that_is_taken_is_one_clear_message_and_exit_69() {
    let taken = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = taken.local_addr().unwrap().to_string();
    let folder = tempfile::tempdir().unwrap();
    let output = assert_cmd::Command::new(BINARY)
        .args(["demo", "--for", "1s"])
        .env_clear()
        .env("FLIGHTLINE__ADMIN__LISTEN", &address)
        .current_dir(folder.path())
        .assert()
        .code(69);
    let said = String::from_utf8(output.get_output().stderr.clone()).unwrap();
    assert_eq!(said.lines().count(), 1, "{said}");
    assert!(
        said.contains(&address) && said.contains("admin.listen"),
        "{said}"
    );
}

#[test]
fn the_default_address_that_is_taken_is_no_reason_to_fail() {
    // Whoever has it: this test, another one, or a worker on this machine.
    let _taken = TcpListener::bind("127.0.0.1:9464");
    let demo = Demo::start(&["--for", "1s"], &[]);
    let admin = demo.admin();
    assert_ne!(admin, "http://127.0.0.1:9464");
    let (code, _, _) = demo.end();
    assert_eq!(code, Some(0));
}

#[test]
fn real_servers_take_it_beside_what_others_have_there() {
    let (nats, influx) = (Nats::start(), Influxd::start());
    let variables = [
        ("NATS_URL", nats.url()),
        ("INFLUX_URL", influx.url()),
        ("INFLUX_DB", "demo".to_owned()),
        ("FLIGHTLINE__ADMIN__LISTEN", "127.0.0.1:0".to_owned()),
    ];
    let variables: Vec<_> = variables
        .iter()
        .map(|(name, value)| (*name, value.as_str()))
        .collect();
    let (code, summary, _) = Demo::start(&["--for", "2s"], &variables).end();
    assert_eq!(code, Some(0), "{summary:?}");
    summary.adds_up();
    assert_eq!(
        influx.points("demo").len(),
        summary.lines,
        "every line is a point of its own"
    );
    let streams = nats.monitor("/jsz?streams=true");
    let streams = &streams["account_details"][0]["stream_detail"];
    let messages = |name: &str| {
        let mut all = streams.as_array().unwrap().iter();
        all.find(|stream| stream["name"] == name)
            .map(|stream| stream["state"]["messages"].as_u64().unwrap())
    };
    let number = |count: usize| Some(u64::try_from(count).unwrap());
    assert_eq!(messages("FLIGHTLINE_DEMO"), number(summary.sent));
    assert_eq!(messages("DEADLETTER"), number(summary.letters));
    assert_eq!(
        messages("TELEMETRY"),
        None,
        "the workers' stream is not the demo's"
    );
}

#[test]
fn a_server_that_is_not_there_is_one_clear_message_and_exit_69() {
    let address = format!("127.0.0.1:{}", server::free_port());
    for (name, url) in [
        ("NATS_URL", format!("nats://{address}")),
        ("INFLUX_URL", format!("http://{address}")),
    ] {
        let folder = tempfile::tempdir().unwrap();
        let output = assert_cmd::Command::new(BINARY)
            .args(["-q", "demo", "--for", "1s"])
            .env_clear()
            .env(name, url)
            .env("FLIGHTLINE__ADMIN__LISTEN", "127.0.0.1:0")
            .current_dir(folder.path())
            .timeout(PATIENCE)
            .assert()
            .code(69);
        let said = String::from_utf8(output.get_output().stderr.clone()).unwrap();
        assert_eq!(said.lines().count(), 1, "{said}");
        assert!(said.contains(&address), "{said}");
    }
}

#[test]
fn a_nats_server_without_jetstream_is_told_and_not_waited_for() {
    let nats = flightline_fixtures::nats::Options::default().core().start();
    let folder = tempfile::tempdir().unwrap();
    assert_cmd::Command::new(BINARY)
        .args(["demo", "--for", "1s"])
        .env_clear()
        .env("NATS_URL", nats.url())
        .env("FLIGHTLINE__ADMIN__LISTEN", "127.0.0.1:0")
        .current_dir(folder.path())
        .timeout(PATIENCE)
        .assert()
        .code(69)
        .stderr(predicates::str::contains("FLIGHTLINE_DEMO"));
}
