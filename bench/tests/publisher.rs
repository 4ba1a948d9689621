//! Promise: the publisher keeps its clock, however slow its listeners are, and a stream has all that it was filled with.

#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::io::{Read, Write};
use std::net::TcpStream;
use std::time::Duration;

use flightline::bus::{Bus, SUBSCRIPTION_CAPACITY};
use flightline_bench::jetstream;
use flightline_bench::payload::clock::{Clock, DIGITS, read};
use flightline_bench::payload::{Payloads, Traffic};
use flightline_bench::proc;
use flightline_bench::publish::{self, Pace, Report, now};
use flightline_bench::scenario::Shape;
use flightline_fixtures::nats::Nats;
use flightline_link::nats::{INBOX_PREFIX, Nats as NatsConfig, NatsAuth};
use flightline_link::tls::Tls;
use futures_util::StreamExt;

const PATIENCE: Duration = Duration::from_secs(30);
/// How far behind its clock a publisher may end on a busy machine.
const LATE: Duration = Duration::from_secs(5);
/// What a server holds for a listener before it gives it up, and some more than sockets do: 2,000 messages are 15 MB.
const STALLING: u64 = 2_000;
/// More than a publisher writes in the 10 ms that CPU time is told in, and no multiple of what it asks an ack for.
const FILLED: u64 = 200_001;

async fn listener(nats: &Nats) -> Bus {
    let config = NatsConfig {
        urls: vec![nats.url()],
        auth: NatsAuth::None,
        tls: Tls::default(),
        name: "listener".to_owned(),
        inbox_prefix: INBOX_PREFIX.to_owned(),
    };
    Bus::connect(&config, SUBSCRIPTION_CAPACITY).await.unwrap()
}

#[tokio::test]
async fn no_message_comes_before_its_moment_and_the_last_is_not_put_off() {
    let nats = Nats::start();
    let bus = listener(&nats).await;
    let mut messages = bus.subscribe("benchmark.>").await.unwrap();
    bus.flush().await.unwrap();
    let traffic = Traffic {
        shape: Shape::Line,
        subjects: 10,
        messages: 2_000,
        clock: Clock {
            base: now() + 50_000_000,
            step: 500_000,
        },
    };
    let address = nats.address();
    let publisher = tokio::spawn(async move { publish::run(&address, traffic, Pace::Clock).await });
    for message in 0..traffic.messages {
        let next = tokio::time::timeout(PATIENCE, messages.next());
        let payload = next.await.unwrap().unwrap().payload;
        let time = read(&payload[payload.len() - DIGITS..]).unwrap();
        assert_eq!(time, traffic.clock.time(message));
        assert!(now() >= time, "message {message} came early");
    }
    let report = publisher.await.unwrap().unwrap();
    assert_eq!(report.began, traffic.clock.base);
    assert_on_time(report, traffic);
}

fn assert_on_time(report: Report, traffic: Traffic) {
    let last = traffic.clock.time(traffic.messages - 1);
    let late = Duration::from_nanos(report.ended.checked_sub(last).unwrap());
    assert!(late < LATE, "{late:?} behind its clock");
}

/// Subscribes to everything, and never reads what comes.
fn deaf_listener(nats: &Nats) -> TcpStream {
    let mut stream = TcpStream::connect(nats.address()).unwrap();
    stream.set_read_timeout(Some(PATIENCE)).unwrap();
    stream
        .write_all(b"CONNECT {\"verbose\":false}\r\nSUB benchmark.> 1\r\nPING\r\n")
        .unwrap();
    let mut said = Vec::new();
    while !said.ends_with(b"PONG\r\n") {
        let mut byte = [0];
        stream.read_exact(&mut byte).unwrap();
        said.extend(byte);
    }
    stream
}

#[tokio::test]
async fn a_listener_that_reads_nothing_does_not_hold_the_publisher_up() {
    let nats = Nats::start();
    let mut deaf = deaf_listener(&nats);
    let traffic = Traffic {
        shape: Shape::Lines50,
        subjects: 10,
        messages: STALLING,
        clock: Clock {
            base: now() + 50_000_000,
            step: 500_000,
        },
    };
    let address = nats.address();
    let published = publish::run(&address, traffic, Pace::Clock);
    let report = tokio::time::timeout(PATIENCE, published).await;
    assert_on_time(report.unwrap().unwrap(), traffic);
    // It was a listener: the first message waits for it.
    let mut first = [0; 3];
    deaf.read_exact(&mut first).unwrap();
    assert_eq!(&first, b"MSG");
}

#[tokio::test]
async fn what_is_published_is_what_the_traffic_says() {
    let nats = Nats::start();
    let bus = listener(&nats).await;
    let mut messages = bus.subscribe(">").await.unwrap();
    bus.flush().await.unwrap();
    let traffic = Traffic {
        shape: Shape::Mix,
        subjects: 3,
        messages: 800,
        clock: Clock::unpaced(50),
    };
    publish::run(&nats.address(), traffic, Pace::Full)
        .await
        .unwrap();
    let payloads = Payloads::new(traffic);
    for message in 0..traffic.messages {
        let next = tokio::time::timeout(PATIENCE, messages.next());
        let came = next.await.unwrap().unwrap();
        let (mut subject, mut payload) = (Vec::new(), Vec::new());
        payloads.subject(message, &mut subject);
        payloads.payload(message, &mut payload);
        assert_eq!(came.subject.as_bytes(), subject);
        assert_eq!(came.payload, payload);
    }
}

#[tokio::test]
async fn a_stream_has_all_that_it_was_filled_with_and_one_that_is_not_empty_is_noticed() {
    let nats = Nats::start();
    let subjects = Traffic::patterns(Shape::Mix);
    jetstream::fresh_stream(&nats.url(), "S", subjects)
        .await
        .unwrap();
    let traffic = Traffic {
        shape: Shape::Line,
        subjects: 100,
        messages: FILLED,
        clock: Clock::unpaced(1),
    };
    let before = now();
    let filled = publish::run(&nats.address(), traffic, Pace::Fill).await;
    let filled = filled.unwrap();
    assert!(before <= filled.began && filled.began < filled.ended && filled.ended <= now());
    // Of this process, whose other threads have theirs in it.
    assert!(filled.cpu > 0.0 && filled.cpu <= proc::own_cpu().unwrap());
    assert_eq!(jetstream::messages(&nats.url(), "S").await.unwrap(), FILLED);
    let again = publish::run(&nats.address(), traffic, Pace::Fill).await;
    let said = again.unwrap_err().to_string();
    assert!(said.contains(&(2 * FILLED).to_string()), "{said}");
}
