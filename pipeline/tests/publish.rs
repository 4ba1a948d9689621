//! Promise: what `flightline publish` has read is in the stream, each line once, however often the server goes away; or the exit code and
//! the count say what is not. What it has not read is still the writer's.

#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

#[path = "rig/support.rs"]
mod support;

use std::collections::BTreeSet;
use std::io::{Read as _, Write};
use std::process::{Child, ChildStdin, Command, Stdio};
use std::time::{Duration, Instant};

use async_nats::jetstream::consumer::pull::OrderedConfig;
use flightline_fixtures::nats::{Nats, Options};
use flightline_fixtures::permissions::{inbox_of, password_of, shipped};
use flightline_fixtures::process::Signal;
use flightline_fixtures::wait;
use futures_util::StreamExt as _;
use support::{BINARY, PATIENCE, Publisher};

const SUBJECT: &str = "telemetry.app.cli.lines";

/// A `flightline publish` whose input the test writes.
struct Publish {
    child: Child,
    input: Option<ChildStdin>,
    _folder: tempfile::TempDir,
}

/// How it ended: exit code, stdout, stderr.
type Ended = (Option<i32>, String, String);

impl Publish {
    fn start(url: &str, more: &str, words: &[&str]) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let config = format!("[nats]\nurl = \"{url}\"\n{more}");
        std::fs::write(folder.path().join("c.toml"), config).unwrap();
        let mut child = Command::new(BINARY)
            .args(["-c", "c.toml", "publish"])
            .args(words)
            .current_dir(folder.path())
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        Self {
            input: child.stdin.take(),
            child,
            _folder: folder,
        }
    }

    fn write(&mut self, text: &str) {
        self.input
            .as_mut()
            .unwrap()
            .write_all(text.as_bytes())
            .unwrap();
    }

    fn signal(&self, signal: Signal) {
        signal.send(self.child.id()).unwrap();
    }

    /// Waits for its end, with its input still open unless it was closed.
    fn end(mut self) -> Ended {
        let ended = wait::until_some(PATIENCE, || self.child.try_wait().unwrap());
        let status = ended.unwrap_or_else(|late| {
            self.child.kill().unwrap();
            panic!("{late}");
        });
        let (mut out, mut err) = (String::new(), String::new());
        self.child
            .stdout
            .take()
            .unwrap()
            .read_to_string(&mut out)
            .unwrap();
        self.child
            .stderr
            .take()
            .unwrap()
            .read_to_string(&mut err)
            .unwrap();
        (status.code(), out, err)
    }

    fn close(mut self) -> Ended {
        self.input = None;
        self.end()
    }
}

fn lines(count: u32) -> Vec<String> {
    (0..count).map(|n| format!("m v={n}i {n}")).collect()
}

fn text(lines: &[String]) -> String {
    lines.iter().map(|line| format!("{line}\n")).collect()
}

/// What the stream holds: payloads in its order, and the content type of the first.
async fn stored(url: &str) -> (Vec<String>, Option<String>) {
    let client = async_nats::connect(url).await.unwrap();
    let context = async_nats::jetstream::new(client);
    let mut stream = context.get_stream("TELEMETRY").await.unwrap();
    let count = stream.info().await.unwrap().state.messages;
    let config = OrderedConfig::default();
    let consumer = stream.create_consumer(config).await.unwrap();
    let mut messages = consumer.messages().await.unwrap();
    let (mut payloads, mut content_type) = (Vec::new(), None);
    for _ in 0..count {
        let message = messages.next().await.unwrap().unwrap();
        let named = message
            .headers
            .as_ref()
            .and_then(|all| all.get("Content-Type"));
        content_type = content_type.or(named.map(ToString::to_string));
        payloads.push(String::from_utf8(message.payload.to_vec()).unwrap());
    }
    (payloads, content_type)
}

fn messages(nats: &Nats) -> u64 {
    let jsz = nats.look("/jsz");
    jsz.and_then(|jsz| jsz["messages"].as_u64())
        .unwrap_or_default()
}

