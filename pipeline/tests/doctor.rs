//! Promise: `flightline doctor` names what is wrong with a machine, its configuration and its stores, with the cure; finds nothing
//! in what is healthy; changes nothing, leaves nothing behind, shows no secret, and ends in time. Streams: doctor_streams.rs.

#[path = "rig/visit.rs"]
mod visit;

use std::net::TcpListener;
use std::sync::mpsc;
use std::time::{Duration, Instant};

use flightline_fixtures::clock::Clock;
use flightline_fixtures::influxd::Influxd;
use flightline_fixtures::interposer::{Interposer, Turn};
use flightline_fixtures::nats::{Nats, Options};
use flightline_fixtures::stub::Stub;
use flightline_fixtures::stub::answer::{Answer, Api};
use flightline_fixtures::tls::Certificates;
use flightline_fixtures::wait;
use flightline_fixtures::worker::Worker;
use serde_json::Value;
use visit::{Visit, sound_servers};

/// Where nobody listens.
const NOWHERE: &str = "nats://127.0.0.1:1";

/// A healthy server.
fn server() -> Nats {
    sound_servers().remove(0).start()
}

#[test]
fn a_healthy_set_up_has_no_finding_and_nothing_is_left_behind() {
    let server = server();
    let influxd = Influxd::start();
    influxd.create_database("db");
    let config = format!(
        "[nats]\nurl = \"{}\"\n[sink]\nkind = \"influxdb\"\nurl = \"{}\"\napi = \"v1\"\ndb = \"db\"\n",
        server.url(),
        influxd.url()
    );
    let mut worker = Worker::start(env!("CARGO_BIN_EXE_flightline"), &config);
    let visit =
        Visit::influx(&server.url(), &influxd.url(), "v1").key("ADMIN__LISTEN", worker.admin());
    let limit = Duration::from_secs(30);
    let created = wait::until(limit, || worker.status()["consumer"].is_object());
    created.unwrap();
    let streams = || server.monitor("/jsz")["streams"].clone();
    let before = streams();
    assert_eq!(visit.bad(), []);
    visit.finds("ok", "worker_runs", "the worker's own port is no trouble");
    visit.finds("ok", "sink", "the store");
    let said = visit.say(&["--strict"]);
    assert_eq!(said.code, 0, "{said:?}");
    assert!(said.out.ends_with("0 errors, 0 warnings\n"), "{said:?}");
    assert_eq!(streams(), before);
    assert!(influxd.points("db").is_empty());
    // With --probe one point is.
    assert_eq!(visit.say(&["--probe"]).code, 0);
    assert_eq!(influxd.points("db").len(), 1);
    assert_eq!(worker.stop().code(), Some(0));
}

#[test]
fn without_any_server_the_machine_is_looked_at_first_and_the_exit_code_is_69() {
    let started = Instant::now();
    let visit = Visit::influx(NOWHERE, "http://127.0.0.1:1", "v1");
    let said = visit.say(&["--json"]);
    assert_eq!(said.code, 69, "{said:?}");
    let report: Value = serde_json::from_str(&said.out).unwrap();
    assert_eq!(
        (&report["format"], &report["severity"]),
        (&1.into(), &"error".into())
    );
    let codes: Vec<_> = report["findings"]
        .as_array()
        .unwrap()
        .iter()
        .map(|finding| finding["code"].as_str().unwrap())
        .collect();
    assert_eq!(
        codes,
        ["port_taken", "nats_unreachable", "sink_unreachable"]
    );
    assert!(started.elapsed() < Duration::from_secs(40));
}

#[test]
fn a_store_that_never_answers_is_not_waited_for() {
    let stub = Stub::start();
    stub.hold();
    let visit = Visit::influx(NOWHERE, &stub.url(), "v2").key("SINK__TIMEOUT", "300ms");
    visit.finds("error", "sink_unreachable", "held");
}

