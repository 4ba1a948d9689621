//! The programs whose metrics the dashboards and alerts name, for real and small: a supervised worker before a cluster of NATS, InfluxDB and
//! VictoriaMetrics, an observer, Consul, and a Prometheus with the shipped files that finds them. Some of what goes wrong has gone wrong, so that its
//! series are there.

use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use flightline_compose::{folder, text};
use flightline_fixtures::cluster::Cluster;
use flightline_fixtures::consul::{self, Consul};
use flightline_fixtures::influxd::Influxd;
use flightline_fixtures::nats;
use flightline_fixtures::prometheus::Prometheus;
use flightline_fixtures::server::free_port;
use flightline_fixtures::supervisor::{Setup, Supervisor};
use flightline_fixtures::tls::Certificates;
use flightline_fixtures::victoria::Victoria;
use flightline_fixtures::wait;
use serde_json::{Value, json};
use tempfile::TempDir;

use crate::shipped;

/// For something to happen in a debug build on a machine that is busy with other tests.
const PATIENCE: Duration = Duration::from_secs(90);
/// The bucket, which is a database in InfluxDB 1.
pub(crate) const BUCKET: &str = "telemetry";
/// The services that Prometheus must have seen twice, as rates ask for.
const SERVICES: [&str; 6] = [
    "flightline",
    "observer",
    "containerpilot",
    "victoria",
    "prometheus",
    "consul",
];

/// All of it.
pub(crate) struct World {
    // Before the servers: who writes is gone before what is written to.
    supervisor: Supervisor,
    pub(crate) prometheus: Prometheus,
    pub(crate) influx: Influxd,
    pub(crate) victoria: Victoria,
    nats: Cluster,
    consul: Consul,
    targets: PathBuf,
    _folders: [TempDir; 2],
}

/// A program of ours, which is built into the same folder as this test.
fn program(name: &str, package: &str) -> PathBuf {
    let test = std::env::current_exe().expect("a test has a path");
    let folder = test
        .ancestors()
        .nth(2)
        .expect("it is in target/PROFILE/deps");
    let binary = folder.join(name);
    assert!(
        binary.exists(),
        "there is no {}: run `cargo build -p {package}`, or the tests of the whole workspace",
        binary.display()
    );
    binary
}

/// The shipped worker with two stores, and with a certificate for its write front.
fn worker(password: &Path, influx: &Influxd, victoria: &Victoria, tls: &Certificates) -> String {
    let shipped = with_password("worker/flightline.toml", password);
    format!(
        "{shipped}\n\
         [ingest.tls]\ncert_file = {:?}\nkey_file = {:?}\n\
         [sink]\nkind = \"influxdb\"\napi = \"v1\"\nurl = \"{}\"\ndb = \"{BUCKET}\"\n\
         [sinks.victoria]\nkind = \"influxdb\"\napi = \"v1\"\nurl = \"{}\"\ndb = \"{BUCKET}\"\n",
        tls.server.cert,
        tls.server.key,
        influx.url(),
        victoria.url()
    )
}

/// The shipped observer, in a hurry.
fn observing(password: &Path) -> String {
    let shipped = with_password("observer/observer.toml", password);
    format!("{shipped}\n[observe]\ninterval = \"1s\"\n")
}

/// A shipped configuration, with its passwords in another file.
fn with_password(path: &str, password: &Path) -> String {
    let shipped = text(path);
    let is_secret = |line: &&str| line.starts_with("password_file = ");
    assert!(shipped.lines().any(|line| is_secret(&line)), "{shipped}");
    let own = format!("password_file = {password:?}");
    let lines = shipped
        .lines()
        .map(|line| if is_secret(&line) { &own } else { line });
    lines.collect::<Vec<_>>().join("\n")
}

/// An account with a limit, which everybody is let into, and the system account.
const ACCOUNTS: &str = r"
accounts {
  FLIGHTLINE { jetstream { max_file: 12GB, max_memory: 32MB }, users: [
    { user: worker, password: anything }
    { user: observer, password: anything }
  ] }
  $SYS { users: [{ user: system, password: anything }] }
}
no_auth_user: worker
";

