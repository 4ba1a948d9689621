//! The main job: a stream of mixed messages in JetStream arrives in InfluxDB, VictoriaMetrics and Prometheus, exactly.

#[path = "rig/support.rs"]
mod support;

use std::time::Duration;

use flightline_fixtures::generator::{Generator, JSON, Message, Settings, golden};
use flightline_fixtures::influxd::Influxd;
use flightline_fixtures::nats::Nats;
use flightline_fixtures::points::victoria::Samples;
use flightline_fixtures::prometheus::Prometheus;
use flightline_fixtures::victoria::Victoria;
use flightline_fixtures::worker::Worker;
use support::{BINARY, Publisher, config, dead_letters, difference};

fn probe(subject: &str, payload: &str) -> Message {
    Message {
        subject: subject.to_owned(),
        content_type: Some(JSON),
        payload: payload.as_bytes().to_vec(),
        points: Vec::new(),
        refused: Vec::new(),
    }
}

/// Everything to both stores, one of them compressed.
fn sinks(influx: &Influxd, victoria: &Victoria) -> String {
    format!(
        r#"
[sink]
kind = "influxdb"
api = "v1"
url = "{}"
db = "flight"

[sinks.victoria]
kind = "influxdb"
api = "v2"
url = "{}"
org = "o"
bucket = "b"
compression = "gzip"
"#,
        influx.url(),
        victoria.url()
    )
}

/// Messages whose series are known to the last digit.
fn probes() -> [Message; 4] {
    [
        probe(
            "telemetry.metric.probe.p-1",
            r#"{"samples":[{"name":"probe_level","kind":"gauge","labels":{"deck":"A"},"value":42.5}]}"#,
        ),
        probe(
            "telemetry.health.probe.p-1",
            r#"{"check":"http","status":"warning"}"#,
        ),
        probe(
            "telemetry.lifecycle.probe.p-1",
            r#"{"from":"starting","to":"running","cause":"started","sequence":1}"#,
        ),
        probe(
            "telemetry.lifecycle.probe.p-1",
            r#"{"from":"starting","to":"running","cause":"restarted","sequence":2}"#,
        ),
    ]
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_published_is_stored_exactly_in_two_stores_and_shown_to_prometheus() {
    let settings = Settings {
        messages: 100_000,
        poison_per_mille: 2,
        ..Settings::default()
    };
    let messages: Vec<Message> = Generator::new(settings).collect();
    let (nats, influx, victoria) = (Nats::start(), Influxd::start(), Victoria::start());
    influx.create_database("flight");
    let publisher = Publisher::new(&nats).await;
    let mut worker = Worker::start(BINARY, &config(&nats, &sinks(&influx, &victoria)));
    let prometheus = Prometheus::scraping(worker.admin());
    publisher.publish(&messages).await;
    publisher.wait_all_acked(|| worker.log()).await;

    let expected = golden(&messages);
    assert_eq!(
        expected.difference(&influx.points("flight")),
        None,
        "InfluxDB"
    );
    assert_eq!(
        Samples::of(&expected).difference(&victoria.samples()),
        None,
        "VictoriaMetrics"
    );
    let refused: Vec<_> = messages
        .iter()
        .flat_map(|message| message.refused.clone())
        .collect();
    assert_eq!(difference(refused, dead_letters(&nats).await), None);

    publisher.publish(&probes()).await;
    let shown = [
        (r#"probe_level{deck="A",service="probe"}"#, 42.5),
        (
            r#"flightline_health_status{service="probe",check="http",status="warning"}"#,
            1.0,
        ),
        (
            r#"flightline_health_status{service="probe",check="http",status="passing"}"#,
            0.0,
        ),
        (
            r#"flightline_lifecycle_transitions_total{service="probe",to="running"}"#,
            2.0,
        ),
        (r#"flightline_up{service="probe"}"#, 1.0),
    ];
    for (expression, value) in shown {
        worker.wait_for(expression, Duration::from_secs(30), || {
            prometheus.value(expression) == Some(value)
        });
    }
    let text = worker.get("/metrics").text();
    flightline_fixtures::prometheus::check_metrics(&text).unwrap();

    assert_eq!(worker.stop().code(), Some(0), "{}", worker.log());
    publisher.wait_all_acked(|| worker.log()).await;
}
