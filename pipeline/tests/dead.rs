//! Promise: what was dead-lettered can be looked at without harm, whatever is in it, and published again after a fix, once.

#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

#[path = "rig/support.rs"]
mod support;

use std::path::Path;
use std::process::{Command, Output};
use std::time::Duration;

use async_nats::HeaderMap;
use async_nats::jetstream::{self, stream::Stream};
use flightline::bus::StreamSpec;
use flightline_contract::deadletter::{CUT, DETAIL, REASON, SEQUENCE, STREAM, SUBJECT};
use flightline_contract::encoding::CONTENT_TYPE;
use flightline_fixtures::generator::{JSON, Message};
use flightline_fixtures::influxd::Influxd;
use flightline_fixtures::nats::Nats;
use flightline_fixtures::points::Time;
use flightline_fixtures::wait;
use flightline_fixtures::worker::Worker;
use support::{BINARY, PATIENCE, Publisher, config};

/// Clears a screen, sets a title, rings, turns text around, and ends a line.
const HOSTILE: &[u8] = b"m v=\x1b[2J\x1b]0;x\x07 \xe2\x80\xae\x9b31m\r\nforged\t1 \xff\x00";

/// A server with letters, and the folder of who looks at them.
struct Desk {
    nats: Nats,
    publisher: Publisher,
    folder: tempfile::TempDir,
}

impl Desk {
    async fn new() -> Self {
        let nats = Nats::start();
        let publisher = Publisher::new(&nats).await;
        let spec = StreamSpec {
            name: "DEADLETTER".to_owned(),
            subjects: vec!["deadletter.>".to_owned()],
            max_age: Duration::ZERO,
            max_bytes: -1,
            replicas: 1,
        };
        publisher.bus.ensure_stream(&spec).await.unwrap();
        let folder = tempfile::tempdir().unwrap();
        std::fs::write(folder.path().join("flightline.toml"), config(&nats, "")).unwrap();
        Self {
            nats,
            publisher,
            folder,
        }
    }

    async fn file(&self, headers: &[(&str, &str)], payload: &[u8]) {
        let mut map = HeaderMap::new();
        for (name, value) in headers {
            map.insert(*name, *value);
        }
        let payload = payload.to_vec().into();
        let bus = &self.publisher.bus;
        let stored = bus.store("deadletter.app.s.t".into(), map, payload).await;
        stored.unwrap().wait().await.unwrap();
    }

    /// A letter as a worker files it.
    async fn file_usual(&self, reason: &str, subject: &str, payload: &[u8]) {
        let headers = [
            (REASON, reason),
            (SUBJECT, subject),
            (STREAM, "TELEMETRY"),
            (SEQUENCE, "5"),
            (CONTENT_TYPE, JSON),
        ];
        self.file(&headers, payload).await;
    }

    /// A store, and a worker that writes to it.
    fn stored(&self) -> (Influxd, Worker) {
        let influx = Influxd::start();
        influx.create_database("flight");
        let sink = format!(
            "[batch]\nage = \"100ms\"\n[sink]\nkind = \"influxdb\"\napi = \"v1\"\nurl = \"{}\"\ndb = \"flight\"\n",
            influx.url()
        );
        let worker = Worker::start(BINARY, &config(&self.nats, &sink));
        (influx, worker)
    }

    fn dead(&self, words: &str) -> Output {
        dead(self.folder.path(), words)
    }

    async fn stream(&self, name: &str) -> Stream {
        let client = async_nats::connect(self.nats.url()).await.unwrap();
        jetstream::new(client).get_stream(name).await.unwrap()
    }

    async fn count(&self, name: &str) -> u64 {
        self.stream(name).await.cached_info().state.messages
    }
}

fn dead(folder: &Path, words: &str) -> Output {
    let mut command = Command::new(BINARY);
    command
        .args(["-c", "flightline.toml", "dead"])
        .args(words.split(' '))
        .current_dir(folder);
    command.output().unwrap()
}

fn code(output: &Output) -> i32 {
    output.status.code().unwrap()
}

