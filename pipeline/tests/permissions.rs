//! Promise: with the permissions that Flightline ships, each program does its whole work and is refused what is not its part. A producer reads
//! nothing and publishes for nobody else, a worker that errs publishes no telemetry and harms no stream, nobody hears another's answers, a
//! stranger does nothing. Held against every nats-server on the machine. Where answers may go: `permissions_replies.rs`.

#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

#[path = "rig/users.rs"]
mod users;

use std::fs;
use std::path::Path;
use std::process::Command;
use std::sync::{Arc, Mutex};

use async_nats::{Event, ServerError};
use flightline::bus::{Bus, SUBSCRIPTION_CAPACITY};
use flightline_fixtures::http;
use flightline_fixtures::nats::{Nats, Options};
use flightline_fixtures::permissions::{USERS, inbox_of, password_of, shipped};
use flightline_fixtures::server::free_port;
use flightline_fixtures::wait::{until, until_async};
use flightline_fixtures::worker::Worker;
use flightline_link::nats::{Echo, Hear, INBOX_PREFIX, Nats as Login, NatsAuth, connect};
use flightline_link::secret::Secret;
use users::{PATIENCE, login, servers};

const BINARY: &str = env!("CARGO_BIN_EXE_flightline");
/// A refusal in the log, see `flightline_link::nats::voice`.
const REFUSED: &str = "does not let us";

async fn bus(server: &Nats, user: &str) -> Bus {
    let login = login(server, user);
    Bus::connect(&login, SUBSCRIPTION_CAPACITY).await.unwrap()
}

/// Hears what the server refuses.
#[derive(Debug, Default)]
struct Ears(Mutex<Vec<String>>);

impl Hear for Ears {
    fn hear(&self, event: &Event) {
        if let Event::ServerError(ServerError::Other(words)) = event {
            self.0.lock().unwrap().push(words.clone());
        }
    }
}

/// Which of these a user may not do: publish on these subjects, subscribe to those.
#[expect(clippy::disallowed_methods, reason = "a test is nobody's door")]
async fn refused(server: &Nats, user: &str, publish: &[&str], subscribe: &[&str]) -> Vec<String> {
    /// Nobody may: when this is refused, all before has been looked at.
    const LAST: &str = "nobody.may";
    let ears = Arc::<Ears>::default();
    let login = login(server, user);
    let client = connect(&login, 16, Echo::Off, Arc::clone(&ears))
        .await
        .unwrap();
    let mut open = Vec::new();
    for subject in subscribe {
        open.push(client.subscribe((*subject).to_owned()).await.unwrap());
    }
    for subject in publish.iter().chain([&LAST]) {
        let subject = (*subject).to_owned();
        client.publish(subject, "{}".into()).await.unwrap();
    }
    let heard = || ears.0.lock().unwrap().clone();
    let done = until(PATIENCE, || {
        heard().iter().any(|words| words.contains(LAST))
    });
    assert!(done.is_ok(), "{user}: {:?}", heard());
    let all = subscribe.iter().chain(publish);
    let quoted = |subject: &&&str| {
        let quoted = format!("\"{subject}\"");
        heard().iter().any(|words| words.contains(&quoted))
    };
    all.filter(quoted)
        .map(|subject| (*subject).to_owned())
        .collect()
}

/// Asserts what a user may and may not do.
async fn holds(server: &Nats, user: &str, may: [&[&str]; 2], may_not: [&[&str]; 2]) {
    let found = refused(server, user, may[0], may[1]).await;
    assert_eq!(found, [""; 0], "{user} may, on {}", server.version());
    let found = refused(server, user, may_not[0], may_not[1]).await;
    let all = [may_not[1], may_not[0]].concat();
    assert_eq!(found, all, "{user} may not, on {}", server.version());
}

/// A worker as `user`, with the inbox prefix `inbox`, that stores into files.
fn worker_config(server: &Nats, user: &str, inbox: &str, more: &str) -> String {
    format!(
        "[nats]\nurl = \"{}\"\nuser = \"{user}\"\npassword = \"{}\"\ninbox_prefix = \"{inbox}\"\n\
         [batch]\nage = \"100ms\"\n[sink]\nkind = \"file\"\ndir = \"out\"\n{more}\n",
        server.url(),
        password_of(user)
    )
}

