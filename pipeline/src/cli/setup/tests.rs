//! Against the stub's management API, as it is written in InfluxDB's own documentation. A real InfluxDB 1 is in `tests/config.rs`.

use flightline_fixtures::stub::Stub;

use super::*;
use crate::config::environment::Environment;
use crate::config::load::load;

fn influx(url: &str, more: &[(&str, &str)]) -> Influx {
    let keys = [
        ("KIND", "influxdb"),
        ("URL", url),
        ("API", "v2"),
        ("ORG", "fleet"),
        ("BUCKET", "telemetry"),
        ("TIMEOUT", "5s"),
    ];
    let mut all: Vec<(String, String)> = Vec::new();
    for (key, value) in keys.iter().chain(more) {
        all.retain(|(name, _)| name != &format!("FLIGHTLINE__SINK__{key}"));
        if !value.is_empty() {
            all.push((format!("FLIGHTLINE__SINK__{key}"), (*value).to_owned()));
        }
    }
    let loaded = load(&[], &Environment::of(all)).unwrap_or_else(|report| panic!("{report}"));
    match loaded.config.sinks.into_iter().next().map(|sink| sink.kind) {
        Some(SinkKind::Influx(influx)) => influx,
        _ => panic!("an InfluxDB sink"),
    }
}

const V1: [(&str, &str); 4] = [("API", "v1"), ("DB", "te\"le"), ("ORG", ""), ("BUCKET", "")];

#[tokio::test]
async fn what_is_absent_is_created_and_what_is_there_stays() {
    let stub = Stub::start();
    let influx = influx(&stub.url(), &[("TOKEN", "t")]);
    let month = Some(Duration::from_secs(30 * 86_400));
    let done = set_up(&influx, month).await.unwrap();
    assert_eq!(
        done,
        "organisation fleet created, bucket telemetry created with that retention"
    );
    assert_eq!(stub.buckets(), [("telemetry".to_owned(), 30 * 86_400)]);
    let done = set_up(&influx, None).await.unwrap();
    assert_eq!(done, "organisation fleet found, bucket telemetry found");
    assert_eq!(stub.buckets().len(), 1);
}

#[tokio::test]
async fn without_retention_data_is_kept_for_ever() {
    let stub = Stub::start();
    stub.create_org("fleet");
    let done = set_up(&influx(&stub.url(), &[("TOKEN", "t")]), None)
        .await
        .unwrap();
    assert_eq!(
        done,
        "organisation fleet found, bucket telemetry created, data is kept for ever"
    );
    assert_eq!(stub.buckets(), [("telemetry".to_owned(), 0)]);
}

#[tokio::test]
async fn a_refused_token_is_told_and_not_shown() {
    let stub = Stub::start();
    stub.require_token("right");
    let failure = set_up(&influx(&stub.url(), &[("TOKEN", "wr0ng")]), None)
        .await
        .unwrap_err();
    assert_eq!(failure.exit, Exit::Unavailable);
    assert!(failure.text.contains("is the token right?"), "{failure}");
    assert!(!failure.text.contains("wr0ng"), "{failure}");
}

#[tokio::test]
async fn a_server_that_is_not_there_is_unavailable() {
    let gone = Stub::start().url();
    for more in [&[("TOKEN", "t")][..], &V1[..]] {
        let failure = set_up(&influx(&gone, more), None).await.unwrap_err();
        assert_eq!(failure.exit, Exit::Unavailable);
        assert!(failure.text.contains(&gone), "{failure}");
        assert!(failure.text.to_lowercase().contains("connect"), "{failure}");
    }
}

#[tokio::test]
async fn what_influxdb2_cannot_do_is_refused_in_words() {
    for (url, more, expected) in [
        (
            "http://proxy/influx",
            [("TOKEN", "t"), ("USER", "")],
            "cannot keep the path",
        ),
        (
            "https://host",
            [("TOKEN", "t"), ("USER", "")],
            "setup-https",
        ),
        (
            "http://host",
            [("USER", "u"), ("PASSWORD", "p")],
            "needs a token",
        ),
    ] {
        if url.starts_with("https") && cfg!(feature = "setup-https") {
            continue;
        }
        let failure = set_up(&influx(url, &more), None).await.unwrap_err();
        assert_eq!(failure.exit, Exit::Config);
        assert!(failure.text.contains(expected), "{failure}");
    }
    let stub = Stub::start();
    let for_ever = Some(Duration::from_secs(100 * 366 * 86_400));
    let failure = set_up(&influx(&stub.url(), &[("TOKEN", "t")]), for_ever)
        .await
        .unwrap_err();
    assert!(failure.text.contains("68 years"), "{failure}");
}

#[tokio::test]
async fn a_database_of_influxdb_1_is_created_with_its_name_quoted() {
    let stub = Stub::start();
    let influx = influx(&format!("{}/", stub.url()), &V1);
    let done = set_up(&influx, Some(Duration::from_secs(3600)))
        .await
        .unwrap();
    assert_eq!(done, "database te\"le is there");
    let requests = stub.requests();
    let body = String::from_utf8(requests.last().unwrap().body.to_vec()).unwrap();
    let (_, statement) = url::form_urlencoded::parse(body.as_bytes()).next().unwrap();
    assert_eq!(
        statement,
        "CREATE DATABASE \"te\\\"le\" WITH DURATION 3600s"
    );
}
