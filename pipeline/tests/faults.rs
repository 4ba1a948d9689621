//! The promises under faults: real servers, a worker between two proxies, a load that goes on, and one thing after the other that
//! goes wrong at an exact step. An oracle issues numbered points; a judge asks the store and the dead letters what became of
//! each. Prints a table, and fails when a single point is lost, doubled or altered.
//!
//! `cargo test -p flightline --test faults` runs each fault once, `FAULTS=long` again and again for twenty minutes. After `--`:
//! words select faults by name, `--seed N` repeats a run, `--list` names them. `faults/` has a file per family.

/// Numbered messages by seed.
#[path = "faults/oracle.rs"]
mod oracle;
/// Publishes them.
#[path = "faults/load.rs"]
mod load;
/// Counts what became of them.
#[path = "faults/judge.rs"]
mod judge;
/// What differs between scenes.
#[path = "faults/setting.rs"]
mod setting;
/// One server or three.
#[path = "faults/servers.rs"]
mod servers;
/// Its folder.
#[path = "faults/ground.rs"]
mod ground;
/// Where lines go, and what is there.
#[path = "faults/outlet.rs"]
mod outlet;
/// Servers, worker, proxies.
#[path = "faults/scene.rs"]
mod scene;
/// Where on its way a message is.
#[path = "faults/step.rs"]
mod step;
/// A name and what happens.
#[path = "faults/fault.rs"]
mod fault;
/// A part of what was sent.
#[path = "faults/window.rs"]
mod window;
/// What is printed.
#[path = "faults/table.rs"]
mod table;
/// The command line.
#[path = "faults/arguments.rs"]
mod arguments;
/// The judge itself is tried.
#[path = "faults/trial.rs"]
mod trial;

/// Publisher and dead letters, as the other tests have them.
#[path = "rig/support.rs"]
mod support;

/// The worker is killed, stopped, ended.
#[path = "faults/worker.rs"]
mod worker;
/// nats-server is.
#[path = "faults/nats.rs"]
mod nats;
/// influxd is.
#[path = "faults/influx.rs"]
mod influx;
/// Connections are cut, held, refused.
#[path = "faults/wire.rs"]
mod wire;
/// The same for a worker that acks in runs.
#[path = "faults/lanes.rs"]
mod lanes;
/// There are more workers, and fewer.
#[path = "faults/scale.rs"]
mod scale;
/// The store answers all that a store can answer.
#[path = "faults/answers.rs"]
mod answers;
/// Stream and consumer are purged, deleted, replaced.
#[path = "faults/history.rs"]
mod history;
/// A cluster loses its leader.
#[path = "faults/cluster.rs"]
mod cluster;
/// The disk is full.
#[path = "faults/disk.rs"]
mod disk;
/// The wall clock jumps.
#[path = "faults/clock.rs"]
mod clock;
/// All of it at random, for long.
#[path = "faults/soak.rs"]
mod soak;

use std::io::{self, Write};
use std::panic;
use std::process::ExitCode;
use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use arguments::{Arguments, What};
use fault::{Fault, Form};
use table::Row;

/// `FAULTS=long` begins no further round after so long.
const LONG: Duration = Duration::from_secs(20 * 60);

/// Every fault.
fn faults() -> Vec<Fault> {
    let families = [
        worker::faults(),
        nats::faults(),
        influx::faults(),
        wire::faults(),
        lanes::faults(),
        scale::faults(),
        answers::faults(),
        history::faults(),
        cluster::faults(),
        disk::faults(),
        clock::faults(),
    ];
    families.into_iter().flatten().collect()
}

