//! `flightline demo`: a recorded stream, in a loop, through the real path: source, decode, batch, sink, exporter. Into
//! line-protocol files without any server, or through those of `NATS_URL` and `INFLUX_URL`. In the end it counts.

use std::io::IsTerminal;
use std::path::PathBuf;
use std::time::{Duration, Instant, SystemTime};

use flightline_contract::token::Prefix;
use indicatif::ProgressBar;
use tokio::time::{MissedTickBehavior, interval};
use tokio_util::sync::CancellationToken;
use tracing::warn;

use super::args::Demo;
use super::play::Outlet;
use super::run::{Signals, passing_console, unavailable};
use super::{Exit, Failure, out};
use crate::bus::{Bus, SUBSCRIPTION_CAPACITY, StreamSpec};
use crate::config::Config;
use crate::config::load::Loaded;
use crate::console::Console;
use crate::local::Local;
use crate::metrics::Metrics;
use crate::worker;

/// The recording, and its times moved to now.
mod recording;
/// The configuration of a demo.
mod settings;
/// The summary.
mod summary;

use recording::{Place, Recording};
use settings::Servers;
use summary::Summary;

/// Messages are sent so often: finer than anybody sees, coarser than a timer costs.
const TICK: Duration = Duration::from_millis(10);
/// How often rates are said.
const SAY: Duration = Duration::from_secs(1);

/// How often the server is asked whether all is done.
const LOOK: Duration = Duration::from_millis(50);
/// How long a server keeps the demo's stream: to look at it, not to keep it.
const KEPT: Duration = Duration::from_secs(3600);

/// Shows the whole path at work.
///
/// # Errors
/// When it cannot start, or what was sent is not what was stored and dead-lettered.
pub async fn run(mut loaded: Loaded, args: &Demo) -> Result<Exit, Failure> {
    let signals = Signals::watch()?;
    let servers = Servers::of_environment();
    let folder = settings::fit(&mut loaded.config, args, &servers).await?;
    let console = passing_console(&loaded).await?;
    let config = loaded.config;
    out::say(&format_args!(
        "metrics  http://{0}/metrics\nstatus   http://{0}/status",
        console.listener.address
    ))?;
    out::say(&format_args!("sink     {}", servers.sink(&folder)))?;

    let start = Instant::now();
    let (sent, unsettled) = match &servers.nats {
        None => Box::pin(local(&config, args, &console, &signals)).await?,
        // A whole worker: too large for the stack of a caller that may not need it.
        Some(_) => Box::pin(through_nats(&config, args, &console, &signals)).await?,
    };
    let summary = Summary::new(start.elapsed(), sent, unsettled, &console.metrics);
    console.close().await;
    let counted = summary::count(&folder, &servers)
        .map_err(|error| unavailable(format!("{}: {error}", folder.display())))?;
    out::say(&summary.text(&folder, &counted))?;
    if summary.adds_up(&counted) {
        Ok(Exit::Ok)
    } else {
        Err(Failure::new(
            Exit::Unacked,
            "what was sent is not what was stored and dead-lettered",
        ))
    }
}

/// In this process alone.
async fn local(
    config: &Config,
    args: &Demo,
    console: &Console,
    signals: &Signals,
) -> Result<(u64, u64), Failure> {
    let mut local = Local::start(config, console).map_err(unavailable)?;
    let sent = play(
        args,
        Place::Process,
        &mut Outlet::Path(&mut local.feeder),
        &console.metrics,
        &signals.stop,
    )
    .await?;
    let finish = local.finish(config.drain);
    // How it ended shows in what is not settled.
    signals.abandon.run_until_cancelled(finish).await;
    Ok((sent, console.unsettled()))
}

