//! Promise: with the accounts that Flightline ships, nobody but workers and the operator reaches anything by where an answer is to go. A
//! server checks the subject of a question, never that of its answer: only another account keeps it away. What a worker is trusted with is
//! shown, so that `permissions.conf` says the truth. Held against every nats-server on the machine.

#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]
#![expect(clippy::disallowed_methods, reason = "a test is nobody's door")]

#[path = "rig/users.rs"]
mod users;

use std::collections::BTreeSet;

use async_nats::jetstream::{self, stream};
use async_nats::{Client, Subscriber};
use flightline_fixtures::nats::Nats;
use flightline_fixtures::wait::until_async;
use futures_util::{StreamExt, TryStreamExt};
use serde_json::{Value, json};
use tokio::time::timeout;
use users::{PATIENCE, client, servers};

/// Where an answer does harm, should it come there.
const HARMFUL: [&str; 7] = [
    "$JS.API.STREAM.PURGE.TELEMETRY",
    "$JS.API.STREAM.DELETE.TELEMETRY",
    "telemetry.app.other.forged",
    "telemetry.lifecycle.other.forged",
    "deadletter.app.other.forged",
    "$KV.lanes-TELEMETRY.forged",
    "_INBOX_worker.forged",
];

/// What an account of its own keeps away: a user, and questions that it may ask.
const INTRUDERS: [(&str, &[(&str, &str)]); 5] = [
    (
        "sensor",
        &[
            ("telemetry.app.sensor.a", ""),
            ("telemetry.app.sensor.a", "{}"),
            ("telemetry.metric.sensor.a", "m v=1"),
            ("humidity", "{}"),
        ],
    ),
    (
        "sensor_supervisor",
        &[
            ("telemetry.lifecycle.sensor.a", "forged v=1"),
            (
                "$JS.API.DIRECT.GET.TELEMETRY.telemetry.lifecycle.sensor.a",
                "",
            ),
            ("telemetry.lifecycle.sensor.b", ""),
            (
                "$JS.API.DIRECT.GET.TELEMETRY.telemetry.lifecycle.sensor.b",
                "",
            ),
            ("$JS.API.STREAM.NAMES", ""),
            ("flightline.api.STREAM.NAMES", ""),
        ],
    ),
    (
        "worker_supervisor",
        &[
            ("telemetry.lifecycle.flightline.a", ""),
            (
                "$JS.API.DIRECT.GET.TELEMETRY.telemetry.lifecycle.flightline.a",
                "",
            ),
            ("telemetry.health.flightline.a", "{}"),
            ("$JS.API.STREAM.NAMES", ""),
        ],
    ),
    (
        "platform_supervisor",
        &[
            ("telemetry.lifecycle.nats.a", ""),
            (
                "$JS.API.DIRECT.GET.TELEMETRY.telemetry.lifecycle.nats.a",
                "",
            ),
            ("telemetry.metric.balancer.a", "m v=1"),
            ("$JS.API.STREAM.NAMES", ""),
        ],
    ),
    (
        "observer",
        &[
            ("$JS.API.STREAM.MSG.GET.TELEMETRY", "{\"seq\":1}"),
            ("flightline.api.STREAM.MSG.GET.TELEMETRY", "{\"seq\":1}"),
            ("$JS.API.STREAM.INFO.TELEMETRY", ""),
            ("$JS.API.CONSUMER.LIST.TELEMETRY", ""),
            ("$JS.API.INFO", ""),
        ],
    ),
];

/// A stream of these subjects.
async fn stream(operator: &Client, name: &str, subjects: &[&str]) {
    let config = stream::Config {
        name: name.to_owned(),
        subjects: subjects.iter().map(|&subject| subject.into()).collect(),
        allow_direct: true,
        max_messages_per_subject: 100,
        ..stream::Config::default()
    };
    let context = jetstream::new(operator.clone());
    context.create_stream(config).await.unwrap();
}

async fn is_there(operator: &Client, stream: &str) -> bool {
    let context = jetstream::new(operator.clone());
    context.get_stream(stream).await.is_ok()
}

/// Every stream that could be harmed, each with a message.
async fn set_up(operator: &Client) {
    for (name, subjects, one) in [
        (
            "TELEMETRY",
            &["telemetry.>", "humidity"][..],
            "telemetry.app.other.true",
        ),
        ("DEADLETTER", &["deadletter.>"], "deadletter.app.other.true"),
        (
            "KV_lanes-TELEMETRY",
            &["$KV.lanes-TELEMETRY.>"],
            "$KV.lanes-TELEMETRY.true",
        ),
    ] {
        stream(operator, name, subjects).await;
        let context = jetstream::new(operator.clone());
        context
            .publish(one, "".into())
            .await
            .unwrap()
            .await
            .unwrap();
    }
}

/// The subjects of what `stream` holds.
async fn held(operator: &Client, stream: &str) -> BTreeSet<String> {
    let context = jetstream::new(operator.clone());
    let stream = context.get_stream(stream).await.unwrap();
    let all = stream.info_with_subjects(">").await.unwrap();
    let pairs: Vec<_> = all.try_collect().await.unwrap();
    pairs.into_iter().map(|(subject, _)| subject).collect()
}

/// Has the one message of the worker's bucket answered to `reply`.
async fn misuse(worker: &Client, reply: &str) {
    let key = "$JS.API.DIRECT.GET.KV_lanes-TELEMETRY.$KV.lanes-TELEMETRY.true";
    let sent = worker.publish_with_reply(key, reply.to_owned(), "".into());
    sent.await.unwrap();
    worker.flush().await.unwrap();
}

