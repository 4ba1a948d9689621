//! Promise: `flightline ready` says what the worker of its configuration says, by its exit code and in one line, at the cost of a few
//! milliseconds.

#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::fs;
use std::io::{Read as _, Write as _};
use std::path::Path;
use std::process::{Command, Output};
use std::time::{Duration, Instant};

use flightline_fixtures::nats::Nats;
use flightline_fixtures::stub::Stub;
use flightline_fixtures::tls::Certificates;
use flightline_fixtures::worker::Worker;

const BINARY: &str = env!("CARGO_BIN_EXE_flightline");
const PATIENCE: Duration = Duration::from_secs(30);
/// No NATS is there.
const AWAY: &str = "[nats]\nurl = \"nats://127.0.0.1:1\"\n[sink]\nkind = \"file\"\ndir = \"out\"\n";

/// Asks with the configuration in `folder`.
fn ready(folder: &Path, words: &[&str]) -> Output {
    Command::new(BINARY)
        .args(["ready", "-c", "flightline.toml"])
        .args(words)
        .current_dir(folder)
        .output()
        .unwrap()
}

fn said(output: &Output) -> (Option<i32>, String, String) {
    let text = |bytes: &[u8]| String::from_utf8(bytes.to_vec()).unwrap();
    let Output {
        status,
        stdout,
        stderr,
    } = output;
    (status.code(), text(stdout), text(stderr))
}

/// A folder whose configuration names `admin`.
fn at(admin: &str) -> tempfile::TempDir {
    let folder = tempfile::tempdir().unwrap();
    let config = format!("{AWAY}[admin]\nlisten = \"{admin}\"\n");
    fs::write(folder.path().join("flightline.toml"), config).unwrap();
    folder
}

#[test]
fn the_exit_code_is_the_workers_readiness_and_its_words_are_one_line() {
    let nats = Nats::start();
    let config = format!(
        "[nats]\nurl = \"{}\"\n[sink]\nkind = \"file\"\ndir = \"out\"\n",
        nats.url()
    );
    let worker = Worker::start(BINARY, &config);
    let yes = said(&ready(worker.folder(), &[]));
    assert_eq!(yes, (Some(0), "ready\n".to_owned(), String::new()));
    let live = said(&ready(worker.folder(), &["--live"]));
    assert_eq!(live, (Some(0), "ok\n".to_owned(), String::new()));
}

#[test]
fn a_worker_that_waits_is_live_and_not_ready() {
    let worker = Worker::launch(BINARY, AWAY, "");
    worker.wait_for("it is live", PATIENCE, || {
        ready(worker.folder(), &["--live"]).status.success()
    });
    let no = said(&ready(worker.folder(), &[]));
    let words = "connecting: NATS is not reached\n".to_owned();
    assert_eq!(no, (Some(69), words, String::new()));
}

#[test]
fn nobody_and_somebody_else_are_69_and_a_port_that_nobody_knows_is_78() {
    let nobody = at("127.0.0.1:1");
    let (code, out, complaint) = said(&ready(nobody.path(), &[]));
    assert_eq!((code, out.as_str()), (Some(69), ""), "{complaint}");
    assert!(
        complaint.contains("no worker answers at 127.0.0.1:1 (admin.listen)"),
        "{complaint}"
    );

    let stub = Stub::start();
    let address = stub.url().trim_start_matches("http://").to_owned();
    let other = at(&address);
    let (code, out, complaint) = said(&ready(other.path(), &[]));
    assert_eq!((code, out.as_str()), (Some(69), ""), "{complaint}");
    assert!(complaint.contains("is no worker"), "{complaint}");

    let any = at("127.0.0.1:0");
    let (code, _, complaint) = said(&ready(any.path(), &[]));
    assert_eq!(code, Some(78), "{complaint}");
    assert!(complaint.contains("name a port"), "{complaint}");

    let wrong = at("nowhere");
    assert_eq!(ready(wrong.path(), &[]).status.code(), Some(78));
}

