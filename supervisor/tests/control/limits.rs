//! Clients that are slow, large, many, or do not go away; sockets that are left behind, and sockets that are not.

use std::os::unix::net::UnixListener;
use std::sync::Arc;
use std::time::Duration;

use flightline_fixtures::wait::until_async;
use flightline_supervisor::control::CONNECTIONS;
use flightline_supervisor::control::command::Answer;
use flightline_supervisor::control::socket::ControlError;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::UnixStream;
use tokio::task::JoinSet;
use tokio::time::Instant;

use super::rig::{Rig, another, ask, client, done, hear, job, never};

const MIB: usize = 1024 * 1024;

#[tokio::test(start_paused = true)]
async fn a_client_that_does_not_finish_is_cut_off() {
    let rig = Rig::start(done).await;
    for (begun, expected) in [
        ("", 0),
        ("POST /v3/env HTTP/1.1\r\nHost:", 0),
        (
            "POST /v3/env HTTP/1.1\r\nHost: x\r\nContent-Length: 9\r\n\r\n{",
            408,
        ),
    ] {
        let start = Instant::now();
        let (status, _) = hear(client(&rig.path(), begun.as_bytes()).await).await;
        assert!(
            start.elapsed() <= Duration::from_secs(6),
            "{begun:?}: {:?}",
            start.elapsed()
        );
        assert!(status == expected || status == 408, "{begun:?}: {status}");
    }
}

#[tokio::test(start_paused = true)]
async fn a_client_that_does_not_read_is_cut_off() {
    let rig = Rig::start(|_| {
        let mut job = job("a");
        job.output = Some("x".repeat(4 * MIB));
        Some(Answer::Jobs(vec![job]))
    })
    .await;
    let mut silent = client(&rig.path(), b"GET /v4/jobs HTTP/1.1\r\nHost: x\r\n\r\n").await;
    let counted = || async { !rig.counted.lock().unwrap().is_empty() };
    until_async(Duration::from_secs(1), counted).await.unwrap();
    tokio::time::advance(Duration::from_secs(30)).await;
    let late = Instant::now();
    let mut answer = Vec::new();
    drop(silent.read_to_end(&mut answer).await);
    assert!(answer.len() < 4 * MIB, "{}", answer.len());
    assert!(late.elapsed() < Duration::from_secs(1));
}

#[tokio::test]
async fn a_body_that_is_too_large_is_refused_at_its_announcement_and_on_the_way() {
    let rig = Rig::start(done).await;
    let announced = format!(
        "POST /v3/env HTTP/1.1\r\nHost: x\r\nContent-Length: {}\r\n\r\n",
        MIB + 1
    );
    assert_eq!(
        hear(client(&rig.path(), announced.as_bytes()).await)
            .await
            .0,
        413
    );

    let mut stream = UnixStream::connect(rig.path()).await.unwrap();
    let head = b"POST /v3/metric HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n";
    stream.write_all(head).await.unwrap();
    let chunk = format!("10000\r\n{}\r\n", "x".repeat(0x1_0000));
    // It is closed on us before the end.
    while stream.write_all(chunk.as_bytes()).await.is_ok() {}
    assert_eq!(hear(stream).await.0, 413);

    let body = format!("{{\"A\":\"{}\"}}", "x".repeat(64 * 1024));
    assert_eq!(rig.ask("POST /v3/env", &body).await.0, 200);
}

#[tokio::test]
async fn a_head_that_is_too_large_is_refused() {
    let rig = Rig::start(done).await;
    let long = format!(
        "GET /v3/ping HTTP/1.1\r\nHost: x\r\nX: {}\r\n\r\n",
        "x".repeat(MIB)
    );
    let mut stream = UnixStream::connect(rig.path()).await.unwrap();
    drop(stream.write_all(long.as_bytes()).await);
    assert_eq!(hear(stream).await.0, 431);
    let many = format!(
        "GET /v3/ping HTTP/1.1\r\nHost: x\r\n{}\r\n",
        "X: y\r\n".repeat(100)
    );
    assert_eq!(
        hear(client(&rig.path(), many.as_bytes()).await).await.0,
        431
    );
    assert_eq!(
        hear(client(&rig.path(), b"not http at all\r\n\r\n").await)
            .await
            .0,
        400
    );
    assert_eq!(rig.ask("GET /v3/ping", "").await.0, 200);
}

