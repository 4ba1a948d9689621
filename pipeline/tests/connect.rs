//! Promise: a worker reaches NATS in every way that its configuration offers. Who is refused says why and stays not ready, and no
//! log shows a secret. A secret that changes in its file is used at the next connection.

#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

#[path = "rig/support.rs"]
mod support;

use std::fs;
use std::path::Path;
use std::time::Duration;

use flightline_fixtures::nats::{ClientCheck, Nats, Options};
use flightline_fixtures::nkey::{Credentials, Key};
use flightline_fixtures::server::free_port;
use flightline_fixtures::tls::{Certificates, Flaw};
use flightline_fixtures::worker::Worker;
use support::BINARY;

const PATIENCE: Duration = Duration::from_secs(15);

/// Long enough to be found nowhere by chance.
const SECRET: &str = "correct-horse-battery";

/// Everything else that a worker needs. Libraries talk most in a debug log, which is what an operator sends around.
const REST: &str =
    "[sink]\nkind = \"file\"\ndir = \"out\"\n[log]\nlevel = \"debug,async_nats=debug\"\n";

/// Without JetStream, which the accounts of `.creds` files do not have here.
const CORE: &str =
    "[source]\nkind = \"core\"\n[deadletter]\nkind = \"file\"\npath = \"dead.ndjson\"\n";

fn config(url: &str, keys: &str) -> String {
    format!("[nats]\nurl = \"{url}\"\n{keys}\n{REST}")
}

/// The whole log, not only its end.
fn log(worker: &Worker) -> String {
    fs::read_to_string(worker.folder().join("flightline.log")).unwrap()
}

/// Whether a worker is connected and let in, as the server sees it.
fn has_worker(server: &Nats) -> bool {
    let connections = server.monitor("/connz?auth=true");
    let mut connections = connections["connections"].as_array().unwrap().iter();
    connections.any(|connection| connection["name"] == "flightline")
}

fn has_consumer(server: &Nats) -> bool {
    server.monitor("/jsz?consumers=true")["consumers"] == 1
}

fn file(folder: &Path, name: &str, text: &str) -> String {
    let path = folder.join(name);
    fs::write(&path, text).unwrap();
    path.display().to_string()
}

fn assert_hidden(worker: &Worker, secrets: &[&str]) {
    let log = log(worker);
    for secret in secrets {
        assert!(!log.contains(secret), "the log shows {secret}:\n{log}");
    }
}

/// A worker that must be let in, and has its consumer.
fn lets_in(server: &Nats, url: &str, keys: &str, secrets: &[&str]) {
    let mut worker = Worker::start(BINARY, &config(url, keys));
    worker.wait_for("the consumer is created", PATIENCE, || has_consumer(server));
    assert!(has_worker(server));
    assert_eq!(worker.stop().code(), Some(0), "{}", worker.log());
    assert_hidden(&worker, secrets);
}

/// A worker that must not be let in, and says so with `words`.
fn refuses(server: &Nats, url: &str, keys: &str, words: &str, secrets: &[&str]) {
    let mut worker = Worker::launch(BINARY, &config(url, keys), "");
    worker.wait_for("it is said", PATIENCE, || {
        log(&worker).contains("no connection to nats yet")
    });
    assert!(log(&worker).contains(words), "{words}:\n{}", worker.log());
    let answer = worker.get("/readyz");
    assert_eq!(answer.status, 503);
    assert!(answer.text().contains("connecting"), "{}", answer.text());
    assert_eq!(worker.get("/healthz").status, 200);
    assert!(!has_worker(server));
    assert_eq!(worker.stop().code(), Some(0), "{}", worker.log());
    assert_hidden(&worker, secrets);
}

#[test]
fn a_dead_server_in_the_list_is_passed_over() {
    let server = Nats::start();
    let url = format!("nats://127.0.0.1:{},{}", free_port(), server.url());
    lets_in(&server, &url, "", &[]);
}

#[test]
fn user_and_password_given_in_a_file_or_in_the_url() {
    let server = Options::default().password("worker", SECRET).start();
    let folder = tempfile::tempdir().unwrap();
    let right = file(folder.path(), "right", &format!("{SECRET}\n"));
    let wrong = file(folder.path(), "wrong", "wrong-horse\n");
    let url = server.url();
    let keys = format!("user = \"worker\"\npassword = \"{SECRET}\"");
    lets_in(&server, &url, &keys, &[SECRET]);
    let keys = format!("user = \"worker\"\npassword_file = \"{right}\"");
    lets_in(&server, &url, &keys, &[SECRET]);
    let in_url = format!("nats://worker:{SECRET}@{}", server.address());
    lets_in(&server, &in_url, "", &[SECRET]);
    let keys = format!("user = \"worker\"\npassword_file = \"{wrong}\"");
    let words = "authorization violation";
    refuses(&server, &url, &keys, words, &["wrong-horse"]);
    let in_url = format!("nats://worker:wrong-horse@{}", server.address());
    refuses(&server, &in_url, "", words, &["wrong-horse"]);
}