/// To the streams of a server, and back through a worker.
async fn through_nats(
    config: &Config,
    args: &Demo,
    console: &Console,
    signals: &Signals,
) -> Result<(u64, u64), Failure> {
    let bus = Bus::connect(&config.nats, SUBSCRIPTION_CAPACITY)
        .await
        .map_err(unavailable)?;
    let prefix = Prefix::new(&config.prefix).map_err(unavailable)?;
    let stream = StreamSpec {
        max_age: KEPT,
        ..worker::stream_of(config, &prefix, settings::STREAM)
    };
    bus.ensure_stream(&stream).await.map_err(unavailable)?;
    let stop_worker = CancellationToken::new();
    let work = worker::run(
        config,
        console,
        stop_worker.clone(),
        signals.abandon.clone(),
    );
    let send = async {
        let sent = play(
            args,
            Place::Server,
            &mut Outlet::Streams(bus.clone(), Vec::new()),
            &console.metrics,
            &signals.stop,
        )
        .await;
        // What was published last is still on its way through the worker.
        let deadline = Instant::now() + config.drain;
        let mut looks = interval(LOOK);
        while Instant::now() < deadline && !signals.abandon.is_cancelled() && !all_acked(&bus).await
        {
            looks.tick().await;
        }
        stop_worker.cancel();
        sent
    };
    let (outcome, sent) = tokio::join!(work, send);
    outcome.map_err(unavailable)?;
    let sent = sent?;
    let acked = console.metrics.acked.get();
    if acked > sent {
        warn!(
            acked,
            sent, "the stream held messages of an earlier demo too"
        );
    }
    Ok((sent, console.unsettled()))
}

/// Whether the demo's consumer has nothing left to do.
async fn all_acked(bus: &Bus) -> bool {
    let state = bus
        .consumer_state(settings::STREAM, settings::CONSUMER)
        .await;
    matches!(state, Ok(Some(state)) if state.pending == 0 && state.ack_pending == 0)
}

/// Sends at the rate asked for until the time is over.
async fn play(
    args: &Demo,
    place: Place,
    outlet: &mut Outlet<'_>,
    metrics: &Metrics,
    stop: &CancellationToken,
) -> Result<u64, Failure> {
    let mut recording = Recording::open(place)?;
    let mut rates = Rates::start(metrics);
    let (start, began) = (Instant::now(), SystemTime::now());
    let mut ticks = interval(TICK);
    ticks.set_missed_tick_behavior(MissedTickBehavior::Skip);
    let mut sent = 0;
    while stop.run_until_cancelled(ticks.tick()).await.is_some() {
        let running = start.elapsed();
        if args.length.is_some_and(|length| running >= length) {
            break;
        }
        let due = u64::try_from(running.as_millis() * u128::from(args.rate.get()) / 1000)
            .unwrap_or(u64::MAX);
        while sent < due && !stop.is_cancelled() {
            // Each when it was due, not when the tick came: no two readings of a sensor have the same time.
            let nanos = u128::from(sent) * 1_000_000_000 / u128::from(args.rate.get());
            let at = began + Duration::from_nanos(u64::try_from(nanos).unwrap_or(u64::MAX));
            outlet
                .send(recording.next(at), stop)
                .await
                .map_err(unavailable)?;
            sent += 1;
        }
        outlet.settle(stop).await.map_err(unavailable)?;
        rates.look(metrics, sent)?;
    }
    outlet.settle(stop).await.map_err(unavailable)?;
    rates.end();
    Ok(sent)
}

/// A live line on a terminal, a line a second elsewhere.
struct Rates {
    bar: Option<ProgressBar>,
    said: Instant,
    lines: u64,
    sent: u64,
}

impl Rates {
    fn start(metrics: &Metrics) -> Self {
        let bar = std::io::stderr()
            .is_terminal()
            .then(ProgressBar::new_spinner);
        Self {
            bar,
            said: Instant::now(),
            lines: metrics.lines_stored(),
            sent: 0,
        }
    }

    fn look(&mut self, metrics: &Metrics, sent: u64) -> std::io::Result<()> {
        let since = self.said.elapsed();
        if since < SAY {
            return Ok(());
        }
        let lines = metrics.lines_stored();
        let rate = |count: u64| u128::from(count) * 1000 / since.as_millis().max(1);
        let text = format!(
            "{sent} sent ({}/s), {lines} lines stored ({}/s), {} dead-lettered, {} bytes held",
            rate(sent - self.sent),
            rate(lines - self.lines),
            metrics.dead_lettered_sum(),
            metrics.held(),
        );
        (self.said, self.lines, self.sent) = (Instant::now(), lines, sent);
        match &self.bar {
            Some(bar) => {
                bar.set_message(text);
                bar.tick();
                Ok(())
            }
            None => out::say(&text),
        }
    }

    fn end(&self) {
        if let Some(bar) = &self.bar {
            bar.finish_and_clear();
        }
    }
}

/// Where this run's files go: a folder of its own, so that what is counted in the end is this run's.
fn run_folder(args: &Demo) -> PathBuf {
    let since = SystemTime::now()
        .duration_since(SystemTime::UNIX_EPOCH)
        .unwrap_or_default();
    args.dir.join(format!("run-{}", since.as_millis()))
}
