//! What the promise tests share: a publisher, configurations, and what is left in the dead-letter stream.

#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]
#![allow(dead_code, reason = "each test file uses its own part")]

use std::collections::BTreeMap;
use std::time::Duration;

use async_nats::HeaderMap;
use async_nats::jetstream::consumer::pull::OrderedConfig;
use flightline::bus::{Bus, ConsumerState, SUBSCRIPTION_CAPACITY, StreamSpec};
use flightline_contract::deadletter::{LINE, REASON};
use flightline_contract::encoding::CONTENT_TYPE;
use flightline_fixtures::generator::{Message, Refused};
use flightline_fixtures::nats::Nats;
use flightline_link::nats::{INBOX_PREFIX, Nats as NatsConfig, NatsAuth};
use flightline_link::tls::Tls;
use futures_util::StreamExt;

/// The program under test.
pub(crate) const BINARY: &str = env!("CARGO_BIN_EXE_flightline");

/// For a whole stream to get through two stores in a debug build on a busy machine.
pub(crate) const PATIENCE: Duration = Duration::from_secs(180);

/// Publishes into a stream at once when asked, with every acknowledgement waited for.
#[derive(Debug)]
pub(crate) struct Publisher {
    pub(crate) bus: Bus,
}

impl Publisher {
    /// Connects, and creates the stream as a worker would.
    pub(crate) async fn new(server: &Nats) -> Self {
        Self::at(vec![server.url()]).await
    }

    /// As [`Publisher::new`], on any of the servers at `urls`.
    pub(crate) async fn at(urls: Vec<String>) -> Self {
        let config = NatsConfig {
            urls,
            auth: NatsAuth::None,
            tls: Tls::default(),
            name: "publisher".to_owned(),
            inbox_prefix: INBOX_PREFIX.to_owned(),
        };
        let bus = Bus::connect(&config, SUBSCRIPTION_CAPACITY).await.unwrap();
        let spec = StreamSpec {
            name: "TELEMETRY".to_owned(),
            subjects: ["telemetry.>", "humidity", "motion", "temperature"]
                .map(str::to_owned)
                .to_vec(),
            max_age: Duration::ZERO,
            max_bytes: -1,
            replicas: 1,
        };
        bus.ensure_stream(&spec).await.unwrap();
        Self { bus }
    }

    /// Publishes all of them; returns when the stream has them.
    pub(crate) async fn publish<'m>(&self, messages: impl IntoIterator<Item = &'m Message>) {
        let mut under_way = Vec::new();
        for message in messages {
            let mut headers = HeaderMap::new();
            if let Some(content_type) = message.content_type {
                headers.insert(CONTENT_TYPE, content_type);
            }
            let subject = message.subject.as_str().into();
            under_way.push(
                self.bus
                    .store(subject, headers, message.payload.clone().into())
                    .await
                    .unwrap(),
            );
            if under_way.len() == 2_000 {
                for stored in under_way.drain(..) {
                    stored.wait().await.unwrap();
                }
            }
        }
        for stored in under_way {
            stored.wait().await.unwrap();
        }
    }

    /// The worker's consumer as the server sees it.
    pub(crate) async fn consumer(&self) -> Option<ConsumerState> {
        self.bus
            .consumer_state("TELEMETRY", "flightline")
            .await
            .unwrap()
    }

    /// Waits until the server has worked off acks that were sent to it, as it does in its own time, and nothing is un-acked. Far
    /// shorter than any ack wait: a message that was not acked does not come right by waiting here.
    pub(crate) async fn wait_acks_worked_off(&self) {
        let done = tokio::time::timeout(Duration::from_secs(4), async {
            while self
                .consumer()
                .await
                .is_none_or(|state| state.ack_pending > 0)
            {
                tokio::task::yield_now().await;
            }
        });
        if done.await.is_err() {
            panic!("received, and not acked: {:?}", self.consumer().await);
        }
    }

    /// Waits until everything in the stream is acknowledged.
    pub(crate) async fn wait_all_acked(&self, what: impl Fn() -> String) {
        let done = tokio::time::timeout(PATIENCE, async {
            let mut looks = tokio::time::interval(Duration::from_millis(100));
            loop {
                looks.tick().await;
                let state = self.bus.consumer_state("TELEMETRY", "flightline").await;
                if let Ok(Some(state)) = state
                    && state.ack_floor == state.last_sequence
                {
                    return;
                }
            }
        });
        if done.await.is_err() {
            panic!(
                "not everything was acked: {:?}\n{}",
                self.consumer().await,
                what()
            );
        }
    }
}

/// A worker on `server` with the customers' three foreign subjects mapped; sinks are up to the test.
pub(crate) fn config(server: &Nats, sinks: &str) -> String {
    format!(
        r#"
[nats]
url = "{}"

[[mapping]]
subjects = ["humidity", "motion", "temperature"]
service = "sensors"
measurement = "sensor"
tags = {{ type = "$.type" }}
fields = ["value"]
time = "$.time"
time_unit = "ms"

{sinks}
"#,
        server.url()
    )
}

/// Everything in the dead-letter stream, as the generator describes it, in its order.
pub(crate) async fn dead_letters(server: &Nats) -> Vec<Refused> {
    dead_letters_at(vec![server.url()]).await
}

/// As [`dead_letters`], from any of the servers at `urls`.
pub(crate) async fn dead_letters_at(urls: Vec<String>) -> Vec<Refused> {
    let client = async_nats::connect(urls).await.unwrap();
    let context = async_nats::jetstream::new(client);
    let mut stream = context.get_stream("DEADLETTER").await.unwrap();
    let count = stream.info().await.unwrap().state.messages;
    let consumer = stream
        .create_consumer(OrderedConfig::default())
        .await
        .unwrap();
    let mut messages = consumer.messages().await.unwrap();
    let mut letters = Vec::new();
    for _ in 0..count {
        let message = messages.next().await.unwrap().unwrap();
        let headers = message.headers.as_ref().unwrap();
        let reason = headers.get(REASON).unwrap().as_str();
        letters.push(Refused {
            reason: known(reason),
            line: headers.get(LINE).map(|line| line.as_str().parse().unwrap()),
            payload: message.payload.to_vec(),
        });
    }
    letters
}

fn known(reason: &str) -> &'static str {
    let reasons = flightline_contract::deadletter::Reason::ALL
        .map(flightline_contract::deadletter::Reason::as_str);
    reasons.into_iter().find(|known| *known == reason).unwrap()
}

/// What tells `found` from these dead letters, in any order; `None` if they are the same ones, as often.
pub(crate) fn difference(expected: Vec<Refused>, found: Vec<Refused>) -> Option<String> {
    let mut balance: BTreeMap<(&str, Option<u32>, Vec<u8>), i64> = BTreeMap::new();
    for letter in expected {
        *balance
            .entry((letter.reason, letter.line, letter.payload))
            .or_default() += 1;
    }
    for letter in found {
        *balance
            .entry((letter.reason, letter.line, letter.payload))
            .or_default() -= 1;
    }
    let mut wrong = balance.into_iter().filter(|(_, count)| *count != 0).map(
        |((reason, line, payload), count)| {
            let payload = String::from_utf8_lossy(&payload).into_owned();
            format!("{count:+} missing (reason {reason}, line {line:?}): {payload}")
        },
    );
    let first: Vec<_> = wrong.by_ref().take(5).collect();
    (!first.is_empty()).then(|| format!("{} more, and:\n{}", wrong.count(), first.join("\n")))
}
