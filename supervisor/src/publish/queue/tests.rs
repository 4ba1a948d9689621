//! What is sent next, and what waits for what.

use flightline_contract::health::Status;
use flightline_contract::lifecycle::State;
use flightline_contract::metric::Kind;
use flightline_contract::value::Labels;

use super::*;

const BEAT: Duration = Duration::from_secs(30);

fn change(sequence: u64) -> LifecycleChange<'static> {
    LifecycleChange {
        job: Some("web".into()),
        from: State::Starting,
        to: State::Running,
        cause: "test".into(),
        pid: None,
        exit: None,
        attempt: 1,
        sequence,
        time: None,
    }
}

fn health(check: &str, status: Status) -> Health<'static> {
    Health {
        check: check.to_owned().into(),
        status,
        output: None,
        time: None,
    }
}

fn gauge(name: &str, value: f64) -> Sample<'static> {
    Sample {
        name: name.to_owned().into(),
        kind: Kind::Gauge,
        temporality: None,
        labels: Labels::default(),
        time: None,
        value: Some(value),
        buckets: Default::default(),
        sum: None,
        count: None,
    }
}

/// The next as a word.
fn word(queue: &mut Queue, now: Instant) -> String {
    match queue.next(now) {
        Next::Change(change) => format!("change {}", change.sequence),
        Next::Health(health) => format!("health {}", health.len()),
        Next::Samples(samples) => format!("samples {:?}", samples[0].value),
        Next::At(at) => format!("in {:?}", at - now),
        Next::Idle => "idle".to_owned(),
        Next::End => "end".to_owned(),
    }
}

#[test]
fn changes_go_first_and_what_pauses_delays_nothing_else() {
    let now = Instant::now();
    let mut queue = Queue::new(8, BEAT);
    queue.sample(gauge("a", 1.0));
    queue.health(health("web", Status::Passing), now);
    queue.change(change(1));
    queue.change(change(2));
    assert_eq!(word(&mut queue, now), "change 1");
    queue.settle(Settled::Again(change(1)), now);
    assert_eq!(word(&mut queue, now), "health 1");
    assert_eq!(word(&mut queue, now), "samples Some(1.0)");
    assert_eq!(word(&mut queue, now), "in 100ms");
    let later = now + FIRST_PAUSE;
    assert_eq!(word(&mut queue, later), "change 1");
    queue.settle(Settled::Again(change(1)), later);
    assert_eq!(word(&mut queue, later), "in 200ms");
    queue.reconnected();
    assert_eq!(word(&mut queue, later), "change 1");
    queue.settle(Settled::Delivered, later);
    assert_eq!(word(&mut queue, later), "change 2");
    queue.settle(Settled::Refused, later);
    assert_eq!(word(&mut queue, later), "idle");
}

#[test]
fn pauses_are_bounded_and_shorter_at_the_end() {
    let mut now = Instant::now();
    let mut queue = Queue::new(8, BEAT);
    queue.change(change(1));
    for _ in 0..64 {
        let Next::Change(change) = queue.next(now) else {
            panic!("the pause is over");
        };
        queue.settle(Settled::Again(change), now);
        now += LONGEST_PAUSE;
    }
    queue.end();
    for _ in 0..8 {
        let Next::Change(change) = queue.next(now) else {
            panic!("the pause is over");
        };
        queue.settle(Settled::Again(change), now);
        now += LAST_PAUSE;
    }
    assert_eq!(word(&mut queue, now), "change 1");
    queue.settle(Settled::Delivered, now);
    assert_eq!(word(&mut queue, now), "end");
}

#[test]
fn only_the_latest_of_a_name_waits() {
    let now = Instant::now();
    let mut queue = Queue::new(8, BEAT);
    queue.sample(gauge("a", 1.0));
    queue.sample(gauge("a", 2.0));
    queue.keep_samples(vec![gauge("a", 0.0)]);
    assert_eq!(word(&mut queue, now), "samples Some(2.0)");
    queue.health(health("web", Status::Passing), now);
    queue.health(health("web", Status::Critical), now);
    queue.keep_health(vec![
        health("web", Status::Warning),
        health("db", Status::Passing),
    ]);
    let Next::Health(sent) = queue.next(now) else {
        panic!("results wait");
    };
    let sent: Vec<_> = sent
        .iter()
        .map(|health| (&*health.check, health.status))
        .collect();
    assert_eq!(sent, [("db", Status::Passing), ("web", Status::Critical)]);
}

#[test]
fn a_summary_keeps_all_its_quantiles() {
    let of = |rank: &'static str, value| {
        let label = (Text::from("quantile"), Text::from(rank));
        Sample {
            labels: Labels(std::iter::once(label).collect()),
            ..gauge("time", value)
        }
    };
    let mut queue = Queue::new(8, BEAT);
    for (rank, value) in [("0.5", 1.0), ("0.9", 2.0), ("0.99", 3.0), ("0.9", 4.0)] {
        queue.sample(of(rank, value));
    }
    queue.keep_samples(vec![of("0.5", 0.0), of("1", 5.0)]);
    let Next::Samples(sent) = queue.next(Instant::now()) else {
        panic!("samples wait");
    };
    let values: Vec<_> = sent.iter().map(|sample| sample.value).collect();
    assert_eq!(values, [Some(1.0), Some(4.0), Some(3.0), Some(5.0)]);
}

#[test]
fn labels_in_another_order_are_the_same_series() {
    let of = |names: [&'static str; 2], value| Sample {
        labels: Labels(
            names
                .map(|name| (name.into(), "x".into()))
                .into_iter()
                .collect(),
        ),
        ..gauge("a", value)
    };
    let mut queue = Queue::new(8, BEAT);
    queue.sample(of(["a", "b"], 1.0));
    queue.sample(of(["b", "a"], 2.0));
    assert_eq!(queue.left(), (0, 1));
}

#[test]
fn names_beyond_the_limit_and_values_that_are_none_are_counted() {
    let mut queue = Queue::new(8, BEAT);
    for number in 0..NAMES + 3 {
        queue.sample(gauge(&number.to_string(), 1.0));
    }
    assert_eq!((queue.left(), queue.dropped()), ((0, NAMES), 3));
    queue.sample(gauge("0", f64::NAN));
    assert_eq!(queue.dropped(), 4);
}
