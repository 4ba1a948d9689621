//! Promise: on a cluster, every stream that a worker makes is kept as often as configured, so that none of them ends with one server.

use std::time::Duration;

use flightline_fixtures::cluster::Cluster;
use flightline_fixtures::wait;
use flightline_fixtures::worker::Worker;

const BINARY: &str = env!("CARGO_BIN_EXE_flightline");
const PATIENCE: Duration = Duration::from_secs(30);

#[test]
fn every_stream_that_a_worker_makes_has_the_copies_that_are_configured() {
    let cluster = Cluster::start();
    let config = format!(
        "[nats]\nurl = {:?}\n[source]\nreplicas = 3\n[deadletter]\nreplicas = 3\n[sink]\nkind = \"file\"\ndir = \"out\"\n",
        cluster.urls()
    );
    let mut worker = Worker::start(BINARY, &config);
    for stream in ["TELEMETRY", "DEADLETTER", "KV_history-TELEMETRY"] {
        let copies = || {
            let info = cluster.members()[0].ask(&format!("$JS.API.STREAM.INFO.{stream}"), "");
            info.ok()?["config"]["num_replicas"].as_u64()
        };
        wait::until(PATIENCE, || copies() == Some(3))
            .unwrap_or_else(|_| panic!("{stream} has {:?} copies", copies()));
    }
    let others = || {
        let info = cluster.members()[0].ask("$JS.API.CONSUMER.INFO.TELEMETRY.flightline", "");
        Some(info.ok()?["cluster"]["replicas"].as_array()?.len())
    };
    wait::until(PATIENCE, || others() == Some(2))
        .unwrap_or_else(|_| panic!("the consumer has copies on {:?} others", others()));
    assert!(worker.stop().success(), "{}", worker.log());
}
