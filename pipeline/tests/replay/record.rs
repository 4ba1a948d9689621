//! What `record` wrote is what was published, and what `replay` sends is what was recorded.

use std::process::Command;

use async_nats::HeaderMap;
use bytes::Bytes;
use flightline::bus::{Bus, SUBSCRIPTION_CAPACITY};
use flightline_fixtures::nats::{Nats, Options};
use flightline_fixtures::process::Process;
use flightline_fixtures::wait;
use flightline_link::nats::{INBOX_PREFIX, Nats as NatsConfig, NatsAuth};
use flightline_link::tls::Tls;
use futures_util::StreamExt;
use predicates::str::contains;
use serde_json::Value;

use super::support::{BINARY, PATIENCE};
use super::{flightline, replay, to_nats};

type Published = (String, HeaderMap, Bytes);

async fn connect(nats: &Nats) -> Bus {
    let config = NatsConfig {
        urls: vec![nats.url()],
        auth: NatsAuth::None,
        tls: Tls::default(),
        name: "test".to_owned(),
        inbox_prefix: INBOX_PREFIX.to_owned(),
    };
    Bus::connect(&config, SUBSCRIPTION_CAPACITY).await.unwrap()
}

/// Messages of all kinds: text, bytes, nothing; no header, one, one with two values.
fn messages() -> Vec<Published> {
    let mut headers = HeaderMap::new();
    headers.insert("Content-Type", "application/json");
    headers.append("Two", "one, with \"quotes\"");
    headers.append("Two", "other");
    let one = |subject: &str, headers: &HeaderMap, payload: &'static [u8]| {
        (
            subject.to_owned(),
            headers.clone(),
            Bytes::from_static(payload),
        )
    };
    let none = HeaderMap::new();
    vec![
        one("telemetry.app.s.lines", &none, b"m v=\"two\nlines\" 1\n"),
        one(
            "telemetry.app.s.points",
            &headers,
            b"{\"fields\":{\"v\":1}}",
        ),
        one("telemetry.metric.s.i", &headers, b""),
        one("humidity", &none, b"\xff\x00\xfe"),
        one("telemetry.app.s.lines", &none, "größe v=1\r\n".as_bytes()),
    ]
}

/// Waits until the server passes everything on to `count` subscriptions: who has subscribed has only sent the wish.
fn everything_is_heard(nats: &Nats, count: usize) {
    let heard = || {
        let said = nats.monitor("/subsz?subs=true");
        let subscriptions = said["subscriptions_list"].as_array();
        let all = |list: &Vec<Value>| list.iter().filter(|one| one["subject"] == ">").count();
        subscriptions.map_or(0, all) == count
    };
    wait::until(PATIENCE, heard).unwrap();
}

async fn publish(bus: &Bus, messages: &[Published]) {
    for (subject, headers, payload) in messages {
        let subject = subject.as_str().into();
        let published = match headers.is_empty() {
            true => bus.publish(subject, payload.clone()).await,
            false => {
                bus.publish_with(subject, headers.clone(), payload.clone())
                    .await
            }
        };
        published.unwrap();
    }
    bus.flush().await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_recording_that_is_played_is_what_was_published() {
    let nats = Options::default().core().start();
    let config = to_nats(&nats.url()) + "[source]\nkind = \"core\"\n";
    let bus = connect(&nats).await;
    for name in ["r.ndjson", "r.ndjson.zst"] {
        let folder = tempfile::tempdir().unwrap();
        std::fs::write(folder.path().join("c.toml"), &config).unwrap();
        let mut command = Command::new(BINARY);
        command
            .args(["-c", "c.toml", "record", "--count", "5"])
            .args(["--subject", ">", "--out", name])
            .env_clear()
            .current_dir(folder.path());
        let log = folder.path().join("said");
        let mut recorder = Process::spawn(command, &log).unwrap();
        wait::until(PATIENCE, || recorder.tail().contains("recording")).unwrap();
        everything_is_heard(&nats, 1);
        publish(&bus, &messages()).await;
        let status = recorder.wait(PATIENCE).unwrap();
        assert_eq!(status.code(), Some(0), "{}", recorder.tail());
        assert!(recorder.tail().contains("5 messages recorded"));

        let mut played = bus.subscribe(">").await.unwrap();
        everything_is_heard(&nats, 1);
        let file = folder.path().join(name);
        tokio::task::block_in_place(|| {
            let words = ["--to", "nats", "--speed", "max"];
            replay(folder.path(), &config, &file, &words)
                .code(0)
                .stdout("5 messages sent\n");
        });
        for expected in messages() {
            let message = tokio::time::timeout(PATIENCE, played.next()).await;
            let message = message.unwrap().unwrap();
            let found = (
                message.subject.to_string(),
                message.headers.unwrap_or_default(),
                message.payload,
            );
            assert_eq!(found, expected);
        }
    }
}

#[test]
fn a_recording_ends_after_its_time_and_overlapping_patterns_are_refused() {
    let nats = Options::default().core().start();
    let folder = tempfile::tempdir().unwrap();
    let words = ["record", "--out", "empty.ndjson", "--for", "100ms"];
    flightline(folder.path(), &to_nats(&nats.url()), &words)
        .assert()
        .code(0)
        .stdout("0 messages recorded\n");
    let words = "record --out r.ndjson --subject a.* --subject b --subject a.b --for 1s";
    let words: Vec<_> = words.split(' ').collect();
    flightline(folder.path(), &to_nats(&nats.url()), &words)
        .assert()
        .code(64)
        .stderr(contains("a.* and a.b overlap"));
}
