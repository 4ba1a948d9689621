//! Promise: where no stream takes changes, or nobody says whether one does, they are delivered all the same; what the server refuses for
//! good is counted and holds nothing up; results and samples are published as configured.

#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

#[path = "rig/publish.rs"]
mod rig;

use std::time::Duration;

use flightline_contract::health::{Health, Status};
use flightline_contract::metric::{Kind, Temporality};
use flightline_fixtures::nats::{Nats, Options};
use flightline_fixtures::wait::until_async;
use flightline_link::nats::NatsAuth;
use flightline_link::secret::Secret;
use flightline_supervisor::config::{self, PublishMetrics};
use flightline_supervisor::publish::Publisher;
use rig::{
    LIFECYCLE, Other, PATIENCE, change, config, gauge, health, next, samples, sequence, wait_for,
};

const WINDOW: Duration = Duration::from_secs(120);

/// A server of each version with a user for the supervisor, who has these permissions, and one for anybody else.
fn guarded(permissions: &str) -> Vec<Nats> {
    let guard = format!(
        "authorization {{ users: [ {{ user: supervisor, password: s, permissions: {{ {permissions} }} }}, {{ user: other, password: o }} ] }}\n\
         no_auth_user: other"
    );
    let options = Options::default().config(&guard).each_version();
    options.into_iter().map(Options::start).collect()
}

fn as_supervisor(server: &Nats) -> config::Nats {
    let mut config = config(&server.url());
    config.server.auth = NatsAuth::Password {
        user: "supervisor".to_owned(),
        password: Secret::Value("s".to_owned()),
    };
    config
}

/// Changes reach a plain subscriber in order.
async fn reaches_a_subscriber(server: &Nats) {
    let mut subscriber = Other::at(server).await.subscribe(LIFECYCLE).await;
    let publisher = Publisher::start(&config(&server.url()), "p1");
    for sequence in 1..=50 {
        publisher.lifecycle(change(sequence));
    }
    for expected in 1..=50 {
        let message = next(&mut subscriber).await;
        assert_eq!(sequence(&message.payload), expected);
        let id = message.headers.unwrap();
        assert_eq!(
            id.get("Nats-Msg-Id").unwrap().as_str(),
            format!("shop-1-p1-{expected}")
        );
    }
    wait_for(&publisher, |counts| counts.published == 50).await;
}

#[tokio::test]
async fn without_jetstream_subscribers_get_every_change() {
    for options in Options::default().core().each_version() {
        reaches_a_subscriber(&options.start()).await;
    }
}

#[tokio::test]
async fn without_a_stream_subscribers_get_every_change() {
    for options in Options::default().each_version() {
        reaches_a_subscriber(&options.start()).await;
    }
}

#[tokio::test]
async fn without_anybody_changes_are_published_all_the_same() {
    for server in [Nats::start(), Options::default().core().start()] {
        let publisher = Publisher::start(&config(&server.url()), "p1");
        publisher.lifecycle(change(1));
        wait_for(&publisher, |counts| counts.published == 1).await;
    }
}

#[tokio::test]
async fn who_may_not_ask_for_streams_is_stored_in_one_all_the_same() {
    for server in guarded(r#"publish: ["telemetry.>"], subscribe: ["_INBOX.>"]"#) {
        let other = Other::at(&server).await;
        let publisher = Publisher::start(&as_supervisor(&server), "p1");
        publisher.lifecycle(change(1));
        wait_for(&publisher, |counts| counts.published == 1).await;
        other.stream(WINDOW).await;
        for sequence in 2..=20 {
            publisher.lifecycle(change(sequence));
        }
        wait_for(&publisher, |counts| counts.published == 20).await;
        let expected: Vec<u64> = (2..=20).collect();
        assert_eq!(other.stored().await, expected);
    }
}

#[tokio::test]
async fn who_may_not_hear_answers_is_stored_in_a_stream_all_the_same() {
    for server in guarded(r#"publish: [">"], subscribe: { deny: [">"] }"#) {
        let other = Other::at(&server).await;
        other.stream(WINDOW).await;
        let publisher = Publisher::start(&as_supervisor(&server), "p1");
        for sequence in 1..=20 {
            publisher.lifecycle(change(sequence));
        }
        wait_for(&publisher, |counts| counts.published == 20).await;
        let arrived = until_async(PATIENCE, || async { other.stored().await.len() == 20 }).await;
        arrived.unwrap();
        assert!(other.stored().await.is_sorted());
    }
}

