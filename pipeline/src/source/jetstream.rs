//! A durable pull consumer in, chunks of deliveries out. Nothing is lost: what is not acknowledged is delivered again. The
//! consumer is created if absent and never deleted; when something goes wrong the source says so and starts over.
//!
//! Pull requests go out on an inbox of our own and messages come in on a plain subscription: half the cost of the client
//! library's stream, and the count of what is open is ours (`pulls`).

use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use async_nats::{HeaderMap, Message, StatusCode, Subject};
use bytes::Bytes;
use flightline_contract::encoding::{CONTENT_TYPE, Encoding};
use futures_util::FutureExt;
use tokio::time::{MissedTickBehavior, interval};
use tokio_util::sync::CancellationToken;
use tracing::{error, info, warn};

use super::handoff::{Handoff, PathEnded};
use super::inbox::Inbox;
use super::pulls::Pulls;
use super::reply;
use super::watch::{Damage, Watch};
use crate::admin::status::Lag;
use crate::bus::{Bus, BusError, EnsureError, Existed, StreamSpec};
use crate::config::JetStream;
use crate::console::LastLag;
use crate::delivery::{Ack, Attempt, CHUNK, Declared, Delivery};
use crate::metrics::{Metrics, Stage};

/// How long a pull stays open at the server. Short enough that one the network lost is soon forgotten there.
const EXPIRES: Duration = Duration::from_secs(10);
/// How often the server says that a pull is open.
const HEARTBEAT: Duration = Duration::from_millis(400);
/// Two missed heartbeats: something open here is not open there.
const SILENCE: Duration = Duration::from_secs(1);
/// How often the consumer and the stream's history are looked at.
const LOOK: Duration = Duration::from_secs(2);
/// The shortest subject and reply: no message counts less, so that bytes end a pull before messages do.
const SMALLEST_MESSAGE: usize = 32;
/// Pauses between tries to start over: the first and the longest.
const PAUSES: (Duration, Duration) = (Duration::from_millis(100), Duration::from_secs(5));

/// The status description with which nats-server ends a pull whose bytes do not suffice for the next message.
const MAX_BYTES: &str = "Message Size Exceeds MaxBytes";
/// The header with the bytes a pull has left when it ends.
const PENDING_BYTES: &str = "Nats-Pending-Bytes";

/// Pulls from one durable consumer.
#[derive(Debug)]
pub struct Source {
    bus: Bus,
    config: JetStream,
    stream: StreamSpec,
    metrics: Arc<Metrics>,
    lag: LastLag,
    watch: Arc<Mutex<Watch>>,
}

