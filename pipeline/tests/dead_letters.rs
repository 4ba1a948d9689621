//! Promise: a dead letter is kept, whatever its size and whatever becomes of its stream, where the letters of its class are looked for.

#![expect(clippy::unwrap_used, reason = "tests")]

#[path = "rig/support.rs"]
mod support;

use std::num::NonZeroU64;
use std::sync::Arc;
use std::time::Duration;

use async_nats::jetstream;
use async_nats::jetstream::message::StreamMessage;
use bytes::Bytes;
use flightline::bus::StreamSpec;
use flightline::config::{Mapping, Pick};
use flightline::deadletter::jetstream::LetterStream;
use flightline::deadletter::store::{self, Store};
use flightline::deadletter::{Letter, Office};
use flightline::decode::route::Router;
use flightline::delivery::{Attempt, Declared, Stamp};
use flightline::metrics::Metrics;
use flightline_contract::class::Class;
use flightline_contract::deadletter::{CUT, Reason, SEQUENCE, SUBJECT};
use flightline_fixtures::nats::{Nats, Options};
use support::Publisher;
use tokio::time::timeout;

/// For letters to be kept after a try or two that fail.
const SOON: Duration = Duration::from_secs(30);

/// A dead-letter stage on a server.
struct Rig {
    office: Office,
    publisher: Publisher,
    streams: jetstream::Context,
}

impl Rig {
    /// The stage over the stream that a worker creates.
    async fn start(nats: &Nats) -> Self {
        let publisher = Publisher::new(nats).await;
        let spec = StreamSpec {
            name: "DEADLETTER".to_owned(),
            subjects: vec!["deadletter.>".to_owned()],
            max_age: Duration::ZERO,
            max_bytes: -1,
            replicas: 1,
        };
        publisher.bus.ensure_stream(&spec).await.unwrap();
        let origin = Some("TELEMETRY".to_owned());
        let stream = LetterStream::new(publisher.bus.clone(), spec, origin);
        let sensors = Mapping {
            subjects: vec!["humidity".to_owned()],
            class: Class::App,
            service: "sensors".to_owned(),
            encoding: None,
            measurement: Pick::Literal("sensor".to_owned()),
            tags: Vec::new(),
            fields: Vec::new(),
            time: None,
        };
        let router = Arc::new(Router::of("telemetry", &[sensors], &[]).unwrap());
        let (office, mail) = Office::open();
        let store = Store::JetStream(stream);
        tokio::spawn(store::run(mail, store, router, Arc::new(Metrics::new())));
        let client = async_nats::connect(nats.url()).await.unwrap();
        Self {
            office,
            publisher,
            streams: jetstream::new(client),
        }
    }

    async fn keep(&self, letters: Vec<Letter>) {
        let kept = timeout(SOON, self.office.keep(letters)).await;
        kept.expect("the letters are kept in time").unwrap();
    }

    async fn messages(&self) -> Vec<StreamMessage> {
        let mut stream = self.streams.get_stream("DEADLETTER").await.unwrap();
        let count = stream.info().await.unwrap().state.messages;
        let mut messages = Vec::new();
        for sequence in 1..=count {
            messages.push(stream.get_raw_message(sequence).await.unwrap());
        }
        messages
    }
}

fn letter(sequence: u64, subject: &str, payload: Vec<u8>) -> Letter {
    Letter {
        reason: Reason::JsonShape,
        detail: "no".to_owned(),
        subject: subject.into(),
        stamp: Stamp {
            time: 1,
            sequence: NonZeroU64::new(sequence),
            attempt: Attempt::First,
        },
        line: None,
        declared: Declared::Nothing,
        payload: Bytes::from(payload),
    }
}

fn header<'m>(message: &'m StreamMessage, name: &str) -> Option<&'m str> {
    message.headers.get(name).map(|value| value.as_str())
}

#[tokio::test]
async fn the_letter_of_a_mapped_subject_goes_where_the_letters_of_its_service_go() {
    let nats = Nats::start();
    let rig = Rig::start(&nats).await;
    let letters = ["humidity", "telemetry.app.shop.orders", "motion"]
        .map(|subject| letter(1, subject, b"x".to_vec()));
    for (n, mut letter) in (1..).zip(letters) {
        letter.stamp.sequence = NonZeroU64::new(n);
        rig.keep(vec![letter]).await;
    }
    let messages = rig.messages().await;
    let subjects: Vec<_> = messages
        .iter()
        .map(|message| message.subject.as_str())
        .collect();
    assert_eq!(
        subjects,
        [
            "deadletter.app.sensors.humidity",
            "deadletter.app.shop.orders",
            "deadletter.unknown.motion.motion"
        ]
    );
    assert_eq!(header(&messages[0], SUBJECT), Some("humidity"));
    assert_eq!(header(&messages[0], SEQUENCE), Some("1"));
}

#[tokio::test]
async fn a_dead_letter_stream_that_was_deleted_is_created_again() {
    let nats = Nats::start();
    let rig = Rig::start(&nats).await;
    rig.keep(vec![letter(1, "humidity", b"x".to_vec())]).await;
    rig.streams.delete_stream("DEADLETTER").await.unwrap();
    rig.keep(vec![letter(2, "humidity", b"y".to_vec())]).await;
    let payloads: Vec<_> = rig
        .messages()
        .await
        .into_iter()
        .map(|m| m.payload)
        .collect();
    assert_eq!(payloads, ["y"]);
}

#[tokio::test]
async fn a_message_as_large_as_the_server_takes_is_cut_by_its_headers_only() {
    let nats = Options::default().config("max_payload: 8192").start();
    let rig = Rig::start(&nats).await;
    // A subject of 3,000 bytes is a header of as many.
    let subject = format!("telemetry.app.shop.{}", "s".repeat(3000));
    let payload = vec![b'x'; rig.publisher.bus.max_payload()];
    rig.keep(vec![letter(1, &subject, payload)]).await;
    let messages = rig.messages().await;
    assert_eq!(header(&messages[0], CUT), Some("8192"));
    let kept = messages[0].payload.len();
    assert!((4500..5192).contains(&kept), "{kept}");
}

#[tokio::test]
async fn a_letter_larger_than_its_stream_takes_is_halved_until_it_fits_and_holds_nobody_up() {
    let nats = Nats::start();
    let rig = Rig::start(&nats).await;
    let stream = rig.streams.get_stream("DEADLETTER").await.unwrap();
    let mut config = stream.cached_info().config.clone();
    config.max_message_size = 2048;
    rig.streams.update_stream(config).await.unwrap();
    rig.keep(vec![
        letter(1, "humidity", vec![b'x'; 10_000]),
        letter(2, "humidity", b"y".to_vec()),
    ])
    .await;
    let mut messages = rig.messages().await;
    messages.sort_by_key(|message| message.payload.len());
    let seen: Vec<_> = messages
        .iter()
        .map(|message| (message.payload.len(), header(message, CUT)))
        .collect();
    assert_eq!(seen, [(1, None), (1250, Some("10000"))]);
}
