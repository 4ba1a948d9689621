//! A body's size, a bomb, a slow client, a crowd: each costs no more than its limit.

use std::io::Write as _;

use flate2::Compression;
use flate2::write::GzEncoder;

use crate::rig::Rig;

const KEYS: &str =
    "max_body = \"64KiB\"\nmax_pending = \"64KiB\"\nidle = \"300ms\"\ntimeout = \"2s\"";

fn gzip(bytes: &[u8]) -> Vec<u8> {
    let mut packer = GzEncoder::new(Vec::new(), Compression::best());
    packer.write_all(bytes).unwrap();
    packer.finish().unwrap()
}

#[test]
fn what_is_too_large_is_413_however_it_comes() {
    let rig = Rig::with(KEYS, "", "");
    let large = "x v=1 1\n".repeat(9_000);
    // With a length, without one, and packed to a thousandth.
    assert_eq!(rig.post("/write?db=x", large.as_bytes()).status, 413);
    let mut client = rig.connect();
    client.head("/write?db=x", &["Transfer-Encoding: chunked"]);
    client.send(format!("{:x}\r\n{large}\r\n", large.len()).as_bytes());
    assert_eq!(client.answer().0, 413);
    let bomb = gzip(&vec![b' '; 50_000_000]);
    assert!(bomb.len() < 64 * 1024);
    assert_eq!(
        rig.post_with(
            "/api/v2/write?bucket=x",
            &[("Content-Encoding", "gzip")],
            &bomb
        )
        .status,
        413
    );
    assert_eq!(
        rig.post_with("/write?db=x", &[("Content-Encoding", "br")], b"x")
            .status,
        415
    );
    assert_eq!(
        rig.post_with("/write?db=x", &[("Content-Encoding", "gzip")], b"x v=1")
            .status,
        400
    );
    rig.wait_metric("flightline_ingest_held_bytes", 0.0);
    assert_eq!(rig.post("/write?db=x", b"fits v=1 1").status, 204);
    rig.wait_stored("fits", 1);
    assert_eq!(rig.stored("x"), 0);
}

#[test]
fn a_slow_client_is_not_waited_for_and_a_lost_one_leaves_nothing_behind() {
    let rig = Rig::with(KEYS, "", "");
    let mut slow = rig.connect();
    slow.head("/write?db=x", &["Content-Length: 1000"]);
    slow.send(b"slow v=1 1\n");
    assert_eq!(slow.answer().0, 408);
    let mut lost = rig.connect();
    lost.head("/write?db=x", &["Content-Length: 1000"]);
    lost.send(b"lost v=1 1\n");
    drop(lost);
    rig.wait_metric("flightline_ingest_in_flight_requests", 0.0);
    rig.wait_metric("flightline_ingest_held_bytes", 0.0);
    assert_eq!(rig.stored("slow") + rig.stored("lost"), 0);
}

#[test]
fn who_says_that_nothing_more_comes_is_answered() {
    let rig = Rig::start();
    let mut client = rig.connect();
    client.head("/write?db=x", &["Content-Length: 12"]);
    client.send(b"ended v=1 1\n");
    client.end();
    assert_eq!(client.answer().0, 204);
    let mut early = rig.connect();
    early.head("/write?db=x", &["Content-Length: 24"]);
    early.send(b"early v=1 1\n");
    early.end();
    assert_eq!(early.answer().0, 400);
    rig.wait_stored("ended", 1);
    assert_eq!(rig.stored("early"), 0);
}

#[test]
fn heads_without_end_are_cut_off() {
    let rig = Rig::start();
    let mut client = rig.connect();
    let header = format!("X-Long: {}", "x".repeat(100_000));
    client.head("/write?db=x", &[&header]);
    assert_eq!(client.answer().0, 431);
    assert_eq!(rig.post("/write?db=x", b"after v=1 1").status, 204);
}

#[test]
fn who_finds_no_room_is_told_to_come_again_at_once_and_so_is_the_load_balancer() {
    let rig = Rig::with("max_body = \"64KiB\"\nmax_pending = \"64KiB\"", "", "");
    let mut holder = rig.connect();
    holder.head("/write?db=x", &["Content-Length: 60000"]);
    holder.send(b"holder v=1 1\n");
    rig.wait_metric("flightline_ingest_held_bytes", 60_000.0);
    let other = vec![b'#'; 10_000];
    let refused = rig.post("/write?db=x", &other);
    assert_eq!(
        (refused.status, refused.header("retry-after")),
        (503, Some("1")),
        "{}",
        refused.text()
    );
    let ready = rig.worker.get("/readyz");
    assert_eq!(ready.status, 503, "{}", ready.text());
    assert!(
        ready.text().contains("ingest.max_pending"),
        "{}",
        ready.text()
    );
    // The small ones, too, from now on: a client sees what the load balancer sees.
    assert_eq!(rig.post("/write?db=x", b"small v=1 1").status, 503);
    holder.send(&vec![b'\n'; 60_000 - 13]);
    assert_eq!(holder.answer().0, 204);
    assert_eq!(rig.worker.get("/readyz").status, 200);
    assert_eq!(rig.post("/write?db=x", &other).status, 204);
    rig.wait_stored("holder", 1);
}

#[test]
fn more_requests_than_allowed_are_told_to_come_again() {
    let rig = Rig::with("max_requests = 1", "", "");
    let mut holder = rig.connect();
    holder.head("/write?db=x", &["Content-Length: 13"]);
    rig.wait_metric("flightline_ingest_in_flight_requests", 1.0);
    let refused = rig.post("/write?db=x", b"other v=1 1");
    assert_eq!(
        (refused.status, refused.header("retry-after")),
        (503, Some("1"))
    );
    let ready = rig.worker.get("/readyz");
    assert_eq!(ready.status, 503, "{}", ready.text());
    assert!(
        ready.text().contains("ingest.max_requests"),
        "{}",
        ready.text()
    );
    holder.send(b"holder v=1 1\n");
    assert_eq!(holder.answer().0, 204);
    assert_eq!(rig.worker.get("/readyz").status, 200);
    assert_eq!(rig.post("/write?db=x", b"other v=1 1").status, 204);
}
