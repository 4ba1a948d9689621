//! Half of what the path can take, for long, and one fault after the other at random. One worker lives through all of it: its memory
//! is sampled, and must not grow. `FAULTS_SOAK=30m` runs it instead of the table.

use std::io::{self, Write};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

use flightline_fixtures::chaos::Weather;
use flightline_fixtures::stub::answer::Api;
use flightline_fixtures::usage::Usage;
use flightline_fixtures::wait;

use crate::fault::{Fault, words};
use crate::outlet::Outlet;
use crate::scene::{Outcome, Scene};
use crate::setting::Setting;
use crate::{answers, history, influx, nats, wire, worker};

/// More messages a second than any machine takes through the path.
const TOO_MANY: u32 = 100_000;
/// How long the path is saturated, to know its rate.
const SATURATED: Duration = Duration::from_secs(15);
/// For what was too much to be through.
const DRAINED: Duration = Duration::from_secs(600);
/// Until memory is looked at: buffers and tables have their size then.
const SETTLED: Duration = Duration::from_secs(60);
/// Between two looks at memory.
const SAMPLE: Duration = Duration::from_secs(1);
/// Between two faults, the longest calm.
const CALM: u64 = 10;
/// Messages that are judged together.
const WINDOW: u64 = 50_000;
/// The most that memory may grow in all, or in an hour of a longer soak, in bytes: noise of an allocator is below it, a leak of one byte
/// a message above.
const GROWTH: f64 = 8.0 * 1024.0 * 1024.0;

/// Runs it for `length`, prints what came of it, and says whether all holds.
pub(crate) fn run(out: &mut impl Write, length: Duration, seed: u64) -> io::Result<bool> {
    writeln!(out, "soak of {length:?}, seed {seed}")?;
    let setting = Setting {
        outlet: Outlet::Played(Api::V1),
        ..Setting::default()
    };
    let mut scene = Scene::open(seed, setting);
    let saturation = saturation(&scene);
    let rate = saturation / 2;
    scene.load().pause();
    scene.worker().wait_for("the path catches up", DRAINED, || {
        let progress = scene.progress();
        progress.floor >= progress.last
    });
    scene.load().set_rate(rate);
    scene.load().resume();
    writeln!(
        out,
        "saturated at {saturation} messages/s, going on at {rate}"
    )?;
    // The first lives on: faults of workers take the last.
    let memory = Memory::watch(scene.worker().id());
    scene.add_worker();
    let start = Instant::now();
    let faults = faults();
    let mut happened = 0_u32;
    let mut wrong = 0_u32;
    while start.elapsed() < length {
        let fault = &faults[scene.random.usize(..faults.len())];
        let said = happen(&mut scene, fault);
        happened += 1;
        if let Err(said) = said {
            wrong += 1;
            writeln!(
                out,
                "{:>5} s {}: {said}",
                start.elapsed().as_secs(),
                fault.name
            )?;
        }
        let calm = scene.random.u64(1..=CALM);
        Scene::pass(Duration::from_secs(calm));
    }
    let flat = memory.end(out)?;
    let outcome = scene.finish_in_windows(WINDOW);
    told(out, &outcome, happened, wrong)?;
    Ok(flat && wrong == 0 && outcome.holds())
}

/// Those that can happen in one scene again and again, and leave the first worker alone.
fn faults() -> Vec<Fault> {
    let families = [
        worker::faults(),
        nats::faults(),
        influx::faults(),
        wire::faults(),
        answers::one_by_one(Api::V1),
        vec![history::consumer_is_deleted()],
    ];
    families.into_iter().flatten().collect()
}

/// How many messages a second the worker acks when there are always more.
fn saturation(scene: &Scene) -> u32 {
    scene.load().set_rate(TOO_MANY);
    let before = scene.progress().floor;
    Scene::pass(SATURATED);
    let acked = scene.progress().floor - before;
    u32::try_from(acked / SATURATED.as_secs()).unwrap_or(TOO_MANY)
}

/// Lets one happen and everything come right again. Words if it does not.
fn happen(scene: &mut Scene, fault: &Fault) -> Result<(), String> {
    let happened = catch_unwind(AssertUnwindSafe(|| fault.happen(scene)));
    if happened.is_err() {
        restore(scene);
    }
    scene
        .recover()
        .map_err(|progress| format!("not over in time: {progress:?}"))?;
    happened.map_err(|panic| words(panic.as_ref()))
}

