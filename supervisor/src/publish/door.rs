//! The one place of the supervisor that talks to NATS: a message goes out, what the server made of it comes back, in bounded time. It hears
//! answers on one inbox, told apart by their last token, and what the server refuses, for which NATS has no answer but an error beside.

use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use async_nats::client::PublishErrorKind;
use async_nats::connection::State;
use async_nats::{Client, Event, HeaderMap, ServerError, StatusCode, Subscriber};
use bytes::Bytes;
use flightline_link::nats::denied::{Act, Denied};
use flightline_link::nats::voice::Voice;
use flightline_link::nats::{self, ConnectError, Echo, Hear, Nats, Use};
use futures_util::StreamExt;
use tokio::sync::mpsc;
use tokio::time::{Instant, timeout, timeout_at};

use super::message::Message;

/// Answers that wait to be looked at: one is waited for at a time, late ones of earlier questions come besides. Of more the newest are lost.
const ANSWERS: usize = 64;
/// Events that wait; of more the newest are lost, and who waits for them comes to the end of its time.
const EVENTS: usize = 64;
/// Between two looks at the state of the connection, should the event be lost that tells of it.
const LOOK: Duration = Duration::from_secs(1);

/// What the server made of a message.
#[derive(Debug)]
pub enum Reply {
    /// This is its answer.
    Said(Answer),
    /// It came, and nobody takes its subject.
    Nobody,
    /// It never takes it.
    Refused(Refusal),
    /// It may not have come: the connection ended.
    Gone,
    /// Nothing, in time.
    Silence,
    /// We may not hear answers.
    Deaf,
}

/// An answer as it came.
#[derive(Debug, Default)]
pub struct Answer {
    /// What it is about, if it is not what was asked for.
    pub status: Option<StatusCode>,
    /// Its headers.
    pub headers: HeaderMap,
    /// Its payload.
    pub payload: Bytes,
}

/// Why the server does not take a message, and never will.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Refusal {
    /// In short.
    pub cause: Cause,
    /// In the words of who refused.
    pub words: String,
}

/// Why a message is refused for good.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Cause {
    /// We may not publish there.
    Permission,
    /// It is larger than the server or the stream takes, or cannot be written.
    Size,
    /// The stream takes nothing any more.
    Sealed,
}

/// What happens beside answers.
#[derive(Debug)]
enum Heard {
    /// The connection came or went.
    Moved,
    /// The server refuses something.
    Refused(Refusal),
}

/// Whether we may hear answers.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Hearing {
    Good,
    /// On this connection we may not; the next may be another user's.
    Denied(u64),
}

/// A connection that keeps itself up.
#[derive(Debug)]
pub struct Door {
    client: Client,
    inbox: String,
    answers: Subscriber,
    events: mpsc::Receiver<Heard>,
    questions: u64,
    hearing: Hearing,
}

#[expect(
    clippy::disallowed_methods,
    reason = "this is the supervisor's one door to NATS"
)]
impl Door {
    /// Connects once; `voice` says what happens.
    ///
    /// # Errors
    /// When no server takes us now; try again later.
    pub async fn open(config: &Nats, voice: Arc<Voice>) -> Result<Self, ConnectError> {
        let (told, events) = mpsc::channel(EVENTS);
        let ears = Arc::new(Ears { told, voice });
        let client = nats::connect(config, ANSWERS, Echo::On, ears).await?;
        let inbox = client.new_inbox();
        // Fails for an inbox that is no subject, or a connection that was closed; neither is possible here.
        let subscribed = client.subscribe(format!("{inbox}.*")).await;
        let answers = subscribed.map_err(|error| ConnectError::Server {
            urls: config.name.clone(),
            reason: error.to_string(),
        })?;
        Ok(Self {
            client,
            inbox,
            answers,
            events,
            questions: 0,
            hearing: Hearing::Good,
        })
    }

