//! What became of a request comes in, the answer goes out, in the shape that its API has: a pure function. Text of the client only
//! stands in JSON strings.

use std::time::Duration;

use http::header::{ALLOW, CONTENT_TYPE, RETRY_AFTER, WWW_AUTHENTICATE};
use http::{HeaderName, HeaderValue, Response, StatusCode};
use serde_json::{Value, json};

use crate::ingest::refusals::Refusals;

/// When a client should come again that found no room or no stream: as for a worker that is not ready.
const AGAIN: Duration = Duration::from_secs(1);

/// Who asks: the values of the label `api` of `flightline_ingest_requests_total`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Api {
    /// `/write`, and what clients of InfluxDB 1 ask beside it.
    V1,
    /// `/api/v2/write`
    V2,
    /// `/api/v3/write_lp`
    V3,
    /// `/publish/…`
    Publish,
    /// `/ping`, `/health`, and paths that are none.
    Other,
}

impl Api {
    /// Every API.
    pub const ALL: [Self; 5] = [Self::V1, Self::V2, Self::V3, Self::Publish, Self::Other];

    /// The label value.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::V1 => "v1",
            Self::V2 => "v2",
            Self::V3 => "v3",
            Self::Publish => "publish",
            Self::Other => "other",
        }
    }
}

/// What became of a request that carries data.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Outcome {
    /// The stream has all of it.
    Stored,
    /// The stream has the good lines, so many; the others are refused.
    Partly(u64, Refusals),
    /// Something is refused, and so nothing was published.
    Nothing(Refusals),
    /// It cannot be answered otherwise however often it comes.
    Wrong(Wrong),
    /// Not now: nothing of it may be taken for stored.
    Later(Duration, String),
    /// The stream may have it, or a part.
    Unacked,
}

impl Outcome {
    /// Not now, for this reason.
    pub(super) fn later(reason: &str) -> Self {
        Self::Later(AGAIN, reason.to_owned())
    }

    /// Not now: too much is under way.
    pub(super) fn no_turn() -> Self {
        Self::later("overloaded: as many requests as ingest.max_requests allows are under way")
    }

    pub(super) fn no_room() -> Self {
        Self::later("overloaded: as many bytes as ingest.max_pending allows are under way")
    }
}

/// What is wrong with a request.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Wrong {
    /// A parameter; says which.
    Parameter(String),
    /// No token, or another one.
    Unauthorized,
    /// No such path.
    Path,
    /// The path takes another method.
    Method(&'static str),
    /// The body, or a message of it, is larger than so many bytes.
    TooLarge(usize),
    /// The body is written in a way that is not read here; says which are.
    Media(&'static str),
    /// A unit of time beside JSON.
    Unit,
    /// The stream takes no message as large as was made of it.
    Message,
    /// The body came too slowly.
    Slow,
    /// The body is not what its headers say.
    Body(&'static str),
}

impl Wrong {
    /// The status of its answer.
    pub(super) fn status(&self) -> StatusCode {
        match self {
            Self::Parameter(_) | Self::Unit | Self::Body(_) => StatusCode::BAD_REQUEST,
            Self::Unauthorized => StatusCode::UNAUTHORIZED,
            Self::Path => StatusCode::NOT_FOUND,
            Self::Method(_) => StatusCode::METHOD_NOT_ALLOWED,
            Self::TooLarge(_) | Self::Message => StatusCode::PAYLOAD_TOO_LARGE,
            Self::Media(_) => StatusCode::UNSUPPORTED_MEDIA_TYPE,
            Self::Slow => StatusCode::REQUEST_TIMEOUT,
        }
    }

    /// One sentence for a person.
    pub(super) fn text(&self) -> String {
        match self {
            Self::Parameter(text) => text.clone(),
            Self::Unauthorized => "unauthorized: the token is missing or not a valid one".to_owned(),
            Self::Path => "no such path".to_owned(),
            Self::Method(allowed) => format!("the method must be {allowed}"),
            Self::TooLarge(limit) => format!("the request is larger than {limit} bytes: send smaller ones"),
            Self::Unit => "precision is for line protocol: times in JSON are RFC 3339 or whole nanoseconds".to_owned(),
            Self::Message => "the stream takes no message of this size: send smaller requests, or raise its max_msg_size".to_owned(),
            Self::Media(known) => format!("the body must be {known}"),
            Self::Slow => "the body came too slowly".to_owned(),
            Self::Body(text) => (*text).to_owned(),
        }
    }

    /// InfluxDB 2's word for it.
    fn code(&self) -> &'static str {
        match self {
            Self::Parameter(_) | Self::Unit | Self::Body(_) | Self::Media(_) | Self::Slow => {
                "invalid"
            }
            Self::Unauthorized => "unauthorized",
            Self::Path => "not found",
            Self::Method(_) => "method not allowed",
            Self::TooLarge(_) | Self::Message => "request too large",
        }
    }
}

/// An answer without its framing.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Answer {
    pub(super) status: StatusCode,
    pub(super) headers: Vec<(HeaderName, HeaderValue)>,
    pub(super) body: String,
}