#[tokio::test]
async fn what_may_not_be_published_is_refused_and_holds_nothing_up() {
    for answers in ["\"_INBOX.>\", \"$JS.API.>\"", ""] {
        let comma = if answers.is_empty() { "" } else { "," };
        let servers = guarded(&format!(
            r#"publish: ["telemetry.health.>"{comma} {answers}], subscribe: ["_INBOX.>"]"#
        ));
        for server in servers {
            let mut healths = Other::at(&server)
                .await
                .subscribe("telemetry.health.>")
                .await;
            let publisher = Publisher::start(&as_supervisor(&server), "p1");
            for sequence in 1..=20 {
                publisher.lifecycle(change(sequence));
            }
            publisher.metrics([gauge("a", 1.0), gauge("b", 1.0)]);
            publisher.health(health("web", Status::Passing, ""));
            next(&mut healths).await;
            wait_for(&publisher, |counts| {
                counts.refused == 20 && counts.dropped == 2
            })
            .await;
            assert_eq!(publisher.counts().waiting, 0);
        }
    }
}

#[tokio::test]
async fn what_is_too_large_for_the_server_or_the_stream_is_refused_alone() {
    let server = Options::default().config("max_payload: 600").start();
    let publisher = Publisher::start(&config(&server.url()), "p1");
    let mut large = change(1);
    large.cause = "x".repeat(1000).into();
    publisher.lifecycle(large);
    publisher.lifecycle(change(2));
    wait_for(&publisher, |counts| counts.published == 1).await;
    publisher.health(health("large", Status::Passing, &"x".repeat(1000)));
    publisher.health(health("small", Status::Passing, ""));
    wait_for(&publisher, |counts| counts.dropped == 1).await;
    assert_eq!(publisher.counts().refused, 1);

    let server = Nats::start();
    let other = Other::at(&server).await;
    other.stream_of_small_messages(600).await;
    let publisher = Publisher::start(&config(&server.url()), "p1");
    let mut large = change(1);
    large.cause = "x".repeat(1000).into();
    publisher.lifecycle(large);
    publisher.lifecycle(change(2));
    wait_for(&publisher, |counts| {
        counts.published == 1 && counts.refused == 1
    })
    .await;
    assert_eq!(other.stored().await, [2]);
}

#[tokio::test]
async fn a_stream_that_is_made_or_deleted_meanwhile_is_noticed() {
    for options in Options::default().each_version() {
        let server = options.start();
        let other = Other::at(&server).await;
        other.stream(WINDOW).await;
        let publisher = Publisher::start(&config(&server.url()), "p1");
        publisher.lifecycle(change(1));
        wait_for(&publisher, |counts| counts.published == 1).await;
        other.delete_stream().await;
        publisher.lifecycle(change(2));
        wait_for(&publisher, |counts| counts.published == 2).await;
        other.stream(WINDOW).await;
        // Nothing was known of a stream for less than half a minute; what is published meanwhile is stored, too.
        publisher.lifecycle(change(3));
        wait_for(&publisher, |counts| counts.published == 3).await;
        assert_eq!(other.stored().await, [3]);
    }
}

#[tokio::test]
async fn results_are_published_on_change_and_cut_at_a_character() {
    let server = Nats::start();
    let mut subscriber = Other::at(&server)
        .await
        .subscribe("telemetry.health.shop.shop-1")
        .await;
    let publisher = Publisher::start(&config(&server.url()), "p1");
    let long = "é".repeat(4000);
    for (status, output) in [
        (Status::Passing, "a"),
        (Status::Passing, "b"),
        (Status::Critical, &long),
        (Status::Critical, "d"),
        (Status::Passing, "e"),
    ] {
        publisher.health(health("web", status, output));
        if output == "b" || output == "d" {
            continue;
        }
        let message = next(&mut subscriber).await;
        let read: Health<'_> = serde_json::from_slice(&message.payload).unwrap();
        assert_eq!((read.status, &*read.check), (status, "web"));
        let output: String = output.chars().take(2048).collect();
        assert_eq!(read.output.as_deref(), Some(output.as_str()));
        assert!(read.time.is_some());
    }
}

#[tokio::test]
async fn samples_are_published_where_configured() {
    let server = Nats::start();
    let other = Other::at(&server).await;
    let mut subscriber = other.subscribe("telemetry.metric.shop.shop-1").await;
    let mut local = config(&server.url());
    local.metrics = PublishMetrics::Local;
    let silent = Publisher::start(&local, "p1");
    silent.metrics([gauge("silent", 1.0)]);
    let publisher = Publisher::start(&config(&server.url()), "p1");
    let mut counter = gauge("jobs", 7.0);
    counter.kind = Kind::Counter;
    counter.temporality = Some(Temporality::Cumulative);
    publisher.metrics([gauge("load", 0.5), counter, gauge("nonsense", f64::NAN)]);
    let message = next(&mut subscriber).await;
    let expected = [("jobs", 7.0), ("load", 0.5)];
    let expected = expected.map(|(name, value)| (name.to_owned(), Some(value)));
    assert_eq!(samples(&message.payload), expected);
    assert_eq!(publisher.counts().dropped, 1);
    publisher.metrics([gauge("load", 0.75)]);
    let message = next(&mut subscriber).await;
    assert_eq!(samples(&message.payload), [("load".to_owned(), Some(0.75))]);
}
