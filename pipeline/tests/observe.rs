//! Promise: what servers, streams and durable consumers of NATS are and have done stands at `/metrics`, asked over NATS with the shipped
//! permissions; what is gone goes, what is limited stays within its limits, and silence is said.

#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

#[path = "rig/users.rs"]
mod users;

use std::time::Duration;

use async_nats::jetstream::consumer::{AckPolicy, PullConsumer, pull};
use async_nats::jetstream::{self, Context, stream};
use flightline::bus::{Bus, SUBSCRIPTION_CAPACITY};
use flightline_fixtures::cluster::Cluster;
use flightline_fixtures::http;
use flightline_fixtures::nats::{Nats, Options};
use flightline_fixtures::permissions::{inbox_of, password_of, shipped};
use flightline_fixtures::process::Signal;
use flightline_fixtures::prometheus::check_metrics;
use flightline_fixtures::wait::until_async;
use flightline_fixtures::worker::Worker;
use futures_util::StreamExt as _;
use users::{PATIENCE, client, login, servers};

const BINARY: &str = env!("CARGO_BIN_EXE_flightline");

/// Who is let in as whom.
fn keys(user: &str) -> String {
    format!(
        "user = \"{user}\"\npassword = \"{}\"\ninbox_prefix = \"{}\"\n",
        password_of(user),
        inbox_of(user)
    )
}

fn account(urls: &[String]) -> String {
    format!("[nats]\nurl = {urls:?}\n{}", keys("observer"))
}

fn system() -> String {
    format!("[observe.system]\n{}", keys("system"))
}

/// Both logins, once a second, with more keys for `[observe]`.
fn both(urls: &[String], more: &str) -> String {
    format!(
        "{}[observe]\ninterval = \"1s\"\n{more}\n{}",
        account(urls),
        system()
    )
}

fn observe(config: &str) -> Worker {
    Worker::observing(BINARY, config)
}

async fn operator(server: &Nats) -> Context {
    jetstream::new(client(server, "operator").await)
}

async fn make_stream(operator: &Context, name: &str, replicas: usize) -> stream::Stream {
    let config = stream::Config {
        name: name.to_owned(),
        subjects: vec![format!("telemetry.app.{name}.>")],
        max_bytes: 1 << 20,
        num_replicas: replicas,
        ..stream::Config::default()
    };
    let made = until_async(PATIENCE, || async {
        operator.create_stream(config.clone()).await.is_ok()
    });
    made.await.unwrap();
    operator.get_stream(name).await.unwrap()
}

async fn make_consumer(stream: &stream::Stream, config: pull::Config) -> PullConsumer {
    let config = pull::Config {
        ack_policy: AckPolicy::Explicit,
        ack_wait: Duration::from_secs(3600),
        ..config
    };
    stream.create_consumer(config).await.unwrap()
}

fn durable(name: &str) -> pull::Config {
    pull::Config {
        durable_name: Some(name.to_owned()),
        ..pull::Config::default()
    }
}

async fn publish(server: &Nats, subjects: &[&str]) {
    let login = login(server, "operator");
    let bus = Bus::connect(&login, SUBSCRIPTION_CAPACITY).await.unwrap();
    for subject in subjects {
        let subject = (*subject).to_owned().into();
        let kept = bus.store(subject, Default::default(), "v=1".into()).await;
        kept.unwrap().wait().await.unwrap();
    }
}

fn wait_listening(observer: &Worker) {
    let health = format!("http://{}/healthz", observer.admin());
    observer.wait_for("it listens", PATIENCE, || http::answers(&health, 200));
}

/// The value of a series; `None` if it is not there.
fn series(page: &str, name: &str) -> Option<f64> {
    let mut lines = page.lines();
    lines.find_map(|line| line.strip_prefix(name)?.strip_prefix(' ')?.parse().ok())
}

fn wait_series(observer: &Worker, name: &str, value: Option<f64>) {
    observer.wait_for(&format!("{name} {value:?}"), PATIENCE, || {
        series(&observer.get("/metrics").text(), name) == value
    });
}

