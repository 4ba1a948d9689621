//! The questions of one part, at an interval: one round at a time, each with a time limit. What they are answered is read elsewhere.

use std::fmt::Display;
use std::sync::Arc;
use std::time::{Duration, Instant};

use flightline_link::nats::Nats;
use futures_util::{StreamExt as _, TryStreamExt as _, stream};
use serde_json::Value;
use tokio::time::{MissedTickBehavior, timeout};
use tracing::{info, warn};

use super::board::Board;
use super::roll::MOST;
use super::streams::{Asked, Durables, Limits, List, Listed, More};
use super::{servers, streams};
use crate::bus::{Answers, Bus, BusError, Patience, Question, Untold};
use crate::config::MOST_LISTED;
use crate::metrics::observe::{Kind, Part, Reason};

/// Answers that are taken, and messages a subscription may hold: more than are shown, so that each round shows the same ones.
pub(super) const CAPACITY: usize = 2 * MOST;
/// For the servers' answers: as long as NATS itself waits among servers, and short against a round's limit; and for one more, when
/// all that are remembered have answered.
const ANSWERS: (Duration, Duration) = (Duration::from_secs(3), Duration::from_millis(250));
/// Pages of one list, of 256 items each.
const PAGES: usize = MOST_LISTED as usize / 256;
/// Streams whose consumers are asked for at once. In a cluster each question may wait for a server that is gone.
const AT_ONCE: usize = 8;

/// How a part is asked.
#[derive(Debug, Clone, Copy)]
pub(super) struct Pace {
    /// Between the beginnings of two rounds.
    pub(super) interval: Duration,
    /// For one round.
    pub(super) limit: Duration,
    pub(super) limits: Limits,
}

/// A round came to nothing.
#[derive(Debug)]
struct Fault {
    reason: Reason,
    error: String,
}

impl Fault {
    fn new(reason: Reason, error: impl Display) -> Self {
        Self {
            reason,
            error: error.to_string(),
        }
    }
}

impl From<Untold> for Fault {
    fn from(error: Untold) -> Self {
        let reason = match error {
            Untold::Unanswered { .. } => Reason::Unanswered,
            Untold::Refused(_) => Reason::Refused,
            Untold::Unreadable { .. } => Reason::Unreadable,
        };
        Self::new(reason, error)
    }
}

impl From<BusError> for Fault {
    fn from(error: BusError) -> Self {
        Self::new(Reason::Disconnected, error)
    }
}

/// Asks for one part, for ever.
pub(super) struct Asker {
    part: Part,
    bus: Bus,
    pace: Pace,
    board: Arc<Board>,
    /// The durable consumers of the last good round.
    durables: Durables,
    mood: Mood,
}

/// What was said last.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Mood {
    Well,
    Failing,
}

impl Asker {
    /// Connects as `login`, however long that takes.
    pub(super) async fn reach(part: Part, login: &Nats, pace: Pace, board: Arc<Board>) -> Self {
        let bus = Bus::reach(login, CAPACITY, |error| {
            board.begin(part);
            board.failed(part, Reason::Disconnected, error, Instant::now());
        });
        Self {
            part,
            bus: bus.await,
            pace,
            board,
            durables: Durables::new(),
            mood: Mood::Well,
        }
    }

    /// Its connection.
    pub(super) fn bus(&self) -> Bus {
        self.bus.clone()
    }

    pub(super) async fn run(mut self) {
        let mut ticks = tokio::time::interval(self.pace.interval);
        ticks.set_missed_tick_behavior(MissedTickBehavior::Skip);
        loop {
            ticks.tick().await;
            self.board.begin(self.part);
            let limit = self.pace.limit;
            let round = timeout(limit, self.round()).await;
            let late = |_| {
                Err(Fault::new(
                    Reason::Unanswered,
                    format!("not within {limit:?}"),
                ))
            };
            let round = round.unwrap_or_else(late);
            self.say(round.map_err(|fault| self.whose(fault)));
        }
    }

    /// Nobody's answer comes over a connection that was lost while it was waited for.
    fn whose(&self, fault: Fault) -> Fault {
        match fault.reason {
            Reason::Unanswered if !self.bus.is_connected() => Fault {
                reason: Reason::Disconnected,
                ..fault
            },
            _ => fault,
        }
    }

    async fn round(&mut self) -> Result<(), Fault> {
        if !self.bus.is_connected() {
            return Err(Fault::new(Reason::Disconnected, "NATS is not reached"));
        }
        match self.part {
            Part::Servers => self.servers().await,
            Part::Streams => self.streams().await,
        }
    }

