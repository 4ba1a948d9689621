//! What clients of InfluxDB ask beside writing, answered so that they go on to write.

use std::borrow::Cow;

use http::{HeaderName, StatusCode};
use serde_json::json;

use crate::admin::health::Readiness;
use crate::ingest::route::Query;
use crate::ingest::verdict::{Answer, Api, Outcome, Wrong, answer};

/// The version that has both `/write` and `/api/v2/write`: clients choose by it what they send.
const COMPATIBLE: &str = "1.8.10";

const VERSION: HeaderName = HeaderName::from_static("x-influxdb-version");
const BUILD: HeaderName = HeaderName::from_static("x-influxdb-build");

/// How `/ping` is to be answered.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Ping {
    /// By headers alone.
    Plain,
    /// With a body: `?verbose=true`.
    Verbose,
}

impl Ping {
    /// As `query` asks for it.
    pub(super) fn of(query: &Query<'_>) -> Self {
        match query.get("verbose").as_deref() {
            None | Some("false") => Self::Plain,
            Some(_) => Self::Verbose,
        }
    }
}

/// The answer to `/ping`.
pub(super) fn ping(kind: Ping) -> Answer {
    let answer = match kind {
        Ping::Plain => Answer::empty(StatusCode::NO_CONTENT),
        Ping::Verbose => Answer::json(StatusCode::OK, &json!({ "version": COMPATIBLE })),
    };
    answer
        .with(VERSION, COMPATIBLE)
        .with(BUILD, concat!("flightline-", env!("CARGO_PKG_VERSION")))
}

/// The answer to `/health`: whether a write would be taken now.
pub(super) fn health(readiness: &Readiness) -> Answer {
    let (status, word) = match readiness {
        Readiness::Ready => (StatusCode::OK, "pass"),
        Readiness::Connecting
        | Readiness::Refused { .. }
        | Readiness::Unanswered { .. }
        | Readiness::Overloaded { .. }
        | Readiness::Full { .. }
        | Readiness::Crowded { .. }
        | Readiness::Stalled
        | Readiness::Draining => (StatusCode::SERVICE_UNAVAILABLE, "fail"),
    };
    let body = json!({
        "name": "flightline",
        "message": readiness.to_string(),
        "checks": [],
        "status": word,
        "version": COMPATIBLE,
        "commit": env!("CARGO_PKG_VERSION"),
    });
    Answer::json(status, &body)
}

/// The statement in a form.
pub(super) fn statement(form: &[u8]) -> Cow<'_, str> {
    let statement = url::form_urlencoded::parse(form).find(|(key, _)| key == "q");
    statement.map_or(Cow::Borrowed(""), |(_, text)| text)
}

/// The answer to `/query`: a database needs not be made here, and nothing can be read.
pub(super) fn query(statement: &str) -> Answer {
    let mut words = statement.split_ascii_whitespace();
    let is =
        |word: Option<&str>, known: &str| word.is_some_and(|word| word.eq_ignore_ascii_case(known));
    if is(words.next(), "create") && is(words.next(), "database") {
        return Answer::json(
            StatusCode::OK,
            &json!({ "results": [{ "statement_id": 0 }] }),
        );
    }
    let text = "this is Flightline's write front: it answers no query but CREATE DATABASE";
    answer(Api::V1, &Outcome::Wrong(Wrong::Parameter(text.to_owned())))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_database_is_made_by_saying_so_and_nothing_else_is_answered() {
        for statement in [
            "CREATE DATABASE \"telegraf\"",
            " create database x WITH DURATION 1d",
        ] {
            let made = query(statement);
            assert_eq!(
                (made.status, made.body.as_str()),
                (StatusCode::OK, "{\"results\":[{\"statement_id\":0}]}\n")
            );
        }
        for statement in [
            "",
            "CREATE",
            "SHOW DATABASES",
            "DROP DATABASE x",
            "SELECT * FROM create",
        ] {
            assert_eq!(
                query(statement).status,
                StatusCode::BAD_REQUEST,
                "{statement}"
            );
        }
    }

    #[test]
    fn health_is_readiness() {
        assert_eq!(health(&Readiness::Ready).status, StatusCode::OK);
        assert_eq!(
            health(&Readiness::Draining).status,
            StatusCode::SERVICE_UNAVAILABLE
        );
    }
}
