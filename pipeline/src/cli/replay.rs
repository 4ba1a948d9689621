//! `flightline replay`: a recorded stream or line protocol to NATS, or straight through the path into the sinks. What was sent
//! before a broken line, a failure or a signal stays sent, is settled, and is counted.

use std::path::Path;
use std::time::Duration;

use indicatif::{ProgressBar, ProgressStyle};
use tokio::sync::mpsc;
use tokio_util::sync::CancellationToken;

use super::args::{Replay, Target};
use super::play::{Outlet, Pace, records};
use super::run::{Signals, passing_console, unavailable};
use super::{Exit, Failure, out};
use crate::bus::{Bus, SUBSCRIPTION_CAPACITY};
use crate::config::load::Loaded;
use crate::config::{Config, Source};
use crate::local::Local;
use crate::run::Ended;
use crate::stream::Record;
use crate::stream::read::StreamError;

/// Records read ahead of what is sent.
const AHEAD: usize = 256;

/// Plays a file.
///
/// # Errors
/// When it cannot be read to its end, nobody takes it, or a signal ended it.
pub async fn run(loaded: &Loaded, args: &Replay) -> Result<Exit, Failure> {
    let signals = Signals::watch()?;
    let abandon = signals.abandon.clone();
    let work = async {
        match args.to {
            Target::Nats => to_nats(&loaded.config, args, &signals.stop).await,
            Target::Path => to_path(loaded, args, &signals.stop).await,
        }
    };
    abandon.run_until_cancelled(work).await.unwrap_or_else(|| {
        let text = "stopped at once: what was sent last is not known to be stored";
        Err(Failure::new(Exit::Unacked, text))
    })
}

async fn to_nats(
    config: &Config,
    args: &Replay,
    stop: &CancellationToken,
) -> Result<Exit, Failure> {
    let bus = Bus::connect(&config.nats, SUBSCRIPTION_CAPACITY)
        .await
        .map_err(unavailable)?;
    let mut outlet = match &config.source {
        Source::JetStream(_) => Outlet::Streams(bus, Vec::new()),
        Source::Core(_) => Outlet::Core(bus),
    };
    let played = play(args, &mut outlet, stop).await;
    out::say(&format_args!("{} messages sent", played.sent))?;
    played.end.exit(args)
}

async fn to_path(
    loaded: &Loaded,
    args: &Replay,
    stop: &CancellationToken,
) -> Result<Exit, Failure> {
    let console = passing_console(loaded).await?;
    let mut local = Local::start(&loaded.config, &console).map_err(unavailable)?;
    let played = play(args, &mut Outlet::Path(&mut local.feeder), stop).await;
    let letters = local.letters.clone();
    let ended = local.finish(loaded.config.drain).await;
    let unsettled = console.unsettled();
    let (stored, dead) = (
        console.metrics.lines_stored(),
        console.metrics.dead_lettered_sum(),
    );
    console.close().await;
    let sent = played.sent;
    out::say(&format_args!(
        "{sent} messages sent; {stored} lines stored, {dead} dead letters"
    ))?;
    if dead > 0 {
        out::say(&format_args!("dead letters are in {}", letters.display()))?;
    }
    match (ended, unsettled) {
        (Ended::Clean, 0) => played.end.exit(args),
        (_, unsettled) => {
            let text =
                format!("{unsettled} messages are not known to be stored: play the file again");
            Err(Failure::new(Exit::Unacked, text))
        }
    }
}

/// What was played.
struct Played {
    sent: u64,
    end: End,
}

/// Why it ended.
enum End {
    /// The file's last message was sent.
    File,
    /// A signal.
    Stopped,
    /// The file cannot be played, or nobody takes it.
    Broken(Failure),
}

impl End {
    fn exit(self, args: &Replay) -> Result<Exit, Failure> {
        match self {
            Self::File => Ok(Exit::Ok),
            Self::Stopped => {
                let text = format!("stopped before the end of {}", args.file.display());
                Err(Failure::new(Exit::Unacked, text))
            }
            Self::Broken(failure) => Err(failure),
        }
    }
}

async fn play(args: &Replay, outlet: &mut Outlet<'_>, stop: &CancellationToken) -> Played {
    let mut sent = 0;
    let bar = bar();
    let mut end = send_all(args, outlet, stop, |count| {
        sent = count;
        bar.set_position(count);
    })
    .await
    .unwrap_or_else(End::Broken);
    // What was sent before a broken line is not lost because of it.
    if let (Err(error), End::File | End::Stopped) = (outlet.settle(stop).await, &end) {
        end = End::Broken(unavailable(error));
    }
    bar.finish_and_clear();
    Played { sent, end }
}

async fn send_all(
    args: &Replay,
    outlet: &mut Outlet<'_>,
    stop: &CancellationToken,
    mut sent_so_far: impl FnMut(u64),
) -> Result<End, Failure> {
    let mut records = read(args);
    let mut sent = 0;
    let mut pace = Pace::start(args.speed);
    loop {
        let turn = match stop.run_until_cancelled(records.recv()).await {
            None => return Ok(End::Stopped),
            Some(None) => return Ok(End::File),
            Some(Some(turn)) => turn,
        };
        let record = match turn {
            Turn::Again => {
                pace = Pace::start(args.speed);
                continue;
            }
            // The command names a file that cannot be played.
            Turn::Record(record) => {
                record.map_err(|error| Failure::new(Exit::Usage, error.to_string()))?
            }
        };
        if let Some(due) = pace.due(record.offset()) {
            // A pause in the recording is none for what was sent before it.
            outlet.settle(stop).await.map_err(unavailable)?;
            let pause = tokio::time::sleep_until(due);
            if stop.run_until_cancelled(pause).await.is_none() {
                return Ok(End::Stopped);
            }
        }
        outlet.send(record, stop).await.map_err(unavailable)?;
        sent += 1;
        sent_so_far(sent);
    }
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
            if sender.blocking_send(Turn::Again).is_err()
                || !read_once(&args.file, &args.subject, &sender)
            {
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
    if let Ok(style) =
        ProgressStyle::with_template("{spinner} {human_pos} messages, {per_sec}, {elapsed}")
    {
        bar.set_style(style);
    }
    bar.enable_steady_tick(Duration::from_millis(100));
    bar
}