/// Everything is on its feet, whatever a fault has left behind.
fn restore(scene: &mut Scene) {
    scene.calm();
    scene.wire_nats.set(Weather::Fine);
    scene.wire_store.set(Weather::Fine);
    scene.interposer.pass();
    for server in [scene.nats.server(), scene.influx.server()] {
        server.resume_service();
        server.unpause();
    }
    if scene.workers.len() < 2 {
        scene.add_worker();
    }
}

fn told(out: &mut impl Write, outcome: &Outcome, faults: u32, wrong: u32) -> io::Result<()> {
    let verdict = &outcome.verdict;
    writeln!(
        out,
        "{faults} faults, {wrong} of them not over in time; {} messages: {} sent, {} stored, {} dead-lettered, {} lost, {} doubled, \
         {} altered, {} letters again, {} redelivered",
        outcome.sent,
        verdict.sent,
        verdict.stored,
        verdict.dead,
        verdict.lost,
        verdict.duplicated,
        verdict.altered,
        verdict.letters_again,
        outcome.redelivered,
    )?;
    for finding in outcome.wrong.iter().chain(&verdict.findings) {
        writeln!(out, "    {finding}")?;
    }
    if !outcome.holds() {
        writeln!(out, "{}", outcome.log)?;
    }
    Ok(())
}

/// Looks at a process' memory from time to time.
struct Memory {
    stop: Arc<AtomicBool>,
    thread: JoinHandle<Vec<(f64, f64)>>,
    pid: u32,
}

impl Memory {
    fn watch(pid: u32) -> Self {
        let stop = Arc::new(AtomicBool::new(false));
        let stopped = Arc::clone(&stop);
        let start = Instant::now();
        let thread = thread::spawn(move || {
            let mut samples = Vec::new();
            while wait::until(SAMPLE, || stopped.load(Ordering::Relaxed)).is_err() {
                if start.elapsed() >= SETTLED
                    && let Some(usage) = Usage::of(pid)
                {
                    samples.push((start.elapsed().as_secs_f64(), bytes(usage.resident)));
                }
            }
            samples
        });
        Self { stop, thread, pid }
    }

    /// Says how it was, and whether it stayed so.
    fn end(self, out: &mut impl Write) -> io::Result<bool> {
        self.stop.store(true, Ordering::Relaxed);
        let samples = self.thread.join().expect("looking does not fail");
        let (Some((_, first)), Some((_, last))) = (samples.first(), samples.last()) else {
            writeln!(out, "memory: shorter than {SETTLED:?} is no soak")?;
            return Ok(false);
        };
        let peak = Usage::of(self.pid).map_or(0.0, |usage| bytes(usage.peak));
        let slope = slope(&samples) * 3600.0;
        let mib = |bytes: f64| bytes / 1024.0 / 1024.0;
        writeln!(
            out,
            "memory: first {:.1} MiB, last {:.1}, peak {:.1}, slope {:+.2} MiB an hour",
            mib(*first),
            mib(*last),
            mib(peak),
            mib(slope),
        )?;
        // A short one shows noise: over ten minutes it would look like six times as much.
        let hours = samples.len() as f64 * SAMPLE.as_secs_f64() / 3600.0;
        Ok(slope * hours.min(1.0) <= GROWTH)
    }
}

fn bytes(kibibytes: u64) -> f64 {
    kibibytes as f64 * 1024.0
}

/// The line of least squares through samples of seconds and bytes: bytes a second.
fn slope(samples: &[(f64, f64)]) -> f64 {
    let count = samples.len() as f64;
    let mean = |value: fn(&(f64, f64)) -> f64| samples.iter().map(value).sum::<f64>() / count;
    let (time, size) = (mean(|sample| sample.0), mean(|sample| sample.1));
    let rise = samples
        .iter()
        .map(|(at, bytes)| (at - time) * (bytes - size));
    let run = samples.iter().map(|(at, _)| (at - time).powi(2));
    rise.sum::<f64>() / run.sum::<f64>().max(f64::MIN_POSITIVE)
}