/// A worker, its admin listener as a service of its own, somebody who watches it, an observer, and a job that fails.
const SUPERVISED: &str = r"{
  consul: '{{ .CONSUL }}',
  nats: { url: '{{ .NATS_URL }}', service: 'ingest' },
  control: { socket: '{{ .SOCKET }}' },
  telemetry: { port: {{ .TELEMETRY_PORT }}, interfaces: ['lo'], tags: ['metrics'] },
  watches: [{ name: 'ingest', interval: 1 }],
  jobs: [
    {
      name: 'ingest',
      exec: ['{{ .FLIGHTLINE }}', 'run', '--config', '{{ .WORKER_CONFIG }}', '--ingest', '127.0.0.1:{{ .INGEST_PORT }}'],
      env: { FLIGHTLINE__ADMIN__LISTEN: '127.0.0.1:{{ .ADMIN_PORT }}' },
      port: {{ .INGEST_PORT }}, interfaces: ['lo'],
      health: { http: 'http://127.0.0.1:{{ .ADMIN_PORT }}/readyz', interval: 1, ttl: 30 },
    },
    {
      name: 'flightline', tags: ['metrics'],
      port: {{ .ADMIN_PORT }}, interfaces: ['lo'],
      health: { http: 'http://127.0.0.1:{{ .ADMIN_PORT }}/metrics', interval: 1, ttl: 30 },
    },
    {
      name: 'observer', tags: ['metrics'],
      exec: ['{{ .FLIGHTLINE }}', 'observe', '--config', '{{ .OBSERVER_CONFIG }}'],
      env: { FLIGHTLINE__ADMIN__LISTEN: '127.0.0.1:{{ .OBSERVER_PORT }}' },
      port: {{ .OBSERVER_PORT }}, interfaces: ['lo'],
      health: { http: 'http://127.0.0.1:{{ .OBSERVER_PORT }}/healthz', interval: 1, ttl: 30 },
    },
    { name: 'flaky', exec: 'false', restarts: 2 },
  ],
}";

impl World {
    /// Starts everything, publishes what is right and what is wrong, and waits until Prometheus has seen it.
    pub(crate) fn start() -> Self {
        let consul = consul::Options::default().telemetry(telemetry()).start();
        let (influx, victoria) = (Influxd::start(), Victoria::start());
        let accounts = nats::Options::default().config(ACCOUNTS);
        let nats = Cluster::of(&accounts).unwrap_or_else(|error| panic!("{error}"));
        nats.make_stream(
            "TELEMETRY",
            &["telemetry.>", "humidity", "motion", "temperature"],
        );
        ask(
            &nats,
            "STREAM.CREATE.LIMITED",
            r#"{"name": "LIMITED", "subjects": ["limited"], "max_bytes": 1048576}"#,
        );
        influx.create_database(BUCKET);
        let folder = tempfile::tempdir().expect("a temporary folder");
        let config = folder.path().join("flightline.toml");
        let tls = Certificates::make();
        let password = folder.path().join("password");
        std::fs::write(&password, "anything").expect("the folder is writable");
        let text = worker(&password, &influx, &victoria, &tls);
        std::fs::write(&config, text).expect("the folder is writable");
        let observer = folder.path().join("observer.toml");
        std::fs::write(&observer, observing(&password)).expect("the folder is writable");
        let port = || free_port().to_string();
        let supervisor = Setup::new(
            &program("flightline-supervisor", "flightline-supervisor")
                .display()
                .to_string(),
        )
        .config(SUPERVISED)
        .env("CONSUL", &consul.address())
        .env("NATS_URL", &nats.urls()[0])
        .env(
            "FLIGHTLINE",
            &program("flightline", "flightline").display().to_string(),
        )
        .env("WORKER_CONFIG", &config.display().to_string())
        .env("INGEST_PORT", &port())
        .env("ADMIN_PORT", &port())
        .env("OBSERVER_CONFIG", &observer.display().to_string())
        .env("OBSERVER_PORT", &port())
        .env("TELEMETRY_PORT", &port())
        .start();
        let targets = folder.path().join("consul.json");
        write_targets(&consul, &targets);
        let site = shipped::site(&consul.address(), &targets.display().to_string());
        hasten(&site.path().join("prometheus.yml"));
        let prometheus = Prometheus::configured(&site.path().join("prometheus.yml"));
        register(&consul, "prometheus", &prometheus.url());
        register(&consul, "victoria", &victoria.url());
        let world = Self {
            supervisor,
            prometheus,
            influx,
            victoria,
            nats,
            consul,
            targets,
            _folders: [folder, site],
        };
        for service in SERVICES {
            world.wait_for(&format!(
                "count_over_time(up{{job={service:?}}}[10m]) > 1 and up{{job={service:?}}} == 1"
            ));
        }
        world.live();
        world
    }

