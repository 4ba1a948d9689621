//! The main job of both programs together: what becomes of a supervised job, and what its checks and sensors say, arrives in InfluxDB and in
//! the pipeline's metrics. The pipeline is run as the program it is: no line of it is used here.

#![expect(clippy::unwrap_used, reason = "tests")]

use std::fmt::Write as _;
use std::path::Path;
use std::time::Duration;

use flightline_fixtures::influxd::Influxd;
use flightline_fixtures::nats::Nats;
use flightline_fixtures::process::Signal;
use flightline_fixtures::supervisor::{CONTAINERPILOT, FLIGHTLINE, Setup, Supervisor};
use flightline_fixtures::worker::Worker;
use serde_json::Value;

const SUPERVISOR: &str = env!("CARGO_BIN_EXE_flightline-supervisor");
/// For a message to get through the pipeline, on a machine that is busy with other tests.
const PATIENCE: Duration = Duration::from_secs(60);

const CONFIG: &str = r#"{
  nats: { url: '{{ .NATS }}', service: 'shop', instance: 'shop-1', metrics: true },
  control: { socket: '{{ .SOCKET }}' },
  telemetry: {
    port: '{{ .PORT }}', interfaces: 'static:127.0.0.1',
    metrics: [{ namespace: 'shop', subsystem: 'cart', name: 'orders', help: 'Open orders', type: 'gauge' }],
  },
  jobs: [{
    name: 'cart', exec: 'sleep 1000', restarts: 'unlimited',
    health: { exec: ['sh', '-c', '! cat {{ .FOLDER }}/trouble 2> /dev/null && echo all is well'], interval: 1, ttl: 5, failures: 2 },
  }],
}"#;

/// What InfluxDB has of it in the end.
const STORED: &str = "\
1 null pending -> starting (start) attempt 1
2 null starting -> running (start) attempt 1
3 cart pending -> starting (startup of global) attempt 1
4 cart starting -> healthy (check) attempt 1
5 cart healthy -> unhealthy (check) attempt 1
6 cart unhealthy -> healthy (check) attempt 1
7 cart healthy -> maintenance (maintenance) attempt 1
8 null running -> maintenance (maintenance) attempt 1
9 cart maintenance -> starting (maintenance) attempt 1
10 null maintenance -> running (maintenance) attempt 1
11 cart starting -> healthy (check) attempt 1
12 cart healthy -> backoff (exit) attempt 1
13 cart backoff -> starting (restart) attempt 2
14 cart starting -> healthy (check) attempt 2
15 null running -> stopping (shutdown by signal) attempt 1
16 cart healthy -> stopping (shutdown by signal) attempt 2
17 cart stopping -> complete (shutdown by signal) attempt 2
18 null stopping -> complete (shutdown by signal) attempt 1
";

/// A worker of the pipeline, which is built into the same folder.
fn worker(nats: &Nats, influx: &Influxd) -> Worker {
    let binary = Path::new(SUPERVISOR).with_file_name("flightline");
    assert!(
        binary.exists(),
        "there is no {}: run `cargo build -p flightline`, or the tests of the whole workspace",
        binary.display()
    );
    let config = format!(
        "[nats]\nurl = \"{}\"\n[sink]\nkind = \"influxdb\"\napi = \"v1\"\nurl = \"{}\"\ndb = \"flight\"\n",
        nats.url(),
        influx.url()
    );
    Worker::start(&binary.display().to_string(), &config)
}

fn shows(worker: &Worker, series: &str, value: f64) {
    let shown = || (worker.metric(series) - value).abs() < f64::EPSILON;
    worker.wait_for(&format!("{series} {value}"), PATIENCE, shown);
}

fn pid(supervisor: &Supervisor) -> u32 {
    let output = supervisor.cli_named(FLIGHTLINE, &["status", "cart", "--json"]);
    let said: Value = serde_json::from_slice(&output.stdout).unwrap();
    u32::try_from(said["jobs"][0]["pid"].as_u64().unwrap()).unwrap()
}

/// The rows of a measurement, in the order of time, each with the values of these columns.
fn rows<const N: usize>(
    influx: &Influxd,
    measurement: &str,
    columns: [&str; N],
) -> Vec<[Value; N]> {
    let answer = influx.query("flight", &format!("SELECT * FROM {measurement}"));
    let series = &answer["results"][0]["series"][0];
    let names = series["columns"].as_array().cloned().unwrap_or_default();
    let places = columns.map(|column| names.iter().position(|name| name == column));
    let values = series["values"].as_array().cloned().unwrap_or_default();
    let row =
        |row: &Value| places.map(|place| place.map_or(Value::Null, |place| row[place].clone()));
    values.iter().map(row).collect()
}