#[tokio::test(flavor = "multi_thread")]
async fn each_line_is_a_message_in_its_order() {
    let nats = Nats::start();
    Publisher::new(&nats).await;
    let words = [SUBJECT, "--content-type", "text/plain"];
    let mut publish = Publish::start(&nats.url(), "", &words);
    let expected = lines(5_000);
    publish.write(text(&expected).trim_end());
    let (code, out, err) = publish.close();
    assert_eq!(
        (code, out.as_str()),
        (Some(0), "5000 messages sent\n"),
        "{err}"
    );
    let (found, content_type) = stored(&nats.url()).await;
    assert_eq!(found, expected);
    assert_eq!(content_type.as_deref(), Some("text/plain"));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_server_that_is_killed_and_comes_back_has_each_line_once() {
    let mut nats = Nats::start();
    Publisher::new(&nats).await;
    let mut publish = Publish::start(&nats.url(), "", &[SUBJECT]);
    let expected = lines(60_000);
    let (first, rest) = expected.split_at(20_000);
    publish.write(&text(first));
    wait::until(PATIENCE, || messages(&nats) > 1_000).unwrap();
    nats.server().kill();
    // More than a pipe and all its places hold: the writer is held up until the server is back.
    let (sender, written) = std::sync::mpsc::sync_channel(1);
    let rest = text(rest);
    let writing = std::thread::spawn(move || {
        publish.write(&rest);
        sender.send(()).unwrap();
        publish
    });
    let early = written.recv_timeout(Duration::from_secs(3));
    assert!(early.is_err(), "nothing holds the writer up");
    nats.server().resume_service();
    let (code, out, err) = writing.join().unwrap().close();
    assert_eq!(
        (code, out.as_str()),
        (Some(0), "60000 messages sent\n"),
        "{err}"
    );
    let (found, _) = stored(&nats.url()).await;
    assert_eq!(found.len(), expected.len());
    let distinct: BTreeSet<_> = found.iter().collect();
    assert_eq!(distinct.len(), expected.len(), "a line is there twice");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_server_that_is_not_there_yet_is_waited_for() {
    let mut nats = Nats::start();
    Publisher::new(&nats).await;
    nats.server().kill();
    let mut publish = Publish::start(&nats.url(), "", &[SUBJECT]);
    publish.write("m v=1i\n");
    let url = nats.url();
    let ending = std::thread::spawn(move || publish.close());
    nats.server().resume_service();
    let (code, out, err) = ending.join().unwrap();
    assert_eq!(
        (code, out.as_str()),
        (Some(0), "1 messages sent\n"),
        "{err}"
    );
    assert_eq!(stored(&url).await.0, ["m v=1i"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_signal_ends_it_when_what_was_read_is_stored() {
    let nats = Nats::start();
    Publisher::new(&nats).await;
    let mut publish = Publish::start(&nats.url(), "", &[SUBJECT]);
    let expected = lines(3_000);
    publish.write(&text(&expected));
    wait::until(PATIENCE, || messages(&nats) == 3_000).unwrap();
    // Its input stays open.
    publish.signal(Signal::Term);
    let (code, out, err) = publish.end();
    assert_eq!(
        (code, out.as_str()),
        (Some(0), "3000 messages sent\n"),
        "{err}"
    );
    assert_eq!(stored(&nats.url()).await.0, expected);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_signal_in_the_middle_tells_what_is_stored_and_takes_no_more() {
    let nats = Nats::start();
    Publisher::new(&nats).await;
    let mut publish = Publish::start(&nats.url(), "", &[SUBJECT]);
    let expected = lines(200_000);
    let text = text(&expected);
    let id = publish.child.id();
    let mut input = publish.input.take().unwrap();
    // The pipe breaks when the reader has gone.
    let writing = std::thread::spawn(move || drop(input.write_all(text.as_bytes())));
    wait::until(PATIENCE, || messages(&nats) > 1_000).unwrap();
    Signal::Term.send(id).unwrap();
    let (code, out, err) = publish.end();
    writing.join().unwrap();
    // Chunks seldom end with a line: the half of one is said.
    assert!(matches!(code, Some(0 | 75)), "{code:?} {err}");
    assert_eq!(
        code == Some(75),
        err.contains("in the middle of a line"),
        "{err}"
    );
    let (found, _) = stored(&nats.url()).await;
    assert_eq!(out, format!("{} messages sent\n", found.len()), "{err}");
    assert_eq!(found, expected[..found.len()]);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_cannot_be_acknowledged_within_the_drain_is_counted() {
    let mut nats = Nats::start();
    Publisher::new(&nats).await;
    let mut publish = Publish::start(&nats.url(), "[run]\ndrain = \"1s\"\n", &[SUBJECT]);
    publish.write("m v=1i\n");
    wait::until(PATIENCE, || messages(&nats) == 1).unwrap();
    nats.server().kill();
    publish.write("m v=2i\nm v=3i\n");
    // They are read; nothing outside tells when.
    let pipe = format!("/proc/{}/fdinfo/0", publish.child.id());
    assert!(std::fs::read_to_string(pipe).is_ok());
    let begun = Instant::now();
    wait::until(PATIENCE, || begun.elapsed() > Duration::from_millis(300)).unwrap();
    publish.signal(Signal::Term);
    let (code, out, err) = publish.end();
    assert_eq!(code, Some(75), "{err}");
    assert_eq!(out, "1 messages sent, 2 not acknowledged\n", "{err}");
    assert!(begun.elapsed() < Duration::from_secs(10));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_subject_without_a_stream_is_an_error_with_its_cure() {
    let nats = Nats::start();
    Publisher::new(&nats).await;
    let mut publish = Publish::start(&nats.url(), "", &["elsewhere.a"]);
    publish.write("m v=1i\n");
    let (code, out, err) = publish.end();
    assert_eq!(code, Some(69), "{err}");
    assert_eq!(out, "0 messages sent, 1 not acknowledged\n");
    assert!(err.contains("no stream takes elsewhere.a"), "{err}");
    assert!(err.contains("give a stream this one"), "{err}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_line_that_no_server_takes_is_named_and_the_others_go_on() {
    let nats = Options::default().config("max_payload: 4096").start();
    Publisher::new(&nats).await;
    let mut publish = Publish::start(&nats.url(), "", &[SUBJECT]);
    let long = "x".repeat(5_000);
    publish.write(&format!("m v=1i\n{long}\nm v=3i\n"));
    let (code, out, err) = publish.close();
    assert_eq!(code, Some(65), "{err}");
    assert_eq!(out, "2 messages sent, 1 refused\n");
    assert!(
        err.contains("2") && err.contains("longer than the server takes"),
        "{err}"
    );
    assert_eq!(stored(&nats.url()).await.0, ["m v=1i", "m v=3i"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_line_that_the_stream_does_not_take_is_named_too() {
    let nats = Nats::start();
    let created = nats.ask(
        "$JS.API.STREAM.CREATE.TELEMETRY",
        "{\"name\":\"TELEMETRY\",\"subjects\":[\"telemetry.>\"],\"max_msg_size\":1000}",
    );
    assert!(created.unwrap()["error"].is_null());
    let mut publish = Publish::start(&nats.url(), "", &[SUBJECT]);
    let long = "x".repeat(2_000);
    publish.write(&format!("{long}\nm v=2i\n"));
    let (code, out, err) = publish.close();
    assert_eq!(
        (code, out.as_str()),
        (Some(65), "1 messages sent, 1 refused\n"),
        "{err}"
    );
    assert_eq!(stored(&nats.url()).await.0, ["m v=2i"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn with_a_core_source_it_is_the_stream_that_acknowledges_too() {
    let nats = Nats::start();
    Publisher::new(&nats).await;
    let core = "[source]\nkind = \"core\"\n";
    let mut publish = Publish::start(&nats.url(), core, &[SUBJECT]);
    publish.write("m v=1i\n");
    let (code, out, err) = publish.close();
    assert_eq!(
        (code, out.as_str()),
        (Some(0), "1 messages sent\n"),
        "{err}"
    );
    assert_eq!(stored(&nats.url()).await.0, ["m v=1i"]);
}

#[test]
fn who_may_not_publish_there_is_told_so_with_the_cure_and_the_count() {
    let nats = shipped(Options::default()).start();
    for user in ["sensor", "observer"] {
        let login = format!(
            "user = \"{user}\"\npassword = \"{}\"\ninbox_prefix = \"{}\"\n",
            password_of(user),
            inbox_of(user)
        );
        let mut publish = Publish::start(&nats.url(), &login, &[SUBJECT]);
        publish.write("m v=1i\nm v=2i\nm v=3i\n");
        let begun = Instant::now();
        let (code, out, err) = publish.end();
        assert_eq!(code, Some(69), "{err}");
        assert_eq!(out, "0 messages sent, 3 not acknowledged\n", "{err}");
        let cure = format!("publish to {SUBJECT}: allow it in the permissions of this user");
        assert!(err.contains(&cure), "{err}");
        // Not one patience with an answer (5 s) is waited for.
        assert!(begun.elapsed() < Duration::from_secs(5), "{err}");
    }
}

#[test]
fn who_may_not_hear_that_it_is_stored_is_told_so_with_the_cure() {
    let nats = shipped(Options::default()).start();
    let login = format!(
        "user = \"worker\"\npassword = \"{}\"\ninbox_prefix = \"_INBOX_other\"\n",
        password_of("worker")
    );
    let mut publish = Publish::start(&nats.url(), &login, &["telemetry.app.ingest.lines"]);
    publish.write("m v=1i\n");
    let begun = Instant::now();
    let (code, out, err) = publish.end();
    assert_eq!(code, Some(69), "{err}");
    assert_eq!(out, "0 messages sent, 1 not acknowledged\n", "{err}");
    let cure = "use the inbox prefix that the user is allowed";
    assert!(
        err.contains("us subscribe to _INBOX_other.") && err.contains(cure),
        "{err}"
    );
    // Not one patience with an answer (5 s) is waited for.
    assert!(begun.elapsed() < Duration::from_secs(5), "{err}");
}

#[test]
fn what_is_no_subject_is_wrong_usage() {
    for subject in ["a.*", "a.>", "a b", "a..b", ""] {
        let publish = Publish::start("nats://127.0.0.1:1", "", &[subject]);
        let (code, _, err) = publish.close();
        assert_eq!(code, Some(64), "{subject}: {err}");
    }
}