#[test]
fn settings_that_do_not_fit_are_warnings_which_count_only_if_asked_to() {
    let server = server();
    let influxd = Influxd::start();
    influxd.create_database("db");
    let visit = Visit::influx(&server.url(), &influxd.url(), "v1")
        .key("SINK__TIMEOUT", "20s")
        .key("SOURCE__MAX_ACK_PENDING", "10000");
    let expected =
        ["ack_wait_short", "ack_pending_small"].map(|code| ("warning".to_owned(), code.to_owned()));
    assert_eq!(visit.bad(), expected);
    assert_eq!(visit.say(&[]).code, 0);
    assert_eq!(visit.say(&["--strict"]).code, 78);
    let core = Visit::new(NOWHERE).key("SOURCE__KIND", "core");
    core.finds("note", "at_most_once", "core");
}

#[test]
fn what_is_wrong_with_the_machine_is_found() {
    let taken = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = taken.local_addr().unwrap().to_string();
    Visit::new(NOWHERE).key("ADMIN__LISTEN", &address).finds(
        "warning",
        "port_taken",
        "somebody listens",
    );
    Visit::new(NOWHERE).key("INGEST__LISTEN", &address).finds(
        "warning",
        "port_taken",
        "ingest.listen",
    );
    // No user may make a file there.
    Visit::new(NOWHERE)
        .key("SINK__DIR", "/proc/flightline")
        .finds("error", "folder_unwritable", "sink");
    Visit::new(NOWHERE)
        .key("SOURCE__REMEMBER", "file:/proc/flightline")
        .finds("error", "folder_unwritable", "source.remember");
    Visit::new(NOWHERE)
        .key("DEADLETTER__KIND", "file")
        .key("DEADLETTER__PATH", "/proc/flightline/letters")
        .finds("error", "folder_unwritable", "deadletter.path");
    Visit::new(NOWHERE).key("SINK__KEEP_BYTES", "900TiB").finds(
        "warning",
        "disk_full",
        "sink.keep_bytes",
    );
    // Those of the tests hold for a day.
    let certificates = Certificates::make();
    let ca = certificates.ca.display().to_string();
    let visit = Visit::new(NOWHERE).key("NATS__TLS__CA_FILE", &ca);
    visit.finds("warning", "certificate_ends", "nats.tls.ca_file");
    for listener in ["INGEST", "ADMIN"] {
        let own = &certificates.server;
        let visit = Visit::new(NOWHERE)
            .key("INGEST__LISTEN", "127.0.0.1:0")
            .key(
                &format!("{listener}__TLS__CERT_FILE"),
                &own.cert.display().to_string(),
            )
            .key(
                &format!("{listener}__TLS__KEY_FILE"),
                &own.key.display().to_string(),
            );
        let key = format!("{}.tls.cert_file", listener.to_lowercase());
        visit.finds("warning", "certificate_ends", &key);
    }
    let key = certificates.client.key.display().to_string();
    let visit = Visit::new(NOWHERE).key("NATS__TLS__CA_FILE", &key);
    visit.finds("error", "certificate_ends", "a key is no certificate");
}

#[test]
fn what_is_wrong_with_a_store_is_found() {
    let influxd = Influxd::start_with_auth("admin", "pass");
    let real = |db: &str, password: &str| {
        Visit::influx(NOWHERE, &influxd.url(), "v1")
            .key("SINK__DB", db)
            .key("SINK__USER", "admin")
            .key("SINK__PASSWORD", password)
    };
    real("absent", "pass").finds("error", "sink_missing", "no database");
    real("absent", "wrong").finds("error", "sink_refused", "wrong password");
    assert_eq!(real("absent", "pass").say(&[]).code, 78);

    let nothing = serde_json::json!({"code": "invalid", "message": "writing requires points"});
    let cases = [
        ("v2", Answer::unauthorized(), ("error", "sink_refused")),
        ("v2", Answer::forbidden(), ("error", "sink_refused")),
        (
            "v2",
            Answer::not_found(Api::V2, "b"),
            ("error", "sink_missing"),
        ),
        ("v3", Answer::unavailable(), ("error", "sink_failing")),
        ("v2", Answer::json(400, &nothing), ("ok", "sink")),
        ("v3", Answer::ok(), ("ok", "sink")),
        (
            "v2",
            Answer::stored().with_header("date", "Mon, 02 Jan 2017 03:04:05 GMT"),
            ("warning", "clock_skew"),
        ),
    ];
    for (api, answer, (severity, code)) in cases {
        let why = format!("{api} {answer:?}");
        let mut answers = Some(answer);
        let stub = Stub::answering(move |_| answers.take().unwrap());
        Visit::influx(NOWHERE, &stub.url(), api).finds(severity, code, &why);
        let bodies: Vec<_> = stub
            .writes()
            .iter()
            .map(|write| write.lines().len())
            .collect();
        assert_eq!(bodies, [0], "{why}");
    }
}

