//! What waits comes in, and is delivered as soon as there is a connection. Everything here ends by being dropped.

use std::sync::Arc;
use std::time::Duration;

use flightline_link::nats::Nats;
use tokio::time::{Instant, sleep, timeout_at};
use tracing::{debug, warn};

use super::Shared;
use super::door::Door;
use super::queue::{Next, Queue};
use super::ring::Settled;
use super::session::{Outcome, Session};
use crate::config;

/// Between two tries to connect for the first time: the shortest, and the longest, to which it is doubled. The shortest is also that
/// between two tries to send results or samples.
const PAUSES: (Duration, Duration) = (Duration::from_millis(100), Duration::from_secs(2));

/// Publishes what waits in `shared`, until nothing more will come.
pub async fn run(config: config::Nats, process: String, shared: Arc<Shared>) {
    let door = open(&config.server).await;
    let mut session = Session::new(door, &config, &process);
    let mut connection = 0;
    loop {
        session.door().up().await;
        let now_on = session.door().connection();
        if now_on != connection {
            connection = now_on;
            shared.queue().reconnected();
        }
        let next = shared.queue().next(Instant::now());
        match next {
            Next::End => return,
            Next::Idle => wait(&shared, &mut session, None).await,
            Next::At(at) => wait(&shared, &mut session, Some(at)).await,
            other => deliver(other, &mut session, &shared).await,
        }
    }
}

/// Connects, however long that takes.
async fn open(config: &Nats) -> Door {
    let (mut pause, longest) = PAUSES;
    let mut said = String::new();
    loop {
        match Door::open(config).await {
            Ok(door) => return door,
            Err(error) => {
                let words = error.to_string();
                if words == said {
                    debug!(%error, "no connection to nats yet");
                } else {
                    warn!(%error, "no connection to nats yet; what is to be published waits");
                    said = words;
                }
            }
        }
        sleep(pause).await;
        pause = (pause * 2).min(longest);
    }
}

/// Until there is something new, the connection is another, or it is time.
async fn wait(shared: &Shared, session: &mut Session, at: Option<Instant>) {
    let something = async {
        tokio::select! {
            () = shared.news.notified() => {}
            () = session.door().moved() => {}
        }
    };
    match at {
        // It is time, or there is something: looked at by the caller.
        Some(at) => timeout_at(at, something).await.unwrap_or_default(),
        None => something.await,
    }
}

async fn deliver(next: Next, session: &mut Session, shared: &Shared) {
    match next {
        Next::Change(change) => {
            let settled = match session.change(&change).await {
                Outcome::Delivered => Settled::Delivered,
                Outcome::Refused => Settled::Refused,
                Outcome::Again => Settled::Again(change),
            };
            shared.queue().settle(settled, Instant::now());
        }
        Next::Health(results) => {
            let (outcome, refused) = session.health(&results).await;
            let count = results.len();
            land(outcome, (count, refused), shared, |queue| {
                queue.keep_health(results)
            })
            .await;
        }
        Next::Samples(samples) => {
            let (outcome, refused) = session.samples(samples.clone()).await;
            let count = samples.len();
            land(outcome, (count, refused), shared, |queue| {
                queue.keep_samples(samples)
            })
            .await;
        }
        Next::At(_) | Next::Idle | Next::End => {}
    }
}

/// Settles results or samples; of so many, so many were refused alone.
async fn land(
    outcome: Outcome,
    (count, refused): (usize, usize),
    shared: &Shared,
    keep: impl FnOnce(&mut Queue),
) {
    let dropped = match outcome {
        Outcome::Delivered => refused,
        Outcome::Refused => count,
        Outcome::Again => 0,
    };
    {
        let mut queue = shared.queue();
        queue.landed(dropped);
        if outcome == Outcome::Again {
            keep(&mut queue);
        }
    }
    if outcome == Outcome::Again {
        sleep(PAUSES.0).await;
    }
}
