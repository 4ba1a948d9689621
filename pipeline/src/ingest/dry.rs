//! A request comes in; its answer, and what the stream would get of it, come out: the write front with a stream that takes everything at
//! once. For fuzzing, where there is neither a listener nor a server.

use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use flightline_contract::encoding::Encoding;
use http::request::Parts;
use http::{HeaderMap, StatusCode};
use http_body::Body;
use http_body_util::{BodyExt as _, Collected};
use tokio::time::Instant;

use crate::admin::health::Readiness;
use crate::config;
use crate::config::Config;
use crate::ingest::OpenError;
use crate::ingest::body;
use crate::ingest::intake::{self, Intake, query};
use crate::ingest::pack::Step;
use crate::ingest::ping::{self, Ping};
use crate::ingest::refusals::Refusals;
use crate::ingest::room::Room;
use crate::ingest::route::{self, Call, Partial, Query, Take};
use crate::ingest::verdict::{Answer, Api, Outcome, answer};
use crate::metrics::Metrics;

/// Nothing of a body has to be waited for.
const PATIENCE: Duration = Duration::from_secs(10);

/// A write front without a listener.
#[derive(Debug)]
pub struct Dry {
    intake: Intake,
    room: Arc<Room>,
    longest_message: usize,
}

/// What a request has come to.
#[derive(Debug, PartialEq, Eq)]
pub struct Seen {
    /// What the stream would get.
    pub published: Published,
    /// The answer's status.
    pub status: StatusCode,
    /// Its headers.
    pub headers: HeaderMap,
    /// Its body.
    pub body: String,
}

/// What the stream would get of one request.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Published {
    /// On which subject; empty if nothing is published.
    pub subject: String,
    /// In which encoding.
    pub encoding: Option<Encoding>,
    /// One after the other.
    pub messages: Vec<Bytes>,
    /// Lines in all of them, as they are counted.
    pub lines: u64,
    /// Lines and elements that were refused.
    pub refused: usize,
}

impl Dry {
    /// As `ingest` says, before a stream that takes messages of `longest_message` bytes.
    ///
    /// # Errors
    /// When a name in the configuration is none, or its subjects lead nowhere.
    pub fn new(
        ingest: &config::Ingest,
        config: &Config,
        longest_message: usize,
    ) -> Result<Self, OpenError> {
        let gauge = Metrics::new().ingest.held_bytes.clone();
        Ok(Self {
            intake: Intake::new(ingest, config)?,
            room: Arc::new(Room::new(ingest.max_pending, gauge)),
            longest_message,
        })
    }

    /// What a request with this head and this body comes to.
    pub async fn see<B: Body<Data = Bytes> + Unpin>(&self, head: &Parts, body: B) -> Seen {
        let api = route::api(head.uri.path());
        let mut published = Published::default();
        let answer = match self.intake.call(head) {
            Ok(Call::Ping) => ping::ping(Ping::of(&query(head))),
            Ok(Call::Health) => ping::health(&Readiness::Ready),
            Ok(Call::Query) => match self.intake.known(head) {
                Ok(()) => ask(&query(head), body).await,
                Err(outcome) => answer(api, &outcome),
            },
            Ok(Call::Take(take)) => {
                let taken = self.take(api, &take, head, body, &mut published).await;
                answer(api, &taken.unwrap_or_else(|outcome| outcome))
            }
            Err(wrong) => answer(api, &Outcome::Wrong(wrong)),
        };
        let (head, body) = answer.into_response::<String>().into_parts();
        Seen {
            published,
            status: head.status,
            headers: head.headers,
            body,
        }
    }

