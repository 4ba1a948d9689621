//! A fault comes in, a whole world for it is set up, and what became of it goes out: real servers, a worker, a proxy on each side
//! of it, and a load that never stops while the fault happens. No hook in the program under test: the proxies stop the
//! conversation at an exact step.

use std::cell::OnceCell;
use std::ops::Range;
use std::process::ExitStatus;
use std::time::{Duration, Instant};

use fastrand::Rng;
use flightline_fixtures::chaos::Chaos;
use flightline_fixtures::clock::Clock;
use flightline_fixtures::generator::Refused;
use flightline_fixtures::influxd::Influxd;
use flightline_fixtures::interposer::Interposer;
use flightline_fixtures::usage::Usage;
use flightline_fixtures::wait;
use flightline_fixtures::worker::Worker;

use crate::ground::Ground;
use crate::judge::{Verdict, World, judge};
use crate::load::Load;
use crate::oracle::{Oracle, SETTLING};
use crate::outlet::{self, DB, Outlet};
use crate::servers::{Progress, Servers};
use crate::setting::{Setting, WallClock};
use crate::step::REACH;
use crate::support::{BINARY, dead_letters_at};
use crate::window::Window;

/// After a fault the ack floor moves, or less is un-acked, at least so often until everything is acked: an ack wait, the longest back-off, a new
/// connection and a busy machine.
const LIVELY: Duration = Duration::from_secs(30);
/// And in the end it is.
const THROUGH: Duration = Duration::from_secs(300);
/// So many lines are stored before a fault: everything runs.
const WARM: f64 = 100.0;

/// What became of a fault.
#[derive(Debug, Clone, Default)]
pub(crate) struct Outcome {
    /// Messages that the stream has acknowledged.
    pub(crate) sent: u64,
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

/// A world for one fault.
#[derive(Debug)]
pub(crate) struct Scene {
    // Before the servers: it ends before them.
    pub(crate) workers: Vec<Worker>,
    pub(crate) wire_nats: Chaos,
    pub(crate) wire_store: Chaos,
    pub(crate) interposer: Interposer,
    pub(crate) nats: Servers,
    pub(crate) influx: Influxd,
    /// The places of messages that the fault took out of the stream.
    pub(crate) purged: Range<u64>,
    clock: Option<Clock>,
    pub(crate) ground: Ground,
    /// What is up to chance in the fault.
    pub(crate) random: Rng,
    pub(crate) setting: Setting,
    oracle: Oracle,
    load: Option<Load>,
    peak: u64,
    /// What is wrong beside the data, in words.
    wrong: Vec<String>,
    letters: OnceCell<Vec<Refused>>,
}

impl Scene {
    /// Servers, a worker and a load, at work.
    pub(crate) fn open(seed: u64, setting: Setting) -> Self {
        let mut random = Rng::with_seed(seed);
        let nats = Servers::start(setting.nats, &mut random);
        let influx = Influxd::start();
        influx.create_database(DB);
        assert_eq!(influx.write(DB, SETTLING).status, 204);
        let interposer = Interposer::before(&influx.url());
        let store = match setting.outlet {
            Outlet::Played(_) => interposer.url(),
            Outlet::Store | Outlet::Files => influx.url(),
        };
        let wire_nats = Chaos::before(&nats.address());
        let wire_store = Chaos::before(store.trim_start_matches("http://"));
        let oracle = Oracle::new(seed);
        let load = Load::start(nats.urls(), oracle.clone(), setting.rate);
        let clock = match setting.wall_clock {
            WallClock::Right => None,
            WallClock::Jumping => Some(Clock::new().unwrap_or_else(|error| panic!("{error}"))),
        };
        let mut scene = Self {
            workers: Vec::new(),
            wire_nats,
            wire_store,
            interposer,
            nats,
            influx,
            purged: 0..0,
            clock,
            ground: Ground::of(setting.outlet),
            random,
            setting,
            oracle,
            load: Some(load),
            peak: 0,
            wrong: Vec::new(),
            letters: OnceCell::new(),
        };
        scene.add_worker();
        scene.warm();
        scene
    }

    /// One more worker on the same consumer.
    pub(crate) fn add_worker(&mut self) {
        let urls = match &self.nats {
            Servers::One(_) => vec![format!("nats://{}", self.wire_nats.address())],
            Servers::Three(cluster) => cluster.urls(),
        };
        let sink = self
            .setting
            .outlet
            .keys(&self.wire_store.address(), self.ground.path());
        let config = self.setting.config(&urls, &sink);
        let environment = self.clock.as_ref().map(Clock::environment);
        let worker = Worker::launch_in(environment.unwrap_or_default(), BINARY, &config, "");
        worker.wait_ready();
        self.workers.push(worker);
    }