impl Answer {
    /// One without a body.
    pub(super) fn empty(status: StatusCode) -> Self {
        Self {
            status,
            headers: Vec::new(),
            body: String::new(),
        }
    }

    /// One with a JSON body.
    pub(super) fn json(status: StatusCode, body: &Value) -> Self {
        Self::empty(status)
            .with(CONTENT_TYPE, "application/json")
            .saying(body)
    }

    /// The same with one more header. What cannot stand in one is left out.
    pub(super) fn with(mut self, name: HeaderName, value: &str) -> Self {
        if let Ok(value) = HeaderValue::from_str(value) {
            self.headers.push((name, value));
        }
        self
    }

    fn saying(mut self, body: &Value) -> Self {
        self.body = format!("{body}\n");
        self
    }

    /// As HTTP.
    pub(super) fn into_response<B: From<String>>(self) -> Response<B> {
        let mut response = Response::new(B::from(self.body));
        *response.status_mut() = self.status;
        response.headers_mut().extend(self.headers);
        response
    }
}

/// The answer to a request of `api` that came to `outcome`.
pub(super) fn answer(api: Api, outcome: &Outcome) -> Answer {
    match outcome {
        Outcome::Stored => Answer::empty(StatusCode::NO_CONTENT),
        Outcome::Partly(stored, refusals) => refused(api, PARTLY, *stored, refusals),
        Outcome::Nothing(refusals) => {
            let sentence = match api {
                Api::V3 => NOTHING,
                Api::V1 | Api::V2 | Api::Publish | Api::Other => UNPUBLISHED,
            };
            refused(api, sentence, 0, refusals)
        }
        Outcome::Wrong(wrong) => {
            let answer = error(api, wrong.status(), wrong.code(), &wrong.text());
            match wrong {
                Wrong::Method(allowed) => answer.with(ALLOW, allowed),
                Wrong::Unauthorized => answer.with(WWW_AUTHENTICATE, "Token"),
                Wrong::Parameter(_)
                | Wrong::Path
                | Wrong::TooLarge(_)
                | Wrong::Unit
                | Wrong::Message
                | Wrong::Media(_)
                | Wrong::Slow
                | Wrong::Body(_) => answer,
            }
        }
        Outcome::Later(pause, reason) => later(api, *pause, reason),
        Outcome::Unacked => later(api, AGAIN, UNACKED),
    }
}

fn later(api: Api, pause: Duration, reason: &str) -> Answer {
    let seconds = pause.as_secs().max(1).to_string();
    error(api, StatusCode::SERVICE_UNAVAILABLE, "unavailable", reason).with(RETRY_AFTER, &seconds)
}

/// InfluxDB 1's header for the text of an error: some of its clients read nothing else.
const V1_ERROR: HeaderName = HeaderName::from_static("x-influxdb-error");

fn error(api: Api, status: StatusCode, code: &str, text: &str) -> Answer {
    match api {
        Api::V1 => Answer::json(status, &json!({ "error": text })).with(V1_ERROR, text),
        Api::V2 => Answer::json(status, &json!({ "code": code, "message": text })),
        Api::V3 | Api::Publish | Api::Other => Answer::json(status, &json!({ "error": text })),
    }
}

const UNACKED: &str = "the stream has not acknowledged all of it: send it again";
/// InfluxDB 3's sentence where the good lines were written.
const PARTLY: &str = "partial write of line protocol occurred";
/// Its sentence where nothing was.
const NOTHING: &str = "parsing failed for write_lp endpoint";
/// The same in words of our own.
const UNPUBLISHED: &str = "nothing was published: the body has faults";

fn refused(api: Api, sentence: &str, stored: u64, refusals: &Refusals) -> Answer {
    let status = StatusCode::BAD_REQUEST;
    let (number, fault) = refusals
        .first()
        .map_or((1, ""), |first| (first.number, first.fault.as_str()));
    let dropped = refusals.total();
    match api {
        Api::V1 | Api::Other => {
            let kind = if stored > 0 { "partial write: " } else { "" };
            let text = format!("{kind}unable to parse line {number}: {fault} dropped={dropped}");
            error(Api::V1, status, "invalid", &text)
        }
        Api::V2 => {
            let text = format!(
                "unable to parse line {number}: {fault} ({dropped} refused, {stored} written)"
            );
            Answer::json(
                status,
                &json!({ "code": "invalid", "message": text, "line": number }),
            )
        }
        Api::V3 | Api::Publish => {
            let data: Vec<Value> = refusals
                .listed()
                .iter()
                .map(|listed| {
                    json!({
                        "error_message": listed.fault,
                        "line_number": listed.number,
                        "original_line": listed.original,
                    })
                })
                .collect();
            Answer::json(
                status,
                &json!({ "error": sentence, "dropped": dropped, "data": data }),
            )
        }
    }
}

#[cfg(test)]
mod tests;
