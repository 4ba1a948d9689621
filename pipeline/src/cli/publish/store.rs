//! Lines come in, messages that a stream has acknowledged go out. Some are under way at once; what was not acknowledged is sent again, under
//! the same id, once it is known what became of those behind it.

use std::collections::VecDeque;
use std::fmt;
use std::time::Duration;

use async_nats::header::NATS_MESSAGE_ID;
use async_nats::{HeaderMap, Subject};
use bytes::Bytes;
use flightline_link::nats::denied::Act;
use futures_util::StreamExt as _;
use futures_util::future::{BoxFuture, ready};
use futures_util::stream::FuturesUnordered;
use tokio::sync::mpsc;
use tokio::task::coop::unconstrained;
use tokio::time::{Instant, sleep, timeout};
use tracing::{error, warn};

use super::lines::{Held, Line, Text};
use crate::bus::{Bus, BusError, PAUSES};

/// Messages whose acknowledgement is waited for at once: enough for the server's full rate over one connection, few to be sent again.
const WINDOW: usize = 512;
/// A stream that is being moved or elected has no taker for a moment; one that is not there has none for ever.
const NO_STREAM: Duration = Duration::from_secs(3);
/// Between two looks at the connection: whether it is back, whether the server refuses.
pub(super) const LOOK: Duration = Duration::from_millis(50);

/// Why not all is sent.
#[derive(Debug)]
pub(super) enum Stuck {
    /// No stream takes the subject.
    NoStream,
    /// The server does not let us publish to it, or hear its answers.
    Denied(Act, String),
    /// There is no time left.
    Late,
}

/// What became of lines.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(super) struct Tally {
    /// Acknowledged.
    pub(super) sent: u64,
    /// No server takes them.
    pub(super) refused: u64,
}

impl Tally {
    /// Line `number` is longer than the server takes.
    fn refuse(&mut self, number: u64) {
        error!(
            line = number,
            "longer than the server takes (max_payload, or max_msg_size of the stream): not sent"
        );
        self.refused += 1;
    }
}

/// Where messages go, and with what.
#[derive(Debug)]
pub(super) struct Target {
    pub(super) bus: Bus,
    pub(super) subject: Subject,
    pub(super) headers: HeaderMap,
}

impl Target {
    /// Returns when there is a connection: a client without one keeps what it is given, and sends it before all that is sent again.
    async fn connected(&self) {
        while !self.bus.is_connected() {
            sleep(LOOK).await;
        }
    }
}

/// The way into a stream.
#[derive(Debug)]
pub(super) struct Store {
    target: Target,
    /// Of this process alone, in every id: a stream takes what has the id of another's message for that message.
    run: String,
    /// The oldest first.
    under_way: VecDeque<Message>,
    /// Since when no stream has taken anything, before the first was stored.
    untaken: Option<Instant>,
    pause: Duration,
}

struct Message {
    number: u64,
    payload: Bytes,
    _held: Held,
    answer: Answer,
}

/// What the stream says.
enum Answer {
    Awaited(BoxFuture<'static, Result<(), BusError>>),
    /// It has failed, or was never asked: it has to be sent again.
    Failed,
    /// It is counted.
    Final,
}

impl fmt::Debug for Message {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Message")
            .field("number", &self.number)
            .finish_non_exhaustive()
    }
}

/// What became of one message.
#[derive(Debug)]
enum Fate {
    Stored,
    Refused,
    /// It has to be sent again; why, where that was not said before.
    Again(Option<BusError>),
}

impl Message {
    /// Loses nothing if it is dropped before its end.
    async fn fate(&mut self) -> Fate {
        let Answer::Awaited(answer) = &mut self.answer else {
            return Fate::Again(None);
        };
        let fate = match answer.await {
            Ok(()) => Fate::Stored,
            Err(BusError::TooLarge { .. }) => Fate::Refused,
            Err(error) => Fate::Again(Some(error)),
        };
        self.answer = match fate {
            Fate::Stored | Fate::Refused => Answer::Final,
            Fate::Again(_) => Answer::Failed,
        };
        fate
    }

    async fn numbered_fate(&mut self) -> (u64, Fate) {
        (self.number, self.fate().await)
    }

    fn is_open(&self) -> bool {
        !matches!(self.answer, Answer::Final)
    }
}

impl Store {
    /// Into the stream that takes the subject of `target`.
    pub(super) fn new(target: Target) -> Self {
        let inbox = target.bus.inbox();
        // Its last token is what makes it nobody else's.
        let run = inbox.rsplit('.').next().unwrap_or(&inbox).to_owned();
        Self {
            target,
            run,
            under_way: VecDeque::new(),
            untaken: None,
            pause: PAUSES.0,
        }
    }

    /// Stores all lines. What was done is in `tally`, also if this is dropped before its end.
    pub(super) async fn run(
        &mut self,
        lines: &mut mpsc::Receiver<Line>,
        tally: &mut Tally,
    ) -> Result<(), Stuck> {
        let mut more = true;
        loop {
            let room = more && self.under_way.len() < WINDOW;
            tokio::select! {
                // Acknowledgements make room: those that are there go first.
                biased;
                Some(fate) = oldest(&mut self.under_way) => self.settle(fate, tally).await?,
                line = lines.recv(), if room => match line {
                    Some(line) => self.take(line, tally).await,
                    None => more = false,
                },
                else => return Ok(()),
            }
        }
    }