fn said(output: &Output) -> String {
    String::from_utf8(output.stdout.clone()).unwrap()
}

fn numbers(output: &Output) -> Vec<String> {
    let text = said(output);
    let rows = text.lines().skip(1);
    rows.map(|row| row.split('\t').next().unwrap().to_owned())
        .collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn hostile_bytes_never_reach_a_terminal() {
    let desk = Desk::new().await;
    let detail = "\u{1b}[2Jred\u{202e}";
    let headers = [(REASON, "refused"), (SUBJECT, "a.b"), (DETAIL, detail)];
    desk.file(&headers, HOSTILE).await;
    // Somebody else's message.
    desk.file(&[], HOSTILE).await;
    for words in ["list", "list --json", "show 1", "show 2"] {
        let output = desk.dead(words);
        assert_eq!(code(&output), 0, "{output:?}");
        let harmless = |byte: &u8| matches!(byte, b'\n' | b'\t' | 0x20..0x7f);
        assert!(output.stdout.iter().all(harmless), "{}", said(&output));
        assert!(!said(&output).lines().any(|line| line == "forged"));
    }
    assert_eq!(said(&desk.dead("list")).lines().count(), 1 + 2);
    assert_eq!(desk.dead("show 1 --raw").stdout, HOSTILE);
    let consumers = desk.stream("DEADLETTER").await;
    assert!(
        consumers.cached_info().state.consumer_count <= 4,
        "readers that the server forgets"
    );
    let kept = desk.nats.monitor("/jsz?consumers=true&config=true");
    assert!(!kept.to_string().contains("durable_name"), "{kept}");
}

#[tokio::test(flavor = "multi_thread")]
async fn letters_are_listed_by_reason_subject_time_and_number() {
    let desk = Desk::new().await;
    for (reason, subject) in [
        ("value", "telemetry.app.s.a"),
        ("refused", "telemetry.app.s.b"),
        ("value", "telemetry.metric.s.a"),
    ] {
        desk.file_usual(reason, subject, b"{}").await;
    }
    for (words, found) in [
        ("list", vec!["1", "2", "3"]),
        ("list --limit 2", vec!["1", "2"]),
        ("list --reason value", vec!["1", "3"]),
        ("list --subject telemetry.app.>", vec!["1", "2"]),
        ("list --reason value --subject *.metric.>", vec!["3"]),
        ("list --since 1h", vec!["1", "2", "3"]),
        ("list --since 1ms", vec![]),
        ("list --reason encoding", vec![]),
    ] {
        let output = desk.dead(words);
        assert_eq!(
            (code(&output), numbers(&output)),
            (0, found.iter().map(ToString::to_string).collect()),
            "{words}"
        );
    }
    let object = said(&desk.dead("list --json --limit 1"));
    let object: serde_json::Value = serde_json::from_str(&object).unwrap();
    assert_eq!(object["number"], 1);
    assert_eq!(
        (&object["reason"], &object["sequence"]),
        (&"value".into(), &5.into())
    );
    assert_eq!(code(&desk.dead("show 9")), 64);
    assert_eq!(code(&desk.dead("replay")), 64);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_letter_published_again_is_its_message_once_and_is_taken_out_only_when_asked() {
    let desk = Desk::new().await;
    desk.file_usual("value", "telemetry.app.s.a", HOSTILE).await;
    let output = desk.dead("replay 1 --dry-run");
    assert_eq!((code(&output), desk.count("TELEMETRY").await), (0, 0));
    for _ in 0..2 {
        let output = desk.dead("replay 1");
        assert_eq!(code(&output), 0, "{output:?}");
        assert_eq!(
            desk.count("TELEMETRY").await,
            1,
            "one message, however often"
        );
    }
    let stream = desk.stream("TELEMETRY").await;
    let message = stream.get_raw_message(1).await.unwrap();
    assert_eq!(message.payload, HOSTILE);
    assert_eq!(message.subject.as_str(), "telemetry.app.s.a");
    assert_eq!(message.headers.get(CONTENT_TYPE).unwrap().as_str(), JSON);
    assert!(message.headers.get(REASON).is_none());
    assert_eq!(desk.count("DEADLETTER").await, 1);
    assert_eq!(code(&desk.dead("replay --reason value --delete")), 0);
    assert_eq!(desk.count("DEADLETTER").await, 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_cannot_be_published_again_is_said_and_stays() {
    let desk = Desk::new().await;
    desk.file(&[(REASON, "value")], b"x").await;
    let cut = [
        (REASON, "value"),
        (SUBJECT, "telemetry.app.s.a"),
        (CUT, "999"),
    ];
    desk.file(&cut, b"m v=1").await;
    // Whoever filed it.
    desk.file_usual("value", "$JS.API.STREAM.PURGE.DEADLETTER", b"{}")
        .await;
    let output = desk.dead("replay 1 2 --delete");
    assert_eq!(code(&output), 69, "{output:?}");
    let complaint = String::from_utf8(output.stderr).unwrap();
    assert!(complaint.contains("5 of 999 bytes"), "{complaint}");
    let output = desk.dead("replay 3 --delete");
    let complaint = String::from_utf8(output.stderr.clone()).unwrap();
    assert_eq!(code(&output), 69, "{output:?}");
    assert!(complaint.contains("no class and no mapping"), "{complaint}");
    assert_eq!(
        (
            desk.count("TELEMETRY").await,
            desk.count("DEADLETTER").await
        ),
        (0, 3)
    );
    std::fs::write(desk.folder.path().join("fixed"), "m v=1 1\n").unwrap();
    let output = desk.dead("replay 2 --from fixed --content-type text/plain --delete");
    assert_eq!(code(&output), 0, "{output:?}");
    let stream = desk.stream("TELEMETRY").await;
    let message = stream.get_raw_message(1).await.unwrap();
    assert_eq!(message.payload, "m v=1 1\n");
    assert_eq!(
        message.headers.get(CONTENT_TYPE).unwrap().as_str(),
        "text/plain"
    );
    assert_eq!(desk.count("DEADLETTER").await, 2);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_letter_that_no_stream_takes_does_not_hold_up_those_behind_it() {
    let desk = Desk::new().await;
    let mapped =
        "[[mapping]]\nsubjects = [\"elsewhere.>\"]\nservice = \"s\"\nmeasurement = \"m\"\n";
    let file = desk.folder.path().join("flightline.toml");
    std::fs::write(file, config(&desk.nats, mapped)).unwrap();
    desk.file_usual("value", "elsewhere.a", b"x").await;
    desk.file_usual("value", "telemetry.app.s.a", b"{}").await;
    let output = desk.dead("replay --all --delete");
    let complaint = String::from_utf8(output.stderr.clone()).unwrap();
    assert_eq!(code(&output), 69, "{output:?}");
    assert!(
        complaint.contains("no stream takes elsewhere.a"),
        "{complaint}"
    );
    assert_eq!(
        (
            desk.count("TELEMETRY").await,
            desk.count("DEADLETTER").await
        ),
        (1, 1)
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn a_replay_ends_also_while_a_worker_refuses_again_what_it_publishes() {
    const LETTERS: u64 = 3000;
    let desk = Desk::new().await;
    for _ in 0..LETTERS {
        desk.file_usual("json_shape", "telemetry.app.s.a", b"[]{")
            .await;
    }
    let sink = "[batch]\nage = \"1ms\"\n[sink]\nkind = \"file\"\n";
    let worker = Worker::start(BINARY, &config(&desk.nats, sink));
    let output = desk.dead("replay --all");
    assert_eq!(code(&output), 0, "{output:?}");
    assert!(said(&output).starts_with("3000 letters"), "{output:?}");
    desk.publisher.wait_all_acked(|| worker.log()).await;
    assert_eq!(desk.count("DEADLETTER").await, 2 * LETTERS);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_message_that_was_mended_is_stored_by_the_worker_that_refused_it() {
    let desk = Desk::new().await;
    let (influx, worker) = desk.stored();
    let bad = Message {
        subject: "telemetry.app.s.a".to_owned(),
        content_type: Some(JSON),
        payload: br#"{"measurement":"m","fields":{"v":[]},"time":"1970-01-01T00:00:01Z"}"#.to_vec(),
        points: Vec::new(),
        refused: Vec::new(),
    };
    desk.publisher.publish(&[bad]).await;
    desk.publisher.wait_all_acked(|| worker.log()).await;
    assert_eq!(numbers(&desk.dead("list")), ["1"]);
    let mended = r#"{"measurement":"m","fields":{"v":4},"time":"1970-01-01T00:00:01Z"}"#;
    std::fs::write(desk.folder.path().join("mended.json"), mended).unwrap();
    let output = desk.dead("replay 1 --from mended.json --delete");
    assert_eq!(code(&output), 0, "{output:?}");
    let stored = || influx.points("flight").iter().count() == 1;
    wait::until(PATIENCE, stored).unwrap();
    assert_eq!(desk.count("DEADLETTER").await, 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_line_that_was_mended_gets_the_time_it_would_have_had() {
    let desk = Desk::new().await;
    let (influx, worker) = desk.stored();
    let message = Message {
        subject: "telemetry.app.s.a".to_owned(),
        content_type: None,
        payload: b"m v=1i\nm v=\nm v=3i\n".to_vec(),
        points: Vec::new(),
        refused: Vec::new(),
    };
    desk.publisher.publish(&[message]).await;
    desk.publisher.wait_all_acked(|| worker.log()).await;
    std::fs::write(desk.folder.path().join("mended"), "m v=2i").unwrap();
    let output = desk.dead("replay 1 --from mended");
    assert_eq!(code(&output), 0, "{output:?}");
    let stored = || influx.points("flight").iter().count() == 3;
    wait::until(PATIENCE, stored).unwrap();
    let raw = desk.stream("TELEMETRY").await.get_raw_message(1).await;
    let first = i64::try_from(raw.unwrap().time.unix_timestamp_nanos()).unwrap();
    let points = influx.points("flight");
    let found: Vec<_> = points
        .iter()
        .map(|(key, fields)| (key.time, fields["v"].to_string()))
        .collect();
    let expected = [(0, "1i"), (1, "2i"), (2, "3i")];
    let expected = expected.map(|(later, value)| (Time::At(first + later), value.to_owned()));
    assert_eq!(found, expected);
}

#[tokio::test(flavor = "multi_thread")]
async fn letters_in_a_file_are_listed_shown_and_published_again() {
    let desk = Desk::new().await;
    let letters = "[deadletter]\nkind = \"file\"\npath = \"letters.ndjson\"\n[sink]\nkind = \"file\"\n[batch]\nage = \"100ms\"\n";
    let mut worker = Worker::start(BINARY, &config(&desk.nats, letters));
    let bad = |payload: &str| Message {
        subject: "telemetry.app.s.a".to_owned(),
        content_type: None,
        payload: payload.as_bytes().to_vec(),
        points: Vec::new(),
        refused: Vec::new(),
    };
    desk.publisher.publish(&[bad("no_fields"), bad("{")]).await;
    desk.publisher.wait_all_acked(|| worker.log()).await;
    worker.stop();
    let folder = worker.folder();
    assert_eq!(numbers(&dead(folder, "list")), ["1", "2"]);
    assert_eq!(numbers(&dead(folder, "list --reason json_shape")), ["2"]);
    assert_eq!(dead(folder, "show 1 --raw").stdout, b"no_fields");
    assert_eq!(code(&dead(folder, "list --since 1h")), 64);
    assert_eq!(code(&dead(folder, "replay --all --delete")), 64);
    let output = dead(folder, "replay --all");
    assert_eq!(code(&output), 0, "{output:?}");
    assert_eq!(desk.count("TELEMETRY").await, 4);
}

#[test]
fn a_server_that_is_not_there_is_said() {
    let folder = tempfile::tempdir().unwrap();
    let nowhere = "[nats]\nurl = \"nats://127.0.0.1:9\"\n";
    std::fs::write(folder.path().join("flightline.toml"), nowhere).unwrap();
    assert_eq!(code(&dead(folder.path(), "list")), 69);
}
