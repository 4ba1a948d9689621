//! What peers are told, what they are not asked to do, and what they say of themselves.

use std::time::Duration;

use async_nats::jetstream::{self, stream};
use flightline_fixtures::nats::Options;

use super::*;
use crate::program::{Api, Target};
use crate::scenario::Store;

fn setting(source: Source, api: Api) -> Setting {
    Setting {
        scenario: Scenario {
            source,
            store: Store::Discard,
            ..Scenario::default()
        },
        nats: "nats://127.0.0.1:4222".to_owned(),
        subjects: vec!["telemetry.>".to_owned()],
        stream: "TELEMETRY".to_owned(),
        consumer: "bench".to_owned(),
        group: "benches".to_owned(),
        store: Target {
            url: "http://127.0.0.1:8086".to_owned(),
            api,
        },
        batch_lines: 5_000,
        batch_age: Duration::from_millis(1_000),
        folder: PathBuf::from("folder"),
        port: 9,
        front: 10,
        worker: 0,
    }
}

fn filled(kind: Kind, source: Source, api: Api) -> String {
    let setting = setting(source, api);
    let names = Names::new(&setting, kind.owner()).unwrap();
    let values = template::values(&setting, &names).unwrap();
    let way = way(&setting.scenario).unwrap();
    template::fill(&kind.config(&setting, way), &values).unwrap()
}

#[test]
fn every_place_of_every_shipped_configuration_is_filled() {
    for kind in Kind::ALL {
        for source in [Source::Core, Source::Explicit] {
            for api in [Api::V1, Api::V2] {
                let config = filled(kind, source, api);
                assert!(config.contains("nats://127.0.0.1:4222"), "{config}");
                assert!(config.contains("http://127.0.0.1:8086"), "{config}");
            }
        }
    }
}

#[test]
fn telegraf_is_told_in_toml_that_can_be_read() {
    for api in [Api::V1, Api::V2] {
        for source in [Source::Core, Source::Explicit] {
            let config: toml::Table = filled(Kind::Telegraf, source, api).parse().unwrap();
            let agent = &config["agent"];
            assert_eq!(agent["metric_batch_size"].as_integer(), Some(5_000));
            assert_eq!(agent["flush_interval"].as_str(), Some("1000ms"));
        }
    }
}

#[test]
fn a_peer_with_a_consumer_of_its_own_leaves_the_trials_alone() {
    assert!(filled(Kind::Vector, Source::Explicit, Api::V1).contains("consumer: \"bench\""));
    assert!(
        filled(Kind::Telegraf, Source::Explicit, Api::V1).contains("queue_group = \"bench_push\"")
    );
    assert!(filled(Kind::Connect, Source::Explicit, Api::V1).contains("durable: \"bench_push\""));
}

#[test]
fn a_batch_is_counted_in_what_the_peer_counts() {
    let mut many = setting(Source::Core, Api::V1);
    many.scenario.shape = Shape::Lines50;
    let names = Names::new(&many, Owner::Trial).unwrap();
    let values = template::values(&many, &names).unwrap();
    let value = |name| {
        values
            .iter()
            .find(|(known, _)| *known == name)
            .unwrap()
            .1
            .as_str()
    };
    assert_eq!(value("batch_lines"), "5000");
    assert_eq!(value("batch_messages"), "100");
    assert_eq!(value("open_messages"), "4000");
}

#[test]
fn a_place_that_nothing_fills_and_a_value_that_ends_its_quotes_are_refused() {
    let values = vec![("a", "1".to_owned())];
    assert_eq!(template::fill("x = {{a}}", &values).unwrap(), "x = 1");
    assert!(template::fill("x = {{b}}", &values).is_err());
    let values = vec![("a", "\"; rm".to_owned())];
    assert!(template::fill("x = \"{{a}}\"", &values).is_err());
}

#[test]
fn peers_are_not_asked_for_what_they_do_otherwise() {
    let can = Scenario::default();
    assert_eq!(refused(&can), None);
    let json = Scenario {
        shape: Shape::Sensor,
        ..can
    };
    let exporter = Scenario {
        exporter: Switch::On,
        ..can
    };
    let ack_all = Scenario {
        source: Source::Partitions(1),
        ..can
    };
    let front = Scenario {
        source: "front=4".parse().unwrap(),
        ..can
    };
    for cannot in [json, exporter, ack_all, front] {
        assert!(refused(&cannot).is_some(), "{cannot}");
    }
}

#[test]
fn the_version_is_the_word_that_looks_like_one() {
    let said = [
        ("Telegraf 1.37.2 (git: HEAD@abc)", Some("1.37.2")),
        (
            "vector 0.50.0 (x86_64-unknown-linux-gnu 9053198 2026-08-21)",
            Some("0.50.0"),
        ),
        ("Version: v4.106.0\nDate: 2026-08-21", Some("4.106.0")),
        ("who knows", None),
    ];
    for (said, version) in said {
        assert_eq!(version_in(said).as_deref(), version);
    }
}

#[test]
fn an_absent_binary_is_said_to_be_absent() {
    let error = Peer::new(Kind::Vector, Path::new("nowhere/vector")).unwrap_err();
    assert_eq!(error.to_string(), "no file nowhere/vector");
}

#[test]
fn the_push_consumer_has_room_for_more_than_a_client_would_ask_for() {
    let nats = Options::default().try_start().unwrap();
    let mut setting = setting(Source::Explicit, Api::V1);
    setting.nats = nats.url();
    let names = Names::new(&setting, Owner::Peer).unwrap();
    let runtime = tokio::runtime::Runtime::new().unwrap();
    let info = runtime.block_on(async {
        let client = async_nats::connect(&setting.nats).await.unwrap();
        let context = jetstream::new(client);
        let config = stream::Config {
            name: setting.stream.clone(),
            subjects: setting.subjects.clone(),
            ..stream::Config::default()
        };
        let stream = context.create_stream(config).await.unwrap();
        push::consumer(&setting, &names).unwrap();
        push::consumer(&setting, &names).unwrap();
        stream.consumer_info("bench_push").await.unwrap()
    });
    assert_eq!(info.config.max_ack_pending, 65_536);
    assert_eq!(info.config.deliver_group.as_deref(), Some("bench_push"));
}