#[test]
fn clocks_that_disagree_are_found_in_what_real_servers_say() {
    let server = server();
    let influxd = Influxd::start();
    influxd.create_database("db");
    let config = format!(
        "[nats]\nurl = \"{}\"\n[sink]\nkind = \"file\"\ndir = \"out\"\n",
        server.url()
    );
    // It tells the time together with a stream.
    let mut worker = Worker::start(env!("CARGO_BIN_EXE_flightline"), &config);
    let limit = Duration::from_secs(30);
    wait::until(limit, || worker.status()["consumer"].is_object()).unwrap();
    assert_eq!(worker.stop().code(), Some(0));
    let clock = Clock::new().unwrap_or_else(|error| panic!("{error}"));
    let visit = Visit::influx(&server.url(), &influxd.url(), "v1").by(&clock);
    assert_eq!(visit.bad(), [], "a clock that goes right");
    for (step, word) in [(3_600, "behind"), (-3_600, "ahead of")] {
        clock.step(step);
        let found = visit.bad();
        let skew = ("warning".to_owned(), "clock_skew".to_owned());
        assert_eq!(found, [skew.clone(), skew], "{step}");
        let said = visit.say(&[]).out;
        let told = said.lines().filter(|line| line.contains(word)).count();
        assert_eq!(told, 2, "of the server and of the store: {said}");
    }
}

#[test]
fn a_store_that_is_slow_for_the_wait_of_an_ack_is_found() {
    let server = server();
    let influxd = Influxd::start();
    influxd.create_database("db");
    let between = Interposer::before(&influxd.url());
    let visit = Visit::influx(&server.url(), &between.url(), "v1").key("SOURCE__ACK_WAIT", "10s");
    let slow = ("warning".to_owned(), "sink_slow".to_owned());
    assert!(!visit.findings().contains(&slow), "it is fast");
    // Nothing is ever sent: each write is held for so long.
    let (_held, release) = mpsc::sync_channel::<()>(1);
    between.play(move |_| {
        release.recv_timeout(Duration::from_millis(5_100)).ok();
        Turn::Pass
    });
    let visit = visit.key("SINK__TIMEOUT", "9s");
    assert!(visit.findings().contains(&slow), "half of source.ack_wait");
}

#[test]
fn a_store_that_cannot_be_written_to_as_configured_is_found() {
    let (ours, theirs) = (Certificates::make(), Certificates::make());
    let path = |path: &std::path::Path| path.display().to_string();
    let visit = Visit::influx(NOWHERE, "https://127.0.0.1:1", "v1")
        .key("SINK__TLS__CA_FILE", &path(&ours.ca))
        .key("SINK__TLS__CERT_FILE", &path(&ours.client.cert))
        .key("SINK__TLS__KEY_FILE", &path(&theirs.client.key));
    visit.finds("error", "sink_misconfigured", "the key of another one");
    assert_eq!(visit.say(&[]).code, 78);
}

#[test]
fn no_secret_is_shown() {
    let secret = "s3cr3t-t0k3n";
    let server = Options::default().token(secret).start();
    let refusing = Stub::start();
    refusing.require_token("another");
    let wrong = format!("{secret}-wrong");
    for token in [secret, &wrong] {
        let visit = Visit::influx(&server.url(), &refusing.url(), "v2")
            .key("NATS__TOKEN", token)
            .key("SINK__TOKEN", secret);
        for words in [&["--json", "-vv"][..], &["-vv"]] {
            let said = visit.say(words);
            assert!(
                !said.out.contains(secret) && !said.log.contains(secret),
                "{said:?}"
            );
            assert!(said.out.contains("sink_refused"), "{said:?}");
        }
    }
    let in_url = server.url().replace("nats://", &format!("nats://{wrong}@"));
    let said = Visit::new(&in_url).say(&["-vv"]);
    assert!(said.out.contains("nats_unreachable"), "{said:?}");
    assert!(
        !said.out.contains(secret) && !said.log.contains(secret),
        "{said:?}"
    );
}
