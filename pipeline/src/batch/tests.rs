//! The batcher's promises: nothing is lost or doubled, limits hold, time is only what it is told.

use std::time::{Duration, Instant};

use async_nats::Subject;
use bytes::Bytes;
use flightline_contract::deadletter::Reason;
use proptest::prelude::*;

use super::{BY_REFERENCE, Batch, Batcher, Cut, Limits};
use crate::deadletter::Letter;
use crate::delivery::{Ack, Attempt, Declared, Delivery, Stamp};

fn delivery(payload: Bytes) -> Delivery {
    Delivery {
        subject: Subject::from_static("telemetry.app.s.t"),
        payload,
        declared: Declared::Nothing,
        stamp: Stamp {
            time: 0,
            sequence: None,
            attempt: Attempt::First,
        },
        ack: Ack::none(),
    }
}

fn push(batcher: &mut Batcher, payload: &Bytes, now: Instant) -> Option<Cut> {
    let (body, _) = batcher.open();
    body.put(payload, 0..payload.len());
    body.count(1);
    batcher.push(delivery(payload.clone()), 1, now)
}

fn text(batch: &Batch) -> Vec<u8> {
    batch.segments.concat()
}

const LIMITS: Limits = Limits {
    lines: 3,
    bytes: 1 << 20,
    age: Duration::from_secs(1),
};

#[test]
fn a_batch_is_cut_by_lines() {
    let mut batcher = Batcher::new(LIMITS);
    let line = Bytes::from_static(b"m v=1 1\n");
    let now = Instant::now();
    assert_eq!(push(&mut batcher, &line, now), None);
    assert_eq!(push(&mut batcher, &line, now), None);
    assert_eq!(push(&mut batcher, &line, now), Some(Cut::Lines));
    let batch = batcher.cut().unwrap();
    assert_eq!((batch.lines, batch.bytes, batch.entries.len()), (3, 24, 3));
    assert!(batcher.cut().is_none(), "a cut batch leaves nothing behind");
}

#[test]
fn a_batch_is_due_an_age_after_its_first_message() {
    let mut batcher = Batcher::new(LIMITS);
    let now = Instant::now();
    assert_eq!(batcher.due(), None);
    push(&mut batcher, &Bytes::from_static(b"m v=1 1\n"), now);
    push(
        &mut batcher,
        &Bytes::from_static(b"m v=1 2\n"),
        now + Duration::from_millis(900),
    );
    assert_eq!(batcher.due(), Some(now + LIMITS.age));
    batcher.cut().unwrap();
    assert_eq!(batcher.due(), None);
}

#[test]
fn a_message_without_lines_is_in_a_batch_too() {
    let mut batcher = Batcher::new(LIMITS);
    batcher.open();
    batcher.push(delivery(Bytes::from_static(b"{")), 0, Instant::now());
    let batch = batcher.cut().unwrap();
    assert_eq!(
        (batch.lines, batch.entries.len()),
        (0, 1),
        "its ack must travel"
    );
}

#[test]
fn letters_count_towards_the_bytes_of_a_batch_and_its_weight() {
    let limits = Limits {
        bytes: 10_000,
        lines: 1000,
        ..LIMITS
    };
    let mut batcher = Batcher::new(limits);
    let mut pushed = 0;
    let cut = loop {
        let message = delivery(Bytes::from_static(b"x"));
        let (_, letters) = batcher.open();
        letters.push(Letter::message(&message, Reason::Value, "y".repeat(100)));
        pushed += 1;
        if let Some(cut) = batcher.push(message, 0, Instant::now()) {
            break cut;
        }
    };
    assert_eq!(cut, Cut::Bytes);
    let batch = batcher.cut().unwrap();
    let each = 1 + batch.letters[0].weight();
    assert_eq!(
        (pushed, batch.weight),
        (10_000_usize.div_ceil(each), pushed * each)
    );
    push(&mut batcher, &Bytes::from_static(b"m\n"), Instant::now());
    assert_eq!(batcher.cut().unwrap().weight, 4, "nothing is left behind");
}

#[test]
fn a_large_payload_is_not_copied() {
    let mut batcher = Batcher::new(LIMITS);
    let large = Bytes::from(vec![b'x'; BY_REFERENCE]);
    push(&mut batcher, &Bytes::from_static(b"a\n"), Instant::now());
    push(&mut batcher, &large, Instant::now());
    let batch = batcher.cut().unwrap();
    assert!(
        batch
            .segments
            .iter()
            .any(|segment| segment.as_ptr() == large.as_ptr())
    );
}

#[test]
fn a_settled_batch_gives_its_buffer_to_a_new_one() {
    let mut batcher = Batcher::new(LIMITS);
    push(
        &mut batcher,
        &Bytes::from_static(b"m v=1 1\n"),
        Instant::now(),
    );
    let batch = batcher.cut().unwrap();
    let buffer = batch.segments[0].as_ptr();
    batcher.recycle(batch);
    push(
        &mut batcher,
        &Bytes::from_static(b"m v=1 2\n"),
        Instant::now(),
    );
    let again = batcher.cut().unwrap();
    assert_eq!(again.segments[0].as_ptr(), buffer);
    assert_eq!(text(&again), b"m v=1 2\n");
}

proptest! {
    #[test]
    fn what_goes_in_comes_out_once_and_in_order(
        sizes in prop::collection::vec(1_usize..6000, 1..60),
        lines in 1_usize..20,
        bytes in 100_usize..20_000,
    ) {
        let limits = Limits { lines, bytes, age: Duration::from_secs(1) };
        let mut batcher = Batcher::new(limits);
        let mut batches = Vec::new();
        let mut expected = Vec::new();
        for (index, size) in sizes.iter().enumerate() {
            let mut payload = vec![b'a' + u8::try_from(index % 26).unwrap(); *size];
            payload.push(b'\n');
            expected.extend_from_slice(&payload);
            if push(&mut batcher, &Bytes::from(payload), Instant::now()).is_some() {
                let batch = batcher.cut().unwrap();
                prop_assert!(batch.lines <= lines);
                let last = batch.entries.last().unwrap().delivery.payload.len();
                prop_assert!(batch.bytes < bytes + last, "only the last message may pass the limit");
                batches.push(text(&batch));
                batcher.recycle(batch);
            }
        }
        batches.extend(batcher.cut().map(|batch| text(&batch)));
        prop_assert_eq!(batches.concat(), expected);
    }
}
