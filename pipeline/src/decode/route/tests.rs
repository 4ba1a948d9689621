//! Where subjects lead, and what a configuration may not say.

use std::path::PathBuf;
use std::time::Duration;

use flightline_contract::filter::FilterError;
use flightline_link::tls::Tls;

use super::*;
use crate::config::{Compression, Influx, InfluxApi, InfluxAuth, JsonPath, LineFile, Pick, Sink};

/// A file sink that takes `classes`.
pub(crate) fn lines_in_files(classes: &[Class]) -> Sink {
    Sink {
        name: "file".to_owned(),
        classes: classes.to_vec(),
        kind: SinkKind::File(LineFile {
            dir: PathBuf::from("lines"),
            max_bytes: 1,
            max_age: Duration::from_secs(1),
            keep_bytes: None,
            compression: Compression::None,
        }),
    }
}

/// An InfluxDB 1 or 3 that takes `classes`.
pub(in crate::decode) fn influx(dialect: Dialect, classes: &[Class]) -> Sink {
    let db = "db".to_owned();
    Sink {
        name: "influx".to_owned(),
        classes: classes.to_vec(),
        kind: SinkKind::Influx(Influx {
            url: url::Url::parse("http://localhost:8086").unwrap(),
            api: match dialect {
                Dialect::V1 => InfluxApi::V1 { db, rp: None },
                Dialect::V2 => InfluxApi::V2 {
                    org: db.clone(),
                    bucket: db,
                },
                Dialect::V3 => InfluxApi::V3 { db },
            },
            auth: InfluxAuth::None,
            tls: Tls::default(),
            compression: Compression::None,
            in_flight: 1,
            timeout: Duration::from_secs(1),
            max_backoff: Duration::from_secs(1),
            line_patience: Duration::from_secs(60),
        }),
    }
}

/// A mapping of `subjects` to application data of the service `sensors`.
pub(in crate::decode) fn sensors(subjects: &[&str]) -> config::Mapping {
    config::Mapping {
        subjects: subjects.iter().map(|&subject| subject.to_owned()).collect(),
        class: Class::App,
        service: "sensors".to_owned(),
        encoding: None,
        measurement: Pick::Json(JsonPath(vec!["type".to_owned()])),
        tags: Vec::new(),
        fields: Vec::new(),
        time: None,
    }
}

#[test]
fn the_contracts_own_subjects_come_first_then_mappings_in_their_order() {
    let mut second = sensors(&["plant.>"]);
    second.service = "plant".to_owned();
    let mut all = sensors(&[">"]);
    all.service = "rest".to_owned();
    let mappings = [sensors(&["humidity", "*.motion"]), second, all];
    let router = Router::of("telemetry", &mappings, &[lines_in_files(&Class::ALL)]).unwrap();
    for (subject, class, service, token) in [
        (
            "telemetry.health.shop.shop-1",
            Class::Health,
            "shop",
            "shop-1",
        ),
        ("humidity", Class::App, "sensors", "humidity"),
        ("plant.motion", Class::App, "sensors", "motion"),
        ("plant.a.b", Class::App, "plant", "b"),
        ("telemetry.health.shop", Class::App, "rest", "shop"),
    ] {
        let route = router.route(subject).unwrap();
        assert_eq!(
            (route.class, route.service, route.token),
            (class, service, token),
            "{subject}"
        );
        assert_eq!(
            route.mapping.is_some(),
            !subject.starts_with("telemetry.health.shop.")
        );
    }
}

#[test]
fn classes_with_the_same_sinks_share_a_destination_and_its_rules_are_those_of_all_of_them() {
    let sinks = [
        lines_in_files(&[Class::Metric, Class::App]),
        influx(Dialect::V1, &[Class::App, Class::Metric, Class::Health]),
        influx(Dialect::V3, &[Class::Health]),
    ];
    let router = Router::of("telemetry", &[], &sinks).unwrap();
    let destination = |class: &str| {
        let subject = format!("telemetry.{class}.shop.shop-1");
        let index = router.route(&subject).unwrap().destination;
        (index, router.destinations()[index].clone())
    };
    assert_eq!(destination("metric"), destination("app"));
    assert_eq!(destination("metric").1.sinks, [0, 1]);
    assert_eq!(
        destination("metric").1.rules,
        Rules::of([Dialect::V1, Dialect::V2])
    );
    assert_eq!(destination("health").1.sinks, [1, 2]);
    assert_eq!(
        destination("health").1.rules,
        Rules::of([Dialect::V1, Dialect::V3])
    );
    assert_eq!(destination("lifecycle").0, router.strays());
    assert!(router.destinations()[router.strays()].sinks.is_empty());
    assert_eq!(router.destinations().len(), 3);
}

#[test]
fn a_stray_has_a_destination_without_sinks_and_a_topic_for_its_letter() {
    let router = Router::of("telemetry", &[], &[lines_in_files(&Class::ALL)]).unwrap();
    assert!(router.route("telemetry.metrics.shop.shop-1").is_none());
    assert!(router.destinations()[router.strays()].sinks.is_empty());
    for (subject, topic) in [
        (
            "telemetry.metrics.shop.shop-1",
            "deadletter.unknown.telemetry.shop-1",
        ),
        ("humidity", "deadletter.unknown.humidity.humidity"),
        ("telemetry.app.shop.orders", "deadletter.app.shop.orders"),
    ] {
        assert_eq!(router.dead_letter_topic(subject).as_str(), topic);
    }
}

#[test]
fn a_wrong_prefix_or_pattern_is_named() {
    let prefix = Router::of("a.b", &[], &[]).unwrap_err();
    assert!(prefix.to_string().starts_with("prefix `a.b`: "), "{prefix}");
    let subject = Router::of("telemetry", &[sensors(&["a.>.b"])], &[]).unwrap_err();
    assert_eq!(
        subject,
        RouterError::Subject {
            subject: "a.>.b".to_owned(),
            error: FilterError::GreaterNotLast
        }
    );
}