    async fn servers(&self) -> Result<(), Fault> {
        let start = Instant::now();
        let patience = Patience {
            all: ANSWERS.0,
            quiet: ANSWERS.1,
            known: self.board.servers_known(),
            most: CAPACITY,
        };
        let ask = |question| self.bus.ask_servers(question, patience);
        let (varz, jsz) = tokio::try_join!(ask(Question::Varz), ask(Question::Jsz))?;
        let varz = some(varz, Question::Varz)?;
        let jsz = some(jsz, Question::Jsz)?;
        let known = self.board.servers();
        let told = servers::read(&varz, &jsz, &known);
        if told.names.is_empty() {
            return Err(unreadable(Question::Varz));
        }
        let now = Instant::now();
        self.board.call(&told.names, now);
        self.board.left_out(Kind::Server, told.left_out);
        self.board
            .found(self.part, told.figures, now.duration_since(start), now);
        Ok(())
    }

    async fn streams(&mut self) -> Result<(), Fault> {
        let start = Instant::now();
        let asked = ask_streams(&self.bus, self.pace.limits).await?;
        let told = streams::read(&asked, self.pace.limits, &self.durables);
        self.durables = told.durables;
        let now = Instant::now();
        self.board.left_out(Kind::Stream, told.streams_left_out);
        self.board.left_out(Kind::Consumer, told.consumers_left_out);
        self.board
            .found(self.part, told.figures, now.duration_since(start), now);
        Ok(())
    }

    /// Says a change once, not each round.
    fn say(&mut self, round: Result<(), Fault>) {
        let part = self.part.as_str();
        match round {
            Ok(()) if self.mood == Mood::Failing => {
                info!(part, "NATS tells again");
                self.mood = Mood::Well;
            }
            Ok(()) => {}
            Err(Fault { reason, error }) => {
                if self.mood == Mood::Well {
                    warn!(part, reason = reason.as_str(), %error, "NATS does not tell what is asked");
                    self.mood = Mood::Failing;
                }
                self.board.failed(self.part, reason, &error, Instant::now());
            }
        }
    }
}

/// Answers, if there are any.
fn some(answers: Answers, question: Question) -> Result<Vec<Value>, Fault> {
    let subject = question.subject();
    match answers {
        Answers { read, .. } if !read.is_empty() => Ok(read),
        Answers { unreadable: 0, .. } => Err(Fault::new(
            Reason::Unanswered,
            format!(
                "no server answers {subject}: is this a login of the system account, and may it publish there?"
            ),
        )),
        Answers { .. } => Err(unreadable(question)),
    }
}

fn unreadable(question: Question) -> Fault {
    let subject = question.subject();
    Fault::new(
        Reason::Unreadable,
        format!("{subject}: no answer can be read"),
    )
}

async fn ask_streams(bus: &Bus, limits: Limits) -> Result<Asked, Untold> {
    let (account, streams) = tokio::try_join!(
        bus.account(),
        pages(Listed::Streams, limits.streams, |offset| bus
            .streams(offset)),
    )?;
    let mut asked = Asked {
        account,
        streams,
        ..Asked::default()
    };
    let names = asked.streams.items.iter().filter_map(streams::name);
    let names: Vec<_> = names.take(limits.streams).map(str::to_owned).collect();
    let lists = names.into_iter().map(|name| async {
        let ask = |offset| bus.consumers(&name, offset);
        let list = pages(Listed::Consumers, limits.consumers, ask).await?;
        Ok::<_, Untold>((name, list))
    });
    let mut lists = stream::iter(lists).buffered(AT_ONCE);
    let mut consumers = 0;
    // Streams after the limit are not asked: what they answer would not be shown.
    while consumers <= limits.consumers
        && let Some((name, list)) = lists.try_next().await?
    {
        consumers += list.items.len();
        asked.consumers.insert(name, list);
    }
    drop(lists);
    Ok(asked)
}

/// The pages of a list, until there are `most` items or no more.
async fn pages<F: Future<Output = Result<Value, Untold>>>(
    listed: Listed,
    most: usize,
    ask: impl Fn(usize) -> F,
) -> Result<List, Untold> {
    let mut list = List::default();
    let mut offset = 0;
    for _ in 0..PAGES {
        let page = ask(offset).await?;
        // The stream has gone in between.
        if page.is_null() {
            break;
        }
        let unreadable = || Untold::Unreadable {
            what: format!("{listed:?}"),
        };
        match list.add(page, listed).ok_or_else(unreadable)? {
            More::From(next) if list.items.len() < most => offset = next,
            More::From(_) | More::No => break,
        }
    }
    Ok(list)
}
