//! A fault comes in, a whole world for it is set up, and what became of it goes out: real servers, a worker, a proxy on each side
//! of it, and a load that never stops while the fault happens. No hook in the program under test: the proxies stop the
//! conversation at an exact step.

use std::process::ExitStatus;
use std::time::{Duration, Instant};

use fastrand::Rng;
use flightline_fixtures::chaos::Chaos;
use flightline_fixtures::influxd::Influxd;
use flightline_fixtures::nats::{Nats, Options};
use flightline_fixtures::points::{Key, Point, Time};
use flightline_fixtures::usage::Usage;
use flightline_fixtures::wait;
use flightline_fixtures::worker::Worker;
use serde_json::Value;

use crate::judge::{Verdict, World, judge};
use crate::load::Load;
use crate::oracle::{DISPUTED, Oracle, SETTLED, SETTLING};
use crate::setting::Setting;
use crate::step::REACH;
use crate::support::{BINARY, dead_letters};

/// The database.
const DB: &str = "faults";
/// After a fault the ack floor moves at least so often until everything is acked: an ack wait, the longest back-off, a new
/// connection and a busy machine.
const LIVELY: Duration = Duration::from_secs(30);
/// And in the end it is.
const THROUGH: Duration = Duration::from_secs(300);
/// So many lines are stored before a fault: everything runs.
const WARM: f64 = 100.0;
/// Lame ducks begin at once. The duration is the shortest that the server takes; one client makes it a second.
const LAME_DUCK: &str = "lame_duck_grace_period: \"1s\"\nlame_duck_duration: \"30s\"";

/// What became of a fault.
#[derive(Debug, Clone, Default)]
pub(crate) struct Outcome {
    pub(crate) verdict: Verdict,
    /// Deliveries beyond one a message, as the server counts them.
    pub(crate) redelivered: u64,
    /// From the end of the fault until all that was in the stream then was acked.
    pub(crate) recovered: Duration,
    /// The most that a worker was resident with, in bytes.
    pub(crate) peak: u64,
    /// What else is wrong, in words.
    pub(crate) wrong: Vec<String>,
    /// The ends of the workers' logs.
    pub(crate) log: String,
}

impl Outcome {
    pub(crate) fn holds(&self) -> bool {
        self.verdict.holds() && self.wrong.is_empty()
    }
}

/// The stream and its consumer, as the server sees them.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Progress {
    pub(crate) last: u64,
    pub(crate) floor: u64,
    pub(crate) pending: u64,
    pub(crate) ack_pending: u64,
    pub(crate) delivered: u64,
}

/// A world for one fault.
#[derive(Debug)]
pub(crate) struct Scene {
    // Before the servers: it ends before them.
    pub(crate) workers: Vec<Worker>,
    pub(crate) wire_nats: Chaos,
    pub(crate) wire_store: Chaos,
    pub(crate) nats: Nats,
    pub(crate) influx: Influxd,
    /// What is up to chance in the fault.
    pub(crate) random: Rng,
    pub(crate) setting: Setting,
    oracle: Oracle,
    load: Option<Load>,
    peak: u64,
    /// What is wrong beside the data, in words.
    wrong: Vec<String>,
}

impl Scene {
    /// Servers, a worker and a load, at work.
    pub(crate) fn open(seed: u64, setting: Setting) -> Self {
        let nats = Options::default().config(LAME_DUCK).start();
        let influx = Influxd::start();
        influx.create_database(DB);
        assert_eq!(influx.write(DB, SETTLING).status, 204);
        let wire_nats = Chaos::before(&nats.address());
        let wire_store = Chaos::before(influx.url().trim_start_matches("http://"));
        let oracle = Oracle::new(seed);
        let load = Load::start(vec![nats.url()], oracle.clone(), setting.rate);
        let mut scene = Self {
            workers: Vec::new(),
            wire_nats,
            wire_store,
            nats,
            influx,
            random: Rng::with_seed(seed),
            setting,
            oracle,
            load: Some(load),
            peak: 0,
            wrong: Vec::new(),
        };
        scene.add_worker();
        scene.warm();
        scene
    }

    /// One more worker on the same consumer.
    pub(crate) fn add_worker(&mut self) {
        let (nats, store) = (self.wire_nats.address(), self.wire_store.address());
        let config = self.setting.config(&nats, &store, DB);
        self.workers.push(Worker::start(BINARY, &config));
    }

    /// Waits until the last worker has stored something.
    pub(crate) fn warm(&self) {
        let worker = self.worker();
        worker.wait_for("everything runs", REACH, || {
            worker.metric("flightline_stored_lines_total{sink=\"main\"}") >= WARM
        });
    }

    /// The last worker.
    pub(crate) fn worker(&self) -> &Worker {
        self.workers.last().expect("a scene has a worker")
    }

    /// Lets go what stands still.
    pub(crate) fn calm(&self) {
        self.wire_nats.release();
        self.wire_store.release();
    }

    /// Whatever is on the wires is lost.
    pub(crate) fn cut(&self) {
        self.wire_nats.cut();
        self.wire_store.cut();
    }

