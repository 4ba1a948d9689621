//! Servers die behind the front, and the front itself is told to stop: what was answered 204 comes to the store.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use flightline_fixtures::http;
use flightline_fixtures::process::Signal;
use flightline_fixtures::wait;

use crate::rig::{PATIENCE, Rig};

const RECEIVED: &str = "flightline_received_messages_total";

/// Writes numbered points until told to stop, and remembers which were answered 204.
fn writer(
    front: &str,
    name: &'static str,
    stop: Arc<AtomicBool>,
) -> std::thread::JoinHandle<(u64, u64)> {
    let url = format!("http://{front}/write?db=x");
    std::thread::spawn(move || {
        let (mut stored, mut refused) = (0, 0);
        while !stop.load(Ordering::Relaxed) {
            // A number that was refused is written again: the store has each once.
            let line = format!("{name} v={stored} {}\n", stored + 1);
            match http::post(&url, line.as_bytes()) {
                Ok(answer) if answer.status == 204 => stored += 1,
                Ok(answer) => {
                    assert_eq!(answer.status, 503, "{}", answer.text());
                    assert!(answer.header("retry-after").is_some());
                    refused += 1;
                    std::thread::park_timeout(Duration::from_millis(50));
                }
                Err(_) => std::thread::park_timeout(Duration::from_millis(50)),
            }
        }
        (stored, refused)
    })
}

#[test]
fn while_influxdb_is_down_writes_are_taken_and_stored_later() {
    let mut rig = Rig::start();
    rig.influx.server().kill();
    for number in 1..=100 {
        let line = format!("later v={number} {number}");
        assert_eq!(rig.post("/write?db=x", line.as_bytes()).status, 204);
    }
    rig.influx.server().resume_service();
    rig.wait_stored("later", 100);
}

#[test]
fn while_nats_is_away_writes_are_refused_and_nothing_answered_is_lost() {
    let mut rig = Rig::start();
    let stop = Arc::new(AtomicBool::new(false));
    let writing = writer(&rig.front, "numbered", Arc::clone(&stop));
    rig.worker
        .wait_for("some are written", PATIENCE, || rig.stored("numbered") > 20);
    rig.nats.server().kill();
    let refused = || {
        rig.worker
            .metric("flightline_ingest_requests_total{api=\"v1\",status=\"5xx\"}")
            > 2.5
    };
    rig.worker.wait_for("writes are refused", PATIENCE, refused);
    assert_eq!(rig.worker.get("/readyz").status, 503);
    rig.nats.server().resume_service();
    rig.worker.wait_ready();
    let before = rig.worker.metric("flightline_ingest_lines_total");
    let again = || rig.worker.metric("flightline_ingest_lines_total") > before + 20.0;
    rig.worker
        .wait_for("writes are taken again", PATIENCE, again);
    stop.store(true, Ordering::Relaxed);
    let (stored, refused) = writing.join().unwrap();
    assert!(refused > 0);
    let held = wait::until(PATIENCE, || rig.stored("numbered") >= stored);
    assert!(
        held.is_ok(),
        "{stored} answered, {} stored\n{}",
        rig.stored("numbered"),
        rig.worker.log()
    );
}

#[test]
fn a_server_that_stands_still_is_no_yes_and_nobody_waits_for_it_twice() {
    let mut rig = Rig::start();
    rig.nats.server().pause();
    let refused = || {
        let start = Instant::now();
        let answer = rig.post("/write?db=x", b"stalled v=1 1");
        let said = (answer.status, answer.header("retry-after"));
        assert_eq!(said, (503, Some("1")), "{}", answer.text());
        start.elapsed()
    };
    assert!(refused() < Duration::from_secs(20));
    // What is known not to answer is neither asked again nor recommended.
    let known = Instant::now();
    let long = || known.elapsed() > Duration::from_secs(8);
    while !long() {
        assert!(refused() < Duration::from_secs(2));
        let readiness = rig.worker.get("/readyz");
        assert_eq!(readiness.status, 503, "{}", readiness.text());
        std::thread::park_timeout(Duration::from_millis(100));
    }
    rig.nats.server().unpause();
    rig.worker.wait_ready();
    let taken = || rig.post("/write?db=x", b"stalled v=1 1").status == 204;
    rig.worker.wait_for("it goes on", PATIENCE, taken);
    rig.wait_stored("stalled", 1);
}

/// What the front may hold where clients pile up.
const PENDING: f64 = 8.0 * 1024.0 * 1024.0;

