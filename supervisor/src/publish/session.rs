//! A change, results or samples come in, what became of them goes out. A change is delivered when the stream that takes it says so; where no
//! stream does, when the server has it. It is stored once and in order, also when an answer is lost and it is sent again:
//!
//! - one at a time is on its way;
//! - its id tells the stream that it has it already, as long as the stream remembers ids (two minutes unless configured);
//! - it names the sequence of the last change of this instance, so that a copy that is found later (in the socket of a server that stood
//!   still) does not fit any more;
//! - after any doubt the stream is asked for its last change of this instance, whose id may be this one.
//!
//! Plain subscribers may see a change twice, with the same sequence.

use std::collections::HashSet;
use std::time::Duration;

use async_nats::HeaderMap;
use async_nats::header::NATS_EXPECTED_LAST_SUBJECT_SEQUENCE;
use flightline_contract::class::Class;
use flightline_contract::health::Health;
use flightline_contract::lifecycle::LifecycleChange;
use flightline_contract::metric::Sample;
use flightline_contract::token::{Prefix, Token};
use flightline_contract::topic::Topic;
use flightline_link::nats::denied::Denied;
use serde_json::json;
use tokio::time::Instant;
use tracing::{info, warn};

use super::answer::{Last, Stored, Taker};
use super::belief::{Belief, Hint};
use super::door::{Cause, Door, Refusal, Reply};
use super::message::{self, Message};
use crate::config;

/// For a stream to store a change, and for one answer of JetStream's API.
const ANSWER: Duration = Duration::from_secs(5);
/// The same where nobody says whether there is a stream.
const UNSURE: Duration = Duration::from_secs(1);
/// Questions in a row for the last change that may stay without an answer, before changes are sent without it.
const SILENCES: u8 = 3;
/// Tries to store a change whose expected predecessor was another one, before it is sent without naming one.
const TRIES: u8 = 3;

/// What became of what was sent.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Outcome {
    /// It arrived.
    Delivered,
    /// It never will.
    Refused,
    /// Perhaps it did not.
    Again,
}

/// What the stream has of this instance's changes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Tail {
    /// It has to be asked; so often it did not answer.
    Unknown(u8),
    /// The last is at this sequence; 0: there is none.
    At(u64),
    /// It cannot be asked on this connection.
    Blind(u64),
}

/// Why the stream was not heard.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum NoLast {
    /// We may not ask, or not hear the answer.
    Denied,
    /// The connection ended.
    Gone,
}

/// What is said once.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
enum Said {
    /// The server refuses messages of this class.
    Refused(Class, Cause),
    /// Nobody knows whether there is a stream.
    Unsure,
}

/// One connection after the other, and what is known of the other side.
#[derive(Debug)]
pub struct Session {
    door: Door,
    prefix: Prefix,
    service: Token,
    instance: Token,
    process: String,
    belief: Belief,
    tail: Tail,
    /// What is said once.
    said: HashSet<Said>,
    /// Why the stream takes nothing at the moment, as was said.
    trouble: Option<String>,
}

impl Session {
    /// Publishes through `door` as the instance that `config` names, in this `process`.
    pub fn new(door: Door, config: &config::Nats, process: &str) -> Self {
        Self {
            door,
            prefix: config.prefix.clone(),
            service: config.service.clone(),
            instance: config.instance.clone(),
            process: process.to_owned(),
            belief: Belief::default(),
            tail: Tail::Unknown(0),
            said: HashSet::new(),
            trouble: None,
        }
    }

    /// The connection, to wait for it.
    pub fn door(&mut self) -> &mut Door {
        &mut self.door
    }

    /// Delivers a change, or does not; each answer is waited for in bounded time.
    pub async fn change(&mut self, change: &LifecycleChange<'static>) -> Outcome {
        let id = message::id(self.instance.as_str(), &self.process, change);
        let message = match message::of_change(change, &id) {
            Ok(message) => message,
            Err(error) => return self.unwritten(Class::Lifecycle, &error),
        };
        let outcome = match self.taker().await {
            None => Outcome::Again,
            Some(Taker::Stream(stream)) => self.store(&stream, &id, message).await,
            Some(Taker::Nobody) => self.send(Class::Lifecycle, vec![message]).await.0,
            Some(Taker::Unknown) => self.try_store(message).await,
        };
        match outcome {
            Outcome::Delivered => self.trouble = None,
            Outcome::Refused => {}
            // It may be stored, and the stream may be another one by now.
            Outcome::Again => {
                if let Tail::At(_) = self.tail {
                    self.tail = Tail::Unknown(0);
                }
                self.belief.doubt();
            }
        }
        outcome
    }