    /// SIGKILL to the last worker, which is started again. What was on the wires is lost.
    pub(crate) fn kill_worker(&mut self) {
        let mut worker = self.workers.pop().expect("a scene has a worker");
        self.note_memory_of(&worker);
        worker.kill();
        self.cut();
        self.calm();
        worker.restart();
        self.workers.push(worker);
    }

    /// Longer than the ack wait: what a worker holds comes again.
    pub(crate) fn longer_than_ack_wait(&self) -> Duration {
        Duration::from_millis(self.setting.ack_wait + 1_000)
    }

    /// Longer than the worker waits for a store's answer.
    pub(crate) fn longer_than_an_answer(&self) -> Duration {
        Duration::from_millis(self.setting.timeout + 500)
    }

    /// A length of time that is no condition, as that of an outage.
    pub(crate) fn pass(length: Duration) {
        let passed = wait::until(length, || false);
        assert!(passed.is_err(), "nothing is waited for");
    }

    /// Keeps the peak of a worker that is about to end.
    pub(crate) fn note_memory_of(&mut self, worker: &Worker) {
        let peak = Usage::of(worker.id()).map(|usage| usage.peak << 10);
        self.peak = self.peak.max(peak.unwrap_or_default());
    }

    /// Where the consumer is. The server has to run.
    pub(crate) fn progress(&self) -> Progress {
        let jsz = self
            .nats
            .monitor("/jsz?accounts=true&streams=true&consumers=true");
        let streams = jsz["account_details"][0]["stream_detail"].as_array();
        let mut streams = streams.into_iter().flatten();
        let Some(stream) = streams.find(|stream| stream["name"] == "TELEMETRY") else {
            return Progress::default();
        };
        let number = |value: &Value| value.as_u64().unwrap_or_default();
        let consumer = &stream["consumer_detail"][0];
        Progress {
            last: number(&stream["state"]["last_seq"]),
            floor: number(&consumer["ack_floor"]["stream_seq"]),
            pending: number(&consumer["num_pending"]),
            ack_pending: number(&consumer["num_ack_pending"]),
            delivered: number(&consumer["delivered"]["consumer_seq"]),
        }
    }

    /// The fault is over: waits until everything is through, ends the workers, and judges.
    pub(crate) fn finish(mut self) -> Outcome {
        let over = Instant::now();
        let backlog = self.progress().last;
        let through = self.wait_lively(|progress| progress.floor >= backlog);
        let recovered = over.elapsed();
        let load = self.load.take().expect("the load ends here");
        let sent = load.finish();
        let all = through.and_then(|()| {
            self.wait_lively(|now| now.floor >= sent && now.pending + now.ack_pending == 0)
        });
        if let Err(stuck) = all {
            self.wrong
                .push(format!("of {sent} not all are acked: {stuck:?}"));
        }
        let progress = self.progress();
        let mut logs = Vec::new();
        while let Some(worker) = self.workers.pop() {
            logs.push(self.end(worker));
        }
        let ceiling = self.setting.ceiling();
        if self.peak > ceiling {
            let peak = self.peak;
            self.wrong.push(format!(
                "resident with {peak} bytes, and {ceiling} are allowed"
            ));
        }
        Outcome {
            verdict: judge(&self.world(sent)),
            redelivered: progress.delivered.saturating_sub(progress.last),
            recovered,
            peak: self.peak,
            wrong: self.wrong,
            log: logs.join("\n--\n"),
        }
    }

    /// Waits until `done` holds, as long as acks go on.
    fn wait_lively(&self, done: impl Fn(Progress) -> bool) -> Result<(), Progress> {
        let (mut floor, mut moved) = (0, Instant::now());
        let outcome = wait::until_some(THROUGH, || {
            let now = self.progress();
            if now.floor > floor {
                (floor, moved) = (now.floor, Instant::now());
            }
            let stuck = moved.elapsed() > LIVELY;
            done(now).then_some(Ok(())).or(stuck.then_some(Err(now)))
        });
        outcome.unwrap_or_else(|_| Err(self.progress()))
    }

    /// SIGTERM to a worker that is in nobody's way: it has to end as it should. Its log.
    pub(crate) fn end(&mut self, mut worker: Worker) -> String {
        self.note_memory_of(&worker);
        let status = worker.stop();
        self.exited(status);
        worker.log()
    }

    /// A worker that was asked to end did: nothing may be left un-acked.
    pub(crate) fn exited(&mut self, status: ExitStatus) {
        if status.code() != Some(0) {
            self.wrong.push(format!("a worker ends with {status}"));
        }
    }

    fn world(&self, sent: u64) -> World {
        let settling = |key: &Key| key.measurement == DISPUTED && key.time == Time::At(SETTLED);
        let all = self.influx.points(DB);
        let points = all.iter().filter(|(key, _)| !settling(key));
        let stored = points.map(|(key, fields)| Point {
            key: key.clone(),
            fields: fields.clone(),
        });
        let runtime = tokio::runtime::Runtime::new().expect("a runtime can be made");
        World {
            sent: (0..sent).map(|place| self.oracle.message(place)).collect(),
            stored: stored.collect(),
            types: self.influx.field_types(DB),
            letters: runtime.block_on(dead_letters(&self.nats)),
        }
    }
}
