//! Workers that end and begin again, and what happens to their streams meanwhile.

#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]
#![allow(dead_code, reason = "each test file uses its own part")]

use std::time::Duration;

use async_nats::jetstream::consumer::PullConsumer;
use async_nats::jetstream::context::Context;
use async_nats::jetstream::stream::{Config, Stream};
use flightline_fixtures::nats::Nats;
use flightline_fixtures::wait;
use flightline_fixtures::worker::Worker;
use serde_json::Value;

/// The program under test.
const BINARY: &str = env!("CARGO_BIN_EXE_flightline");
/// For a debug build on a busy machine.
const PATIENCE: Duration = Duration::from_secs(60);

/// One stream of a server, with its worker's configuration: many stories are told on one server.
pub(crate) struct Past<'a> {
    pub(crate) server: &'a Nats,
    pub(crate) context: Context,
    pub(crate) name: &'static str,
    /// More keys of `[source]`.
    pub(crate) source: String,
}

impl<'a> Past<'a> {
    /// A story with this name; the worker creates its stream.
    pub(crate) async fn new(server: &'a Nats, name: &'static str) -> Self {
        let client = async_nats::connect(server.url()).await.unwrap();
        Self {
            server,
            context: async_nats::jetstream::new(client),
            name,
            source: String::new(),
        }
    }

    /// The stream as a worker would create it.
    pub(crate) fn stream(&self) -> Config {
        Config {
            name: self.name.to_owned(),
            subjects: vec![format!("{}.>", self.name)],
            ..Config::default()
        }
    }

    pub(crate) fn worker(&self) -> Worker {
        let config = format!(
            "prefix = \"{name}\"\n[nats]\nurl = \"{url}\"\n[source]\nstream = \"{name}\"\n{source}\n\
             [deadletter]\nkind = \"file\"\npath = \"letters\"\n[batch]\nage = \"20ms\"\n",
            name = self.name,
            url = self.server.url(),
            source = self.source,
        );
        Worker::start(BINARY, &config)
    }

    /// Publishes so many messages on `app.s.TOKEN`.
    pub(crate) async fn publish(&self, token: &str, count: usize) {
        let payloads = std::iter::repeat_n("m v=1 1\n".to_owned(), count);
        self.publish_each(token, payloads).await;
    }

    /// Publishes these on `app.s.TOKEN`.
    #[expect(clippy::disallowed_methods, reason = "somebody else publishes here")]
    pub(crate) async fn publish_each(
        &self,
        token: &str,
        payloads: impl IntoIterator<Item = String>,
    ) {
        let there = || async { self.context.get_stream(self.name).await.is_ok() };
        wait::until_async(PATIENCE, there).await.unwrap();
        let subject = format!("{}.app.s.{token}", self.name);
        for payload in payloads {
            let sent = self.context.publish(subject.clone(), payload.into());
            sent.await.unwrap().await.unwrap();
        }
    }

    pub(crate) async fn handle(&self) -> Stream {
        self.context.get_stream(self.name).await.unwrap()
    }

    /// Waits until a worker's consumer has nothing open.
    pub(crate) async fn all_acked(&self, consumer: &str, worker: &Worker) {
        let done = wait::until_async(PATIENCE, || async {
            let Ok(stream) = self.context.get_stream(self.name).await else {
                return false;
            };
            let found: Result<PullConsumer, _> = stream.get_consumer(consumer).await;
            let Ok(mut found) = found else { return false };
            let info = found.info().await.unwrap();
            info.num_pending == 0 && info.num_ack_pending == 0
        });
        assert!(done.await.is_ok(), "{}: {}", self.name, worker.log());
    }

    /// A worker reads 100 messages, acks them, and ends.
    pub(crate) async fn first_worker(&self) {
        let mut worker = self.worker();
        // With retention by interest, nothing is kept before there is a consumer.
        let there = || async {
            let stream = self.context.get_stream(self.name).await;
            match stream {
                Ok(stream) => stream.consumer_info(self.consumer()).await.is_ok(),
                Err(_) => false,
            }
        };
        wait::until_async(PATIENCE, there).await.unwrap();
        self.publish("t", 100).await;
        worker.wait_for("100 messages are acked", PATIENCE, || {
            worker.metric("flightline_acked_messages_total") == 100.0
        });
        self.all_acked(&self.consumer(), &worker).await;
        assert_eq!(worker.stop().code(), Some(0), "{}", worker.log());
        assert_eq!(found(&worker.log()), Vec::<String>::new(), "{}", self.name);
    }

    /// The durable consumer's name.
    pub(crate) fn consumer(&self) -> String {
        match self.source.contains("partitions") {
            true => "flightline-all".to_owned(),
            false => "flightline".to_owned(),
        }
    }

    /// What the next worker says of the past, once it has read everything.
    pub(crate) async fn next_worker(&self) -> Vec<Value> {
        let mut worker = self.worker();
        // It looks before its first pull: once this is acked, it has looked.
        self.publish("end", 1).await;
        self.all_acked(&self.consumer(), &worker).await;
        let history = worker.status()["history"].take();
        let history = history.as_array().cloned().unwrap_or_default();
        let version = self.server.version();
        for damage in &history {
            let kind = damage["kind"].as_str().unwrap();
            let series = format!("flightline_history_damage_total{{kind=\"{kind}\"}}");
            assert!(
                worker.metric(&series) >= 1.0,
                "{version} {}: {series}",
                self.name
            );
        }
        let logged = found(&worker.log());
        let shown: Vec<_> = history
            .iter()
            .map(|damage| damage["kind"].as_str().unwrap())
            .collect();
        assert_eq!(logged, shown, "{version} {}", self.name);
        assert_eq!(worker.stop().code(), Some(0), "{}", worker.log());
        history
    }
}

/// The kinds of damage in a worker's log, which has one line for each.
pub(crate) fn found(log: &str) -> Vec<String> {
    let lines = log
        .lines()
        .filter(|line| line.contains("history is damaged"));
    let kinds = lines.filter_map(|line| {
        let line: Value = serde_json::from_str(line).ok()?;
        let fields = line.get("fields").unwrap_or(&line);
        Some(fields["kind"].as_str()?.to_owned())
    });
    kinds.collect()
}
