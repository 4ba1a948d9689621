//! What the tests of divided streams share: workers with partitions, and the lanes as the server sees them.

#![allow(dead_code, reason = "each test file uses its own part")]

use std::time::Duration;

use flightline_fixtures::nats::{Nats, Options};
use flightline_fixtures::wait;
use flightline_fixtures::worker::Worker;
use serde_json::Value;

/// For what takes a few looks at the leases.
pub(crate) const SOON: Duration = Duration::from_secs(40);

/// Servers that can divide a stream by themselves: all but 2.9.
pub(crate) fn dividing_servers() -> Vec<Nats> {
    let servers = Options::default().each_version();
    let servers = servers.into_iter().map(Options::start);
    let new: Vec<_> = servers
        .filter(|server| !server.version().starts_with("2.9."))
        .collect();
    assert!(
        !new.is_empty(),
        "no nats-server 2.10 or newer: fixtures/install-servers brings one"
    );
    new
}

/// One consumer as the server sees it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Consumer {
    pub(crate) name: String,
    pub(crate) pending: u64,
    pub(crate) ack_pending: u64,
    pub(crate) delivered: u64,
    pub(crate) floor: u64,
}

/// The consumers of the stream.
pub(crate) fn consumers(server: &Nats) -> Vec<Consumer> {
    let jsz = server.monitor("/jsz?accounts=true&streams=true&consumers=true");
    let empty = Vec::new();
    let streams = jsz["account_details"][0]["stream_detail"]
        .as_array()
        .unwrap_or(&empty);
    let telemetry = streams.iter().find(|stream| stream["name"] == "TELEMETRY");
    let details = telemetry.and_then(|stream| stream["consumer_detail"].as_array());
    let number = |value: &Value| value.as_u64().unwrap_or_default();
    let consumer = |info: &Value| Consumer {
        name: info["name"].as_str().unwrap_or_default().to_owned(),
        pending: number(&info["num_pending"]),
        ack_pending: number(&info["num_ack_pending"]),
        delivered: number(&info["delivered"]["consumer_seq"]),
        floor: number(&info["ack_floor"]["stream_seq"]),
    };
    details.unwrap_or(&empty).iter().map(consumer).collect()
}

/// Waits until the server waits for nothing on these consumers.
pub(crate) fn wait_all_acked(
    server: &Nats,
    names: &[&str],
    limit: Duration,
    log: impl Fn() -> String,
) {
    let done = wait::until(limit, || {
        let consumers = consumers(server);
        names.iter().all(|name| {
            let consumer = consumers.iter().find(|consumer| consumer.name == *name);
            consumer.is_some_and(|consumer| consumer.pending + consumer.ack_pending == 0)
        })
    });
    assert!(
        done.is_ok(),
        "not everything is acked: {:#?}\n{}",
        consumers(server),
        log()
    );
}

/// The names of the lanes that a worker reads.
pub(crate) fn reads(worker: &Worker) -> Vec<String> {
    let status = worker.status();
    let lanes = status["lanes"].as_array().cloned().unwrap_or_default();
    lanes
        .iter()
        .filter(|lane| lane["owner"] == "here")
        .filter_map(|lane| lane["lane"].as_str().map(str::to_owned))
        .collect()
}

/// Waits until a worker reads so many lanes.
pub(crate) fn wait_reads(worker: &Worker, count: usize) {
    worker.wait_for(&format!("it reads {count} lanes"), SOON, || {
        reads(worker).len() == count
    });
}

/// The consumers of `partitions = 4`.
pub(crate) const FOUR: [&str; 5] = [
    "flightline-0",
    "flightline-1",
    "flightline-2",
    "flightline-3",
    "flightline-rest",
];
