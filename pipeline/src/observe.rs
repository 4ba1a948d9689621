//! An exporter of NATS: logins in, figures of servers, streams and durable consumers at the admin listener out. Everything is asked over
//! NATS itself, at an interval; no port for monitoring has to be open. Nothing is created, changed or consumed.

use std::sync::Arc;
use std::time::{Duration, Instant};

use serde::Serialize;
use tokio::sync::mpsc;
use tokio_util::sync::CancellationToken;
use tracing::info;

use crate::admin::AdminState;
use crate::admin::health::Health;
use crate::admin::listener::{Listener, Unheard};
use crate::bus::Bus;
use crate::config::{Config, Observe};
use crate::console::LOOK;
use crate::metrics::observe::Part;
use board::{Board, PartStatus};
use round::{Asker, Pace};
use streams::Limits;

/// Figures by metric and labels.
mod figures;
/// What servers tell of themselves.
mod servers;
/// What an account has.
mod streams;
/// Who is up.
mod roll;
/// What is shown.
mod board;
/// Questions, at an interval.
mod round;

/// The shortest limit of a round: for a list of streams, and then for one of consumers, a cluster waits four seconds for who is gone.
const ROUND: Duration = Duration::from_secs(10);
/// After so many rounds in vain figures are not shown any more.
const ROUNDS_SHOWN: u32 = 3;

/// Everything that `/status` tells.
#[derive(Debug, Serialize)]
struct Status {
    version: &'static str,
    state: &'static str,
    uptime_seconds: f64,
    parts: Vec<PartStatus>,
}

/// Observes until `stop`.
///
/// # Errors
/// When the admin listener cannot be opened.
pub async fn run(
    config: &Config,
    observe: &Observe,
    stop: CancellationToken,
) -> Result<(), Unheard> {
    let limit = observe.interval.max(ROUND);
    let pace = Pace {
        interval: observe.interval,
        limit,
        limits: Limits {
            streams: observe.max_streams,
            consumers: observe.max_consumers,
        },
    };
    let logins = [
        (Part::Servers, &observe.system),
        (Part::Streams, &observe.account),
    ];
    let logins = logins
        .into_iter()
        .filter_map(|(part, login)| Some((part, login.clone()?)));
    let logins: Vec<_> = logins.collect();
    let parts: Vec<_> = logins.iter().map(|(part, _)| *part).collect();
    let board = Arc::new(Board::new(&parts, limit * ROUNDS_SHOWN));
    // It holds nothing that could be too much.
    let health = Arc::new(Health::new(usize::MAX));
    let listener = listen(config, &board, &health).await?;
    info!(address = %listener.address, "admin listener");

    let (reached, connections) = mpsc::channel(parts.len().max(1));
    for (part, login) in logins {
        let (board, stop, reached) = (Arc::clone(&board), stop.clone(), reached.clone());
        let asking = async move {
            let asker = Asker::reach(part, &login, pace, board).await;
            // Who watches ends after us.
            reached.send(asker.bus()).await.ok();
            asker.run().await;
        };
        tokio::spawn(async move { stop.run_until_cancelled(asking).await });
    }
    let watching = watch(&board, &health, connections, parts.len());
    stop.run_until_cancelled(watching).await;
    health.draining();
    listener.close().await;
    Ok(())
}

async fn listen(
    config: &Config,
    board: &Arc<Board>,
    health: &Arc<Health>,
) -> Result<Listener, Unheard> {
    let start = Instant::now();
    let (told, state) = (Arc::clone(board), Arc::clone(health));
    let status = move || Status {
        version: env!("CARGO_PKG_VERSION"),
        state: state.readiness().as_str(),
        uptime_seconds: start.elapsed().as_secs_f64(),
        parts: told.parts(Instant::now()),
    };
    let state = AdminState::new(Arc::clone(health), board.metrics.registry.clone(), status);
    Listener::open(&config.admin, &board.metrics.listeners, state).await
}

/// Keeps readiness up to date: by the connections, of which there are to be so many, and by whether what is asked is told.
async fn watch(board: &Board, health: &Health, mut reached: mpsc::Receiver<Bus>, all: usize) {
    let mut connections = Vec::new();
    let mut looks = tokio::time::interval(LOOK);
    loop {
        looks.tick().await;
        while let Ok(bus) = reached.try_recv() {
            connections.push(bus);
        }
        if connections.len() == all && connections.iter().all(Bus::is_connected) {
            health.connected();
        } else {
            health.disconnected();
        }
        let unanswered = board.unanswered(Instant::now());
        health.unanswered(unanswered.map(|part| part.as_str().to_owned()));
    }
}

#[cfg(test)]
mod tests;