/// Eight clients bring a body of almost 1 MiB again and again to a front whose stream stands still: `visit` is one try. What is read is
/// bounded, and what comes after it is taken.
fn pile_up(visit: fn(&Rig, &[u8])) {
    let mut rig = Rig::with("max_body = \"1MiB\"\nmax_pending = \"8MiB\"", "", "");
    rig.nats.server().pause();
    let body = "pile v=1 1\n".repeat(90_000);
    let start = Instant::now();
    let long = || start.elapsed() > Duration::from_secs(14);
    std::thread::scope(|clients| {
        for _ in 0..8 {
            clients.spawn(|| {
                while !long() {
                    visit(&rig, body.as_bytes());
                    std::thread::park_timeout(Duration::from_millis(100));
                }
            });
        }
    });
    // Each round of requests takes the five seconds that a PubAck may: three rounds would have been read.
    let read = rig.worker.metric("flightline_ingest_bytes_total");
    assert!(
        read > 0.0 && read <= PENDING * 1.5,
        "{read} bytes were read"
    );
    let readiness = rig.worker.get("/readyz");
    assert_eq!(readiness.status, 503, "{}", readiness.text());
    rig.nats.server().unpause();
    let taken = || rig.post("/write?db=x", b"pile v=1 1").status == 204;
    rig.worker.wait_for("it goes on", PATIENCE, taken);
    rig.wait_stored("pile", 1);
    rig.wait_metric("flightline_ingest_held_bytes", 0.0);
}

#[test]
fn retries_do_not_pile_up_behind_a_server_that_stands_still() {
    pile_up(|rig, body| assert_eq!(rig.post("/write?db=x", body).status, 503));
}

#[test]
fn what_impatient_clients_leave_behind_does_not_pile_up_either() {
    pile_up(|rig, body| {
        let mut client = rig.connect();
        client.head("/write?db=x", &[&format!("Content-Length: {}", body.len())]);
        client.send(body);
        // The answer would take longer than this one waits for it.
        std::thread::park_timeout(Duration::from_millis(300));
    });
}

#[test]
fn what_is_under_way_at_sigterm_is_answered_and_stored() {
    let mut rig = Rig::start();
    let mut under_way = rig.connect();
    under_way.head("/write?db=x", &["Content-Length: 11"]);
    under_way.send(b"last ");
    rig.wait_metric("flightline_ingest_in_flight_requests", 1.0);
    rig.worker.signal(Signal::Term);
    let closed = wait::until(PATIENCE, || {
        std::net::TcpStream::connect(&rig.front).is_err()
    });
    assert!(closed.is_ok(), "nobody new is let in");
    under_way.send(b"v=1 1\n");
    assert_eq!(under_way.answer().0, 204);
    assert_eq!(
        rig.worker.wait(PATIENCE).code(),
        Some(0),
        "{}",
        rig.worker.log()
    );
    rig.worker.restart();
    rig.wait_stored("last", 1);
}

#[test]
fn a_client_that_never_ends_does_not_hold_up_the_drain() {
    let mut rig = Rig::with("", "[run]\ndrain = \"2s\"", "");
    let mut endless = rig.connect();
    endless.head("/write?db=x", &["Content-Length: 11"]);
    rig.wait_metric("flightline_ingest_in_flight_requests", 1.0);
    let start = Instant::now();
    assert_eq!(rig.worker.stop().code(), Some(0), "{}", rig.worker.log());
    assert!(start.elapsed() < Duration::from_secs(10));
}

#[test]
fn half_a_head_does_not_hold_up_the_drain() {
    let mut rig = Rig::with("", "[run]\ndrain = \"60s\"", "");
    let mut half = rig.connect();
    half.send(b"POST /write?db=x HTTP/1.1\r\n");
    assert_eq!(rig.post("/write?db=x", b"whole v=1 1").status, 204);
    half.send(b"Host: ");
    let start = Instant::now();
    assert_eq!(rig.worker.stop().code(), Some(0), "{}", rig.worker.log());
    assert!(start.elapsed() < Duration::from_secs(15));
    let log = rig.worker.log();
    assert!(!log.contains("cut off requests to ingest"), "{log}");
}

#[test]
fn nothing_is_pulled_while_the_front_answers_its_last() {
    let mut rig = Rig::with(
        "idle = \"2m\"\ntimeout = \"3m\"",
        "[run]\ndrain = \"4m\"",
        "",
    );
    let mut last = rig.connect();
    last.head("/write?db=x", &["Content-Length: 11"]);
    rig.wait_metric("flightline_ingest_in_flight_requests", 1.0);
    rig.worker.signal(Signal::Term);
    let draining = || rig.worker.get("/readyz").text().contains("draining");
    rig.worker.wait_for("it drains", PATIENCE, draining);
    let closed = wait::until(PATIENCE, || {
        std::net::TcpStream::connect(&rig.front).is_err()
    });
    assert!(closed.is_ok(), "nobody new is let in");
    // Open pulls are used up first: what comes after a pause is not taken.
    let mut published = 0;
    let left = wait::until(PATIENCE, || {
        let before = rig.worker.metric(RECEIVED);
        published += 1;
        let line = format!("successor v=1 {published}");
        rig.nats.ask("telemetry.app.other.x", &line).unwrap();
        std::thread::park_timeout(Duration::from_secs(1));
        rig.worker.metric(RECEIVED) < before + 0.5
    });
    assert!(left.is_ok(), "it goes on pulling: {}", rig.worker.log());
    last.send(b"last v=1 1\n");
    assert_eq!(last.answer().0, 204);
    assert_eq!(rig.worker.wait(PATIENCE).code(), Some(0));
    rig.worker.restart();
    rig.wait_stored("successor", published);
    rig.wait_stored("last", 1);
}