fn log(worker: &Worker) -> String {
    fs::read_to_string(worker.folder().join("flightline.log")).unwrap()
}

/// All lines that a worker has stored.
fn stored(folder: &Path) -> String {
    let files = fs::read_dir(folder.join("out")).into_iter().flatten();
    let texts = files.map(|file| fs::read_to_string(file.unwrap().path()).unwrap_or_default());
    texts.collect()
}

/// A producer's good line and bad one become a stored line and a dead letter.
async fn works(server: &Nats, more: &str) {
    let config = worker_config(server, "worker", &inbox_of("worker"), more);
    let mut worker = Worker::start(BINARY, &config);
    let operator = bus(server, "operator").await;
    let streams = || async {
        let [all, dead] = ["TELEMETRY", "DEADLETTER"].map(|name| operator.stream_state(name));
        (all.await.is_ok(), dead.await.is_ok())
    };
    let there = until_async(PATIENCE, || async { streams().await == (true, true) }).await;
    assert!(there.is_ok(), "{}", worker.log());

    let producer = bus(server, "sensor").await;
    let payload = "room t=21.5 1700000000000000001\nroom t= 2\n";
    let subject = "telemetry.app.sensor.attic";
    let kept = producer
        .store(subject.into(), Default::default(), payload.into())
        .await;
    kept.unwrap().wait().await.unwrap();

    worker.wait_for("the good line is stored", PATIENCE, || {
        stored(worker.folder()).contains("room t=21.5 1700000000000000001\n")
    });
    let dead = until_async(PATIENCE, || async {
        operator
            .stream_state("DEADLETTER")
            .await
            .unwrap()
            .last_sequence
            == 1
    });
    assert!(dead.await.is_ok(), "{}", worker.log());
    assert_eq!(worker.stop().code(), Some(0), "{}", worker.log());
    assert!(!log(&worker).contains(REFUSED), "{}", worker.log());
}