fn stored(influx: &Influxd) -> String {
    let columns = ["sequence", "job", "from", "to", "cause", "attempt"];
    let mut rows = rows(influx, "lifecycle", columns);
    rows.sort_by_key(|[sequence, ..]| sequence.as_u64());
    let mut lines = String::new();
    for [sequence, job, from, to, cause, attempt] in rows {
        let text = |value: Value| value.as_str().unwrap_or("null").to_owned();
        let (job, from, to, cause) = (text(job), text(from), text(to), text(cause));
        writeln!(
            lines,
            "{sequence} {job} {from} -> {to} ({cause}) attempt {attempt}"
        )
        .unwrap();
    }
    lines
}

fn every_kind_of_health_is_stored(influx: &Influxd) {
    let columns = ["service", "instance", "check", "status", "output"];
    let checks = rows(influx, "health", columns);
    // A beat may repeat the last one.
    let mut told: Vec<_> = checks
        .iter()
        .map(|[.., status, output]| (status, output))
        .collect();
    told.dedup();
    let told: Vec<_> = told
        .iter()
        .map(|(status, output)| format!("{status} {output}"))
        .collect();
    let expected = [
        r#""passing" "all is well""#,
        r#""warning" "the till is open""#,
        r#""critical" "the till is open""#,
    ];
    assert_eq!(told[..3], expected, "{told:?}");
    assert!(
        told[3..]
            .iter()
            .any(|told| told.starts_with(r#""maintenance""#)),
        "{told:?}"
    );
    let from = checks[0]
        .each_ref()
        .map(|value| value.as_str().unwrap_or_default());
    assert_eq!(from[..3], ["shop", "shop-1", "cart"]);
}

#[test]
fn the_life_of_a_job_arrives_in_influxdb_and_in_the_metrics_of_the_pipeline() {
    let (nats, influx) = (Nats::start(), Influxd::start());
    influx.create_database("flight");
    let mut worker = worker(&nats, &influx);
    let port = flightline_fixtures::server::free_port().to_string();
    let setup = Setup::new(SUPERVISOR).config(CONFIG);
    let mut supervisor = setup.env("NATS", &nats.url()).env("PORT", &port).start();

    let cart = r#"instance="shop-1",job="cart",service="shop""#;
    let up = format!("flightline_up{{{cart}}}");
    shows(&worker, &up, 1.0);
    let health = |status| {
        format!(
            r#"flightline_health_status{{check="cart",instance="shop-1",service="shop",status="{status}"}}"#
        )
    };
    shows(&worker, &health("passing"), 1.0);
    shows(&worker, &health("critical"), 0.0);
    let output = supervisor.cli_named(CONTAINERPILOT, &["-putmetric", "shop_cart_orders=7"]);
    assert!(output.status.success(), "{output:?}");
    shows(
        &worker,
        r#"shop_cart_orders{instance="shop-1",service="shop"}"#,
        7.0,
    );

    let trouble = supervisor.folder().join("trouble");
    std::fs::write(&trouble, "the till is open").unwrap();
    shows(&worker, &health("critical"), 1.0);
    shows(&worker, &up, 0.0);
    std::fs::remove_file(trouble).unwrap();
    shows(&worker, &health("passing"), 1.0);
    for (way, status) in [("enter", "maintenance"), ("exit", "passing")] {
        let output = supervisor.cli_named(FLIGHTLINE, &["maintenance", way]);
        assert!(output.status.success(), "{output:?}");
        shows(&worker, &health(status), 1.0);
    }
    shows(&worker, &up, 1.0);

    Signal::Kill.send(pid(&supervisor)).unwrap();
    let moves = |from: &str, to: &str, job: &str| {
        let labels = format!(r#"from="{from}",instance="shop-1",{job}service="shop",to="{to}""#);
        format!("flightline_lifecycle_transitions_total{{{labels}}}")
    };
    let job = r#"job="cart","#;
    shows(&worker, &moves("healthy", "backoff", job), 1.0);
    shows(&worker, &moves("starting", "healthy", job), 3.0);
    shows(&worker, &up, 1.0);

    assert!(supervisor.stop().success());
    shows(&worker, &moves("stopping", "complete", ""), 1.0);
    shows(&worker, &up, 0.0);
    worker.wait_for("all changes in InfluxDB", PATIENCE, || {
        stored(&influx).lines().count() >= 18
    });
    let found = stored(&influx);
    assert!(found == STORED, "{found}");
    every_kind_of_health_is_stored(&influx);
    assert_eq!(worker.stop().code(), Some(0), "{}", worker.log());
}
