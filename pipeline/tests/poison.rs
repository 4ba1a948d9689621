//! Promise: poison is kept, not lost and not looped. What cannot be stored costs only itself: its neighbours are stored, it is
//! in the dead-letter stream with its reason, its bytes and where it came from, and nothing is delivered again because of it.

#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

#[path = "rig/support.rs"]
mod support;

use async_nats::Message as Letter;
use async_nats::jetstream::consumer::pull::OrderedConfig;
use flightline_contract::deadletter::{CUT, DETAIL, LINE, REASON, SEQUENCE, STREAM, SUBJECT};
use flightline_fixtures::generator::{JSON, LINE_PROTOCOL, Message};
use flightline_fixtures::influxd::Influxd;
use flightline_fixtures::nats::Nats;
use flightline_fixtures::worker::Worker;
use futures_util::StreamExt;
use support::{BINARY, Publisher, config};

struct Scene {
    nats: Nats,
    influx: Influxd,
    publisher: Publisher,
    worker: Worker,
}

/// A worker before an InfluxDB in which the field `v` of `conflict` is a float.
async fn scene() -> Scene {
    let (nats, influx) = (Nats::start(), Influxd::start());
    influx.create_database("flight");
    assert_eq!(influx.write("flight", "conflict v=1.5 1").status, 204);
    let publisher = Publisher::new(&nats).await;
    let sink = format!(
        "[source]\nack_wait = \"2s\"\n[batch]\nage = \"200ms\"\n[sink]\nkind = \"influxdb\"\napi = \"v1\"\nurl = \"{}\"\ndb = \"flight\"\n",
        influx.url()
    );
    let worker = Worker::start(BINARY, &config(&nats, &sink));
    Scene {
        nats,
        influx,
        publisher,
        worker,
    }
}

fn message(subject: &str, content_type: &'static str, payload: &str) -> Message {
    Message {
        subject: subject.to_owned(),
        content_type: Some(content_type),
        payload: payload.as_bytes().to_vec(),
        points: Vec::new(),
        refused: Vec::new(),
    }
}

impl Scene {
    /// Everything in the dead-letter stream, once the messages are settled.
    async fn letters_of(&self, messages: &[Message]) -> Vec<Letter> {
        self.publisher.publish(messages).await;
        self.publisher.wait_all_acked(|| self.worker.log()).await;
        let client = async_nats::connect(self.nats.url()).await.unwrap();
        let context = async_nats::jetstream::new(client);
        let mut stream = context.get_stream("DEADLETTER").await.unwrap();
        let count = stream.info().await.unwrap().state.messages;
        let consumer = stream.create_consumer(OrderedConfig::default()).await;
        let mut found = consumer.unwrap().messages().await.unwrap();
        let mut letters = Vec::new();
        for _ in 0..count {
            letters.push(found.next().await.unwrap().unwrap().message.clone());
        }
        letters
    }

    /// Nothing goes round: the server has nothing left to deliver, and delivered nothing twice.
    async fn nothing_is_delivered_again(mut self) {
        self.publisher.wait_acks_worked_off().await;
        let state = self.publisher.consumer().await.unwrap();
        assert_eq!((state.pending, state.ack_pending), (0, 0), "{state:?}");
        let redelivered = self.worker.metric("flightline_redelivered_messages_total");
        assert_eq!(redelivered, 0.0, "{}", self.worker.log());
        assert_eq!(self.worker.stop().code(), Some(0), "{}", self.worker.log());
    }

    fn stored(&self) -> Vec<String> {
        let points = self.influx.points("flight");
        points.iter().map(|(key, _)| key.to_string()).collect()
    }
}

fn header<'l>(letter: &'l Letter, name: &str) -> Option<&'l str> {
    let value = letter.headers.as_ref().unwrap().get(name)?;
    Some(value.as_str())
}

