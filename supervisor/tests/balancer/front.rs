//! HAProxy under a supervisor, as the shipped example has it, on a host of its own: where clients write, and what it has counted.

use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use flightline_fixtures::consul::Consul;
use flightline_fixtures::discovery::Passing;
use flightline_fixtures::haproxy;
use flightline_fixtures::http::{self, Answer};
use flightline_fixtures::nats::Nats;
use flightline_fixtures::server::free_port;
use flightline_fixtures::supervisor::{Setup, Supervisor};
use flightline_fixtures::wait;
use tempfile::TempDir;

use crate::crew::{SUPERVISOR, Worker};

/// What users copy.
const EXAMPLES: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/examples");
/// What clients ask Consul for.
const SERVICE: &str = "balancer";
/// For HAProxy to end with what it has in hand.
const PATIENCE: Duration = Duration::from_secs(60);

/// The balancer.
pub(crate) struct Front {
    /// Its only instance, for clients.
    pub(crate) passing: Arc<Passing>,
    supervisor: Supervisor,
    writes: String,
    metrics: String,
    run: TempDir,
}

impl Front {
    /// Starts it, and waits until clients hear of it.
    pub(crate) fn start(consul: &Consul, nats: &Nats) -> Self {
        let program = haproxy::PROGRAM
            .find()
            .unwrap_or_else(|error| panic!("{error}"));
        let run = tempfile::tempdir().unwrap();
        let (writes, metrics) = (free_port(), free_port());
        let example = PathBuf::from(EXAMPLES).join("balancer.json5");
        let supervisor = Setup::new(SUPERVISOR)
            .on_host("balancer-1")
            .config(&std::fs::read_to_string(example).unwrap())
            .env("CONSUL", &consul.address())
            .env("NATS_URL", &nats.url())
            .env("INTERFACE", "lo")
            .env("HAPROXY", &program.display().to_string())
            .env("HAPROXY_TEMPLATES", EXAMPLES)
            .env("HAPROXY_RUN", &run.path().display().to_string())
            .env("BALANCER_HOST", "127.0.0.1")
            .env("BALANCER_PORT", &writes.to_string())
            .env("METRICS_PORT", &metrics.to_string())
            .start();
        let front = Self {
            passing: Arc::new(Passing::follow(&consul.address(), SERVICE)),
            supervisor,
            writes: format!("127.0.0.1:{writes}"),
            metrics: format!("127.0.0.1:{metrics}"),
            run,
        };
        let passes = || front.passing.has("balancer-balancer-1");
        front.supervisor.wait_for("it passes in Consul", passes);
        front
    }

    /// The URL of a path, as clients have it.
    pub(crate) fn url(&self, path: &str) -> String {
        format!("http://{}{path}", self.writes)
    }

    /// A write of one line.
    pub(crate) fn write(&self, db: &str) -> Answer {
        http::post(&self.url(&format!("/write?db={db}")), b"m f=1 1").unwrap()
    }

    /// How many servers of a backend HAProxy takes for usable; none while it does not answer.
    pub(crate) fn servers(&self, backend: &str) -> u64 {
        let series = format!("haproxy_backend_active_servers{{proxy=\"{backend}\"}}");
        haproxy::count(&self.metrics, &series).unwrap_or_default()
    }

    /// Whether it knows these workers and takes all of them for usable.
    pub(crate) fn has_all(&self, workers: &[Worker]) -> bool {
        let configuration = self.configuration();
        let is_there = |worker: &Worker| configuration.contains(&worker.id);
        workers.iter().all(is_there) && self.servers("ingest") == workers.len() as u64
    }

    /// How often it has tried a write again.
    pub(crate) fn retries(&self) -> u64 {
        haproxy::retries(&self.supervisor.log())
    }

    /// What its configuration says.
    pub(crate) fn configuration(&self) -> String {
        std::fs::read_to_string(self.run.path().join("haproxy.cfg")).unwrap()
    }

    /// What it and its supervisor have said.
    pub(crate) fn log(&self) -> String {
        self.supervisor.log()
    }

    /// Ends it in order: nobody is told of it any more.
    pub(crate) fn end(mut self) {
        let status = self.supervisor.stop();
        let log = self.supervisor.log();
        assert!(status.success(), "{status}: {log}");
        let gone = wait::until(PATIENCE, || self.passing.instances().is_empty());
        assert!(gone.is_ok(), "it is left in Consul");
    }
}
