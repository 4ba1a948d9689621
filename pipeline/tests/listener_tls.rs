//! Promise: a listener behind TLS shows its certificate to everybody and answers only who may ask; a new certificate needs no restart and
//! costs no connection, and a wrong one changes nothing. The clients are `openssl` and this workspace's own.

#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::fs;
use std::net::TcpStream;
use std::path::Path;
use std::process::{Command, Output};
use std::time::Duration;

use flightline_fixtures::tls::client::{Seen, get};
use flightline_fixtures::tls::{Certificates, Flaw, Identity};
use flightline_fixtures::wait;
use flightline_fixtures::worker::Worker;
use flightline_link::tls::{Tls, client_config};
use http_body_util::{BodyExt, Empty};
use hyper_util::client::legacy::Client;
use hyper_util::rt::TokioExecutor;

const BINARY: &str = env!("CARGO_BIN_EXE_flightline");
const PATIENCE: Duration = Duration::from_secs(30);

/// A worker that finds no NATS: its listener answers all the same.
const REST: &str = "[nats]\nurl = \"nats://127.0.0.1:1\"\n[sink]\nkind = \"file\"\ndir = \"out\"\n";

/// A pair that can be written anew, beside the authority that signs it.
struct Pair {
    made: Certificates,
    folder: tempfile::TempDir,
}

impl Pair {
    fn new() -> Self {
        let made = Certificates::make();
        let folder = tempfile::tempdir().unwrap();
        let pair = Self { made, folder };
        pair.write(&pair.made.server);
        pair
    }

    fn cert(&self) -> std::path::PathBuf {
        self.folder.path().join("listener.crt")
    }

    fn key(&self) -> std::path::PathBuf {
        self.folder.path().join("listener.key")
    }

    fn write(&self, identity: &Identity) {
        fs::copy(&identity.cert, self.cert()).unwrap();
        fs::copy(&identity.key, self.key()).unwrap();
    }

    fn keys(&self) -> String {
        format!(
            "[admin.tls]\ncert_file = {:?}\nkey_file = {:?}\n",
            self.cert(),
            self.key()
        )
    }

    /// A worker whose listener answers.
    fn worker(&self, more_keys: &str, identity: Option<&Identity>) -> Worker {
        let worker = Worker::launch(BINARY, REST, &format!("{}{more_keys}", self.keys()));
        worker.wait_for("the listener answers", PATIENCE, || {
            self.ask(&worker, "/healthz", identity).is_ok()
        });
        worker
    }

    fn ask(
        &self,
        worker: &Worker,
        path: &str,
        identity: Option<&Identity>,
    ) -> Result<Seen, String> {
        get(worker.admin(), path, &self.made.ca, identity)
    }
}

fn log(worker: &Worker) -> String {
    fs::read_to_string(worker.folder().join("flightline.log")).unwrap()
}

