//! Promises: bounded, and honest overload. A store that stands still stops the pull; memory stays where it was; over the
//! high-water mark the worker says that it is not ready; when the store moves again, so does everything, by itself.

#[path = "rig/support.rs"]
mod support;

use std::time::Duration;

use flightline_fixtures::generator::{Generator, Message, Settings};
use flightline_fixtures::influxd::Influxd;
use flightline_fixtures::nats::Nats;
use flightline_fixtures::worker::Worker;
use support::{BINARY, Publisher, config};

/// What a worker may take: the program, a prefetch of 1 MiB, and a few batches of 256 KiB with their payloads.
const CEILING_KIB: u64 = 96 * 1024;

fn resident_kib(pid: u32) -> u64 {
    let status = std::fs::read_to_string(format!("/proc/{pid}/status")).unwrap_or_default();
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:"));
    line.and_then(|line| line.trim().trim_end_matches(" kB").parse().ok())
        .unwrap_or_default()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_stalled_store_stops_the_pull_and_is_said_and_heals() {
    let (nats, mut influx) = (Nats::start(), Influxd::start());
    influx.create_database("flight");
    let publisher = Publisher::new(&nats).await;
    let sink = format!(
        "[source]\nprefetch = \"1MiB\"\n[batch]\nbytes = \"256KiB\"\n[sink]\nkind = \"influxdb\"\napi = \"v1\"\nurl = \"{}\"\ndb = \"flight\"\n",
        influx.url()
    );
    let mut worker = Worker::start_with(BINARY, &config(&nats, &sink), "high_water = \"1MiB\"");
    influx.server().pause();
    let messages: Vec<Message> = Generator::new(Settings {
        messages: 30_000,
        ..Settings::default()
    })
    .collect();
    publisher.publish(&messages).await;

    worker.wait_for(
        "the worker says that it is over its mark",
        Duration::from_secs(60),
        || worker.get("/readyz").status == 503,
    );
    assert_eq!(worker.get("/healthz").status, 200);
    worker.wait_for("so do its metrics", Duration::from_secs(10), || {
        worker.metric("flightline_ready") == 0.0
    });
    let mark = worker.metric("flightline_high_water_bytes");
    assert_eq!(mark, f64::from(1 << 20));
    let received = worker.metric("flightline_received_messages_total");
    assert!(
        received < 25_000.0,
        "the pull goes on although nothing is stored: {received}"
    );
    let resident = resident_kib(worker.id());
    assert!(
        resident > 0 && resident < CEILING_KIB,
        "{resident} KiB resident"
    );

    influx.server().unpause();
    worker.wait_ready();
    publisher.wait_all_acked(|| worker.log()).await;
    assert_eq!(worker.stop().code(), Some(0), "{}", worker.log());
}
