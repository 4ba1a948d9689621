//! What waits comes in, and is delivered as soon as there is a connection, which is made anew for other settings. Everything here ends by being dropped.

use std::sync::Arc;
use std::time::Duration;

use flightline_contract::token::{Prefix, Token};
use flightline_link::nats::Nats;
use flightline_link::nats::voice::Voice;
use tokio::sync::watch;
use tokio::time::{Instant, sleep, timeout_at};
use tracing::debug;

use super::Shared;
use super::door::Door;
use super::queue::{Next, Queue};
use super::ring::Settled;
use super::session::{Outcome, Session};
use crate::config;

/// Between two tries to connect for the first time: the shortest, and the longest, to which it is doubled. The shortest is also that
/// between two tries to send results or samples.
const PAUSES: (Duration, Duration) = (Duration::from_millis(100), Duration::from_secs(2));

/// For what is on its way to arrive over a connection that is to be given up. What did not is sent again over the next: the stream it may
/// have reached knows it.
const HANDOVER: Duration = Duration::from_secs(2);

/// The settings that are in force here, and those that are wanted.
#[derive(Debug)]
struct Wanted {
    current: config::Nats,
    newest: watch::Receiver<config::Nats>,
}

impl Wanted {
    /// Returns when a connection with other settings is wanted; may be dropped and called again.
    async fn other(&mut self) {
        let current = &self.current;
        if self
            .newest
            .wait_for(|newest| !is_same_way(current, newest))
            .await
            .is_err()
        {
            // Nothing is wanted any more but an end.
            std::future::pending().await
        }
    }

    fn take(&mut self) {
        self.current = self.newest.borrow_and_update().clone();
    }

    /// What became of what is `sent`; after [`HANDOVER`], when other settings are wanted, `unsure`.
    async fn bounded<T>(&mut self, sent: impl Future<Output = T>, unsure: T) -> T {
        let late = async {
            self.other().await;
            sleep(HANDOVER).await;
        };
        tokio::select! {
            outcome = sent => outcome,
            () = late => unsure,
        }
    }
}

/// Whether messages go over the same connection to the same subjects.
fn is_same_way(one: &config::Nats, other: &config::Nats) -> bool {
    way(one) == way(other)
}

fn way(nats: &config::Nats) -> (&Nats, &Prefix, &Token, &Token) {
    let config::Nats {
        server,
        prefix,
        service,
        instance,
        beat: _,
        ring: _,
        metrics: _,
    } = nats;
    (server, prefix, service, instance)
}

/// Why a session ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Ended {
    /// Nothing more will come.
    All,
    /// Other settings are wanted.
    Replaced,
}

/// Publishes what waits in `shared`, until nothing more will come: one session at a time, each with the settings that were wanted when it
/// began.
pub async fn run(newest: watch::Receiver<config::Nats>, process: String, shared: Arc<Shared>) {
    let current = newest.borrow().clone();
    let mut wanted = Wanted { current, newest };
    loop {
        wanted.take();
        let server = wanted.current.server.clone();
        let door = tokio::select! {
            door = open(&server) => door,
            () = wanted.other() => continue,
        };
        let session = Session::new(door, &wanted.current, &process);
        match serve(session, &mut wanted, &shared).await {
            Ended::All => return,
            Ended::Replaced => debug!("the settings of nats are other ones; connecting anew"),
        }
    }
}

async fn serve(mut session: Session, wanted: &mut Wanted, shared: &Shared) -> Ended {
    let mut connection = 0;
    loop {
        tokio::select! {
            biased;
            () = wanted.other() => return Ended::Replaced,
            () = session.door().up() => {}
        }
        let now_on = session.door().connection();
        if now_on != connection {
            connection = now_on;
            shared.queue().reconnected();
        }
        let next = shared.queue().next(Instant::now());
        let until = match next {
            Next::End => return Ended::All,
            Next::Idle => None,
            Next::At(at) => Some(at),
            other => {
                deliver(other, &mut session, wanted, shared).await;
                continue;
            }
        };
        tokio::select! {
            () = wait(shared, &mut session, until) => {}
            // Looked at above.
            () = wanted.other() => {}
        }
    }
}

/// Connects, however long that takes.
async fn open(config: &Nats) -> Door {
    let (mut pause, longest) = PAUSES;
    let voice = Arc::<Voice>::default();
    loop {
        match Door::open(config, Arc::clone(&voice)).await {
            Ok(door) => return door,
            Err(error) => voice.failed(&error),
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

async fn deliver(next: Next, session: &mut Session, wanted: &mut Wanted, shared: &Shared) {
    match next {
        Next::Change(change) => {
            let sent = session.change(&change);
            let settled = match wanted.bounded(sent, Outcome::Again).await {
                Outcome::Delivered => Settled::Delivered,
                Outcome::Refused => Settled::Refused,
                Outcome::Again => Settled::Again(change),
            };
            shared.queue().settle(settled, Instant::now());
        }
        Next::Health(results) => {
            let sent = session.health(&results);
            let (outcome, refused) = wanted.bounded(sent, (Outcome::Again, 0)).await;
            let count = results.len();
            land(outcome, (count, refused), shared, |queue| {
                queue.keep_health(results)
            })
            .await;
        }
        Next::Samples(samples) => {
            let sent = session.samples(samples.clone());
            let (outcome, refused) = wanted.bounded(sent, (Outcome::Again, 0)).await;
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
