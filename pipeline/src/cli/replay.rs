//! `flightline replay`: a recorded stream or line protocol to NATS, or straight through the path into the sinks.

use std::path::Path;
use std::time::Duration;

use indicatif::{ProgressBar, ProgressStyle};
use tokio::sync::mpsc;
use tokio_util::sync::CancellationToken;

use super::args::{Replay, Target};
use super::play::{Outlet, Pace, records};
use super::run::{Signals, unavailable};
use super::{Exit, Failure, out};
use crate::bus::{Bus, SUBSCRIPTION_CAPACITY};
use crate::config::{Config, Source};
use crate::console::Console;
use crate::local::Local;
use crate::run::Ended;
use crate::stream::Record;
use crate::stream::read::StreamError;

/// Records read ahead of what is sent.
const AHEAD: usize = 256;

/// Plays a file.
///
/// # Errors
/// When it cannot be read, or nobody takes it.
pub async fn run(config: &Config, args: &Replay) -> Result<Exit, Failure> {
    let signals = Signals::watch()?;
    match args.to {
        Target::Nats => {
            let bus = Bus::connect(&config.nats, SUBSCRIPTION_CAPACITY).await.map_err(unavailable)?;
            let mut outlet = match &config.source {
                Source::JetStream(_) => Outlet::Streams(bus, Vec::new()),
                Source::Core(_) => Outlet::Core(bus),
            };
            let sent = play(args, &mut outlet, &signals.stop).await?;
            out::say(&format!("{sent} messages sent"))?;
            Ok(Exit::Ok)
        }
        Target::Path => {
            let console = Console::open(config).await.map_err(unavailable)?;
            let mut local = Local::start(config, &console).map_err(unavailable)?;
            let sent = play(args, &mut Outlet::Path(&mut local.feeder), &signals.stop).await?;
            let letters = local.letters.clone();
            let ended = local.finish(config.drain).await;
            let unsettled = console.unsettled();
            let (stored, dead) = (console.metrics.lines_stored(), console.metrics.dead_lettered_sum());
            console.close().await;
            out::say(&format!("{sent} messages sent; {stored} lines stored, {dead} dead letters"))?;
            if dead > 0 {
                out::say(&format!("dead letters are in {}", letters.display()))?;
            }
            match (ended, unsettled) {
                (Ended::Clean, 0) => Ok(Exit::Ok),
                (_, unsettled) => {
                    let text = format!("{unsettled} messages are not known to be stored: play the file again");
                    Err(Failure::new(Exit::Unacked, text))
                }
            }
        }
    }
}

async fn play(args: &Replay, outlet: &mut Outlet<'_>, stop: &CancellationToken) -> Result<u64, Failure> {
    let mut records = read(args);
    let bar = bar();
    let mut sent = 0;
    let mut pace = Pace::start(args.speed);
    while let Some(Some(turn)) = stop.run_until_cancelled(records.recv()).await {
        let record = match turn {
            Turn::Again => {
                pace = Pace::start(args.speed);
                continue;
            }
            Turn::Record(record) => record.map_err(|error| Failure::new(Exit::Config, error.to_string()))?,
        };
        if let Some(due) = pace.due(record.offset()) {
            // A pause in the recording is none for what was sent before it.
            outlet.settle().await.map_err(unavailable)?;
            if stop.run_until_cancelled(tokio::time::sleep_until(due)).await.is_none() {
                break;
            }
        }
        outlet.send(record).await.map_err(unavailable)?;
        sent += 1;
        bar.set_position(sent);
    }
    outlet.settle().await.map_err(unavailable)?;
    bar.finish_and_clear();
    Ok(sent)
}

enum Turn {
    /// The file begins again.
    Again,
    Record(Result<Record, StreamError>),
}

/// Reads on a thread of its own: files block.
fn read(args: &Replay) -> mpsc::Receiver<Turn> {
    let (sender, receiver) = mpsc::channel(AHEAD);
    let args = args.clone();
    tokio::task::spawn_blocking(move || {
        for _ in 0..args.repeat.get() {
            // A receiver that is gone wants nothing any more.
            if sender.blocking_send(Turn::Again).is_err() || !read_once(&args.file, &args.subject, &sender) {
                return;
            }
        }
    });
    receiver
}

fn read_once(file: &Path, subject: &str, sender: &mpsc::Sender<Turn>) -> bool {
    match records(file, subject) {
        Ok(mut records) => records.all(|record| sender.blocking_send(Turn::Record(record)).is_ok()),
        Err(error) => {
            sender.blocking_send(Turn::Record(Err(error))).ok();
            false
        }
    }
}

/// On a terminal; nothing elsewhere.
fn bar() -> ProgressBar {
    let bar = ProgressBar::new_spinner();
    if let Ok(style) = ProgressStyle::with_template("{spinner} {human_pos} messages, {per_sec}, {elapsed}") {
        bar.set_style(style);
    }
    bar.enable_steady_tick(Duration::from_millis(100));
    bar
}