#[test]
fn a_token() {
    let server = Options::default().token(SECRET).start();
    let folder = tempfile::tempdir().unwrap();
    let right = file(folder.path(), "right", SECRET);
    let url = server.url();
    lets_in(&server, &url, &format!("token = \"{SECRET}\""), &[SECRET]);
    lets_in(
        &server,
        &url,
        &format!("token_file = \"{right}\""),
        &[SECRET],
    );
    let in_url = format!("nats://{SECRET}@{}", server.address());
    lets_in(&server, &in_url, "", &[SECRET]);
    refuses(&server, &url, "", "authorization violation", &[]);
}

#[test]
fn the_seed_of_an_nkey() {
    let (key, stranger) = (Key::user(), Key::user());
    let server = Options::default().nkey(&key.public).start();
    let folder = tempfile::tempdir().unwrap();
    let right = file(folder.path(), "right", &key.seed);
    let wrong = file(folder.path(), "wrong", &stranger.seed);
    let beginning: String = key.seed.chars().take(20).collect();
    let cut_off = file(folder.path(), "cut-off", &beginning);
    let url = server.url();
    let keys = |file: &str| format!("nkey_file = \"{file}\"");
    lets_in(&server, &url, &keys(&right), &[&key.seed]);
    let words = "authorization violation";
    refuses(&server, &url, &keys(&wrong), words, &[&stranger.seed]);
    let words = "it is no NKey seed";
    refuses(&server, &url, &keys(&cut_off), words, &[&beginning]);
}

#[test]
fn a_creds_file() {
    let (credentials, stranger) = (Credentials::make(), Credentials::make());
    let server = Options::default()
        .core()
        .config(&credentials.config)
        .start();
    let keys = |who: &Credentials| format!("creds_file = {:?}\n{CORE}", who.creds);
    let mut worker = Worker::start(BINARY, &config(&server.url(), &keys(&credentials)));
    assert!(has_worker(&server));
    assert_eq!(worker.stop().code(), Some(0), "{}", worker.log());
    assert_hidden(&worker, &[&credentials.user.seed, &credentials.jwt]);
    refuses(
        &server,
        &server.url(),
        &keys(&stranger),
        "authorization violation",
        &[&stranger.user.seed, &stranger.jwt],
    );
}

#[test]
fn tls_with_own_authority() {
    let certificates = Certificates::make();
    let server = Options::default()
        .tls(&certificates, ClientCheck::None)
        .start();
    let keys = |ca: &Path| format!("[nats.tls]\nca_file = {ca:?}\n");
    lets_in(&server, &server.url(), &keys(&certificates.ca), &[]);
    let tls = server.url().replace("nats:", "tls:");
    lets_in(&server, &tls, &keys(&certificates.ca), &[]);
    let stranger = keys(&certificates.stranger_ca);
    refuses(&server, &tls, &stranger, "invalid peer certificate", &[]);
    // Nor is it trusted when nothing is said of authorities.
    refuses(&server, &tls, "", "invalid peer certificate", &[]);
}

/// What is wrong with a server's certificate, and what its refusal says to do about it.
const CURES: [(Flaw, &str); 3] = [
    (Flaw::Expired, "renew the server's certificate"),
    (
        Flaw::OtherHost,
        "use a host name that the server's certificate has",
    ),
    (Flaw::Stranger, "name the authority that signed"),
];

#[test]
fn a_server_with_a_wrong_certificate_is_refused_and_the_cure_is_named() {
    let mut certificates = Certificates::make();
    let keys = format!("[nats.tls]\nca_file = {:?}\n", certificates.ca);
    for (flaw, cure) in CURES {
        certificates.server = certificates.another_server(&format!("{flaw:?}"), flaw);
        let server = Options::default()
            .tls(&certificates, ClientCheck::None)
            .start();
        refuses(&server, &server.url(), &keys, cure, &[]);
    }
}