/// The value of one series of the worker's own metrics.
fn metric(pair: &Pair, worker: &Worker, series: &str) -> u32 {
    let answer = pair.ask(worker, "/metrics", None).unwrap().answer;
    let mut values = answer
        .lines()
        .filter_map(|line| line.strip_prefix(series)?.trim().parse().ok());
    values.next().unwrap_or_default()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_new_certificate_is_shown_without_a_restart_and_costs_no_connection() {
    let pair = Pair::new();
    let worker = pair.worker("", None);
    let url = format!("https://{}/healthz", worker.admin());
    let tls = Tls {
        ca: Some(pair.made.ca.clone()),
        ..Tls::default()
    };
    let connector = hyper_rustls::HttpsConnectorBuilder::new()
        .with_tls_config(client_config(&url.parse().unwrap(), &tls).unwrap())
        .https_only()
        .enable_http1()
        .build();
    let client = Client::builder(TokioExecutor::new()).build::<_, Empty<bytes::Bytes>>(connector);
    // One connection is made before the change and used after it: a second one would be seen by the system.
    let ask = async || {
        let answer = client.get(url.parse().unwrap()).await.unwrap();
        assert_eq!(answer.status(), 200);
        answer.into_body().collect().await.unwrap();
    };
    ask().await;
    let before = connections(&worker);
    assert_eq!(before.len(), 1, "{before:?}");
    let renewed = pair.made.another_server("renewed", Flaw::None);
    pair.write(&renewed);
    let shown = || pair.ask(&worker, "/healthz", None).unwrap().certificate;
    worker.wait_for("the new certificate is shown", PATIENCE, || {
        shown().contains("renewed")
    });
    ask().await;
    assert_eq!(connections(&worker), before);
    assert!(log(&worker).contains("new certificate"), "{}", worker.log());
}

/// The ports of clients that are connected to the worker's listener, as the kernel has them.
fn connections(worker: &Worker) -> Vec<String> {
    let port: u16 = worker.admin().rsplit_once(':').unwrap().1.parse().unwrap();
    let local = format!("0100007F:{port:04X}");
    let table = fs::read_to_string("/proc/net/tcp").unwrap();
    let rows = table
        .lines()
        .map(|line| line.split_whitespace().collect::<Vec<_>>());
    // 01 is an established connection.
    let open = rows.filter(|row| row.len() > 3 && row[1] == local && row[3] == "01");
    open.map(|row| row[2].to_owned()).collect()
}

#[test]
fn a_wrong_new_pair_keeps_the_old_one_and_is_said_once() {
    let pair = Pair::new();
    let worker = pair.worker("", None);
    let series = "flightline_listener_certificates_refused_total{listener=\"admin\"}";
    assert_eq!(metric(&pair, &worker, series), 0);
    fs::write(pair.key(), "no key").unwrap();
    worker.wait_for("it is counted", PATIENCE, || {
        metric(&pair, &worker, series) == 1
    });
    let seen = pair.ask(&worker, "/healthz", None).unwrap();
    assert!(seen.certificate.contains("server"), "{seen:?}");
    assert_eq!(
        log(&worker).matches("the old one stays").count(),
        1,
        "{}",
        worker.log()
    );
    // Put right, it is taken.
    pair.write(&pair.made.another_server("mended", Flaw::None));
    worker.wait_for("the new certificate is shown", PATIENCE, || {
        let seen = pair.ask(&worker, "/healthz", None).unwrap();
        seen.certificate.contains("mended")
    });
    assert_eq!(metric(&pair, &worker, series), 1);
    // Nobody waits for a pipe in its place.
    fs::remove_file(pair.key()).unwrap();
    let made = Command::new("mkfifo").arg(pair.key()).status().unwrap();
    assert!(made.success());
    worker.wait_for("the pipe is counted", PATIENCE, || {
        metric(&pair, &worker, series) == 2
    });
}

#[test]
fn only_clients_of_the_named_authority_get_in() {
    let pair = Pair::new();
    let client_ca = format!("client_ca_file = {:?}\n", pair.made.ca);
    let known = Some(&pair.made.client);
    let worker = pair.worker(&client_ca, known);
    assert!(pair.ask(&worker, "/readyz", None).is_err());
    for flaw in [Flaw::Stranger, Flaw::Expired] {
        let identity = pair.made.another_client(&format!("client-{flaw:?}"), flaw);
        let refused = pair.ask(&worker, "/readyz", Some(&identity));
        assert!(refused.is_err(), "{flaw:?}: {refused:?}");
    }
    // A certificate of the right authority for something else.
    let server = pair.ask(&worker, "/readyz", Some(&pair.made.server));
    assert!(server.is_err(), "{server:?}");
    let seen = pair.ask(&worker, "/metrics", known).unwrap();
    let failures = "flightline_listener_handshake_failures_total{listener=\"admin\"} ";
    let counted = seen
        .answer
        .lines()
        .find_map(|line| line.strip_prefix(failures));
    assert!(
        counted.is_some_and(|count| count.parse::<u32>().unwrap() >= 4),
        "{counted:?}"
    );
}

#[test]
fn who_does_not_verify_or_does_not_shake_hands_hears_nothing() {
    let pair = Pair::new();
    let worker = pair.worker("", None);
    let stranger = get(worker.admin(), "/healthz", &pair.made.stranger_ca, None);
    let said = stranger.unwrap_err();
    assert!(said.contains("certificate verify failed"), "{said}");
    // Plain HTTP gets no page, and many silent clients leave room for others.
    let plain = flightline_fixtures::http::get(&format!("http://{}/healthz", worker.admin()));
    assert!(plain.is_err(), "{plain:?}");
    let silent: Vec<_> = (0..40)
        .map(|_| TcpStream::connect(worker.admin()).unwrap())
        .collect();
    assert!(pair.ask(&worker, "/healthz", None).is_ok());
    // They are sent away, and had never a word from us.
    let gone = wait::until(PATIENCE, || connections(&worker).is_empty());
    assert!(gone.is_ok(), "{} clients stay", connections(&worker).len());
    drop(silent);
}

fn check(folder: &Path, config: &str) -> Output {
    let file = folder.join("flightline.toml");
    fs::write(&file, config).unwrap();
    Command::new(BINARY)
        .args(["check", "-c"])
        .arg(file)
        .output()
        .unwrap()
}

#[test]
fn check_names_place_and_cure_of_a_pair_that_cannot_be_used() {
    let made = Certificates::make();
    let folder = tempfile::tempdir().unwrap();
    let table = |cert: &Path, key: &Path, more: &str| {
        format!("[admin.tls]\ncert_file = {cert:?}\nkey_file = {key:?}\n{more}")
    };
    let empty = folder.path().join("empty");
    fs::write(&empty, "").unwrap();
    let (cert, key) = (&made.server.cert, &made.server.key);
    for (config, place, words) in [
        (
            format!("[admin.tls]\ncert_file = {cert:?}\n"),
            ":1:",
            [
                "`admin.tls.key_file` is missing",
                "needs cert_file and key_file",
            ],
        ),
        (
            table(cert, Path::new("/nowhere.key"), ""),
            ":3:",
            ["`admin.tls.key_file`: cannot read", "create the file"],
        ),
        (
            table(cert, &made.client.key, ""),
            ":1:",
            ["`admin.tls` cannot be used", "its own key"],
        ),
        (
            table(&empty, key, ""),
            ":1:",
            ["there is no certificate in it", "its own key"],
        ),
        (
            table(cert, key, &format!("client_ca_file = {empty:?}\n")),
            ":1:",
            ["there is no certificate in it", "remove the table"],
        ),
    ] {
        let output = check(folder.path(), &config);
        let said = String::from_utf8_lossy(&output.stderr);
        assert_eq!(output.status.code(), Some(78), "{config}\n{said}");
        for words in [place].into_iter().chain(words) {
            assert!(said.contains(words), "{words}: {said}");
        }
    }
    let good = check(folder.path(), &table(cert, key, ""));
    let said = String::from_utf8_lossy(&good.stdout);
    assert!(said.contains("https://127.0.0.1:9464"), "{said}");
}
