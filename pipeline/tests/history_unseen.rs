//! Promise: a consumer is remembered from the moment it is there, so that its deletion is said also when nobody has looked at it since:
//! right after it was made, or after a worker that was killed as soon as it ran. On every installed nats-server.

#[path = "rig/past.rs"]
mod past;

use std::time::Duration;

use flightline_fixtures::nats::Options;
use flightline_fixtures::wait;
use past::{Past, found};
use serde_json::Value;

const PATIENCE: Duration = Duration::from_secs(60);

fn kinds(history: &[Value]) -> Vec<&str> {
    let kinds = history.iter().map(|damage| damage["kind"].as_str());
    kinds.map(Option::unwrap).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_consumer_that_is_deleted_as_soon_as_it_is_there_is_said() {
    for options in Options::default().each_version() {
        let server = options.start();
        let past = Past::new(&server, "soon").await;
        // Before the worker is ready, and long before its second look.
        let context = past.context.clone();
        let deleted = tokio::spawn(async move {
            let act = || async {
                let gone = context.delete_consumer_from_stream("flightline", "soon");
                gone.await.is_ok()
            };
            wait::until_async(PATIENCE, act).await
        });
        let worker = past.worker();
        deleted.await.unwrap().unwrap();
        let series = "flightline_history_damage_total{kind=\"consumer_deleted\"}";
        worker.wait_for(series, PATIENCE, || worker.metric(series) == 1.0);
        past.publish("t", 10).await;
        past.all_acked("flightline", &worker).await;
        assert_eq!(
            found(&worker.log()),
            ["consumer_deleted"],
            "{}",
            server.version()
        );
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_worker_that_is_killed_as_soon_as_it_runs_has_left_a_memory() {
    for options in Options::default().each_version() {
        let server = options.start();
        let past = Past::new(&server, "killed").await;
        let mut worker = past.worker();
        past.publish("t", 10).await;
        past.all_acked("flightline", &worker).await;
        worker.kill();
        let stream = past.handle().await;
        stream.delete_consumer("flightline").await.unwrap();
        let history = past.next_worker().await;
        assert_eq!(
            kinds(&history),
            ["consumer_deleted"],
            "{}",
            server.version()
        );
    }
}
