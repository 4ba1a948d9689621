//! Consul, nats-server and InfluxDB, and three supervised workers before them, each on a host of its own name with its own way to NATS.
//! What clients have written is judged by what InfluxDB has.

#![allow(dead_code, reason = "each story uses its own part")]

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use flightline_fixtures::chaos::Chaos;
use flightline_fixtures::consul::Consul;
use flightline_fixtures::discovery::Passing;
use flightline_fixtures::http;
use flightline_fixtures::influxd::Influxd;
use flightline_fixtures::nats::Nats;
use flightline_fixtures::server::free_port;
use flightline_fixtures::supervisor::{FLIGHTLINE, Setup, Supervisor};
use flightline_fixtures::wait;
use flightline_fixtures::writers::{MEASUREMENT, Outcome, Try, Writers};
use serde_json::Value;
use tempfile::TempDir;

/// The program under test.
pub(crate) const SUPERVISOR: &str = env!("CARGO_BIN_EXE_flightline-supervisor");
/// What users copy.
pub(crate) const EXAMPLE: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/examples/worker.json5");
/// What its service is called.
const SERVICE: &str = "ingest";
/// Where each worker is.
const HOSTS: [&str; 3] = ["worker-1", "worker-2", "worker-3"];

/// For something to happen in a debug build on a machine that is busy with other tests.
const PATIENCE: Duration = Duration::from_secs(90);
/// Clients that write at once: more than one worker has room for.
const CLIENTS: usize = 12;
/// The database behind the workers.
const DB: &str = "flight";

/// The pipeline's program, which is built into the same folder.
pub(crate) fn flightline() -> PathBuf {
    let binary = Path::new(SUPERVISOR).with_file_name("flightline");
    assert!(
        binary.exists(),
        "there is no {}: run `cargo build -p flightline`, or the tests of the whole workspace",
        binary.display()
    );
    binary
}

/// One worker with its supervisor.
pub(crate) struct Worker {
    /// Its id in Consul.
    pub(crate) id: String,
    /// Its way to NATS. The supervisor has another one.
    pub(crate) network: Chaos,
    admin: String,
    setup: Setup,
    supervisor: Supervisor,
    _folder: TempDir,
}

impl Worker {
    fn start(host: &str, consul: &Consul, nats: &Nats, influx: &Influxd) -> Self {
        let network = Chaos::before(&nats.address());
        let folder = tempfile::tempdir().unwrap();
        let config = folder.path().join("flightline.toml");
        std::fs::write(&config, configuration(&network, influx)).unwrap();
        let (port, admin) = (free_port(), free_port());
        let setup = Setup::new(SUPERVISOR)
            .on_host(host)
            .config(&std::fs::read_to_string(EXAMPLE).unwrap())
            .env("CONSUL", &consul.address())
            .env("NATS_URL", &nats.url())
            .env("FLIGHTLINE", &flightline().display().to_string())
            .env("WORKER_CONFIG", &config.display().to_string())
            .env("INTERFACE", "lo")
            .env("INGEST_HOST", "127.0.0.1")
            .env("INGEST_PORT", &port.to_string())
            .env("ADMIN_HOST", "0.0.0.0")
            .env("ADMIN_PORT", &admin.to_string());
        Self {
            id: format!("{SERVICE}-{host}"),
            network,
            admin: format!("127.0.0.1:{admin}"),
            supervisor: setup.clone().start(),
            setup,
            _folder: folder,
        }
    }

    /// The status of its `/readyz`; 0 if it does not answer.
    pub(crate) fn readiness(&self) -> u16 {
        let url = format!("http://{}/readyz", self.admin);
        http::probe(&url).map_or(0, |answer| answer.status)
    }

    /// Ends it in order, and starts it again.
    pub(crate) fn restart(&mut self) {
        let status = self.supervisor.stop();
        let log = self.supervisor.log();
        assert!(status.success(), "{}: {status}: {log}", self.id);
        self.supervisor = self.setup.clone().start();
    }

    /// SIGKILL to everything on its host.
    pub(crate) fn kill(&mut self) {
        self.supervisor.kill();
    }

    /// How often its program was started.
    fn attempts(&self) -> u64 {
        let words = ["status", SERVICE, "--json"];
        let output = self.supervisor.cli_named(FLIGHTLINE, &words);
        let said: Value = serde_json::from_slice(&output.stdout).unwrap();
        said["jobs"][0]["attempt"].as_u64().unwrap()
    }
}

/// A worker whose room is soon full, and whose messages soon go to another.
fn configuration(network: &Chaos, influx: &Influxd) -> String {
    format!(
        "[nats]\nurl = \"nats://{}\"\n\
         [source]\nack_wait = \"5s\"\nprefetch = \"1MiB\"\n\
         [batch]\nage = \"100ms\"\n\
         [ingest]\nclass = \"metric\"\nmax_body = \"8KiB\"\nmax_pending = \"16KiB\"\n\
         [sink]\nkind = \"influxdb\"\napi = \"v1\"\nurl = \"{}\"\ndb = \"{DB}\"\nmax_backoff = \"1s\"\n",
        network.address(),
        influx.url()
    )
}

