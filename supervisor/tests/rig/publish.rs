//! What the promise tests of publishing share: a publisher of instance `shop-1`, changes by number, and what a stream or a subscriber got.

#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]
#![allow(dead_code, reason = "each test file uses its own part")]

use std::time::Duration;

use async_nats::jetstream::{self, stream};
use async_nats::{Client, HeaderMap, Subscriber};
use flightline_contract::health::{Health, Status};
use flightline_contract::lifecycle::{LifecycleChange, State};
use flightline_contract::metric::{Kind, MetricSet, Sample};
use flightline_contract::token::{Prefix, Token};
use flightline_contract::value::Labels;
use flightline_fixtures::nats::Nats;
use flightline_fixtures::wait::until_async;
use flightline_link::nats::{INBOX_PREFIX, Nats as Server, NatsAuth};
use flightline_link::tls::Tls;
use flightline_supervisor::config::{self, PublishMetrics};
use flightline_supervisor::publish::{Counts, Publisher};
use futures_util::StreamExt;

/// For a server to come back and all to be sent, on a busy machine.
pub(crate) const PATIENCE: Duration = Duration::from_secs(60);

pub(crate) const LIFECYCLE: &str = "telemetry.lifecycle.shop.shop-1";

pub(crate) fn config(url: &str) -> config::Nats {
    config::Nats {
        server: Server {
            urls: vec![url.to_owned()],
            auth: NatsAuth::None,
            tls: Tls::default(),
            name: "supervisor".to_owned(),
            inbox_prefix: INBOX_PREFIX.to_owned(),
        },
        prefix: Prefix::default(),
        service: Token::new("shop").unwrap(),
        instance: Token::new("shop-1").unwrap(),
        beat: Duration::from_secs(30),
        ring: 4096,
        metrics: PublishMetrics::Published,
    }
}

pub(crate) fn change(sequence: u64) -> LifecycleChange<'static> {
    LifecycleChange {
        job: Some("web".into()),
        from: State::Starting,
        to: State::Running,
        cause: "test".into(),
        pid: Some(7),
        exit: None,
        attempt: 1,
        sequence,
        time: None,
    }
}

pub(crate) fn health(check: &str, status: Status, output: &str) -> Health<'static> {
    Health {
        check: check.to_owned().into(),
        status,
        output: Some(output.to_owned().into()),
        time: None,
    }
}

pub(crate) fn gauge(name: &str, value: f64) -> Sample<'static> {
    Sample {
        name: name.to_owned().into(),
        kind: Kind::Gauge,
        temporality: None,
        labels: Labels::default(),
        time: None,
        value: Some(value),
        buckets: Default::default(),
        sum: None,
        count: None,
    }
}

/// Waits until the publisher's counts are as wanted.
pub(crate) async fn wait_for(publisher: &Publisher, wanted: impl Fn(&Counts) -> bool) {
    let held = until_async(PATIENCE, || async { wanted(&publisher.counts()) }).await;
    assert!(held.is_ok(), "{:?}", publisher.counts());
}

/// Somebody else at the same server.
#[derive(Debug)]
pub(crate) struct Other {
    pub(crate) client: Client,
}

#[expect(clippy::disallowed_methods, reason = "a test is nobody's door")]
impl Other {
    pub(crate) async fn at(server: &Nats) -> Self {
        let client = async_nats::connect(server.url()).await.unwrap();
        Self { client }
    }

    fn jetstream(&self) -> jetstream::Context {
        jetstream::new(self.client.clone())
    }

    /// A stream of all telemetry.
    pub(crate) async fn stream(&self, forgets_ids_after: Duration) {
        let config = stream::Config {
            name: "TELEMETRY".to_owned(),
            subjects: vec!["telemetry.>".to_owned()],
            duplicate_window: forgets_ids_after,
            ..stream::Config::default()
        };
        self.jetstream().create_stream(config).await.unwrap();
    }

    /// A stream that takes one message and refuses the next.
    pub(crate) async fn full_stream(&self) {
        let config = stream::Config {
            name: "TELEMETRY".to_owned(),
            subjects: vec!["telemetry.>".to_owned()],
            max_messages: 1,
            discard: stream::DiscardPolicy::New,
            ..stream::Config::default()
        };
        self.jetstream().create_stream(config).await.unwrap();
    }

    /// A stream whose messages have at most `limit` bytes.
    pub(crate) async fn stream_of_small_messages(&self, limit: i32) {
        let config = stream::Config {
            name: "TELEMETRY".to_owned(),
            subjects: vec!["telemetry.>".to_owned()],
            max_message_size: limit,
            ..stream::Config::default()
        };
        self.jetstream().create_stream(config).await.unwrap();
    }

    pub(crate) async fn delete_stream(&self) {
        self.jetstream().delete_stream("TELEMETRY").await.unwrap();
    }

    /// The sequences of the last changes in a stream that holds nothing else at its end.
    pub(crate) async fn last_sequences(&self, count: u64) -> Vec<u64> {
        let mut stored = self.stored().await;
        let count = usize::try_from(count).unwrap();
        stored.split_off(stored.len() - count)
    }

    /// Empties the stream.
    pub(crate) async fn purge(&self) {
        let stream = self.jetstream().get_stream("TELEMETRY").await.unwrap();
        stream.purge().await.unwrap();
    }

    pub(crate) async fn subscribe(&self, pattern: &str) -> Subscriber {
        let subscriber = self.client.subscribe(pattern.to_owned()).await.unwrap();
        self.client.flush().await.unwrap();
        subscriber
    }

    /// Publishes into the stream; whether it took it as a new message.
    pub(crate) async fn store(
        &self,
        subject: &str,
        headers: HeaderMap,
        payload: Vec<u8>,
    ) -> Result<bool, String> {
        let jetstream = self.jetstream();
        let publish = jetstream::message::PublishMessage::build()
            .headers(headers)
            .payload(payload.into());
        let sent = jetstream.send_publish(subject.to_owned(), publish).await;
        let ack = sent.unwrap().await.map_err(|error| error.to_string())?;
        Ok(!ack.duplicate)
    }

    /// The sequences of all changes in the stream, in its order.
    pub(crate) async fn stored(&self) -> Vec<u64> {
        let stream = self.jetstream().get_stream("TELEMETRY").await.unwrap();
        let state = stream.cached_info().state.clone();
        let mut sequences = Vec::new();
        for at in state.first_sequence..=state.last_sequence {
            let message = stream.get_raw_message(at).await.unwrap();
            if message.subject.as_str() == LIFECYCLE {
                sequences.push(sequence(&message.payload));
            }
        }
        sequences
    }
}

pub(crate) fn sequence(payload: &[u8]) -> u64 {
    let change: LifecycleChange<'_> = serde_json::from_slice(payload).unwrap();
    change.sequence
}

/// The next message of a subscription.
pub(crate) async fn next(subscriber: &mut Subscriber) -> async_nats::Message {
    let message = tokio::time::timeout(PATIENCE, subscriber.next()).await;
    message.expect("a message comes").unwrap()
}

/// The samples of a message.
pub(crate) fn samples(payload: &[u8]) -> Vec<(String, Option<f64>)> {
    let set: MetricSet<'_> = serde_json::from_slice(payload).unwrap();
    let pairs = set.samples.iter();
    pairs
        .map(|sample| (sample.name.to_string(), sample.value))
        .collect()
}