#[tokio::test]
async fn many_clients_at_once_are_all_served() {
    let rig = Rig::start(done).await;
    let mut clients = JoinSet::new();
    for n in 0..4 * CONNECTIONS {
        let path = rig.path();
        clients.spawn(async move {
            let body = format!("{{\"n{}\":{n}}}", n % 8);
            ask(&path, "POST /v3/metric", &body).await.0
        });
    }
    assert!(clients.join_all().await.iter().all(|status| *status == 200));
    assert_eq!(rig.metrics.lock().unwrap().len(), 4 * CONNECTIONS);
}

#[tokio::test(start_paused = true)]
async fn clients_that_hang_on_hold_their_places_for_seconds_only() {
    let rig = Rig::start(done).await;
    let mut hanging = Vec::new();
    for _ in 0..CONNECTIONS {
        hanging.push(client(&rig.path(), b"GET").await);
    }
    let start = Instant::now();
    assert_eq!(rig.ask("GET /v3/ping", "").await.0, 200);
    assert!(
        start.elapsed() <= Duration::from_secs(6),
        "{:?}",
        start.elapsed()
    );
}

#[tokio::test(start_paused = true)]
async fn a_loop_that_does_not_answer_is_said_to_the_client() {
    let rig = Rig::start(never).await;
    let start = Instant::now();
    let (status, reason) = rig.ask("POST /v3/reload", "").await;
    assert_eq!(status, 503);
    assert!(reason.contains("10 s"), "{reason}");
    assert!(start.elapsed() <= Duration::from_secs(11));
    assert_eq!(*rig.counted.lock().unwrap(), [("/v3/reload", 503)]);
}

/// ContainerPilot's shutdown and reload never finish when its control server takes longer than 600 ms to stop.
#[tokio::test(start_paused = true)]
async fn h6_a_stop_ends_in_bounded_time_whoever_hangs_on() {
    let rig = Rig::start(never).await;
    let path = rig.path();
    let waits = client(&path, b"POST /v3/reload HTTP/1.1\r\nHost: x\r\n\r\n").await;
    let hangs = client(
        &path,
        b"POST /v3/env HTTP/1.1\r\nHost: x\r\nContent-Length: 9\r\n\r\n",
    )
    .await;
    let silent = client(&path, b"").await;
    let commands = Arc::clone(&rig.commands);
    let asked = || async { commands.lock().unwrap().len() == 1 };
    until_async(Duration::from_secs(1), asked).await.unwrap();
    let start = Instant::now();
    rig.server.stop().await;
    assert!(
        start.elapsed() <= Duration::from_millis(601),
        "{:?}",
        start.elapsed()
    );
    assert!(!path.exists());
    for stream in [waits, hangs, silent] {
        assert_eq!(hear(stream).await.0, 0);
    }
}

#[tokio::test(start_paused = true)]
async fn a_stop_with_nobody_there_takes_no_time_and_an_answer_on_its_way_is_sent() {
    let rig = Rig::start(done).await;
    let path = rig.path();
    let begun = client(
        &path,
        b"POST /v3/env HTTP/1.1\r\nHost: x\r\nContent-Length: 9\r\n\r\n{\"A\":",
    )
    .await;
    assert_eq!(rig.ask("GET /v3/ping", "").await.0, 200);
    let start = Instant::now();
    let stopped = tokio::spawn(rig.server.stop());
    let finished = tokio::spawn(async move {
        let mut begun = begun;
        begun.write_all(b"\"b\"}").await.unwrap();
        hear(begun).await
    });
    stopped.await.unwrap();
    assert_eq!(finished.await.unwrap().0, 200);
    assert!(
        start.elapsed() < Duration::from_millis(100),
        "{:?}",
        start.elapsed()
    );
}

#[tokio::test]
async fn a_socket_that_was_left_is_replaced_and_a_live_one_is_not() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("socket");
    drop(UnixListener::bind(&path).unwrap());
    assert!(path.exists());
    let server = another(&path).await.unwrap();
    assert_eq!(ask(&path, "GET /v3/ping", "").await.0, 200);

    let error = another(&path).await.unwrap_err();
    assert!(matches!(error, ControlError::InUse { .. }), "{error}");
    assert_eq!(ask(&path, "GET /v3/ping", "").await.0, 200);

    server.stop().await;
    assert!(!path.exists());
    another(&path).await.unwrap().stop().await;
}
