//! Promise: a line on which the store fails, with 5xx, silence or a closed connection, while it takes all others, costs only itself; a
//! store that fails on everything costs nothing.

#![expect(clippy::unwrap_used, reason = "tests")]

#[path = "rig/sink.rs"]
mod rig;

use std::collections::BTreeSet;
use std::time::Duration;

use flightline::config::{Influx, InfluxApi};
use flightline::sink::probe;
use flightline_contract::deadletter::Reason;
use flightline_fixtures::stub::answer::{Answer, Keep};
use flightline_fixtures::stub::{Recorded, Stub};
use rig::{Rig, batch, influx, lines};

/// Fails on bodies with a line that kills it, as `how` says.
fn store(how: impl Fn() -> Answer + Send + 'static) -> Stub {
    Stub::answering(move |request| {
        if is_killing(request) {
            how()
        } else {
            Answer::stored()
        }
    })
}

fn is_killing(request: &Recorded) -> bool {
    let lines = request.lines();
    lines.iter().any(|line| line.starts_with("killer"))
}

/// What the store has of the user's, in the order in which it was written.
fn stored(stub: &Stub) -> Vec<String> {
    let mut lines = stub.stored();
    lines.retain(|line| !line.starts_with(probe::MEASUREMENT));
    lines
}

/// One batch at a time, so that nothing but the batch itself shows that the store takes others.
fn config(stub: &Stub) -> Influx {
    let api = InfluxApi::V2 {
        org: "o".to_owned(),
        bucket: "b".to_owned(),
    };
    Influx {
        in_flight: 1,
        timeout: Duration::from_millis(300),
        max_backoff: Duration::from_millis(500),
        line_patience: Duration::from_secs(2),
        ..influx(&stub.url(), api)
    }
}

async fn costs_only_itself(how: fn() -> Answer) {
    let stub = store(how);
    let mut rig = Rig::influx(config(&stub));
    let mut sent = lines(0..1000);
    sent[617] = "killer v=1 1".to_owned();
    rig.send(batch(&sent)).await;
    let behind = lines(2000..2100);
    rig.send(batch(&behind)).await;
    rig.settled(2).await;
    let letters = rig.finish().await;
    let kept: Vec<_> = letters
        .iter()
        .map(|letter| (letter.reason, letter.payload.as_ref()))
        .collect();
    assert_eq!(kept, [(Reason::StoreFails, b"killer v=1 1".as_slice())]);
    assert_eq!(letters[0].stamp.sequence.unwrap().get(), 618);
    sent.remove(617);
    let stored: BTreeSet<String> = stored(&stub).into_iter().collect();
    assert_eq!(stored, sent.into_iter().chain(behind).collect());
    let requests = stub.writes().len();
    assert!(requests < 120, "{requests} requests");
}

#[tokio::test]
async fn a_line_that_gets_500_costs_only_itself() {
    costs_only_itself(Answer::internal_error).await;
}

#[tokio::test]
async fn a_line_that_makes_the_store_hang_costs_only_itself() {
    costs_only_itself(|| Answer::Silence(Keep::Nothing)).await;
}

#[tokio::test]
async fn a_line_that_makes_the_store_hang_up_costs_only_itself() {
    costs_only_itself(|| Answer::HangUp(Keep::Nothing)).await;
}

#[tokio::test]
async fn a_point_that_was_written_twice_keeps_its_newer_value_beside_such_a_line() {
    let stub = store(Answer::internal_error);
    let mut rig = Rig::influx(config(&stub));
    let values = ["m v=1 1".to_owned(), "m v=2 1".to_owned()];
    rig.send(batch(&values)).await;
    rig.send(batch(&["killer v=1 1".to_owned()])).await;
    rig.settled(2).await;
    assert_eq!(rig.finish().await.len(), 1);
    assert_eq!(stored(&stub), values, "nothing is written again");
}

#[tokio::test]
async fn several_such_lines_one_of_them_alone_in_its_batch_cost_only_themselves() {
    let stub = store(Answer::internal_error);
    let mut rig = Rig::influx(Influx {
        in_flight: 2,
        ..config(&stub)
    });
    let mut sent = lines(0..64);
    for killer in [0, 1, 63] {
        sent[killer] = format!("killer v={killer} 1");
    }
    rig.send(batch(&["killer v=9 9".to_owned()])).await;
    rig.send(batch(&sent)).await;
    rig.settled(2).await;
    let letters = rig.finish().await;
    let kept: BTreeSet<_> = letters
        .iter()
        .map(|letter| letter.payload.as_ref())
        .collect();
    let killers: [&[u8]; 4] = [
        b"killer v=0 1",
        b"killer v=1 1",
        b"killer v=63 1",
        b"killer v=9 9",
    ];
    assert_eq!((letters.len(), kept), (4, BTreeSet::from(killers)));
    let stored: BTreeSet<String> = stored(&stub).into_iter().collect();
    assert_eq!(stored, sent[2..63].iter().cloned().collect());
}

#[tokio::test]
async fn a_store_that_fails_on_everything_for_long_costs_nothing() {
    // Well, then down for far longer than the sink's patience, then well.
    let mut requests = 0;
    let stub = Stub::answering(move |_| {
        requests += 1;
        match requests {
            2..40 => Answer::internal_error(),
            _ => Answer::stored(),
        }
    });
    let mut rig = Rig::influx(config(&stub));
    let sent = lines(0..300);
    for chunk in sent.chunks(100) {
        rig.send(batch(chunk)).await;
    }
    rig.settled(3).await;
    assert!(rig.finish().await.is_empty());
    let stored: BTreeSet<String> = stored(&stub).into_iter().collect();
    assert_eq!(stored, sent.into_iter().collect());
    let small = stub
        .writes()
        .iter()
        .filter(|write| (2..100).contains(&write.lines().len()))
        .count();
    assert_eq!(small, 0, "the batches were halved");
}