    async fn take(&mut self, line: Line, tally: &mut Tally) {
        let Text::Whole(payload, held) = line.text else {
            tally.refuse(line.number);
            return;
        };
        self.target.connected().await;
        self.under_way.push_back(Message {
            number: line.number,
            payload,
            _held: held,
            answer: Answer::Failed,
        });
        if let Some(message) = self.under_way.back_mut() {
            send(&self.target, &self.run, message).await;
        }
    }

    /// Counts what is acknowledged within `patience`, and in any case what is already, when [`Self::run`] was dropped before its end.
    pub(super) async fn settle_within(&mut self, patience: Duration, tally: &mut Tally) {
        settle_within(&mut self.under_way, patience, tally).await;
    }

    /// The oldest has come to this.
    async fn settle(&mut self, fate: Fate, tally: &mut Tally) -> Result<(), Stuck> {
        let Fate::Again(error) = fate else {
            if let Some(message) = self.under_way.pop_front() {
                count(message.number, &fate, tally);
            }
            (self.untaken, self.pause) = (None, PAUSES.0);
            return Ok(());
        };
        settle_all(&mut self.under_way, tally).await;
        match error {
            Some(BusError::NoStream { .. }) if tally.sent == 0 => {
                let since = *self.untaken.get_or_insert_with(Instant::now);
                if since.elapsed() >= NO_STREAM {
                    return Err(Stuck::NoStream);
                }
            }
            Some(error) => {
                let messages = self.under_way.len();
                warn!(%error, messages, "not acknowledged: sent again");
            }
            None => {}
        }
        sleep(self.pause).await;
        self.pause = (self.pause * 2).min(PAUSES.1);
        self.target.connected().await;
        for message in &mut self.under_way {
            send(&self.target, &self.run, message).await;
        }
        Ok(())
    }
}

/// Waits for what became of all of them, counts each as it comes, and keeps those that have to be sent again.
async fn settle_all(under_way: &mut VecDeque<Message>, tally: &mut Tally) {
    // This may have been dropped before its end.
    under_way.retain(Message::is_open);
    let open = under_way.iter_mut().map(Message::numbered_fate);
    let mut fates: FuturesUnordered<_> = open.collect();
    while let Some((number, fate)) = fates.next().await {
        count(number, &fate, tally);
    }
    drop(fates);
    under_way.retain(Message::is_open);
}

async fn settle_within(under_way: &mut VecDeque<Message>, patience: Duration, tally: &mut Tally) {
    // Unconstrained: else the runtime ends the turn before all answers that are there have been looked at.
    let settled = unconstrained(settle_all(under_way, tally));
    timeout(patience, settled).await.ok();
}

async fn oldest(under_way: &mut VecDeque<Message>) -> Option<Fate> {
    Some(under_way.front_mut()?.fate().await)
}

fn count(number: u64, fate: &Fate, tally: &mut Tally) {
    match fate {
        Fate::Stored => tally.sent += 1,
        Fate::Refused => tally.refuse(number),
        Fate::Again(_) => {}
    }
}

/// What the client does not take has failed like what the server does not take.
async fn send(target: &Target, run: &str, message: &mut Message) {
    let mut headers = target.headers.clone();
    let id = format!("{run}-{}", message.number);
    headers.insert(NATS_MESSAGE_ID, id.as_str());
    let (subject, payload) = (target.subject.clone(), message.payload.clone());
    message.answer = Answer::Awaited(match target.bus.store(subject, headers, payload).await {
        Ok(stored) => Box::pin(stored.wait()),
        Err(error) => Box::pin(ready(Err(error))),
    });
}

#[cfg(test)]
mod tests {
    use std::future::pending;
    use std::sync::Arc;

    use tokio::sync::{Semaphore, oneshot};

    use super::*;

    fn message(number: u64, answer: BoxFuture<'static, Result<(), BusError>>) -> Message {
        let room = Arc::new(Semaphore::new(1));
        Message {
            number,
            payload: Bytes::new(),
            _held: room.try_acquire_owned().unwrap(),
            answer: Answer::Awaited(answer),
        }
    }

    #[tokio::test]
    async fn what_is_acknowledged_behind_an_open_one_is_counted_once_when_the_time_is_over() {
        let mut under_way = VecDeque::from([message(1, Box::pin(pending()))]);
        for number in 2..=WINDOW as u64 {
            // As the client's own are, subject to the runtime's turns.
            let (sender, answer) = oneshot::channel();
            sender.send(()).unwrap();
            let stored = async { answer.await.map_err(|_| unreachable!()) };
            under_way.push_back(message(number, Box::pin(stored)));
        }
        let mut tally = Tally::default();
        for _ in 0..2 {
            settle_within(&mut under_way, Duration::ZERO, &mut tally).await;
            assert_eq!(tally.sent, WINDOW as u64 - 1);
        }
    }
}