    /// The workers' wall clock in a scene where it jumps.
    pub(crate) fn clock(&self) -> &Clock {
        let clock = self.clock.as_ref();
        clock.expect("this scene has a clock of its own")
    }

    /// The publisher.
    pub(crate) fn load(&self) -> &Load {
        self.load.as_ref().expect("it ends with the scene")
    }

    /// The lines that the last worker has stored.
    pub(crate) fn stored(&self) -> f64 {
        self.worker()
            .metric("flightline_stored_lines_total{sink=\"main\"}")
    }

    /// Waits until the last worker has stored something.
    pub(crate) fn warm(&self) {
        let worker = self.worker();
        worker.wait_for("everything runs", REACH, || self.stored() >= WARM);
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

    /// Where the consumer is. A server has to run.
    pub(crate) fn progress(&self) -> Progress {
        self.nats.progress()
    }

    /// The fault is over: waits until everything is through, ends the workers, and judges.
    pub(crate) fn finish(mut self) -> Outcome {
        let mut outcome = self.settle();
        outcome.verdict = judge(&self.world(&Window::all(outcome.sent)));
        outcome
    }

    /// As [`Scene::finish`], looking at so many messages at a time: for more than memory holds.
    pub(crate) fn finish_in_windows(mut self, messages: u64) -> Outcome {
        let mut outcome = self.settle();
        for window in Window::split(outcome.sent, messages) {
            outcome.verdict.add(judge(&self.world(&window)));
        }
        outcome
    }

    /// Waits until all that was in the stream when this is called is acked. How long that took, or where the consumer is instead.
    ///
    /// Nothing is published meanwhile: a nats-server that was killed may have forgotten which deliveries were acked, and then its
    /// ack floor stands still until nothing at all is pending (`ackMsg` in its consumer.go).
    pub(crate) fn recover(&self) -> Result<Duration, Progress> {
        let over = Instant::now();
        self.load().pause();
        let through = self.wait_lively(Progress::is_through);
        self.load().resume();
        through.map(|()| over.elapsed())
    }

    /// Everything but the verdict.
    fn settle(&mut self) -> Outcome {
        let recovered = self.recover();
        let load = self.load.take().expect("the load ends here");
        let sent = load.finish();
        let all = self.wait_lively(Progress::is_through);
        if let Err(stuck) = recovered.and(all) {
            self.wrong
                .push(format!("of {sent} not all are acked: {stuck:?}"));
        }
        let progress = self.progress();
        let gone = sent.saturating_sub(progress.last);
        if gone > 0 && self.purged.is_empty() {
            self.wrong.push(format!(
                "the stream has lost {gone} of {sent} messages that it acknowledged"
            ));
        }
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
            sent,
            verdict: Verdict::default(),
            redelivered: progress.delivered.saturating_sub(progress.last),
            recovered: recovered.unwrap_or(LIVELY),
            peak: self.peak,
            wrong: std::mem::take(&mut self.wrong),
            log: logs.join("\n--\n"),
        }
    }

    /// Waits until `done` holds, as long as acks go on.
    fn wait_lively(&self, done: impl Fn(Progress) -> bool) -> Result<(), Progress> {
        let (mut floor, mut open, mut moved) = (0, u64::MAX, Instant::now());
        let outcome = wait::until_some(THROUGH, || {
            let now = self.progress();
            let less = now.pending + now.ack_pending;
            if now.floor > floor || less < open {
                (floor, open, moved) = (now.floor, less, Instant::now());
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

    fn world(&self, window: &Window) -> World {
        let (oracle, places) = (&self.oracle, window.places.clone());
        let ((stored, types), messages): (_, Vec<_>) = match self.setting.outlet {
            Outlet::Store | Outlet::Played(_) => {
                let messages = places.map(|place| oracle.message(place));
                (outlet::stored(&self.influx, window), messages.collect())
            }
            Outlet::Files => {
                let messages = places.map(|place| oracle.undisputed(place));
                (outlet::written(self.ground.path()), messages.collect())
            }
        };
        World {
            sent: messages,
            purged: window.inside(&self.purged),
            stored,
            types,
            letters: self.letters(window),
        }
    }

    /// The dead letters of a window; who has not read them yet reads all.
    fn letters(&self, window: &Window) -> Vec<Refused> {
        let letters = self.letters.get_or_init(|| {
            let runtime = tokio::runtime::Runtime::new().expect("a runtime can be made");
            runtime.block_on(dead_letters_at(self.nats.urls()))
        });
        let inside = letters.iter().filter(|letter| window.has(letter));
        inside.cloned().collect()
    }
}
