//! Promise: what weakens a promise on the NATS server is found by `flightline doctor`: in the server, the stream, its consumers and
//! the dead letters, on every installed version.

#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

#[path = "rig/visit.rs"]
mod visit;

use async_nats::ConnectOptions;
use async_nats::jetstream::context::Context;
use flightline_fixtures::nats::{Nats, Options};
use flightline_fixtures::permissions::{inbox_of, password_of, shipped};
use serde_json::{Value, json};
use visit::{Visit, sound_servers};

async fn context(server: &Nats) -> Context {
    let client = async_nats::connect(server.url()).await.unwrap();
    async_nats::jetstream::new(client)
}

async fn ask(context: &Context, what: &str, request: Value) {
    let answer: Value = context.request(what.to_owned(), &request).await.unwrap();
    assert!(answer["error"].is_null(), "{what} {request}: {answer}");
}

/// Makes a stream for subjects of its own name: what a worker would make, but for what `settings` has.
async fn stream(context: &Context, name: &str, settings: Value) {
    let mut config = json!({
        "name": name, "subjects": [format!("{name}.>")], "retention": "limits", "storage": "file", "discard": "old",
        "num_replicas": 1, "max_consumers": -1, "max_msgs": -1, "max_bytes": -1, "duplicate_window": 120_000_000_000_u64,
    });
    merge(&mut config, &settings);
    ask(context, &format!("STREAM.CREATE.{name}"), config).await;
}

/// Makes the durable consumer of a stream: what a worker would make, but for what `settings` has.
async fn consumer(context: &Context, stream: &str, settings: Value) {
    let mut config = json!({
        "durable_name": "flightline", "ack_policy": "explicit", "ack_wait": 30_000_000_000_u64, "max_ack_pending": 65_536,
        "deliver_policy": "all", "replay_policy": "instant", "max_deliver": -1,
    });
    merge(&mut config, &settings);
    let request = json!({ "stream_name": stream, "config": config });
    ask(
        context,
        &format!("CONSUMER.DURABLE.CREATE.{stream}.flightline"),
        request,
    )
    .await;
}

#[expect(clippy::disallowed_methods, reason = "somebody else publishes here")]
async fn publish(context: &Context, subject: &str) {
    let sent = context.publish(subject.to_owned(), "m v=1 1\n".into());
    sent.await.unwrap().await.unwrap();
}

fn merge(config: &mut Value, settings: &Value) {
    let settings = settings.as_object().unwrap().clone();
    config.as_object_mut().unwrap().extend(settings);
}

fn bad(codes: &[(&str, &str)]) -> Vec<(String, String)> {
    let pair = |(severity, code): &(&str, &str)| ((*severity).to_owned(), (*code).to_owned());
    codes.iter().map(pair).collect()
}

