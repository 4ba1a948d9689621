//! One request comes in, its answer goes out: first whether it may come now, before a byte of its body is read; then the body, then the
//! stream. 2xx is said only when the stream has acknowledged every message of it.

use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use flightline_contract::encoding::Encoding;
use flightline_contract::table;
use http::header::{AUTHORIZATION, CONTENT_TYPE, EXPECT};
use http::request::Parts;
use http::{HeaderName, Request};
use http_body_util::BodyExt;
use hyper::body::Incoming;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio::time::{Instant, timeout_at};
use tracing::warn;

use crate::admin::health::Health;
use crate::ingest::auth::{Access, Guard};
use crate::ingest::body::{self, Coding, Cut};
use crate::ingest::count::Counted;
use crate::ingest::ping::{self, Ping};
use crate::ingest::precision::Precision;
use crate::ingest::refusals::Refusals;
use crate::ingest::room::{Place, Room};
use crate::ingest::route::{self, Call, Home, Query, Take, Written};
use crate::ingest::storing::{CLOSED, Load, Storing};
use crate::ingest::verdict::{Answer, Api, Outcome, Wrong, answer};
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
    /// Bytes of one body, inflated.
    pub(super) body: usize,
    /// Without one more byte of it.
    pub(super) idle: Duration,
    /// From the head to the answer.
    pub(super) whole: Duration,
}

/// Answers requests.
#[derive(Debug)]
pub(super) struct Desk {
    pub(super) home: Home,
    pub(super) guard: Guard,
    pub(super) limits: Limits,
    pub(super) room: Arc<Room>,
    pub(super) requests: Arc<Semaphore>,
    pub(super) storing: Arc<Storing>,
    pub(super) health: Arc<Health>,
    pub(super) metrics: Arc<Metrics>,
}

/// A request that may come.
struct Admitted {
    coding: Coding,
    written: Written,
    place: Place,
    until: Instant,
    turn: OwnedSemaphorePermit,
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
        let query = Query(head.uri.query().unwrap_or_default());
        let outcome = match route::call(&head.method, head.uri.path(), &query, &self.home) {
            Ok(Call::Ping) => {
                let is_plain = query.get("verbose").is_none_or(|value| value == "false");
                return ping::ping(if is_plain { Ping::Plain } else { Ping::Verbose });
            }
            Ok(Call::Health) => return ping::health(&self.health.readiness()),
            Ok(Call::Query) => match self.known(head, &query) {
                Ok(()) => return self.query(&query, body).await,
                Err(outcome) => outcome,
            },
            Ok(Call::Take(take)) => match self.admit(api, &take, head, &query) {
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

    /// Whether the client may write at all.
    fn known(&self, head: &Parts, query: &Query<'_>) -> Result<(), Outcome> {
        let header = head
            .headers
            .get(AUTHORIZATION)
            .and_then(|value| value.to_str().ok());
        let access =
            self.guard
                .admits(header, query.get("p").as_deref(), std::time::Instant::now());
        match access {
            Access::Granted => Ok(()),
            Access::Denied => Err(Outcome::Wrong(Wrong::Unauthorized)),
            Access::Unknown => Err(Outcome::later("the tokens cannot be read now")),
        }
    }

    /// Whether the request may come now; nothing of its body has been read.
    fn admit(
        &self,
        api: Api,
        take: &Take,
        head: &Parts,
        query: &Query<'_>,
    ) -> Result<Admitted, Outcome> {
        self.known(head, query)?;
        let content_type = text(head, &CONTENT_TYPE);
        let written = route::written(api, take.class, content_type).map_err(Outcome::Wrong)?;
        let coding =
            body::coding(&head.headers).ok_or_else(|| Outcome::Wrong(route::media(take.class)))?;
        let announced = body::announced(&head.headers).unwrap_or_default();
        if announced > u64::try_from(self.limits.body).unwrap_or(u64::MAX) {
            return Err(Outcome::Wrong(Wrong::TooLarge(self.limits.body)));
        }
        let readiness = self.health.readiness();
        if let Some(pause) = readiness.retry_after() {
            return Err(Outcome::Later(pause, readiness.to_string()));
        }
        if !self.storing.outlet.is_open() {
            return Err(Outcome::later(CLOSED));
        }
        let turn = Arc::clone(&self.requests).try_acquire_owned();
        let turn = turn.map_err(|_| Outcome::later("as many requests as allowed are under way"))?;
        let mut place = self.room.place();
        if coding == Coding::Identity {
            let announced = usize::try_from(announced).unwrap_or(usize::MAX);
            place.grow_to(announced).map_err(|_| no_room())?;
        }
        Ok(Admitted {
            coding,
            written,
            place,
            until: Instant::now() + self.limits.whole,
            turn,
        })
    }

    async fn take(&self, take: Take, mut admitted: Admitted, body: Incoming) -> Outcome {
        let limits = body::Limits {
            bytes: self.limits.body,
            idle: self.limits.idle,
            until: admitted.until,
        };
        let body = match body::read(body, admitted.coding, limits, &mut admitted.place).await {
            Ok(body) => body,
            Err(cut) => return self.cut(cut),
        };
        self.metrics
            .ingest
            .bytes
            .inc_by(u64::try_from(body.len()).unwrap_or(u64::MAX));
        let encoding = match admitted.written {
            Written::As(encoding) => encoding,
            Written::Unsaid => Encoding::sniff(&body),
        };
        if !table::encodings(take.class).contains(&encoding) {
            return Outcome::Wrong(route::media(take.class));
        }
        if encoding == Encoding::Json && take.precision != Precision::Nanos {
            return Outcome::Wrong(Wrong::Unit);
        }
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
            Ok(form) => {
                let statement = url::form_urlencoded::parse(&form).find(|(key, _)| key == "q");
                ping::query(statement.as_ref().map_or("", |(_, text)| text))
            }
            Err(cut) => answer(Api::V1, &self.cut(cut)),
        }
    }

    fn cut(&self, cut: Cut) -> Outcome {
        match cut {
            Cut::TooLarge => Outcome::Wrong(Wrong::TooLarge(self.limits.body)),
            Cut::Full => no_room(),
            Cut::Slow => Outcome::Wrong(Wrong::Slow),
            Cut::Broken => Outcome::Wrong(Wrong::Body("the body ended too early")),
            Cut::NoGzip => Outcome::Wrong(Wrong::Body(
                "the body is not the gzip that its headers announce",
            )),
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

fn no_room() -> Outcome {
    Outcome::later("overloaded: as many bytes as ingest.max_pending allows are under way")
}

fn text<'h>(head: &'h Parts, name: &HeaderName) -> Option<&'h str> {
    head.headers.get(name).and_then(|value| value.to_str().ok())
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
