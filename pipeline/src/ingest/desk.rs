//! One request comes in, its answer goes out: first whether it may come now, before a byte of its body is read; then the body, then the
//! stream. 2xx is said only when the stream has acknowledged every message of it.

use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use http::Request;
use http::header::EXPECT;
use http::request::Parts;
use http_body_util::BodyExt;
use hyper::body::Incoming;
use tokio::time::{Instant, timeout_at};
use tracing::warn;

use crate::admin::health::Health;
use crate::ingest::body::{self, Coding};
use crate::ingest::count::Counted;
use crate::ingest::intake::{Asked, Intake, query};
use crate::ingest::ping::{self, Ping};
use crate::ingest::refusals::Refusals;
use crate::ingest::room::{Place, Room};
use crate::ingest::route::{self, Call, Query, Take};
use crate::ingest::storing::{CLOSED, Load, Storing};
use crate::ingest::verdict::{Answer, Api, Outcome, answer};
use crate::metrics::Metrics;

/// The longest body of a query.
const QUERY: usize = 64 * 1024;
/// What is read and thrown away of a body that is not taken: a client that is still sending could not read its answer otherwise.
const DISCARDED: usize = 1024 * 1024;
/// For how long.
const DISCARDING: Duration = Duration::from_secs(1);

/// What the requests of one listener may take.
#[derive(Debug, Clone, Copy)]
pub(super) struct Limits {
    /// Without one more byte of it.
    pub(super) idle: Duration,
    /// From the head to the answer.
    pub(super) whole: Duration,
}

/// Answers requests.
#[derive(Debug)]
pub(super) struct Desk {
    pub(super) intake: Arc<Intake>,
    pub(super) limits: Limits,
    pub(super) room: Arc<Room>,
    pub(super) requests: Arc<Room>,
    pub(super) storing: Arc<Storing>,
    pub(super) health: Arc<Health>,
    pub(super) metrics: Arc<Metrics>,
}

/// A request that may come.
struct Admitted {
    asked: Asked,
    place: Place,
    until: Instant,
    turn: Place,
}

impl Desk {
    /// The answer to `request`.
    pub(super) async fn answer(&self, request: Request<Incoming>) -> Answer {
        let (head, body) = request.into_parts();
        let api = route::api(head.uri.path());
        let counted = Counted::start(api, &self.metrics.ingest);
        let answer = self.reply(api, &head, body).await;
        counted.answered(answer.status);
        answer
    }

    async fn reply(&self, api: Api, head: &Parts, body: Incoming) -> Answer {
        let outcome = match self.intake.call(head) {
            Ok(Call::Ping) => {
                return ping::ping(Ping::of(&query(head)));
            }
            Ok(Call::Health) => return ping::health(&self.health.readiness()),
            Ok(Call::Query) => match self.intake.known(head) {
                Ok(()) => return self.query(&query(head), body).await,
                Err(outcome) => outcome,
            },
            Ok(Call::Take(take)) => match self.admit(api, &take, head) {
                Ok(admitted) => self.take(take, admitted, body).await,
                Err(outcome) => {
                    discard(head, body);
                    outcome
                }
            },
            Err(wrong) => {
                discard(head, body);
                Outcome::Wrong(wrong)
            }
        };
        self.note(api, &outcome);
        answer(api, &outcome)
    }

    /// Whether the request may come now; nothing of its body has been read.
    fn admit(&self, api: Api, take: &Take, head: &Parts) -> Result<Admitted, Outcome> {
        let asked = self.intake.asked(api, take, head)?;
        let readiness = self.health.readiness();
        if let Some(pause) = readiness.retry_after() {
            return Err(Outcome::Later(pause, readiness.to_string()));
        }
        if !self.storing.outlet.is_open() {
            return Err(Outcome::later(CLOSED));
        }
        let mut turn = self.requests.place();
        turn.grow_to(1).map_err(|_| Outcome::no_turn())?;
        let mut place = self.room.place();
        if asked.coding == Coding::Identity {
            let room = place.grow_to(asked.announced);
            room.map_err(|_| Outcome::no_room())?;
        }
        Ok(Admitted {
            asked,
            place,
            until: Instant::now() + self.limits.whole,
            turn,
        })
    }

    async fn take(&self, take: Take, mut admitted: Admitted, body: Incoming) -> Outcome {
        let limits = body::Limits {
            bytes: self.intake.longest_body,
            idle: self.limits.idle,
            until: admitted.until,
        };
        let body = match body::read(body, admitted.asked.coding, limits, &mut admitted.place).await
        {
            Ok(body) => body,
            Err(cut) => return self.intake.cut(cut),
        };
        self.metrics
            .ingest
            .bytes
            .inc_by(u64::try_from(body.len()).unwrap_or(u64::MAX));
        let encoding = match Intake::encoding(&take, admitted.asked.written, &body) {
            Ok(encoding) => encoding,
            Err(outcome) => return outcome,
        };
        let load = Load {
            take,
            encoding,
            body,
            until: admitted.until,
            place: admitted.place,
            turn: admitted.turn,
        };
        self.storing.store(load).await
    }

    async fn query(&self, query: &Query<'_>, body: Incoming) -> Answer {
        if let Some(statement) = query.get("q") {
            return ping::query(&statement);
        }
        let limits = body::Limits {
            bytes: QUERY,
            idle: self.limits.idle,
            until: Instant::now() + self.limits.whole,
        };
        match body::read(body, Coding::Identity, limits, &mut self.room.place()).await {
            Ok(form) => ping::query(&ping::statement(&form)),
            Err(cut) => answer(Api::V1, &self.intake.cut(cut)),
        }
    }

    /// Counts what was refused, and says that something was.
    fn note(&self, api: Api, outcome: &Outcome) {
        let api = api.as_str();
        match outcome {
            // What the stream did not acknowledge was told of where that was found out, with its cause.
            Outcome::Stored | Outcome::Unacked => {}
            Outcome::Partly(_, refusals) | Outcome::Nothing(refusals) => {
                self.note_refused(api, refusals)
            }
            Outcome::Wrong(wrong) => warn!(
                api,
                status = wrong.status().as_u16(),
                "refused a request to ingest: {}",
                wrong.text()
            ),
            Outcome::Later(_, reason) => {
                warn!(api, "told a client of ingest to come again: {reason}")
            }
        }
    }

    fn note_refused(&self, api: &str, refusals: &Refusals) {
        for (reason, count) in refusals.reasons() {
            let refused = &self.metrics.ingest.refused;
            refused.with_label_values(&[reason.as_str()]).inc_by(count);
        }
        if let Some(first) = refusals.first() {
            let (lines, fault) = (refusals.total(), first.fault.as_str());
            warn!(api, lines, fault, "refused lines of a request to ingest");
        }
    }
}

/// Reads on for a while, beside the answer. A client that waits to be told to go on is not told so.
fn discard(head: &Parts, mut body: Incoming) {
    if head.headers.contains_key(EXPECT) {
        return;
    }
    let end = Instant::now() + DISCARDING;
    tokio::spawn(async move {
        let mut bytes = 0;
        while bytes < DISCARDED
            && let Ok(Some(Ok(frame))) = timeout_at(end, body.frame()).await
        {
            bytes += frame.data_ref().map_or(0, Bytes::len);
        }
    });
}