#[tokio::test(flavor = "multi_thread")]
async fn what_a_producer_publishes_is_stored_by_a_worker() {
    for server in servers() {
        works(&server, "").await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_divided_stream_needs_no_more() {
    for server in servers() {
        works(&server, "[source]\npartitions = [\"telemetry.app.>\", \"telemetry.metric.>\", \"telemetry.health.>\", \"telemetry.lifecycle.>\"]").await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_producer_reads_nothing_and_publishes_for_nobody_else() {
    for server in servers() {
        let may = [
            &[
                "telemetry.app.sensor.a",
                "telemetry.metric.sensor.b",
                "humidity",
            ][..],
            &["_INBOX_sensor.x.*"],
        ];
        let may_not = [
            &[
                "telemetry.app.other.a",
                "telemetry.app.sensor",
                "telemetry.app.sensor.a.b",
                "telemetry.health.sensor.a",
                "telemetry.lifecycle.sensor.a",
                "deadletter.app.sensor.a",
                "_INBOX_worker.x.1",
                "$JS.API.STREAM.INFO.TELEMETRY",
                "$JS.API.STREAM.MSG.GET.TELEMETRY",
                "$JS.API.DIRECT.GET.TELEMETRY.telemetry.app.sensor.a",
                "$JS.API.CONSUMER.CREATE.TELEMETRY.mine",
                "$JS.API.CONSUMER.MSG.NEXT.TELEMETRY.flightline",
                "$JS.API.STREAM.PURGE.TELEMETRY",
                "$JS.ACK.TELEMETRY.flightline.1.1.1.1.1",
                "$SYS.REQ.SERVER.PING",
            ][..],
            &[
                "telemetry.>",
                "telemetry.app.sensor.*",
                ">",
                "_INBOX.>",
                "_INBOX_worker.>",
                "$JS.EVENT.>",
                "$SYS.>",
            ],
        ];
        holds(&server, "sensor", may, may_not).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_workers_mistakes_harm_nothing() {
    for server in servers() {
        let may = [&["deadletter.app.sensor.a"][..], &["_INBOX_worker.x.*"]];
        let may_not = [
            &[
                "telemetry.metric.sensor.a",
                "telemetry.metric.flightline.a",
                "telemetry.lifecycle.flightline.a",
                "_INBOX_sensor.x.1",
                "$JS.API.STREAM.DELETE.TELEMETRY",
                "$JS.API.STREAM.PURGE.TELEMETRY",
                "$JS.API.STREAM.UPDATE.TELEMETRY",
                "$JS.API.STREAM.MSG.DELETE.TELEMETRY",
                "$JS.API.STREAM.DELETE.DEADLETTER",
                "$JS.API.STREAM.PURGE.DEADLETTER",
                "$JS.API.STREAM.CREATE.ANOTHER",
                "$JS.API.CONSUMER.DELETE.TELEMETRY.flightline",
                "$JS.API.CONSUMER.CREATE.DEADLETTER.mine",
                "$KV.other.key",
            ][..],
            &[
                "telemetry.>",
                "deadletter.>",
                ">",
                "_INBOX.>",
                "_INBOX_sensor.>",
                "_INBOX_operator.>",
                "$SYS.>",
            ],
        ];
        holds(&server, "worker", may, may_not).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn an_observer_looks_and_touches_nothing() {
    for server in servers() {
        let may = [
            &["$JS.API.STREAM.INFO.TELEMETRY", "$JS.API.STREAM.NAMES"][..],
            &["_INBOX_observer.x.*"],
        ];
        let may_not = [
            &[
                "telemetry.app.sensor.a",
                "deadletter.app.sensor.a",
                "humidity",
                "$JS.API.CONSUMER.CREATE.TELEMETRY.mine",
                "$JS.API.CONSUMER.MSG.NEXT.TELEMETRY.flightline",
                "$JS.ACK.TELEMETRY.flightline.1.1.1.1.1",
                "$JS.API.STREAM.PURGE.TELEMETRY",
                "flightline.api.STREAM.PURGE.TELEMETRY",
                "$KV.lanes-TELEMETRY.a",
            ][..],
            &["_INBOX_worker.>", "telemetry.>", ">", "$SYS.>"],
        ];
        holds(&server, "observer", may, may_not).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn who_observes_the_servers_asks_two_things_and_hears_nobody() {
    for server in servers() {
        let may = [
            &["$SYS.REQ.SERVER.PING.VARZ", "$SYS.REQ.SERVER.PING.JSZ"][..],
            &["_INBOX_system.x"],
        ];
        let may_not = [
            &[
                "telemetry.app.sensor.a",
                "$JS.API.STREAM.INFO.TELEMETRY",
                "$JS.API.STREAM.PURGE.TELEMETRY",
                "flightline.api.STREAM.LIST",
                "$SYS.REQ.SERVER.PING",
                "$SYS.REQ.SERVER.PING.CONNZ",
                "$SYS.REQ.SERVER.PING.SUBSZ",
                "$SYS.REQ.ACCOUNT.FLIGHTLINE.CONNZ",
                "$SYS.REQ.CLAIMS.UPDATE",
                "$SYS.REQ.SERVER.N1.RELOAD",
                "$JS.API.SERVER.REMOVE",
                "$JS.API.META.LEADER.STEPDOWN",
                "_INBOX_worker.x.1",
            ][..],
            &[
                "$SYS.>",
                "$SYS.ACCOUNT.*.CONNECT",
                "_INBOX.>",
                "_INBOX_worker.>",
                "telemetry.>",
                ">",
            ],
        ];
        holds(&server, "system", may, may_not).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_listener_says_nothing() {
    for server in servers() {
        let may = [&[][..], &["telemetry.>", "deadletter.>", "$JS.EVENT.>"]];
        let may_not = [
            &[
                "telemetry.app.sensor.a",
                "humidity",
                "_INBOX_worker.x.1",
                "$JS.API.INFO",
                "$JS.API.STREAM.PURGE.TELEMETRY",
            ][..],
            &["_INBOX_worker.>", "$KV.>", ">", "$SYS.>"],
        ];
        holds(&server, "listener", may, may_not).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_stranger_does_nothing() {
    for server in servers() {
        let refuses = |auth: NatsAuth| {
            let login = Login {
                auth,
                ..login(&server, "worker")
            };
            async move {
                let error = Bus::connect(&login, SUBSCRIPTION_CAPACITY)
                    .await
                    .unwrap_err();
                assert!(
                    error.to_string().contains("authorization violation"),
                    "{error}"
                );
            }
        };
        let with = |user: &str, password: &str| NatsAuth::Password {
            user: user.to_owned(),
            password: Secret::Value(password.to_owned()),
        };
        refuses(NatsAuth::None).await;
        refuses(NatsAuth::Token(Secret::Value("worker".to_owned()))).await;
        refuses(with("nobody", "horse")).await;
        for user in USERS {
            refuses(with(user, "")).await;
            refuses(with(user, "horse")).await;
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_program_that_may_not_says_what_and_what_to_do() {
    let server = shipped(Options::default()).start();
    // Who may not ask for the stream, and who may not hear the answer.
    for (user, inbox, act, subject) in [
        (
            "sensor",
            inbox_of("sensor"),
            "publish",
            "$JS.API.STREAM.INFO.DEADLETTER",
        ),
        ("worker", INBOX_PREFIX.to_owned(), "subscribe", "_INBOX."),
    ] {
        let config = worker_config(&server, user, &inbox, "");
        let worker = Worker::launch(BINARY, &config, "");
        let said = |line: &str| {
            let has = |text: &str| line.contains(text);
            has(REFUSED) && has(act) && has(subject) && has("permissions of this user")
        };
        worker.wait_for("it is said", PATIENCE, || log(&worker).lines().any(said));
    }
}

/// What `flightline` says to `words`, as `user`.
fn program(server: &Nats, user: &str, folder: &Path, words: &str) -> String {
    let file = folder.join(format!("{user}.toml"));
    fs::write(&file, worker_config(server, user, &inbox_of(user), "")).unwrap();
    let mut command = Command::new(BINARY);
    command.arg("-c").arg(&file).args(words.split(' '));
    let output = command.current_dir(folder).env_clear().output().unwrap();
    let said = [output.stdout, output.stderr].map(|text| String::from_utf8(text).unwrap());
    let said = said.join("\n");
    let version = server.version();
    // The server's own settings are the system account's; the doctor says that it cannot see them.
    let mut lines = said.lines().filter(|line| !line.contains("$SYS."));
    assert!(
        !lines.any(|line| line.contains(REFUSED)),
        "{user}, {words}, {version}: {said}"
    );
    assert!(
        output.status.success(),
        "{user}, {words}, {version}: {said}"
    );
    said
}

#[tokio::test(flavor = "multi_thread")]
async fn who_uses_a_program_may_do_all_that_it_does() {
    for options in Options::default().each_version() {
        let server = shipped(options).start();
        let front = free_port();
        let config = worker_config(
            &server,
            "worker",
            &inbox_of("worker"),
            &format!("[ingest]\nlisten = \"127.0.0.1:{front}\"\n"),
        );
        let mut worker = Worker::start(BINARY, &config);
        worker.wait_ready();
        let url = format!("http://127.0.0.1:{front}/write?db=house");
        let taken = || http::post(&url, b"room t=21.5 1").is_ok_and(|answer| answer.status == 204);
        worker.wait_for("a line is taken by the front", PATIENCE, taken);
        worker.wait_for("it is stored", PATIENCE, || {
            stored(worker.folder()).contains("room t=21.5 1\n")
        });
        let producer = bus(&server, "sensor").await;
        let subject = "telemetry.app.sensor.attic";
        let kept = producer
            .store(subject.into(), Default::default(), "room t=".into())
            .await;
        kept.unwrap().wait().await.unwrap();
        let own = tempfile::tempdir().unwrap();
        let folder = own.path();
        let run = |user: &str, words: &str| program(&server, user, folder, words);
        worker.wait_for("the bad line is a letter", PATIENCE, || {
            run("operator", "dead list").contains(subject)
        });
        assert!(run("operator", "dead show 1").contains("room t="));
        fs::write(folder.join("mended"), "room t=22 2").unwrap();
        let replayed = run("operator", "dead replay 1 --from mended --delete");
        assert!(replayed.contains("1 letters"), "{replayed}");
        worker.wait_for("what was mended is stored", PATIENCE, || {
            stored(worker.folder()).contains("room t=22 2\n")
        });
        run("operator", "setup");
        run(
            "listener",
            "record --for 100ms --subject telemetry.> --out heard.ndjson",
        );
        assert_eq!(worker.stop().code(), Some(0), "{}", worker.log());
        assert!(!log(&worker).contains(REFUSED), "{}", worker.log());
        for user in ["worker", "operator"] {
            let found = run(user, "doctor");
            assert!(!found.contains("jetstream_unseen"), "{user}: {found}");
        }
    }
}