/// What each version is told of itself.
fn of_version(server: &Nats) -> Vec<(String, String)> {
    if server.version().starts_with("2.9.") {
        bad(&[("warning", "server_old")])
    } else {
        Vec::new()
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_healthy_stream_and_consumer_have_no_finding_on_any_version_but_that_2_9_is_old() {
    for server in Options::default()
        .each_version()
        .into_iter()
        .map(Options::start)
    {
        let context = context(&server).await;
        let visit = Visit::stream(&server, "good");
        assert_eq!(
            visit.bad(),
            of_version(&server),
            "{}, before the first worker",
            server.version()
        );
        for absent in ["stream_absent", "consumer_absent", "letters_absent"] {
            visit.finds("note", absent, "before the first worker");
        }
        stream(&context, "good", json!({})).await;
        consumer(&context, "good", json!({})).await;
        stream(
            &context,
            "good-letters",
            json!({ "subjects": ["deadletter.>"] }),
        )
        .await;
        assert_eq!(visit.bad(), of_version(&server), "{}", server.version());
        visit.finds("ok", "stream", "stream");
        visit.finds("ok", "consumer", "consumer");
        let partitions = Visit::stream(&server, "good").key("SOURCE__PARTITIONS", "4");
        if server.version().starts_with("2.9.") {
            partitions.finds("error", "server_old", "a stream cannot be divided");
        } else {
            visit.finds("note", "sync_unseen", "sync_interval");
        }
    }
}

#[expect(clippy::too_many_lines, reason = "a table: one entry per finding")]
#[tokio::test(flavor = "multi_thread")]
async fn what_weakens_a_stream_is_found() {
    let hour = 3_600_000_000_000_u64;
    let cases = [
        (
            "age",
            json!({ "max_age": hour }),
            ("warning", "retention_short"),
            "",
        ),
        (
            "memory",
            json!({ "storage": "memory" }),
            ("error", "storage_memory"),
            "",
        ),
        (
            "full",
            json!({ "max_msgs": 10 }),
            ("warning", "retention_short"),
            "",
        ),
        (
            "old",
            json!({ "max_bytes": 1 << 30 }),
            ("note", "discard_old"),
            "",
        ),
        (
            "interest",
            json!({ "retention": "interest" }),
            ("warning", "interest_retention"),
            "",
        ),
        (
            "queue",
            json!({ "retention": "workqueue" }),
            ("error", "work_queue_ack_all"),
            "1",
        ),
        (
            "rollup",
            json!({ "max_msgs_per_subject": 1 }),
            ("error", "lanes_unsafe"),
            "1",
        ),
        (
            "window",
            json!({ "duplicate_window": 1_000_000_000 }),
            ("warning", "duplicate_window"),
            "",
        ),
        (
            "subjects",
            json!({ "subjects": ["subjects.app.>"] }),
            ("error", "subjects_uncaptured"),
            "",
        ),
    ];
    for server in Options::default()
        .each_version()
        .into_iter()
        .map(Options::start)
    {
        let context = context(&server).await;
        for (name, settings, (severity, code), partitions) in cases.clone() {
            stream(&context, name, settings).await;
            if name == "full" {
                for _ in 0..20 {
                    publish(&context, "full.app.s.t").await;
                }
            }
            let visit = Visit::stream(&server, name);
            let visit = match partitions {
                "" => visit,
                count => visit.key("SOURCE__PARTITIONS", count),
            };
            visit.finds(severity, code, &format!("{}: {name}", server.version()));
            assert_eq!(
                visit.say(&[]).code,
                if severity == "error" { 78 } else { 0 }
            );
        }
        let elsewhere = Visit::stream(&server, "nobody").key("PREFIX", "window");
        elsewhere.finds("error", "subjects_elsewhere", &server.version());
    }
}

#[expect(clippy::too_many_lines, reason = "a table: one entry per finding")]
#[tokio::test(flavor = "multi_thread")]
async fn what_weakens_a_consumer_is_found() {
    let second = 1_000_000_000_u64;
    let cases = [
        (
            "push",
            json!({ "deliver_subject": "elsewhere.push" }),
            ("error", "consumer_push"),
        ),
        (
            "none",
            json!({ "ack_policy": "none", "ack_wait": 0, "max_ack_pending": 0 }),
            ("error", "ack_policy"),
        ),
        (
            "all",
            json!({ "ack_policy": "all" }),
            ("error", "ack_policy"),
        ),
        (
            "deliver",
            json!({ "max_deliver": 5 }),
            ("error", "max_deliver"),
        ),
        (
            "filter",
            json!({ "filter_subject": "filter.app.>" }),
            ("warning", "consumer_filter"),
        ),
        (
            "idle",
            json!({ "inactive_threshold": 3_600 * second }),
            ("warning", "consumer_idle_limit"),
        ),
        (
            "wait",
            json!({ "ack_wait": second }),
            ("warning", "ack_wait_short"),
        ),
        (
            "pending",
            json!({ "max_ack_pending": 100 }),
            ("warning", "ack_pending_small"),
        ),
        ("unread", json!({}), ("warning", "nobody_reads")),
        (
            "held",
            json!({ "max_ack_pending": 1 }),
            ("warning", "ack_pending_full"),
        ),
    ];
    for server in Options::default()
        .each_version()
        .into_iter()
        .map(Options::start)
    {
        let context = context(&server).await;
        for (name, settings, (severity, code)) in cases.clone() {
            stream(&context, name, json!({})).await;
            consumer(&context, name, settings).await;
            let mut visit = Visit::stream(&server, name);
            match name {
                "unread" | "held" => {
                    publish(&context, &format!("{name}.app.s.t")).await;
                }
                "wait" => {
                    let nowhere = "http://127.0.0.1:1";
                    visit = Visit::influx(&server.url(), nowhere, "v1").of_stream(name);
                }
                _ => {}
            }
            if name == "held" {
                take_one(&context, name).await;
            }
            visit.finds(severity, code, &format!("{}: {name}", server.version()));
        }
    }
}

/// Takes a message, and does not ack it.
async fn take_one(context: &Context, stream: &str) {
    use futures_util::StreamExt as _;
    let stream = context.get_stream(stream).await.unwrap();
    let consumer: async_nats::jetstream::consumer::PullConsumer =
        stream.get_consumer("flightline").await.unwrap();
    let mut messages = consumer.fetch().max_messages(1).messages().await.unwrap();
    messages.next().await.unwrap().unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn what_becomes_of_dead_letters_is_found() {
    for server in Options::default()
        .each_version()
        .into_iter()
        .map(Options::start)
    {
        let context = context(&server).await;
        let version = server.version();
        let visit = Visit::stream(&server, "main");
        let hour = 3_600_000_000_000_u64;
        stream(
            &context,
            "main-letters",
            json!({ "subjects": ["deadletter.app.>"], "max_age": hour }),
        )
        .await;
        publish(&context, "deadletter.app.s.t").await;
        visit.finds("error", "letters_uncaptured", &version);
        visit.finds("warning", "letters_short", &version);
        visit.finds("note", "letters_wait", &version);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_wrong_with_a_server_is_found() {
    let core = Options::default().core().start();
    Visit::new(&core.url()).finds("error", "jetstream_missing", "no jetstream");
    let small = Options::default().config("max_payload: 65536").start();
    Visit::new(&small.url()).finds("warning", "max_payload", "64 KiB");
}

/// A worker may not ask for all that the doctor would like to know; what it may not ask for is not called missing.
#[tokio::test(flavor = "multi_thread")]
async fn what_is_not_answered_is_not_called_missing() {
    for options in Options::default().each_version() {
        let server = shipped(options).start();
        let version = server.version();
        for (user, is_unseen) in [("worker", false), ("sensor", true)] {
            let visit = Visit::new(&server.url())
                .key("NATS__USER", user)
                .key("NATS__PASSWORD", &password_of(user))
                .key("NATS__INBOX_PREFIX", &inbox_of(user));
            let bad = visit.bad();
            let has = |code: &str| bad.iter().any(|(_, found)| found == code);
            assert!(!has("jetstream_missing"), "{user}, {version}: {bad:?}");
            assert_eq!(
                has("jetstream_unseen"),
                is_unseen,
                "{user}, {version}: {bad:?}"
            );
        }
    }
}

/// An account that may see the server's settings.
const SHOWN: &str = r#"
accounts {
  SYS { users: [{ user: sys, password: p }], exports: [{ service: "$SYS.REQ.SERVER.PING.VARZ", response_type: stream }] }
  APP {
    jetstream: enabled
    users: [{ user: app, password: p }]
    imports: [{ service: { account: SYS, subject: "$SYS.REQ.SERVER.PING.VARZ" } }]
  }
}
system_account: SYS
"#;

#[tokio::test(flavor = "multi_thread")]
async fn a_server_that_does_not_sync_is_found_where_it_can_be_seen() {
    for options in sound_servers() {
        for (settings, wanted) in [("", Some("sync_interval")), ("sync_interval: always", None)] {
            let place = tempfile::tempdir().unwrap();
            let jetstream = format!("jetstream {{ store_dir: {:?}, {settings} }}", place.path());
            let options = options.clone().core();
            let server = options.config(SHOWN).config(&jetstream).start();
            let version = server.version();
            let login = ConnectOptions::with_user_and_password("app".to_owned(), "p".to_owned());
            let client = login.connect(server.url()).await.unwrap();
            let context = async_nats::jetstream::new(client);
            stream(&context, "synced", json!({})).await;
            let url = server.url().replace("nats://", "nats://app:p@");
            let visit = Visit::stream(&server, "synced").key("NATS__URL", &url);
            match wanted {
                Some(code) => visit.finds("warning", code, &version),
                None => assert_eq!(visit.bad(), [], "{version}"),
            }
            let unseen = ("note".to_owned(), "sync_unseen".to_owned());
            assert!(!visit.findings().contains(&unseen), "{version}");
        }
    }
}