    /// Sends `message` and waits for what its taker answers, at most `limit`.
    pub async fn ask(&mut self, subject: &str, message: Message, limit: Duration) -> Reply {
        let deadline = Instant::now() + limit;
        let connection = self.connection();
        let token = self.question();
        let reply = format!("{}.{token}", self.inbox);
        let Message { headers, payload } = message;
        let sent =
            self.client
                .publish_with_reply_and_headers(subject.to_owned(), reply, headers, payload);
        match timeout_at(deadline, sent).await {
            Err(_) => Reply::Silence,
            Ok(Err(error)) if error.kind() == PublishErrorKind::MaxPayloadExceeded => {
                Reply::Refused(too_large(&error))
            }
            Ok(Err(_)) => Reply::Gone,
            Ok(Ok(())) => self.wait(subject, &token, connection, deadline).await,
        }
    }

    /// Sends `message`, for whoever listens. What becomes of it tells the next [`Door::round`].
    ///
    /// # Errors
    /// The reply that it will not get.
    pub async fn tell(
        &mut self,
        subject: &str,
        message: Message,
        limit: Duration,
    ) -> Result<(), Reply> {
        let Message { headers, payload } = message;
        let sent = self
            .client
            .publish_with_headers(subject.to_owned(), headers, payload);
        match timeout(limit, sent).await {
            Err(_) => Err(Reply::Silence),
            Ok(Err(error)) if error.kind() == PublishErrorKind::MaxPayloadExceeded => {
                Err(Reply::Refused(too_large(&error)))
            }
            Ok(Err(_)) => Err(Reply::Gone),
            Ok(Ok(())) => Ok(()),
        }
    }

    /// A message to ourselves: when it is back, the server has dealt with all that was sent before. The client's own flush says only that
    /// it left this machine. [`Reply::Refused`] if `subject`, which was published to before, was refused.
    pub async fn round(&mut self, subject: &str, limit: Duration) -> Reply {
        let deadline = Instant::now() + limit;
        let connection = self.connection();
        let token = self.question();
        let own = format!("{}.{token}", self.inbox);
        let empty = Message {
            headers: HeaderMap::new(),
            payload: Bytes::new(),
        };
        if let Err(reply) = self.tell(&own, empty, limit).await {
            return reply;
        }
        let reply = self.wait(subject, &token, connection, deadline).await;
        match reply {
            // What was refused before is heard before, but by another task, which may need its turn.
            Reply::Said(_) => {
                tokio::task::yield_now().await;
                self.refused(subject).map_or(reply, Reply::Refused)
            }
            Reply::Deaf => {
                // All that can be known is that it left.
                let left = timeout_at(deadline, self.client.flush()).await;
                match left {
                    Ok(Ok(())) => Reply::Deaf,
                    Ok(Err(_)) => Reply::Gone,
                    Err(_) => Reply::Silence,
                }
            }
            Reply::Nobody | Reply::Refused(_) | Reply::Gone | Reply::Silence => reply,
        }
    }
}

impl Door {
    /// Returns when there is a connection. Which one, see [`Door::connection`].
    pub async fn up(&mut self) {
        while self.client.connection_state() != State::Connected {
            // Late: the event was lost, and the state is looked at.
            timeout(LOOK, self.moved()).await.ok();
        }
    }

    /// Returns when something happened to the connection.
    pub async fn moved(&mut self) {
        match self.events.recv().await {
            Some(event) => {
                self.hear(event);
            }
            // Nothing will happen to it any more.
            None => std::future::pending().await,
        }
    }

    /// Counts the connections, from 1.
    pub fn connection(&self) -> u64 {
        self.client.statistics().connects.load(Ordering::Relaxed)
    }

    /// The largest message the server takes, in bytes.
    pub fn max_payload(&self) -> usize {
        self.client.max_payload()
    }

    fn question(&mut self) -> String {
        self.questions += 1;
        // What was heard before is of an earlier question.
        while let Ok(event) = self.events.try_recv() {
            self.hear(event);
        }
        self.questions.to_string()
    }

