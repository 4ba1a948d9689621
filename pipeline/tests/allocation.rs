//! Promise: in the steady state a message of line protocol costs the path no allocation beyond what the NATS client made for it.
//! Measured over the real stages from the source's hands to the ack: handoff, decode with the series table on, batch, share, ack.

use std::sync::Arc;
use std::time::Duration;

use async_nats::Subject;
use bytes::Bytes;
use flightline::ack::{self, Ledger, Told};
use flightline::batch::Limits;
use flightline::config::environment::Environment;
use flightline::config::load::load;
use flightline::deadletter::Office;
use flightline::decode::route::Router;
use flightline::delivery::{Ack, Attempt, Declared, Delivery, Stamp};
use flightline::exporter::Exporter;
use flightline::metrics::Metrics;
use flightline::path::{Path, Ways};
use flightline::source::handoff::{Handoff, handoff};
use tokio::sync::mpsc;

/// Messages before the measurement: buffers, tables and queues grow to their size.
const WARM_UP: u64 = 40_000;
/// Messages measured.
const MEASURED: u64 = 100_000;
/// Batches are cut every 1,000 lines, and a batch may allocate: its list of segments, its share, its place in the ledger. So
/// many allocations for 1,000 messages are none for a message.
const PER_BATCH: u64 = 6;
const LINES: u64 = 1_000;

/// With and without a timestamp, several in one message, comments and blank lines between.
const PAYLOADS: [&str; 4] = [
    "cpu,host=a,region=eu usage_user=12.5,usage_system=3i,up=true,name=\"x\" 1700000000000000000\n",
    "cpu,host=b,region=eu usage_user=12.5",
    "mem,host=a free=1i 1700000000000000001\nmem,host=b free=2i\nmem,host=c free=3i 1700000000000000003\n",
    "# a comment\n\ndisk,host=a,path=/ used=0.5,total=2u 1700000000000000000\r\n",
];

fn payload(number: u64) -> &'static str {
    PAYLOADS[usize::try_from(number).unwrap_or_default() % PAYLOADS.len()]
}

async fn feed(hands: &mut Handoff, messages: u64, first: u64) {
    for number in first..first + messages {
        hands.hold(Delivery {
            subject: Subject::from_static("telemetry.metric.api.i-1"),
            payload: Bytes::from_static(payload(number).as_bytes()),
            declared: Declared::Nothing,
            stamp: Stamp {
                time: 1_700_000_000_000_000_000,
                sequence: None,
                attempt: Attempt::First,
            },
            ack: Ack::none(),
        });
        if number % 256 == 255 {
            hands.hand_over_all().await.expect("the path runs");
        }
    }
    hands.hand_over_all().await.expect("the path runs");
}

/// Takes everything at once.
async fn store(mut shares: mpsc::Receiver<flightline::sink::share::Share>) {
    while let Some(share) = shares.recv().await {
        share.stored().await;
    }
}

#[test]
fn a_message_of_line_protocol_costs_the_path_no_allocation() {
    // One thread, so that every allocation of every stage is counted.
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .expect("a runtime");
    let config = load(&[], &Environment::of::<&str, &str>([]))
        .expect("the defaults are right")
        .config;
    let metrics = Arc::new(Metrics::new());
    let exporter = Exporter::new(&config.exporter, &metrics, std::time::Instant::now());
    let router = Arc::new(Router::new(&config).expect("the defaults are right"));

    let mut hands = runtime.block_on(async {
        let (settled, settled_batches) = mpsc::channel(16);
        let (recycle, recycled) = mpsc::channel(16);
        let (sink, shares) = mpsc::channel::<flightline::sink::share::Share>(2);
        let (office, _mail) = Office::open();
        let sinks = router
            .destinations()
            .iter()
            .map(|to| to.sinks.iter().map(|_| sink.clone()).collect())
            .collect();
        drop(sink);
        let ways = Ways {
            sinks,
            office,
            settled,
            recycled,
            ledger: Ledger::default(),
        };
        let limits = Limits {
            lines: 1_000,
            bytes: 1 << 20,
            age: Duration::from_secs(1),
        };
        let wait = (Told::Nobody, Duration::from_secs(30));
        let path = Path::new(router, limits, ways, exporter, wait, Arc::clone(&metrics));
        let (mut hands, intake) = handoff();
        tokio::spawn(path.run(intake));
        tokio::spawn(ack::run(
            settled_batches,
            Told::Nobody,
            recycle,
            Arc::clone(&metrics),
        ));
        tokio::spawn(store(shares));
        feed(&mut hands, WARM_UP, 0).await;
        assert!(metrics.acked.get() > 0, "the path runs to its end");
        hands
    });
    let counted =
        allocation_counter::measure(|| runtime.block_on(feed(&mut hands, MEASURED, WARM_UP)));

    let batches = metrics.lines.get() * MEASURED / (MEASURED + WARM_UP) / LINES;
    let per_thousand = counted.count_total * 1_000 / MEASURED;
    say(&format!(
        "{} allocations for {MEASURED} messages in {batches} batches: {per_thousand} for a thousand messages",
        counted.count_total
    ));
    assert_eq!(metrics.dead_lettered_sum(), 0);
    let allowed = (batches + 1) * PER_BATCH;
    assert!(
        counted.count_total < allowed,
        "{} allocations; batches alone cost at most {allowed}",
        counted.count_total
    );
}

#[expect(
    clippy::print_stdout,
    reason = "the figure belongs into the test's output"
)]
fn say(text: &str) {
    println!("{text}");
}