#[tokio::test(flavor = "multi_thread")]
async fn a_line_that_the_store_refuses_costs_only_itself() {
    let scene = scene().await;
    let messages = [
        message("telemetry.app.api.lines", LINE_PROTOCOL, "good v=1 10"),
        message(
            "telemetry.app.api.lines",
            LINE_PROTOCOL,
            "conflict v=2.5 11\n# a comment\nconflict,host=a v=\"text\" 12\ngood v=2 13\n",
        ),
        message(
            "telemetry.app.api.points",
            JSON,
            r#"{"measurement":"conflict","fields":{"v":"word"},"time":"1970-01-01T00:00:00.000000014Z"}"#,
        ),
        message("telemetry.app.api.lines", LINE_PROTOCOL, "good v=3 15"),
    ];
    let letters = scene.letters_of(&messages).await;
    assert_eq!(letters.len(), 2, "{letters:?}");
    let [line, json] = [&letters[0], &letters[1]];
    assert_eq!(line.payload.as_ref(), b"conflict,host=a v=\"text\" 12");
    assert_eq!(line.subject.as_str(), "deadletter.app.api.lines");
    for (name, value) in [
        (REASON, Some("refused")),
        (SUBJECT, Some("telemetry.app.api.lines")),
        (STREAM, Some("TELEMETRY")),
        (SEQUENCE, Some("2")),
        (LINE, Some("2")),
        (CUT, None),
    ] {
        assert_eq!(header(line, name), value, "{name}");
    }
    let detail = header(line, DETAIL).unwrap();
    assert!(detail.contains("field type conflict"), "{detail}");

    assert_eq!(json.payload.as_ref(), messages[2].payload);
    assert_eq!(json.subject.as_str(), "deadletter.app.api.points");
    assert_eq!(header(json, REASON), Some("refused"));
    assert_eq!(header(json, SEQUENCE), Some("3"));
    assert_eq!(header(json, LINE), None, "the whole message is meant");

    assert_eq!(
        scene.stored(),
        [
            "\"conflict\" {} at 1",
            "\"conflict\" {} at 11",
            "\"good\" {} at 10",
            "\"good\" {} at 13",
            "\"good\" {} at 15",
        ]
    );
    scene.nothing_is_delivered_again().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_cannot_be_read_costs_only_itself() {
    let scene = scene().await;
    let messages = [
        message(
            "telemetry.metric.api.i-1",
            LINE_PROTOCOL,
            "good v=1 10\nno_fields\n\ngood v=2 11",
        ),
        message(
            "telemetry.health.api.i-1",
            JSON,
            r#"{"check":"http","status":"splendid"}"#,
        ),
        message("humidity", JSON, r#"{"type":"humidity","#),
        message("telemetry.gossip.api.i-1", JSON, r#"{"fields":{"v":1}}"#),
        message("telemetry.app.api.lines", LINE_PROTOCOL, "good v=3 12"),
    ];
    let letters = scene.letters_of(&messages).await;
    let seen: Vec<_> = letters
        .iter()
        .map(|letter| {
            (
                letter.subject.as_str(),
                header(letter, REASON).unwrap(),
                header(letter, SEQUENCE).unwrap(),
                header(letter, LINE),
            )
        })
        .collect();
    assert_eq!(
        seen,
        [
            ("deadletter.metric.api.i-1", "line_syntax", "1", Some("2")),
            ("deadletter.health.api.i-1", "json_shape", "2", None),
            ("deadletter.app.sensors.humidity", "json_shape", "3", None),
            ("deadletter.unknown.telemetry.i-1", "subject", "4", None),
        ]
    );
    assert_eq!(letters[0].payload.as_ref(), b"no_fields");
    for index in 1..4 {
        assert_eq!(letters[index].payload.as_ref(), messages[index].payload);
        assert_eq!(
            header(&letters[index], SUBJECT),
            Some(messages[index].subject.as_str())
        );
    }
    assert_eq!(scene.stored().len(), 1 + 3, "{:?}", scene.stored());
    scene.nothing_is_delivered_again().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn poison_as_large_as_the_server_allows_is_kept_cut_with_its_length() {
    let scene = scene().await;
    // Its own headers take the rest of 1 MiB; those of a dead letter are longer.
    let payload = format!("{{\"fields\":\"{}\"}}", "x".repeat((1 << 20) - 200));
    let messages = [
        message("telemetry.app.api.points", JSON, &payload),
        message("telemetry.app.api.lines", LINE_PROTOCOL, "good v=3 12"),
    ];
    let letters = scene.letters_of(&messages).await;
    assert_eq!(letters.len(), 1);
    let letter = &letters[0];
    assert_eq!(header(letter, REASON), Some("json_shape"));
    let length = payload.len().to_string();
    assert_eq!(header(letter, CUT), Some(length.as_str()));
    assert!(payload.as_bytes().starts_with(&letter.payload));
    assert!(letter.payload.len() > payload.len() - 8 * 1024);
    assert_eq!(scene.stored().len(), 1 + 1);
    scene.nothing_is_delivered_again().await;
}