    async fn wait(
        &mut self,
        subject: &str,
        token: &str,
        connection: u64,
        deadline: Instant,
    ) -> Reply {
        loop {
            if self.connection() != connection || self.client.connection_state() != State::Connected
            {
                return Reply::Gone;
            }
            if self.hearing == Hearing::Denied(connection) {
                return Reply::Deaf;
            }
            tokio::select! {
                // A refusal is older than the answer to what was sent after it.
                biased;
                Some(event) = self.events.recv() => match self.hear(event) {
                    Some(refusal) if refusal.is_of(subject) => return Reply::Refused(refusal),
                    // We may not publish to ourselves: as good an answer as any.
                    Some(refusal) if refusal.is_of(&format!("{}.{token}", self.inbox)) => {
                        return Reply::Said(Answer::default());
                    }
                    _ => {}
                },
                message = self.answers.next() => {
                    let Some(message) = message else {
                        return Reply::Gone;
                    };
                    if message.subject.rsplit('.').next() == Some(token) {
                        return match message.status {
                            Some(StatusCode::NO_RESPONDERS) => Reply::Nobody,
                            status => Reply::Said(Answer {
                                status,
                                headers: message.headers.unwrap_or_default(),
                                payload: message.payload,
                            }),
                        };
                    }
                }
                () = tokio::time::sleep_until(deadline) => return Reply::Silence,
            }
        }
    }

    /// Whether `subject` was refused, as far as was heard.
    fn refused(&mut self, subject: &str) -> Option<Refusal> {
        let mut found = None;
        while let Ok(event) = self.events.try_recv() {
            let refusal = self.hear(event);
            found = found.or(refusal.filter(|refusal| refusal.is_of(subject)));
        }
        found
    }

    /// A refusal, which may be that of our ears.
    fn hear(&mut self, event: Heard) -> Option<Refusal> {
        match event {
            Heard::Moved => None,
            Heard::Refused(refusal) => {
                if refusal.is_of(&format!("{}.*", self.inbox)) {
                    self.hearing = Hearing::Denied(self.connection());
                }
                Some(refusal)
            }
        }
    }
}

impl Refusal {
    /// What the server says beside answers, if it refuses something with it.
    fn read(words: &str) -> Option<Self> {
        let lower = words.to_ascii_lowercase();
        let cause = if lower.contains("permissions violation") {
            Cause::Permission
        } else if lower.contains("maximum payload") {
            Cause::Size
        } else {
            return None;
        };
        Some(Self {
            cause,
            words: words.to_owned(),
        })
    }

    /// Whether it is about `subject`, which the server quotes; of what is too large it says no subject, and ends the connection.
    fn is_of(&self, subject: &str) -> bool {
        self.cause == Cause::Size || self.words.contains(&format!("\"{subject}\""))
    }
}

fn too_large(error: &impl std::fmt::Display) -> Refusal {
    Refusal {
        cause: Cause::Size,
        words: error.to_string(),
    }
}

/// Passes on what is waited for; the rest is only logged. Who sent what was refused says so, once.
#[derive(Debug)]
struct Ears {
    told: mpsc::Sender<Heard>,
    voice: Arc<Voice>,
}

impl Hear for Ears {
    fn hear(&self, event: &Event) {
        let refusal = match event {
            Event::ServerError(ServerError::Other(words)) => Refusal::read(words),
            _ => None,
        };
        let heard = match (refusal, event) {
            (Some(refusal), _) => {
                // Nobody waits for an answer about a subscription.
                if Denied::read(&refusal.words).is_some_and(|denied| denied.act == Act::Subscribe) {
                    self.voice.hear(event);
                }
                Heard::Refused(refusal)
            }
            (None, Event::Connected | Event::Disconnected) => {
                self.voice.hear(event);
                Heard::Moved
            }
            (None, _) => return self.voice.hear(event),
        };
        // Full: the constant above says who loses.
        self.told.try_send(heard).ok();
    }

    fn use_of(&self) -> Use {
        // The door, which held the other end, is gone.
        if self.told.is_closed() {
            Use::Over
        } else {
            Use::Live
        }
    }
}