/// What is told of the account after [`what_was_done_is_what_is_told`] has done its part.
const OF_THE_ACCOUNT: &[(&str, f64)] = &[
    (r#"nats_stream_up{stream="S"}"#, 1.0),
    (r#"nats_stream_messages{stream="S"}"#, 7.0),
    (r#"nats_stream_first_sequence{stream="S"}"#, 1.0),
    (r#"nats_stream_last_sequence{stream="S"}"#, 7.0),
    (r#"nats_stream_subjects{stream="S"}"#, 2.0),
    (r#"nats_stream_consumers{stream="S"}"#, 2.0),
    (r#"nats_stream_bytes_limit{stream="S"}"#, 1_048_576.0),
    (r#"nats_consumer_up{stream="S",consumer="reader"}"#, 1.0),
    (
        r#"nats_consumer_pending_messages{stream="S",consumer="reader"}"#,
        4.0,
    ),
    (
        r#"nats_consumer_ack_pending_messages{stream="S",consumer="reader"}"#,
        2.0,
    ),
    (
        r#"nats_consumer_ack_pending_limit_messages{stream="S",consumer="reader"}"#,
        100.0,
    ),
    (
        r#"nats_consumer_ack_floor_sequence{stream="S",consumer="reader"}"#,
        1.0,
    ),
    (
        r#"nats_consumer_delivered_sequence{stream="S",consumer="reader"}"#,
        3.0,
    ),
    (
        r#"nats_consumer_deliveries_total{stream="S",consumer="reader"}"#,
        3.0,
    ),
    ("nats_account_streams", 1.0),
    ("nats_account_streams_limit", 16.0),
    (r#"flightline_observe_left_out{kind="stream"}"#, 0.0),
];

/// And of the server.
const OF_THE_SERVER: &[(&str, f64)] = &[
    ("nats_server_up", 1.0),
    ("nats_jetstream_enabled", 1.0),
    ("nats_jetstream_streams", 1.0),
    ("nats_jetstream_messages", 7.0),
    ("nats_server_payload_limit_bytes", 1_048_576.0),
    ("nats_server_slow_consumers_total", 0.0),
];

#[tokio::test(flavor = "multi_thread")]
async fn what_was_done_is_what_is_told() {
    for server in servers() {
        let operator = operator(&server).await;
        let stream = make_stream(&operator, "S", 1).await;
        let subjects = ["telemetry.app.S.a", "telemetry.app.S.b"];
        publish(&server, &subjects.repeat(4)[..7]).await;
        let limited = pull::Config {
            max_ack_pending: 100,
            ..durable("reader")
        };
        let reader = make_consumer(&stream, limited).await;
        let mut messages = reader.fetch().max_messages(3).messages().await.unwrap();
        messages
            .next()
            .await
            .unwrap()
            .unwrap()
            .double_ack()
            .await
            .unwrap();
        while let Some(message) = messages.next().await {
            message.unwrap();
        }
        let passing = pull::Config {
            name: Some("passing".to_owned()),
            inactive_threshold: Duration::from_secs(3600),
            ..pull::Config::default()
        };
        make_consumer(&stream, passing).await;

        let mut observer = observe(&both(&[server.url()], ""));
        observer.wait_ready();
        let page = observer.get("/metrics").text();
        let version = server.version();
        for &(name, value) in OF_THE_ACCOUNT {
            assert_eq!(
                series(&page, name),
                Some(value),
                "{name} on {version}:\n{page}"
            );
        }
        assert!(!page.contains("passing"), "on {version}:\n{page}");

        let varz = server.monitor("/varz");
        let name = varz["server_name"].as_str().unwrap();
        for &(metric, value) in OF_THE_SERVER {
            let series_name = format!("{metric}{{server=\"{name}\"}}");
            assert_eq!(
                series(&page, &series_name),
                Some(value),
                "{series_name} on {version}:\n{page}"
            );
        }
        let info =
            format!("nats_server_info{{server=\"{name}\",version=\"{version}\",cluster=\"\"}}");
        assert_eq!(series(&page, &info), Some(1.0), "{page}");
        check_metrics(&page).unwrap_or_else(|said| panic!("{said}\n{page}"));
        let status = observer.status();
        assert_eq!(status["parts"][0]["state"], "fresh", "{status}");

        // What is gone goes with the next round.
        operator.delete_stream("S").await.unwrap();
        wait_series(&observer, r#"nats_stream_up{stream="S"}"#, None);
        assert!(!observer.get("/metrics").text().contains("reader"));
        assert_eq!(observer.stop().code(), Some(0), "{}", observer.log());
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_node_that_is_killed_is_said_to_be_down() {
    for options in Options::default().each_version() {
        let mut cluster = Cluster::of(&shipped(options)).unwrap();
        let operator = operator(&cluster.members()[0]).await;
        let stream = make_stream(&operator, "S", 3).await;
        make_consumer(&stream, durable("reader")).await;
        let leader = cluster.wait_leader("S");
        let observer = observe(&both(&cluster.urls(), ""));
        observer.wait_ready();
        for member in ["member-0", "member-1", "member-2"] {
            let up = format!("nats_server_up{{server=\"{member}\"}}");
            wait_series(&observer, &up, Some(1.0));
            let size = format!("nats_jetstream_meta_cluster_size{{server=\"{member}\"}}");
            wait_series(&observer, &size, Some(3.0));
        }
        wait_series(
            &observer,
            r#"nats_stream_replicas_offline{stream="S"}"#,
            Some(0.0),
        );
        wait_series(
            &observer,
            r#"nats_consumer_replicas_offline{stream="S",consumer="reader"}"#,
            Some(0.0),
        );
        let page = observer.get("/metrics").text();
        let leads = format!("nats_stream_leader{{stream=\"S\",server=\"member-{leader}\"}}");
        assert_eq!(series(&page, &leads), Some(1.0), "{page}");
        check_metrics(&page).unwrap_or_else(|said| panic!("{said}\n{page}"));

        // Not the stream's leader, so that it need not elect another.
        let victim = (leader + 1) % 3;
        cluster.member(victim).server().kill();
        wait_series(
            &observer,
            &format!("nats_server_up{{server=\"member-{victim}\"}}"),
            Some(0.0),
        );
        let memory = format!("nats_server_memory_bytes{{server=\"member-{victim}\"}}");
        wait_series(&observer, &memory, None);
        // To each other, servers that said no farewell are slow for some minutes before they are gone.
        observer.wait_for("the stream misses a follower", PATIENCE, || {
            let page = observer.get("/metrics").text();
            let followers = ["offline", "lagging"].map(|state| {
                series(
                    &page,
                    &format!("nats_stream_replicas_{state}{{stream=\"S\"}}"),
                )
            });
            followers.into_iter().flatten().sum::<f64>() == 1.0
        });
        let current = format!(
            "nats_jetstream_meta_peer_current{{cluster=\"fixtures\",peer=\"member-{victim}\"}}"
        );
        wait_series(&observer, &current, Some(0.0));
        observer.wait_for("one server leads", PATIENCE, || {
            let page = observer.get("/metrics").text();
            let leads = |line: &&str| {
                line.starts_with("nats_jetstream_meta_leader{") && line.ends_with(" 1")
            };
            page.lines().filter(leads).count() == 1
        });

        cluster.member(victim).server().restart();
        wait_series(
            &observer,
            &format!("nats_server_up{{server=\"member-{victim}\"}}"),
            Some(1.0),
        );
        wait_series(
            &observer,
            r#"nats_stream_replicas_lagging{stream="S"}"#,
            Some(0.0),
        );
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_server_that_is_away_is_said_and_its_figures_go() {
    let mut server = shipped(Options::default()).start();
    let operator = operator(&server).await;
    make_stream(&operator, "S", 1).await;
    let varz = server.monitor("/varz");
    let up = format!(
        "nats_server_up{{server=\"{}\"}}",
        varz["server_name"].as_str().unwrap()
    );
    let mut observer = observe(&both(&[server.url()], ""));
    observer.wait_ready();
    assert_eq!(series(&observer.get("/metrics").text(), &up), Some(1.0));

    server.server().kill();
    let ready = format!("http://{}/readyz", observer.admin());
    observer.wait_for("it is not ready", PATIENCE, || http::answers(&ready, 503));
    // Whether it is the server or the way to it, nobody here can tell.
    wait_series(&observer, &up, None);
    for part in ["servers", "streams"] {
        let failed = format!(
            "flightline_observe_rounds_failed_total{{part=\"{part}\",reason=\"disconnected\"}}"
        );
        observer.wait_for("failed rounds are counted", PATIENCE, || {
            observer.metric(&failed) > 0.0
        });
        let fresh = format!("flightline_observe_fresh{{part=\"{part}\"}}");
        wait_series(&observer, &fresh, Some(0.0));
    }
    let page = observer.get("/metrics").text();
    assert!(
        !page.contains("nats_stream_") && !page.contains("nats_server_memory"),
        "{page}"
    );

    server.server().restart();
    observer.wait_ready();
    assert_eq!(observer.stop().code(), Some(0), "{}", observer.log());
}

#[tokio::test(flavor = "multi_thread")]
async fn limits_hold_and_what_they_keep_out_is_counted() {
    let server = shipped(Options::default()).start();
    let operator = operator(&server).await;
    for stream in ["A", "B", "C", "D", "E"] {
        let stream = make_stream(&operator, stream, 1).await;
        for consumer in ["x", "y"] {
            make_consumer(&stream, durable(consumer)).await;
        }
    }
    let limits = "max_streams = 2\nmax_consumers = 3";
    let observer = observe(&both(&[server.url()], limits));
    observer.wait_ready();
    let page = observer.get("/metrics").text();
    let shown = |metric: &str| {
        let lines = page.lines().filter_map(|line| line.strip_prefix(metric));
        lines.map(str::to_owned).collect::<Vec<_>>()
    };
    assert_eq!(
        shown("nats_stream_up"),
        [r#"{stream="A"} 1"#, r#"{stream="B"} 1"#]
    );
    let consumers = [
        r#"{stream="A",consumer="x"} 1"#,
        r#"{stream="A",consumer="y"} 1"#,
        r#"{stream="B",consumer="x"} 1"#,
    ];
    assert_eq!(shown("nats_consumer_up"), consumers);
    let left_out = |kind| {
        series(
            &page,
            &format!("flightline_observe_left_out{{kind=\"{kind}\"}}"),
        )
    };
    assert_eq!(
        (left_out("stream"), left_out("consumer")),
        (Some(3.0), Some(1.0))
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn one_login_is_enough_for_its_part() {
    let server = shipped(Options::default()).start();
    let operator = operator(&server).await;
    make_stream(&operator, "S", 1).await;
    let streams = observe(&format!("{}[observe]\n", account(&[server.url()])));
    let servers = format!("[observe]\n{}url = \"{}\"\n", system(), server.url());
    let servers = observe(&servers);
    for (observer, has, has_not) in [
        (&streams, "nats_stream_up", "nats_server_"),
        (&servers, "nats_server_up", "nats_stream_"),
    ] {
        observer.wait_ready();
        let page = observer.get("/metrics").text();
        assert!(page.contains(has) && !page.contains(has_not), "{page}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn who_has_another_account_than_the_systems_is_told_so() {
    let server = shipped(Options::default()).start();
    let config = both(&[server.url()], "").replace(&keys("system"), &keys("operator"));
    let observer = observe(&config);
    wait_listening(&observer);
    let failed = r#"flightline_observe_rounds_failed_total{part="servers",reason="unanswered"}"#;
    observer.wait_for("it is counted", PATIENCE, || observer.metric(failed) > 0.0);
    let ready = http::get(&format!("http://{}/readyz", observer.admin())).unwrap();
    assert_eq!(ready.status, 503);
    assert!(ready.text().contains("servers"), "{}", ready.text());
    let status = observer.status();
    let error = status["parts"][0]["last_error"]["error"].as_str().unwrap();
    assert!(error.contains("system account"), "{status}");
}

#[test]
fn it_ends_when_told_to_while_no_server_is_there() {
    let config = "[nats]\nurl = \"nats://127.0.0.1:1\"\n[observe]\n";
    let mut observer = observe(config);
    wait_listening(&observer);
    observer.signal(Signal::Term);
    assert_eq!(
        observer.wait(PATIENCE).code(),
        Some(0),
        "{}",
        observer.log()
    );
}