fn main() -> ExitCode {
    let arguments = match Arguments::parse(std::env::args().skip(1)) {
        Ok(arguments) => arguments,
        Err(problem) => {
            writeln!(io::stderr(), "{problem}").expect("standard error takes a line");
            return ExitCode::from(64);
        }
    };
    if let Ok(length) = std::env::var("FAULTS_SOAK") {
        return soak(&arguments, &length);
    }
    let form = match std::env::var("FAULTS").as_deref() {
        Ok("long") => Form::Long,
        Ok("" | "short") | Err(_) => Form::Short,
        Ok(other) => {
            writeln!(io::stderr(), "FAULTS={other}: write long, or leave it out")
                .expect("standard error takes a line");
            return ExitCode::from(64);
        }
    };
    run(&arguments, form).expect("standard output takes lines")
}

/// For a length as it is typed: `30m`.
fn soak(arguments: &Arguments, length: &str) -> ExitCode {
    let Ok(length) = flightline::config::units::duration(length) else {
        writeln!(
            io::stderr(),
            "FAULTS_SOAK={length}: write a length of time, as 30m"
        )
        .expect("standard error takes a line");
        return ExitCode::from(64);
    };
    // A line of the soak says why a fault could not happen.
    panic::set_hook(Box::new(|_| {}));
    let seed = arguments.seed.unwrap_or_else(|| fastrand::u64(..1 << 32));
    let holds = soak::run(&mut io::stdout(), length, seed);
    if holds.expect("standard output takes lines") {
        ExitCode::SUCCESS
    } else {
        ExitCode::FAILURE
    }
}

fn run(arguments: &Arguments, form: Form) -> io::Result<ExitCode> {
    let mut out = io::stdout();
    let wanted = |fault: &Fault| {
        let kept = fault.form == Form::Short || form == Form::Long || arguments.names(&fault.name);
        kept && arguments.selects(&fault.name)
    };
    let faults: Vec<Fault> = faults().into_iter().filter(wanted).collect();
    match arguments.what {
        What::Nothing => return Ok(ExitCode::SUCCESS),
        What::List => {
            for fault in &faults {
                writeln!(out, "{}: test", fault.name)?;
            }
            return Ok(ExitCode::SUCCESS);
        }
        What::Run => {}
    }
    trial::hold();
    if faults.is_empty() {
        writeln!(out, "no fault has such a name; --list names them")?;
        return Ok(ExitCode::SUCCESS);
    }
    // A row says why a scene ended.
    panic::set_hook(Box::new(|_| {}));
    table::head(&mut out)?;
    let start = Instant::now();
    let mut rows = Vec::new();
    loop {
        rows.extend(round(&faults, arguments)?);
        let again = match form {
            Form::Short => false,
            Form::Long => arguments.seed.is_none() && start.elapsed() < LONG,
        };
        if !again {
            break;
        }
    }
    table::sum(&mut out, &rows, start.elapsed())?;
    let all_hold = rows.iter().all(Row::holds);
    Ok(if all_hold {
        ExitCode::SUCCESS
    } else {
        ExitCode::FAILURE
    })
}

/// Each fault once, some at the same time.
fn round(faults: &[Fault], arguments: &Arguments) -> io::Result<Vec<Row>> {
    let next = AtomicUsize::new(0);
    let rows = Mutex::new(Vec::new());
    let work = || {
        while let Some(fault) = faults.get(next.fetch_add(1, Ordering::Relaxed)) {
            // Short, to be typed again.
            let seed = arguments.seed.unwrap_or_else(|| fastrand::u64(..1 << 32));
            let row = fault.run(seed);
            let mut rows = rows.lock().expect("nobody panics while printing");
            table::row(&mut io::stdout(), &row)?;
            rows.push(row);
        }
        Ok(())
    };
    thread::scope(|scope| {
        let workers: Vec<_> = (0..arguments.at_once).map(|_| scope.spawn(work)).collect();
        let mut ends = workers.into_iter();
        ends.try_for_each(|worker: thread::ScopedJoinHandle<'_, io::Result<()>>| {
            worker.join().expect("a fault's panic is a row")
        })
    })?;
    Ok(rows.into_inner().expect("nobody panics while printing"))
}