/// The subject of the next message.
async fn next(heard: &mut Subscriber) -> String {
    let message = timeout(PATIENCE, heard.next()).await;
    message.unwrap().unwrap().subject.into_string()
}

async fn goes(operator: &Client, name: &str, server: &Nats) {
    let gone = until_async(PATIENCE, || async { !is_there(operator, name).await }).await;
    assert!(gone.is_ok(), "{name} stays, on {}", server.version());
}

#[tokio::test(flavor = "multi_thread")]
async fn no_answer_leaves_the_account_of_who_asked() {
    for server in servers() {
        let operator = client(&server, "operator").await;
        set_up(&operator).await;
        let worker = client(&server, "worker").await;
        let mut heard = worker.subscribe("_INBOX_worker.*").await.unwrap();
        worker.flush().await.unwrap();
        let mut own = BTreeSet::from(["telemetry.app.other.true".to_owned()]);
        for (user, questions) in INTRUDERS {
            let intruder = client(&server, user).await;
            let mut answers = Vec::new();
            for (subject, payload) in questions {
                for reply in HARMFUL {
                    let sent = intruder.publish_with_reply(*subject, reply, (*payload).into());
                    sent.await.unwrap();
                }
                let answer = intruder.request(*subject, (*payload).into()).await;
                answers.push((subject, answer.is_ok()));
                if let Some(("telemetry", _)) | None = subject.split_once('.') {
                    own.insert((*subject).to_owned());
                }
            }
            // The same from inside of the account: by then the harm would have been done.
            stream(&operator, "CONTROL", &["deadletter-control"]).await;
            misuse(&worker, "$JS.API.STREAM.DELETE.CONTROL").await;
            goes(&operator, "CONTROL", &server).await;
            let at = format!("{user}, on {}", server.version());
            assert_eq!(held(&operator, "TELEMETRY").await, own, "{at}");
            for (stream, one) in [
                ("DEADLETTER", "deadletter.app.other.true"),
                ("KV_lanes-TELEMETRY", "$KV.lanes-TELEMETRY.true"),
            ] {
                let one = BTreeSet::from([one.to_owned()]);
                assert_eq!(held(&operator, stream).await, one, "{at}");
            }
            misuse(&worker, "_INBOX_worker.last").await;
            assert_eq!(next(&mut heard).await, "_INBOX_worker.last", "{at}");
            // They are questions: who asks for itself is answered.
            let all_are = answers.iter().all(|(_, is_answered)| *is_answered);
            assert!(all_are, "{at}: {answers:?}");
        }
    }
}

/// Once a server prevents this, `permissions.conf` and ARCHITECTURE.md are to say so.
#[tokio::test(flavor = "multi_thread")]
async fn a_worker_is_trusted_with_its_account() {
    for server in servers() {
        let operator = client(&server, "operator").await;
        set_up(&operator).await;
        let worker = client(&server, "worker").await;
        misuse(&worker, "telemetry.metric.other.forged").await;
        let forged = || async {
            let held = held(&operator, "TELEMETRY").await;
            held.contains("telemetry.metric.other.forged")
        };
        let forged = until_async(PATIENCE, forged).await;
        assert!(forged.is_ok(), "{}", server.version());
        misuse(&worker, "$JS.API.STREAM.DELETE.TELEMETRY").await;
        goes(&operator, "TELEMETRY", &server).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn an_observer_is_shown_what_there_is() {
    for server in servers() {
        let operator = client(&server, "operator").await;
        set_up(&operator).await;
        let observer = client(&server, "observer").await;
        let version = server.version();
        let context = jetstream::new(observer.clone());
        let names: BTreeSet<String> = context.stream_names().try_collect().await.unwrap();
        assert_eq!(names.len(), 3, "{version}: {names:?}");
        let stream = context.get_stream("TELEMETRY").await.unwrap();
        let first = stream.get_raw_message(1).await.unwrap();
        assert_eq!(first.subject.as_str(), "telemetry.app.other.true");
        let account: Value = context.request("INFO", &json!({})).await.unwrap();
        assert_eq!(account["streams"], 3, "{version}: {account}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_listener_hears_what_other_accounts_publish() {
    for server in servers() {
        let operator = client(&server, "operator").await;
        set_up(&operator).await;
        let listener = client(&server, "listener").await;
        let mut heard = Vec::new();
        for subject in ["telemetry.>", "humidity", "deadletter.>", "$JS.EVENT.>"] {
            heard.push(listener.subscribe(subject).await.unwrap());
        }
        // A publisher's connection may be served before the subscriptions are.
        listener.flush().await.unwrap();
        let [sensor, worker] = [client(&server, "sensor"), client(&server, "worker")];
        let (sensor, worker) = (sensor.await, worker.await);
        for (client, subject) in [
            (&sensor, "telemetry.app.sensor.a"),
            (&sensor, "humidity"),
            (&worker, "deadletter.app.sensor.a"),
        ] {
            client.publish(subject, "m v=1".into()).await.unwrap();
            client.flush().await.unwrap();
        }
        misuse(&worker, "$JS.API.STREAM.DELETE.TELEMETRY").await;
        let mut subjects = Vec::new();
        for subscriber in &mut heard {
            subjects.push(next(subscriber).await);
        }
        let event = subjects.pop().unwrap();
        assert!(event.starts_with("$JS.EVENT.ADVISORY."), "{event}");
        let wanted = [
            "telemetry.app.sensor.a",
            "humidity",
            "deadletter.app.sensor.a",
        ];
        assert_eq!(subjects, wanted, "{}", server.version());
    }
}