#[test]
fn what_somebody_else_says_is_cut_and_moves_no_cursor() {
    let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let folder = at(&listener.local_addr().unwrap().to_string());
    let answering = std::thread::spawn(move || {
        let (mut stream, _) = listener.accept().unwrap();
        let mut asked = [0; 1024];
        assert!(stream.read(&mut asked).unwrap() > 0);
        let body = format!("\u{1b}[2J{}\n", "x".repeat(1_000));
        let head = format!("HTTP/1.1 200 OK\r\ncontent-length: {}\r\n\r\n", body.len());
        stream.write_all((head + &body).as_bytes()).unwrap();
    });
    let (code, out, complaint) = said(&ready(folder.path(), &[]));
    answering.join().unwrap();
    assert_eq!(code, Some(0), "{complaint}");
    assert_eq!(out, format!("\\u{{1b}}[2J{}\n", "x".repeat(252)));
}

#[test]
fn who_listens_and_says_nothing_is_waited_for_three_seconds() {
    let silent = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let folder = at(&silent.local_addr().unwrap().to_string());
    let begun = Instant::now();
    let (code, _, complaint) = said(&ready(folder.path(), &[]));
    assert_eq!(code, Some(69));
    assert!(complaint.contains("within 3s"), "{complaint}");
    assert!(begun.elapsed() >= Duration::from_secs(3));
}

#[test]
fn a_listener_on_every_address_answers() {
    let worker = Worker::launch(BINARY, AWAY, "");
    let (_, port) = worker.admin().rsplit_once(':').unwrap();
    worker.wait_for("it is live", PATIENCE, || {
        ready(worker.folder(), &["--live"]).status.success()
    });
    let folder = at(&format!("0.0.0.0:{port}"));
    let asked = ready(folder.path(), &["--live"]);
    assert!(asked.status.success(), "{asked:?}");
    // What such an address exposes was said by the worker.
    assert!(asked.stderr.is_empty(), "{asked:?}");
}

#[test]
fn a_protected_listener_is_asked_over_tls_whatever_name_it_shows() {
    let made = Certificates::make();
    // A certificate for another purpose and another name: nobody outside would take it, and the worker is well all the same.
    let other = &made.client;
    let keys = format!(
        "[admin.tls]\ncert_file = {:?}\nkey_file = {:?}\n",
        other.cert, other.key
    );
    let worker = Worker::launch(BINARY, AWAY, &keys);
    worker.wait_for("it is live", PATIENCE, || {
        ready(worker.folder(), &["--live"]).status.success()
    });
    let (code, out, _) = said(&ready(worker.folder(), &[]));
    assert_eq!(
        (code, out.as_str()),
        (Some(69), "connecting: NATS is not reached\n")
    );
}

#[test]
fn a_listener_that_wants_certificates_is_shown_one() {
    let made = Certificates::make();
    let keys = format!(
        "[admin.tls]\ncert_file = {:?}\nkey_file = {:?}\nclient_ca_file = {:?}\n",
        made.server.cert, made.server.key, made.ca
    );
    let worker = Worker::launch(BINARY, AWAY, &keys);
    let [cert, key] = [&made.client.cert, &made.client.key].map(|path| path.to_str().unwrap());
    let words = ["--live", "--cert", cert, "--key", key];
    worker.wait_for("it is live", PATIENCE, || {
        ready(worker.folder(), &words).status.success()
    });
    // This one's own certificate is only good for a server.
    let (code, _, complaint) = said(&ready(worker.folder(), &["--live"]));
    assert_eq!(code, Some(69), "{complaint}");
    assert!(complaint.contains("name one with --cert"), "{complaint}");
}

#[test]
fn asking_costs_milliseconds() {
    let worker = Worker::launch(BINARY, AWAY, "");
    worker.wait_for("it is live", PATIENCE, || {
        ready(worker.folder(), &["--live"]).status.success()
    });
    // The quickest of some: what others do on this machine is not meant.
    let quickest = (0..20).map(|_| {
        let begun = Instant::now();
        ready(worker.folder(), &["--live"]);
        begun.elapsed()
    });
    let quickest = quickest.min().unwrap();
    assert!(quickest < Duration::from_millis(100), "{quickest:?}");
}