#[test]
fn a_login_goes_together_with_tls() {
    let certificates = Certificates::make();
    let (key, credentials) = (Key::user(), Credentials::make());
    let tls = |options: Options| options.tls(&certificates, ClientCheck::Required);
    let client = &certificates.client;
    let protected = format!(
        "[nats.tls]\nrequire = true\nca_file = {:?}\ncert_file = {:?}\nkey_file = {:?}\n",
        certificates.ca, client.cert, client.key
    );
    let folder = tempfile::tempdir().unwrap();
    let seed = file(folder.path(), "seed", &key.seed);
    let server = tls(Options::default().nkey(&key.public)).start();
    let keys = format!("nkey_file = \"{seed}\"\n{protected}");
    lets_in(&server, &server.url(), &keys, &[&key.seed]);
    let server = tls(Options::default().core().config(&credentials.config)).start();
    let keys = format!("creds_file = {:?}\n{protected}{CORE}", credentials.creds);
    let mut worker = Worker::start(BINARY, &config(&server.url(), &keys));
    assert!(has_worker(&server));
    assert_eq!(worker.stop().code(), Some(0), "{}", worker.log());
}

#[test]
fn tls_is_insisted_on_when_required() {
    let server = Nats::start();
    let keys = "[nats.tls]\nrequire = true\n";
    refuses(&server, &server.url(), keys, "TLS", &[]);
}

#[test]
fn tls_with_a_client_certificate() {
    let certificates = Certificates::make();
    let server = Options::default()
        .tls(&certificates, ClientCheck::Required)
        .start();
    let ca = format!("[nats.tls]\nca_file = {:?}\n", certificates.ca);
    let client = &certificates.client;
    let keys = format!(
        "{ca}cert_file = {:?}\nkey_file = {:?}\n",
        client.cert, client.key
    );
    lets_in(&server, &server.url(), &keys, &[]);
    let cure = "the server wants a valid client certificate";
    refuses(&server, &server.url(), &ca, cure, &[]);
}

/// A server that wants one secret, and one that wants another; the worker moves when its server dies and its file is rewritten.
fn moves(old: (Options, &str), new: (Options, &str), keys: impl Fn(&str) -> String) {
    let folder = tempfile::tempdir().unwrap();
    let secret = file(folder.path(), "secret", old.1);
    let (mut first, second) = (old.0.core().start(), new.0.core().start());
    let url = format!("{},{}", first.url(), second.url());
    let mut worker = Worker::start(BINARY, &config(&url, &(keys(&secret) + "\n" + CORE)));
    assert!(has_worker(&first) && !has_worker(&second));
    file(folder.path(), "secret", new.1);
    first.server().kill();
    worker.wait_for("the worker moves", PATIENCE, || has_worker(&second));
    worker.wait_ready();
    assert_eq!(worker.stop().code(), Some(0), "{}", worker.log());
    assert_hidden(&worker, &[old.1, new.1]);
}

#[test]
fn a_rotated_secret_is_used_at_the_next_connection() {
    let server = |password| Options::default().password("worker", password);
    moves(
        (server("horse-before"), "horse-before"),
        (server("horse-behind"), "horse-behind"),
        |file| format!("user = \"worker\"\npassword_file = \"{file}\""),
    );
    let server = |token| Options::default().token(token);
    moves(
        (server("horse-before"), "horse-before"),
        (server("horse-behind"), "horse-behind"),
        |file| format!("token_file = \"{file}\""),
    );
}

#[test]
fn a_rotated_seed_is_used_at_the_next_connection() {
    let (before, behind) = (Key::user(), Key::user());
    moves(
        (Options::default().nkey(&before.public), &before.seed),
        (Options::default().nkey(&behind.public), &behind.seed),
        |file| format!("nkey_file = \"{file}\""),
    );
    let (before, behind) = (Credentials::make(), Credentials::make());
    let text = |who: &Credentials| fs::read_to_string(&who.creds).unwrap();
    moves(
        (Options::default().config(&before.config), &text(&before)),
        (Options::default().config(&behind.config), &text(&behind)),
        |file| format!("creds_file = \"{file}\""),
    );
}

#[test]
fn a_secret_that_is_put_right_needs_no_restart() {
    let server = Options::default().password("worker", SECRET).start();
    let folder = tempfile::tempdir().unwrap();
    let secret = file(folder.path(), "secret", "wrong-horse");
    let keys = format!("user = \"worker\"\npassword_file = \"{secret}\"");
    let worker = Worker::launch(BINARY, &config(&server.url(), &keys), "");
    worker.wait_for("it is refused", PATIENCE, || {
        log(&worker).contains("authorization violation")
    });
    file(folder.path(), "secret", SECRET);
    worker.wait_for("it is let in", PATIENCE, || has_consumer(&server));
    worker.wait_ready();
}
