//! Promise: with the permissions that Flightline ships, a supervisor publishes all that it has to say of its own service, each change once and in
//! order, and nothing of another service. Held against every nats-server on the machine.

#[path = "rig/publish.rs"]
mod rig;

use flightline_contract::health::Status;
use flightline_contract::token::Token;
use flightline_fixtures::nats::{Nats, Options};
use flightline_fixtures::permissions::{inbox_of, password_of, shipped};
use flightline_link::nats::{Echo, voice::Voice};
use flightline_link::nats::{Nats as Server, NatsAuth, connect};
use flightline_link::secret::Secret;
use flightline_supervisor::config;
use flightline_supervisor::publish::Publisher;
use rig::{Other, change, gauge, health, wait_for};

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

/// The supervisor of the shipped service, which says that it is of `service`.
fn config(server: &Nats, service: &str) -> config::Nats {
    let mut config = rig::config(&server.url());
    as_user("sensor_supervisor", &mut config.server);
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
        operator.stream(std::time::Duration::from_secs(120)).await;
        let mut heard = operator.subscribe("telemetry.*.sensor.shop-1").await;
        let publisher = Publisher::start(&config(&server, "sensor"), "p1");
        for sequence in 1..=20 {
            publisher.lifecycle(change(sequence));
        }
        wait_for(&publisher, |counts| counts.published == 20).await;
        for sequence in 1..=20 {
            let message = rig::next(&mut heard).await;
            assert_eq!(
                message.subject.as_str(),
                "telemetry.lifecycle.sensor.shop-1"
            );
            assert_eq!(rig::sequence(&message.payload), sequence);
        }
        publisher.health(health("disk", Status::Passing, "ok"));
        publisher.metrics([gauge("load", 1.5)]);
        for subject in [
            "telemetry.health.sensor.shop-1",
            "telemetry.metric.sensor.shop-1",
        ] {
            assert_eq!(rig::next(&mut heard).await.subject.as_str(), subject);
        }
        let counts = publisher.counts();
        assert_eq!(
            (counts.refused, counts.dropped, counts.lost),
            (0, 0, 0),
            "{}",
            server.version()
        );
    }
}

#[tokio::test]
async fn nothing_of_another_service_arrives() {
    for server in servers() {
        let operator = operator(&server).await;
        operator.stream(std::time::Duration::from_secs(120)).await;
        let mut heard = operator.subscribe("telemetry.>").await;
        let impostor = Publisher::start(&config(&server, "flightline"), "p1");
        impostor.lifecycle(change(1));
        impostor.health(health("disk", Status::Passing, "ok"));
        impostor.metrics([gauge("load", 1.5)]);
        wait_for(&impostor, |counts| {
            counts.refused == 1 && counts.dropped == 2
        })
        .await;
        let honest = Publisher::start(&config(&server, "sensor"), "p2");
        honest.lifecycle(change(1));
        let first = rig::next(&mut heard).await;
        assert_eq!(first.subject.as_str(), "telemetry.lifecycle.sensor.shop-1");
    }
}