/// All that the story needs.
pub(crate) struct Crew {
    // Before the servers: workers are gone before what they write to.
    pub(crate) workers: Vec<Worker>,
    passing: Arc<Passing>,
    pub(crate) consul: Consul,
    influx: Influxd,
    pub(crate) nats: Nats,
}

impl Crew {
    /// Starts everything, and waits until every worker passes.
    pub(crate) fn start() -> Self {
        let (consul, nats, influx) = (Consul::start(), Nats::start(), Influxd::start());
        influx.create_database(DB);
        let start = |host: &&str| Worker::start(host, &consul, &nats, &influx);
        let workers: Vec<Worker> = HOSTS.iter().map(start).collect();
        let passing = Arc::new(Passing::follow(&consul.address(), SERVICE));
        let crew = Self {
            workers,
            passing,
            consul,
            influx,
            nats,
        };
        for worker in &crew.workers {
            let passes = || crew.passes(worker);
            worker.supervisor.wait_for("it passes in Consul", passes);
        }
        crew
    }

    /// Clients that write from now on.
    pub(crate) fn writers(&self) -> Writers {
        Self::writers_to(&self.passing)
    }

    /// The same, which know of nobody else.
    pub(crate) fn writers_to(passing: &Arc<Passing>) -> Writers {
        Writers::start(CLIENTS, passing, DB)
    }

    /// Whether clients are told of the worker.
    pub(crate) fn passes(&self, worker: &Worker) -> bool {
        self.passing.has(&worker.id)
    }

    /// The status of its check.
    pub(crate) fn status(&self, worker: &Worker) -> Option<String> {
        self.consul.status(&worker.id)
    }

    /// What its check says, for people.
    pub(crate) fn output(&self, worker: &Worker) -> String {
        let checks = self.consul.get("/v1/agent/checks");
        let output = &checks[format!("service:{}", worker.id)]["Output"];
        output.as_str().unwrap_or_default().to_owned()
    }

    /// Waits until each worker has taken so many writes more.
    pub(crate) fn everybody_takes(&self, writers: &Writers, more: usize) {
        take(&self.workers.iter().collect::<Vec<_>>(), writers, more);
    }

    /// The same of all but one.
    pub(crate) fn others_take(&self, writers: &Writers, not: &Worker, more: usize) {
        let others = self.workers.iter().filter(|worker| worker.id != not.id);
        take(&others.collect::<Vec<_>>(), writers, more);
    }

    /// Starts a worker again that was killed.
    pub(crate) fn revive(&mut self, index: usize) {
        let worker = &mut self.workers[index];
        worker.supervisor = worker.setup.clone().start();
    }

    /// Stops the clients: each write was taken in the end, and InfluxDB has each point once, as it was written. Gives every try.
    pub(crate) fn judge(&self, writers: Writers) -> Vec<Try> {
        let written = writers.stop(PATIENCE);
        assert_eq!(written.given_up, 0, "writes that nobody took");
        for tried in &written.tries {
            let fair = match tried.outcome {
                Outcome::Taken | Outcome::Broken => true,
                // Who refuses says when to come again.
                Outcome::Refused(again) => again.is_some(),
                Outcome::Other(_) => false,
            };
            assert!(fair, "{tried:?}");
        }
        let mut difference = None;
        let all = wait::until(PATIENCE, || {
            let stored = self.influx.points_of(DB, MEASUREMENT);
            difference = written.points.difference(&stored);
            difference.is_none()
        });
        assert!(all.is_ok(), "{difference:?}");
        written.tries
    }

    /// Stops everybody in order: nobody's program has ended before, and nobody is left in Consul.
    pub(crate) fn end(mut self) {
        for worker in &mut self.workers {
            let log = worker.supervisor.log();
            assert_eq!(worker.attempts(), 1, "{}: {log}", worker.id);
            let status = worker.supervisor.stop();
            assert!(
                status.success(),
                "{}: {status}: {}",
                worker.id,
                worker.supervisor.log()
            );
        }
        assert!(self.passing_in_consul().is_empty());
    }

    fn passing_in_consul(&self) -> Vec<Value> {
        let found = self.consul.get(&format!("/v1/health/service/{SERVICE}"));
        found.as_array().cloned().unwrap()
    }
}

fn take(workers: &[&Worker], writers: &Writers, more: usize) {
    let taken = |worker: &Worker| writers.count(&worker.id, |outcome| outcome == Outcome::Taken);
    for worker in workers {
        let enough = taken(worker) + more;
        worker
            .supervisor
            .wait_for("it takes writes", || taken(worker) >= enough);
    }
}