    /// Delivers results; the number of those that were refused alone comes with it.
    pub async fn health(&mut self, results: &[Health<'static>]) -> (Outcome, usize) {
        let messages: Result<Vec<_>, _> = results.iter().map(message::of_health).collect();
        match messages {
            Ok(messages) => self.send(Class::Health, messages).await,
            Err(error) => (self.unwritten(Class::Health, &error), 0),
        }
    }

    /// Delivers samples; the number of messages that were refused alone comes with it.
    pub async fn samples(&mut self, samples: Vec<Sample<'static>>) -> (Outcome, usize) {
        match message::of_samples(samples, self.door.max_payload()) {
            Ok(sets) => self.send(Class::Metric, sets).await,
            Err(error) => (self.unwritten(Class::Metric, &error), 0),
        }
    }

    fn topic(&self, class: Class) -> String {
        Topic::new(&self.prefix, class, &self.service, &self.instance).into_string()
    }

    /// Which stream takes changes, as far as is known; nothing: try again.
    async fn taker(&mut self) -> Option<Taker> {
        let connection = self.door.connection();
        if let Some(taker) = self.belief.holds(connection, Instant::now()) {
            return Some(taker.clone());
        }
        let topic = self.topic(Class::Lifecycle);
        let question = Message {
            headers: HeaderMap::new(),
            payload: json!({ "subject": topic }).to_string().into(),
        };
        let hint = match self
            .door
            .ask("$JS.API.STREAM.NAMES", question, ANSWER)
            .await
        {
            Reply::Said(answer) => Hint::Says(Taker::read(&answer.payload)),
            Reply::Nobody => Hint::NoJetStream,
            Reply::Refused(_) | Reply::Deaf => Hint::Denied,
            Reply::Silence => Hint::Says(Taker::Unknown),
            Reply::Gone => return None,
        };
        let taker = self.belief.hear(hint, connection, Instant::now())?.clone();
        if taker == Taker::Unknown && self.said.insert(Said::Unsure) {
            info!(
                subject = topic,
                "nats does not say whether a stream takes this; each change is given {UNSURE:?} to be stored"
            );
        }
        Some(taker)
    }

    /// Into `stream`, which has to say so.
    async fn store(&mut self, stream: &str, id: &str, message: Message) -> Outcome {
        let topic = self.topic(Class::Lifecycle);
        for attempt in 1..=TRIES {
            match self.look(stream, id).await {
                Some(outcome) => return outcome,
                None if attempt == TRIES => self.tail = Tail::Blind(self.door.connection()),
                None => {}
            }
            let mut message = message.clone();
            if let Tail::At(sequence) = self.tail {
                let name = NATS_EXPECTED_LAST_SUBJECT_SEQUENCE;
                message.headers.insert(name, sequence.to_string());
            }
            let stored = match self.door.ask(&topic, message, ANSWER).await {
                Reply::Said(answer) => Stored::read(&answer.payload),
                Reply::Refused(refusal) => return self.refused(Class::Lifecycle, &refusal),
                Reply::Nobody | Reply::Gone | Reply::Silence => return Outcome::Again,
                Reply::Deaf => return self.round(Class::Lifecycle).await,
            };
            match stored {
                Stored::At { stream, sequence } => return self.stored(&stream, sequence),
                // The stream's own answer may follow, and cannot be told apart.
                Stored::Stranger if matches!(self.tail, Tail::Blind(_)) => {
                    return Outcome::Delivered;
                }
                // Something else is there: perhaps this very change.
                Stored::NotExpected | Stored::Stranger => self.tail = Tail::Unknown(0),
                Stored::Never(refusal) => return self.refused(Class::Lifecycle, &refusal),
                Stored::NotNow(why) => return self.not_now(why),
            }
        }
        Outcome::Again
    }

    /// Looks for the last change that `stream` has, if that is not known. It may be the one to be stored.
    async fn look(&mut self, stream: &str, id: &str) -> Option<Outcome> {
        let connection = self.door.connection();
        let silences = match self.tail {
            Tail::At(_) => return None,
            Tail::Blind(on) if on == connection => return None,
            Tail::Blind(_) => 0,
            Tail::Unknown(silences) => silences,
        };
        let last = match self.last(stream).await {
            Ok(last) => last,
            Err(NoLast::Denied) => {
                self.tail = Tail::Blind(connection);
                return None;
            }
            Err(NoLast::Gone) => return Some(Outcome::Again),
        };
        match last {
            Last::At(sequence, found) if found.as_deref() == Some(id) => {
                Some(self.stored(stream, sequence))
            }
            Last::At(sequence, _) => {
                self.tail = Tail::At(sequence);
                None
            }
            Last::None => {
                self.tail = Tail::At(0);
                None
            }
            Last::Unknown if silences < SILENCES => {
                self.tail = Tail::Unknown(silences + 1);
                Some(Outcome::Again)
            }
            Last::Unknown => {
                self.tail = Tail::Blind(connection);
                None
            }
        }
    }

    /// The last change of this instance that `stream` has: from its leader, which may tell us any message, or where it may not, from whoever
    /// has the stream, by our own subject. The second may lag behind; then the sequence does not fit, and it is looked for again.
    async fn last(&mut self, stream: &str) -> Result<Last, NoLast> {
        let topic = self.topic(Class::Lifecycle);
        let by_subject = json!({ "last_by_subj": topic }).to_string();
        let any = format!("$JS.API.STREAM.MSG.GET.{stream}");
        match self.request(&any, by_subject).await {
            Reply::Said(answer) => return Ok(Last::read(&answer.payload)),
            Reply::Refused(_) => {}
            Reply::Deaf => return Err(NoLast::Denied),
            Reply::Gone => return Err(NoLast::Gone),
            Reply::Nobody | Reply::Silence => return Ok(Last::Unknown),
        }
        let own = format!("$JS.API.DIRECT.GET.{stream}.{topic}");
        match self.request(&own, String::new()).await {
            Reply::Said(answer) => Ok(Last::direct(&answer)),
            // Nobody: the stream does not allow it (`allow_direct`).
            Reply::Refused(_) | Reply::Deaf | Reply::Nobody => Err(NoLast::Denied),
            Reply::Gone => Err(NoLast::Gone),
            Reply::Silence => Ok(Last::Unknown),
        }
    }

    async fn request(&mut self, subject: &str, payload: String) -> Reply {
        let question = Message {
            headers: HeaderMap::new(),
            payload: payload.into(),
        };
        self.door.ask(subject, question, ANSWER).await
    }

    fn stored(&mut self, stream: &str, sequence: u64) -> Outcome {
        let connection = self.door.connection();
        self.belief.stored(stream, connection, Instant::now());
        if self.tail != Tail::Blind(connection) {
            self.tail = Tail::At(sequence);
        }
        Outcome::Delivered
    }

    /// To whoever is there: perhaps a stream.
    async fn try_store(&mut self, message: Message) -> Outcome {
        let topic = self.topic(Class::Lifecycle);
        match self.door.ask(&topic, message, UNSURE).await {
            Reply::Said(answer) => match Stored::read(&answer.payload) {
                Stored::At { stream, sequence } => self.stored(&stream, sequence),
                Stored::Never(refusal) => self.refused(Class::Lifecycle, &refusal),
                Stored::NotNow(why) => self.not_now(why),
                Stored::Stranger => Outcome::Delivered,
                Stored::NotExpected => Outcome::Again,
            },
            Reply::Nobody => Outcome::Delivered,
            Reply::Refused(refusal) => self.refused(Class::Lifecycle, &refusal),
            Reply::Silence | Reply::Deaf => self.round(Class::Lifecycle).await,
            Reply::Gone => Outcome::Again,
        }
    }

    /// To whoever listens. The number of messages that were refused alone comes with it.
    async fn send(&mut self, class: Class, messages: Vec<Message>) -> (Outcome, usize) {
        let (topic, count, mut alone) = (self.topic(class), messages.len(), 0);
        for message in messages {
            match self.door.tell(&topic, message, ANSWER).await {
                Ok(()) => {}
                Err(Reply::Refused(refusal)) => {
                    self.refused(class, &refusal);
                    alone += 1;
                }
                Err(_) => return (Outcome::Again, alone),
            }
        }
        if alone == count {
            return (Outcome::Refused, 0);
        }
        (self.round(class).await, alone)
    }

    /// Whether the server has all that was sent.
    async fn round(&mut self, class: Class) -> Outcome {
        let topic = self.topic(class);
        match self.door.round(&topic, ANSWER).await {
            Reply::Said(_) | Reply::Nobody | Reply::Deaf => Outcome::Delivered,
            Reply::Refused(refusal) => self.refused(class, &refusal),
            Reply::Gone | Reply::Silence => Outcome::Again,
        }
    }

    fn refused(&mut self, class: Class, refusal: &Refusal) -> Outcome {
        let Refusal { cause, words } = refusal;
        if self.said.insert(Said::Refused(class, *cause)) {
            let subject = self.topic(class);
            let cure = Denied::read(words).map(Denied::cure);
            warn!(
                subject,
                words,
                cure,
                "nats refuses this for good: it is dropped and counted, and not said again"
            );
        }
        Outcome::Refused
    }

    fn not_now(&mut self, why: String) -> Outcome {
        if self.trouble.as_ref() != Some(&why) {
            warn!(
                why,
                "the stream does not take life-cycle changes now; they wait"
            );
            self.trouble = Some(why);
        }
        Outcome::Again
    }

    fn unwritten(&mut self, class: Class, error: &serde_json::Error) -> Outcome {
        let refusal = Refusal {
            cause: Cause::Size,
            words: error.to_string(),
        };
        self.refused(class, &refusal)
    }
}
