//! Promise: what happened to the stream or the consumer while no worker ran is said by the next one, by kind and with numbers, in
//! its log, its metrics and its status; and what a healthy server does is never taken for damage. On every installed nats-server.

#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

#[path = "rig/past.rs"]
mod past;

use std::path::Path;
use std::time::Duration;

use async_nats::jetstream::consumer::DeliverPolicy;
use async_nats::jetstream::consumer::pull;
use async_nats::jetstream::stream::RetentionPolicy;
use flightline_fixtures::nats::{Nats, Options};
use flightline_fixtures::wait;
use past::Past;
use serde_json::{Value, json};

const PATIENCE: Duration = Duration::from_secs(60);

fn servers() -> Vec<Nats> {
    let all = Options::default().each_version();
    all.into_iter().map(Options::start).collect()
}

/// Kind, from, to, and the least and most messages.
fn said(history: &[Value]) -> Vec<Value> {
    let of = |damage: &Value| {
        let fields = ["kind", "from", "to", "at_least", "at_most"];
        Value::from_iter(fields.map(|field| damage[field].clone()))
    };
    history.iter().map(of).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_stream_that_was_deleted_is_said() {
    for server in servers() {
        let past = Past::new(&server, "gone").await;
        past.first_worker().await;
        past.context.delete_stream("gone").await.unwrap();
        let history = past.next_worker().await;
        // It has grown by one message, or not yet.
        let damage = (history.len(), &history[0]["kind"], &history[0]["from"]);
        assert_eq!(damage, (1, &json!("stream_replaced"), &json!(100)));
        assert_eq!(past.next_worker().await, Vec::<Value>::new(), "once");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_consumer_that_was_deleted_is_said_and_goes_on_where_it_was() {
    for server in servers() {
        let past = Past::new(&server, "consumer").await;
        past.first_worker().await;
        past.publish("t", 30).await;
        past.handle()
            .await
            .delete_consumer("flightline")
            .await
            .unwrap();
        let history = past.next_worker().await;
        assert_eq!(
            said(&history),
            [json!(["consumer_deleted", 100, 101, null, null])]
        );
        let mut consumer: async_nats::jetstream::consumer::PullConsumer = past
            .handle()
            .await
            .get_consumer("flightline")
            .await
            .unwrap();
        let delivered = consumer.info().await.unwrap().delivered.consumer_sequence;
        assert_eq!(delivered, 31, "what was acked does not come again");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_consumer_that_somebody_else_made_anew_is_said() {
    for server in servers() {
        let past = Past::new(&server, "other").await;
        past.first_worker().await;
        past.publish("t", 30).await;
        let stream = past.handle().await;
        stream.delete_consumer("flightline").await.unwrap();
        let config = pull::Config {
            durable_name: Some("flightline".to_owned()),
            deliver_policy: DeliverPolicy::New,
            ..pull::Config::default()
        };
        stream.create_consumer(config).await.unwrap();
        let history = past.next_worker().await;
        // nats-server 2.9 tells no ack floor before the first ack.
        let damage = (history.len(), &history[0]["kind"], &history[0]["from"]);
        assert_eq!(damage, (1, &json!("consumer_replaced"), &json!(100)));
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_purge_is_said_with_the_number_of_messages() {
    for server in servers() {
        let past = Past::new(&server, "purge").await;
        past.first_worker().await;
        past.publish("t", 30).await;
        past.handle().await.purge().await.unwrap();
        let history = past.next_worker().await;
        // What was published after the last look is not pending in it: the worker was stopped before.
        assert_eq!(
            said(&history),
            [json!(["messages_removed", 101, 130, 30, 30])],
            "{}",
            server.version()
        );
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_purge_of_one_subject_is_said_with_the_number_of_messages() {
    for server in servers() {
        let past = Past::new(&server, "subject").await;
        past.first_worker().await;
        past.publish("t", 10).await;
        past.publish("x", 7).await;
        past.publish("t", 10).await;
        let stream = past.handle().await;
        stream.purge().filter("subject.app.s.x").await.unwrap();
        let history = past.next_worker().await;
        assert_eq!(
            said(&history),
            [json!(["messages_missing", 101, history[0]["to"], 7, null])],
            "{}",
            server.version()
        );
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_limit_that_took_messages_before_they_were_read_is_said_also_on_a_lane() {
    for server in servers() {
        for (name, source) in [("limit", ""), ("lane", "partitions = 1")] {
            let mut past = Past::new(&server, name).await;
            past.source = source.to_owned();
            past.first_worker().await;
            past.publish("t", 30).await;
            let mut config = past.handle().await.cached_info().config.clone();
            config.max_messages = 12;
            past.context.update_stream(config).await.unwrap();
            let history = past.next_worker().await;
            assert_eq!(history.len(), 1, "{history:?}");
            let damage = &history[0];
            assert_eq!(
                (&damage["kind"], &damage["from"]),
                (&json!("messages_removed"), &json!(101))
            );
            // Each message more takes one more.
            let at_least = damage["at_least"].as_u64().unwrap();
            assert!(
                (18..=19).contains(&at_least),
                "{} {damage}",
                server.version()
            );
        }
    }
}

/// The folder of a stream of the only account.
fn folder(server: &mut Nats, stream: &str) -> String {
    let site = server.server().site();
    site.path(&format!("data/jetstream/$G/streams/{stream}"))
}

fn copy(from: &Path, to: &Path) {
    std::fs::create_dir_all(to).unwrap();
    for entry in std::fs::read_dir(from).unwrap() {
        let entry = entry.unwrap();
        let (from, to) = (entry.path(), to.join(entry.file_name()));
        if from.is_dir() {
            copy(&from, &to);
        } else {
            std::fs::copy(&from, &to).unwrap();
        }
    }
}

/// Stops the server, lets `act` at its files, and starts it again.
fn behind_its_back(server: &mut Nats, act: impl FnOnce()) {
    tokio::task::block_in_place(|| {
        server.server().stop();
        act();
        server.server().restart();
    });
}

/// A worker has read 100 messages, then 50 more; the stream's files, or those of its consumers, are put back to where they were between.
async fn rolled_back(server: &mut Nats, name: &'static str, what: &str, source: &str) {
    let place = folder(server, name);
    let of = Path::new(&place).join(what);
    let aside = tempfile::tempdir().unwrap();
    {
        let mut past = Past::new(server, name).await;
        past.source = source.to_owned();
        past.first_worker().await;
    }
    behind_its_back(server, || copy(&of, aside.path()));
    {
        let mut past = Past::new(server, name).await;
        past.source = source.to_owned();
        past.publish("t", 49).await;
        assert_eq!(past.next_worker().await, Vec::<Value>::new());
    }
    behind_its_back(server, || {
        std::fs::remove_dir_all(&of).unwrap();
        copy(aside.path(), &of);
    });
}

#[tokio::test(flavor = "multi_thread")]
async fn a_stream_that_was_restored_from_a_copy_is_said_also_after_it_has_grown_over_it() {
    for mut server in servers() {
        rolled_back(&mut server, "copy", "", "").await;
        let past = Past::new(&server, "copy").await;
        let history = past.next_worker().await;
        let damage = (&history[0]["kind"], &history[0]["from"]);
        let shortened = (&json!("stream_shortened"), &json!(150));
        assert_eq!(damage, shortened, "{}", server.version());

        rolled_back(&mut server, "grown", "", "").await;
        let past = Past::new(&server, "grown").await;
        past.publish("t", 80).await;
        let history = past.next_worker().await;
        let damage = (&history[0]["kind"], &history[0]["from"]);
        let rewritten = (&json!("stream_rewritten"), &json!(150));
        assert_eq!(damage, rewritten, "{}", server.version());
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_consumer_that_forgot_acks_is_said() {
    for mut server in servers() {
        rolled_back(&mut server, "acks", "obs", "").await;
        let past = Past::new(&server, "acks").await;
        let history = past.next_worker().await;
        assert_eq!(
            said(&history),
            [json!(["ack_floor_moved_back", 150, 100, null, null])],
            "{}",
            server.version()
        );
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_server_that_lost_its_whole_disk_is_said_by_a_worker_that_remembers_in_a_file() {
    for mut server in servers() {
        let kept = tempfile::tempdir().unwrap();
        let source = format!(
            "remember = \"file:{}\"",
            kept.path().join("state").display()
        );
        let data = server.server().site().path("data");
        let mut past = Past::new(&server, "disk").await;
        past.source.clone_from(&source);
        past.first_worker().await;
        drop(past);
        behind_its_back(&mut server, || std::fs::remove_dir_all(data).unwrap());
        let mut past = Past::new(&server, "disk").await;
        past.source = source;
        let history = past.next_worker().await;
        let damage = (history.len(), &history[0]["kind"], &history[0]["from"]);
        assert_eq!(damage, (1, &json!("stream_replaced"), &json!(100)));
        let stream = past.context.get_stream("KV_history-disk").await;
        assert!(stream.is_err(), "nothing is kept on the server besides");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_memory_that_was_deleted_under_a_worker_is_said() {
    let server = Nats::start();
    let past = Past::new(&server, "memory").await;
    let worker = past.worker();
    let kept = || async {
        past.context
            .get_stream("KV_history-memory")
            .await
            .is_ok_and(|kept| kept.cached_info().state.last_sequence > 1)
    };
    let grows = || async {
        past.publish("t", 1).await;
        kept().await
    };
    wait::until_async(PATIENCE, grows)
        .await
        .expect("the mark is replaced as the stream grows");
    past.context
        .delete_stream("KV_history-memory")
        .await
        .unwrap();
    let series = "flightline_history_damage_total{kind=\"memory_moved_back\"}";
    worker.wait_for(series, PATIENCE, || worker.metric(series) == 1.0);
}

#[tokio::test(flavor = "multi_thread")]
async fn restarts_scaling_work_queues_expiry_and_kill_are_no_damage() {
    for server in servers() {
        let past = Past::new(&server, "quiet").await;
        past.first_worker().await;
        past.publish("t", 30).await;
        assert_eq!(past.next_worker().await, Vec::<Value>::new());

        // Others read on while the mark of a killed worker gets old; a second one shares the consumer.
        let (mut killed, mut second) = (past.worker(), past.worker());
        past.publish("t", 200).await;
        past.all_acked("flightline", &second).await;
        killed.kill();
        past.publish("t", 200).await;
        past.all_acked("flightline", &second).await;
        assert_eq!(second.status()["history"], Value::Null, "{}", second.log());
        assert_eq!(second.stop().code(), Some(0));
        assert_eq!(past.next_worker().await, Vec::<Value>::new());

        for (name, retention) in [
            ("queue", RetentionPolicy::WorkQueue),
            ("interest", RetentionPolicy::Interest),
        ] {
            let past = Past::new(&server, name).await;
            let config = async_nats::jetstream::stream::Config {
                retention,
                ..past.stream()
            };
            past.context.create_stream(config).await.unwrap();
            past.first_worker().await;
            past.publish("t", 30).await;
            assert_eq!(past.next_worker().await, Vec::<Value>::new());
            assert_eq!(past.next_worker().await, Vec::<Value>::new());
        }

        let past = Past::new(&server, "age").await;
        let config = async_nats::jetstream::stream::Config {
            max_age: Duration::from_secs(2),
            ..past.stream()
        };
        past.context.create_stream(config).await.unwrap();
        past.first_worker().await;
        let empty = || async { past.handle().await.cached_info().state.messages == 0 };
        wait::until_async(PATIENCE, empty).await.unwrap();
        assert_eq!(past.next_worker().await, Vec::<Value>::new());
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_consumer_that_the_server_removes_when_idle_is_no_damage() {
    for server in servers() {
        let past = Past::new(&server, "idle").await;
        let stream = past.context.create_stream(past.stream()).await.unwrap();
        let config = pull::Config {
            durable_name: Some("flightline".to_owned()),
            inactive_threshold: Duration::from_secs(2),
            ..pull::Config::default()
        };
        stream.create_consumer(config).await.unwrap();
        past.first_worker().await;
        let gone = || async { stream.consumer_info("flightline").await.is_err() };
        wait::until_async(PATIENCE, gone).await.unwrap();
        past.publish("t", 5).await;
        assert_eq!(past.next_worker().await, Vec::<Value>::new());
        let info = stream.consumer_info("flightline").await.unwrap();
        assert_eq!(
            info.delivered.consumer_sequence, 6,
            "it goes on where it was"
        );
    }
}