    /// What is answered; an error, too, is an answer.
    async fn take<B: Body<Data = Bytes> + Unpin>(
        &self,
        api: Api,
        take: &Take,
        head: &Parts,
        body: B,
        published: &mut Published,
    ) -> Result<Outcome, Outcome> {
        let asked = self.intake.asked(api, take, head)?;
        let limits = body::Limits {
            bytes: self.intake.longest_body,
            idle: PATIENCE,
            until: Instant::now() + PATIENCE,
        };
        let read = body::read(body, asked.coding, limits, &mut self.room.place()).await;
        let body = read.map_err(|cut| self.intake.cut(cut))?;
        let encoding = Intake::encoding(take, asked.written, &body)?;
        let (messages, lines, refusals) = match encoding {
            Encoding::Json => {
                let lines = self.intake.json(take, &body, self.longest_message)?;
                let message = (lines > 0).then_some(body);
                (
                    message.into_iter().collect(),
                    u64::from(lines),
                    Refusals::default(),
                )
            }
            Encoding::LineProtocol => self.pack(take, body),
        };
        published.refused = refusals.total();
        if take.partial == Partial::Refuse && refusals.total() > 0 {
            return Err(Outcome::Nothing(refusals));
        }
        *published = Published {
            subject: take.topic.as_str().to_owned(),
            encoding: Some(encoding),
            messages,
            lines,
            refused: refusals.total(),
        };
        Ok(intake::stored(lines, refusals))
    }

    fn pack(&self, take: &Take, body: Bytes) -> (Vec<Bytes>, u64, Refusals) {
        let mut packer = self.intake.packer(take, body, self.longest_message);
        let (mut messages, mut lines) = (Vec::new(), 0);
        loop {
            match packer.step() {
                Step::Message(message) => {
                    lines += message.lines;
                    messages.push(message.payload);
                }
                Step::Nothing => {}
                Step::End => return (messages, lines, packer.into_refusals()),
            }
        }
    }
}

/// The answer to a query, the statement of which stands in the URL or in a form.
async fn ask<B: Body<Data = Bytes> + Unpin>(query: &Query<'_>, body: B) -> Answer {
    match query.get("q") {
        Some(statement) => ping::query(&statement),
        None => {
            let form = body.collect().await.map(Collected::to_bytes);
            ping::query(&ping::statement(&form.unwrap_or_default()))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    use http::Request;
    use http_body_util::Full;

    use crate::config::environment::Environment;
    use crate::config::load::load;

    async fn see(request: http::request::Builder, body: &'static str) -> Seen {
        let mut file = tempfile::NamedTempFile::new().unwrap();
        std::io::Write::write_all(&mut file, b"[ingest]\nlisten = \"127.0.0.1:0\"\n").unwrap();
        let loaded = load(&[file.path().to_owned()], &Environment::default());
        let config = loaded.unwrap_or_else(|report| panic!("{report}")).config;
        let dry = Dry::new(config.ingest.as_ref().unwrap(), &config, 1024).unwrap();
        let (head, ()) = request.body(()).unwrap().into_parts();
        dry.see(&head, Full::new(Bytes::from(body))).await
    }

    #[tokio::test]
    async fn good_lines_would_be_published_and_bad_ones_are_told() {
        let request = Request::post("/api/v3/write_lp?db=shop&precision=second");
        let seen = see(request, "m v=1 7\nm v=\nm v=2\n").await;
        let published = &seen.published;
        assert_eq!(published.subject, "telemetry.app.ingest.shop");
        assert_eq!(published.messages, [&b"m v=1 7000000000\nm v=2\n"[..]]);
        assert_eq!((published.lines, published.refused), (2, 1));
        assert_eq!(seen.status, StatusCode::BAD_REQUEST);
        assert!(seen.body.contains("\"line_number\":2"), "{}", seen.body);
    }

    #[tokio::test]
    async fn nothing_is_published_of_what_is_refused_as_a_whole() {
        for (uri, body) in [
            (
                "/api/v3/write_lp?db=shop&accept_partial=false",
                "m v=1\nm v=\n",
            ),
            ("/write?db=", "m v=1\n"),
            ("/publish/health/shop/one", "{\"measurement\":\"m\"}"),
            ("/query?q=CREATE%20DATABASE%20x", ""),
        ] {
            let seen = see(Request::post(uri), body).await;
            assert_eq!(seen.published.messages, [""; 0], "{uri}");
        }
    }
}