    /// A sensor's message, what is no message, and a consumer that somebody deletes.
    fn live(&self) {
        let now = SystemTime::now().duration_since(UNIX_EPOCH);
        let now = now.expect("the clock is right").as_millis();
        for age in [60_000, 1_000, 0] {
            let message =
                json!({"type": "humidity", "sensor": "s1", "time": now - age, "value": 42});
            self.publish("humidity", &message.to_string());
        }
        self.publish("telemetry.app.shop.orders", "this is no line");
        self.wait_for("sum(flightline_acked_messages_total) > 3");
        ask(&self.nats, "CONSUMER.DELETE.TELEMETRY.flightline", "");
        self.wait_for("ALERTS{alertname=\"HistoryDamaged\", alertstate=\"firing\"}");
        self.wait_for("ALERTS{alertname=\"DeadLetters\", alertstate=\"firing\"}");
        self.wait_for("max(flightline_up{exported_job=\"ingest\"}) == 1");
        self.wait_for("flightline_supervisor_jobs{state=\"failed\"} == 1");
        self.wait_for("nats_consumer_ack_floor_sequence");
        // Told every ten seconds.
        self.wait_for("consul_autopilot_healthy");
    }

    fn publish(&self, subject: &str, payload: &str) {
        // A stream that is between two leaders answers nobody; the same message again changes nothing here.
        let stored = wait::until(PATIENCE, || {
            let answer = self.nats.members()[0].ask(subject, payload);
            answer.is_ok_and(|answer| answer["seq"].is_u64())
        });
        assert!(stored.is_ok(), "{subject} is not stored");
    }

    fn wait_for(&self, expression: &str) {
        let there = wait::until(PATIENCE, || {
            write_targets(&self.consul, &self.targets);
            !self.prometheus.query(expression).is_empty()
        });
        assert!(
            there.is_ok(),
            "{expression}: {}\n{}",
            self.prometheus.get("/api/v1/targets?state=active"),
            self.supervisor.log()
        );
    }
}

/// One request to the API of JetStream, which is done.
fn ask(nats: &Cluster, what: &str, body: &str) {
    let answer = nats.members()[0].ask(&format!("$JS.API.{what}"), body);
    let answer = answer.expect("nats-server answers");
    assert!(answer.get("error").is_none(), "{what}: {answer}");
}

/// Registers a server of the stack as the agent's configuration does, at another place.
fn register(consul: &Consul, name: &str, url: &str) {
    let file: Value =
        serde_json::from_str(&text(&format!("consul/{name}.json"))).expect("it is JSON");
    let service = &file["service"];
    let tags = service["tags"].as_array().into_iter().flatten();
    let tags: Vec<&str> = tags.filter_map(Value::as_str).collect();
    let name = service["name"].as_str().expect("it has a name");
    shipped::register(consul, name, url, &tags);
}

/// What the shipped agent shows of itself.
fn telemetry() -> Value {
    let agent: Value = serde_json::from_str(&text("consul/agent.json")).expect("it is JSON");
    agent["telemetry"].clone()
}

/// As the job of a supervisor does every few seconds.
fn write_targets(consul: &Consul, file: &Path) {
    let mut script = Command::new(folder().join("prometheus/targets"));
    script.arg(format!("http://{}", consul.address())).arg(file);
    assert!(script.status().expect("sh runs").success(), "targets");
}

/// A second in place of five.
fn hasten(config: &Path) {
    let text = std::fs::read_to_string(config).expect("it was written");
    let text = text.replace("_interval: 5s", "_interval: 1s");
    let text = text.replace("_timeout: 4s", "_timeout: 1s");
    std::fs::write(config, text).expect("the folder is writable");
}
