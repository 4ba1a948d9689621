//! Promise: with the permissions that Flightline ships, a supervisor publishes all that it has to say of its own service, each change once and in
//! order, and nothing of another service. Held against every nats-server on the machine.

#[path = "rig/publish.rs"]
mod rig;

use std::time::Duration;

use async_nats::HeaderMap;
use async_nats::jetstream::{self, stream};
use flightline_contract::health::Status;
use flightline_contract::token::Token;
use flightline_fixtures::nats::{Nats, Options};
use flightline_fixtures::permissions::{inbox_of, password_of, shipped};
use flightline_fixtures::wait::until_async;
use flightline_link::nats::{Echo, voice::Voice};
use flightline_link::nats::{Nats as Server, NatsAuth, connect};
use flightline_link::secret::Secret;
use flightline_supervisor::config;
use flightline_supervisor::publish::Publisher;
use futures_util::StreamExt;
use futures_util::future::join_all;
use rig::{Other, PATIENCE, change, gauge, health, wait_for};

fn servers() -> impl Iterator<Item = Nats> {
    let versions = Options::default().each_version();
    versions.into_iter().map(|options| shipped(options).start())
}

fn as_user(user: &str, config: &mut Server) {
    config.auth = NatsAuth::Password {
        user: user.to_owned(),
        password: Secret::Value(password_of(user)),
    };
    config.inbox_prefix = inbox_of(user);
}

/// The supervisor `user`, which says that it is of `service`.
fn config(server: &Nats, user: &str, service: &str) -> config::Nats {
    let mut config = rig::config(&server.url());
    as_user(user, &mut config.server);
    config.service = Token::new(service).expect("a token");
    config
}

/// Somebody who may look.
async fn operator(server: &Nats) -> Other {
    let mut config = rig::config(&server.url()).server;
    as_user("operator", &mut config);
    let client = connect(&config, 1024, Echo::On, Voice::default().into()).await;
    Other {
        client: client.expect("the operator is let in"),
    }
}

#[tokio::test]
async fn all_that_a_supervisor_says_of_its_service_arrives() {
    for server in servers() {
        let operator = operator(&server).await;
        operator.stream(Duration::from_secs(120)).await;
        // At once: 2.9 keeps each of them waiting.
        let all = [
            ("sensor_supervisor", "sensor"),
            ("worker_supervisor", "flightline"),
            ("platform_supervisor", "nats"),
            ("platform_supervisor", "observer"),
            ("platform_supervisor", "balancer"),
            ("platform_supervisor", "prometheus"),
        ]
        .map(|(user, service)| arrives(&server, &operator, user, service));
        join_all(all).await;
    }
}

async fn arrives(server: &Nats, operator: &Other, user: &str, service: &str) {
    let topic = |class: &str| format!("telemetry.{class}.{service}.shop-1");
    let mut heard = operator.subscribe(&topic("*")).await;
    let publisher = Publisher::start(&config(server, user, service), "p1");
    for sequence in 1..=20 {
        publisher.lifecycle(change(sequence));
    }
    wait_for(&publisher, |counts| counts.published == 20).await;
    for sequence in 1..=20 {
        let message = rig::next(&mut heard).await;
        assert_eq!(message.subject.as_str(), topic("lifecycle"));
        assert_eq!(rig::sequence(&message.payload), sequence);
    }
    publisher.health(health("disk", Status::Passing, "ok"));
    publisher.metrics([gauge("load", 1.5)]);
    for class in ["health", "metric"] {
        assert_eq!(rig::next(&mut heard).await.subject.as_str(), topic(class));
    }
    let counts = publisher.counts();
    assert_eq!(
        (counts.refused, counts.dropped, counts.lost),
        (0, 0, 0),
        "{user}, {}",
        server.version()
    );
}

#[tokio::test]
async fn nothing_of_another_service_arrives() {
    for server in servers() {
        let operator = operator(&server).await;
        operator.stream(Duration::from_secs(120)).await;
        let mut heard = operator.subscribe("telemetry.>").await;
        let impostor = Publisher::start(&config(&server, "sensor_supervisor", "flightline"), "p1");
        impostor.lifecycle(change(1));
        impostor.health(health("disk", Status::Passing, "ok"));
        impostor.metrics([gauge("load", 1.5)]);
        wait_for(&impostor, |counts| {
            counts.refused == 1 && counts.dropped == 2
        })
        .await;
        let honest = Publisher::start(&config(&server, "sensor_supervisor", "sensor"), "p2");
        honest.lifecycle(change(1));
        let first = rig::next(&mut heard).await;
        assert_eq!(first.subject.as_str(), "telemetry.lifecycle.sensor.shop-1");
    }
}

#[tokio::test]
async fn a_change_that_is_sent_again_late_is_not_stored_twice() {
    for server in servers() {
        let operator = operator(&server).await;
        let streams = jetstream::new(operator.client.clone());
        // As a worker creates it, but for how long it remembers ids.
        let stream = streams.create_stream(stream::Config {
            name: "TELEMETRY".to_owned(),
            subjects: vec!["telemetry.>".to_owned()],
            duplicate_window: Duration::from_millis(100),
            allow_direct: true,
            ..stream::Config::default()
        });
        let stream = stream.await.expect("the operator makes a stream");
        for _ in 0..2 {
            let publisher = Publisher::start(&config(&server, "sensor_supervisor", "sensor"), "p1");
            publisher.lifecycle(change(1));
            wait_for(&publisher, |counts| counts.published == 1).await;
            forgets(&operator).await;
        }
        let changes = stream.info_with_subjects("telemetry.lifecycle.>").await;
        let changes: Vec<_> = changes.expect("the stream is there").collect().await;
        let [Ok((subject, 1))] = changes.as_slice() else {
            panic!("{}: {changes:?}", server.version());
        };
        assert_eq!(subject, "telemetry.lifecycle.sensor.shop-1");
    }
}

/// Waits until the stream has forgotten the ids of what it has.
async fn forgets(operator: &Other) {
    let mut ids = HeaderMap::new();
    ids.insert("Nats-Msg-Id", "mine");
    let stored = || async {
        let stored = operator.store(
            "telemetry.app.sensor.probe",
            ids.clone(),
            b"m v=1 1".to_vec(),
        );
        stored.await == Ok(true)
    };
    assert!(stored().await || until_async(PATIENCE, stored).await.is_ok());
    assert!(until_async(PATIENCE, stored).await.is_ok());
}