/// Why a session is over.
#[derive(Debug, thiserror::Error)]
enum Over {
    #[error("told to stop")]
    Stopped,
    #[error(transparent)]
    PathEnded(#[from] PathEnded),
    #[error("nothing came although a pull was open")]
    Silence,
    #[error("the connection to nats is down")]
    Disconnected,
    #[error("the server ended the pull: {0}")]
    Status(String),
    #[error(transparent)]
    Bus(#[from] BusError),
    #[error(transparent)]
    Ensure(#[from] EnsureError),
}

impl Source {
    /// For `config` over `bus`; `stream` is what the stream must be. How far behind it is goes to `lag`.
    pub fn new(
        bus: Bus,
        config: JetStream,
        stream: StreamSpec,
        metrics: Arc<Metrics>,
        lag: LastLag,
    ) -> Self {
        Self {
            bus,
            config,
            stream,
            metrics,
            lag,
            watch: Arc::default(),
        }
    }

    /// Hands over what the consumer gives until `stop`; then what was received by then.
    pub async fn run(self, mut handoff: Handoff, stop: CancellationToken) {
        let looker = Looker {
            bus: self.bus.clone(),
            config: self.config.clone(),
            watch: Arc::clone(&self.watch),
            metrics: Arc::clone(&self.metrics),
            lag: Arc::clone(&self.lag),
        };
        let watcher = tokio::spawn(looker.run());
        let mut pause = PAUSES.0;
        let mut inbox = None;
        loop {
            let (before, start) = (self.metrics.received.get(), Instant::now());
            let over = match self.session(&mut inbox, &mut handoff, &stop).await {
                Ok(()) | Err(Over::Stopped | Over::PathEnded(_)) => break,
                Err(over) => over,
            };
            self.metrics.failed(Stage::Source, &over);
            // On a quiet stream, a session that lasted is all the progress there can be.
            if self.metrics.received.get() > before || start.elapsed() > PAUSES.1 {
                pause = PAUSES.0;
            }
            match over {
                Over::Disconnected => {
                    info!("waiting for nats");
                    stop.run_until_cancelled(self.reconnected()).await;
                    pause = PAUSES.0;
                }
                Over::Silence => {
                    self.metrics.stalls.inc();
                    warn!("{over}; asking again");
                }
                Over::Ensure(EnsureError::Unfit(ref problem)) => {
                    error!(problem, "the stream cannot be read as configured")
                }
                _ => warn!(error = %over, "source starts over"),
            }
            tokio::select! {
                () = stop.cancelled() => break,
                () = tokio::time::sleep(pause) => pause = (pause * 2).min(PAUSES.1),
            }
        }
        watcher.abort();
        // Dropping the handoff is the end of input. A path that has ended first leaves its messages to redelivery.
        handoff.hand_over_all().await.ok();
    }

    /// The connection has its own back-off; another one on top would only add to it.
    async fn reconnected(&self) {
        while !self.bus.is_connected() {
            tokio::time::sleep(PAUSES.0).await;
        }
    }

    async fn session(
        &self,
        inbox: &mut Option<Inbox>,
        handoff: &mut Handoff,
        stop: &CancellationToken,
    ) -> Result<(), Over> {
        if !self.bus.is_connected() {
            return Err(Over::Disconnected);
        }
        self.ensure().await?;
        let inbox = match inbox {
            Some(inbox) => inbox,
            None => inbox.insert(Inbox::open(&self.bus).await?),
        };
        inbox.start_session();
        let mut pulls = Pulls::new(self.config.prefetch_bytes, self.bus.max_payload());
        let mut watchdog = interval(SILENCE / 4);
        let mut prolong = interval(self.config.ack_wait / 3);
        watchdog.set_missed_tick_behavior(MissedTickBehavior::Delay);
        prolong.set_missed_tick_behavior(MissedTickBehavior::Delay);
        let mut last_sign = Instant::now();
        loop {
            self.ask(&mut pulls, handoff.bytes(), inbox.reply()).await?;
            tokio::select! {
                () = stop.cancelled() => {
                    self.take_the_rest(inbox, &mut pulls, handoff).await;
                    return Err(Over::Stopped);
                }
                handed = handoff.hand_over(), if !handoff.is_empty() => handed?,
                message = inbox.next() => {
                    let message = message.ok_or(Over::Disconnected)?;
                    self.take(message, &mut pulls, handoff)?;
                    // What is there already is taken in one go: one turn of the loop for many messages.
                    for _ in 1..CHUNK {
                        let Some(Some(message)) = inbox.next().now_or_never() else { break };
                        self.take(message, &mut pulls, handoff)?;
                    }
                    last_sign = Instant::now();
                }
                _ = watchdog.tick() => {
                    if pulls.expects() && last_sign.elapsed() > SILENCE {
                        return Err(if self.bus.is_connected() { Over::Silence } else { Over::Disconnected });
                    }
                }
                _ = prolong.tick() => self.prolong(handoff).await?,
            }
            self.metrics
                .held_bytes
                .set(i64::try_from(handoff.bytes()).unwrap_or(i64::MAX));
        }
    }

    async fn ensure(&self) -> Result<(), Over> {
        if self.bus.ensure_stream(&self.stream).await? == Existed::Created {
            info!(stream = self.stream.name, subjects = ?self.stream.subjects, "created the stream");
        }
        let (stream, consumer) = (&self.config.stream, &self.config.consumer);
        let start = self.watch.lock().expect("no holder panics").resume_at();
        if self
            .bus
            .ensure_consumer(stream, consumer, &self.config, start)
            .await?
            == Existed::Created
        {
            let mut watch = self.watch.lock().expect("no holder panics");
            match start {
                None => info!(stream, consumer, "created the durable consumer"),
                Some(start) => {
                    self.metrics.history_damage.inc();
                    error!(
                        stream,
                        consumer,
                        start,
                        "the durable consumer was deleted; created it again from the last ack seen"
                    );
                }
            }
            watch.forget();
        }
        Ok(())
    }

    async fn ask(&self, pulls: &mut Pulls, held: usize, reply: &Subject) -> Result<(), Over> {
        while let Some(bytes) = pulls.next(held) {
            let request = format!(
                r#"{{"batch":{},"max_bytes":{bytes},"expires":{},"idle_heartbeat":{}}}"#,
                bytes / SMALLEST_MESSAGE,
                EXPIRES.as_nanos(),
                HEARTBEAT.as_nanos(),
            );
            let (stream, consumer) = (&self.config.stream, &self.config.consumer);
            self.bus
                .pull(stream, consumer, reply.clone(), Bytes::from(request))
                .await?;
        }
        Ok(())
    }

    fn take(&self, message: Message, pulls: &mut Pulls, handoff: &mut Handoff) -> Result<(), Over> {
        if let Some(status) = message.status {
            return status_says(status, &message, pulls);
        }
        pulls.arrived(message.length);
        let Some(reply) = message.reply.as_deref().and_then(reply::parse) else {
            warn!(subject = %message.subject, "a message on the pull inbox is not JetStream's; ignored");
            return Ok(());
        };
        self.metrics.received.inc();
        self.metrics
            .received_bytes
            .inc_by(message.payload.len() as u64);
        if reply.stamp.attempt == Attempt::Again {
            self.metrics.redelivered.inc();
        }
        self.metrics
            .pending
            .set(i64::try_from(reply.pending).unwrap_or(i64::MAX));
        handoff.hold(Delivery {
            subject: message.subject,
            payload: message.payload,
            declared: message.headers.as_ref().map_or(Declared::Nothing, declared),
            stamp: reply.stamp,
            ack: message.reply.map_or_else(Ack::none, Ack::by_reply),
        });
        Ok(())
    }

    async fn prolong(&self, handoff: &Handoff) -> Result<(), Over> {
        for reply in handoff.held().filter_map(|delivery| delivery.ack.reply()) {
            self.bus.prolong(reply.clone()).await?;
            self.metrics.prolonged.inc();
        }
        Ok(())
    }

    /// After the stop: what the server has already sent is ours to handle, or it would come again only after `ack_wait`.
    async fn take_the_rest(&self, inbox: &mut Inbox, pulls: &mut Pulls, handoff: &mut Handoff) {
        if inbox.drain().await.is_err() {
            return;
        }
        while let Ok(Some(message)) = tokio::time::timeout(SILENCE, inbox.next()).await {
            if self.take(message, pulls, handoff).is_err() {
                return;
            }
        }
    }
}

/// What a status on the pull inbox means for the account of open pulls.
fn status_says(status: StatusCode, message: &Message, pulls: &mut Pulls) -> Result<(), Over> {
    let description = message.description.as_deref().unwrap_or_default();
    let left = message
        .headers
        .as_ref()
        .and_then(|headers| headers.get(PENDING_BYTES))
        .and_then(|bytes| bytes.as_str().parse().ok());
    match (status, left) {
        (StatusCode::IDLE_HEARTBEAT, _) => {}
        (_, Some(left)) if description == MAX_BYTES => pulls.ended_full(left),
        // Time-outs and completed batches.
        (_, Some(left)) => pulls.ended(left),
        _ => return Err(Over::Status(format!("{status} {description}"))),
    }
    Ok(())
}

/// What the headers say of the encoding.
pub(crate) fn declared(headers: &HeaderMap) -> Declared {
    headers
        .get(CONTENT_TYPE)
        .map_or(Declared::Nothing, |value| {
            Encoding::from_content_type(value.as_str()).map_or(Declared::Unknown, Declared::Known)
        })
}

/// Looks at the consumer and its stream from time to time, for the lag and for signs of damage.
struct Looker {
    bus: Bus,
    config: JetStream,
    watch: Arc<Mutex<Watch>>,
    metrics: Arc<Metrics>,
    lag: LastLag,
}

impl Looker {
    async fn run(self) {
        let mut looks = interval(LOOK);
        looks.set_missed_tick_behavior(MissedTickBehavior::Delay);
        let (stream, consumer) = (&self.config.stream, &self.config.consumer);
        loop {
            looks.tick().await;
            if !self.bus.is_connected() {
                continue;
            }
            // An unavailable server shows in the source itself; an absent consumer is made anew by the next session.
            let Ok(Some(state)) = self.bus.consumer_state(stream, consumer).await else {
                continue;
            };
            self.metrics
                .pending
                .set(i64::try_from(state.pending).unwrap_or(i64::MAX));
            *self.lag.lock().expect("no holder panics") = Some(Lag {
                stream: stream.clone(),
                consumer: consumer.clone(),
                pending: state.pending,
                ack_pending: state.ack_pending,
                ack_floor: state.ack_floor,
            });
            let damage = self.watch.lock().expect("no holder panics").look(state);
            if let Some(damage) = damage {
                self.metrics.history_damage.inc();
                say(&self.config, &damage);
            }
        }
    }
}

fn say(config: &JetStream, damage: &Damage) {
    let (stream, consumer) = (&config.stream, &config.consumer);
    match damage {
        Damage::StreamReplaced => error!(
            stream,
            "the stream was deleted and made anew: what it held is gone"
        ),
        Damage::StreamShortened { from, to } => error!(
            stream,
            from, to, "the stream lost its end: sequences are used again"
        ),
        Damage::Purged { messages } => error!(
            stream,
            messages, "messages were removed before they were acknowledged"
        ),
        Damage::ConsumerReplaced => {
            error!(stream, consumer, "somebody else made the consumer anew")
        }
        Damage::AckFloorMovedBack { from, to } => {
            error!(
                stream,
                consumer, from, to, "the consumer forgot acks: messages will come again"
            );
        }
    }
}
