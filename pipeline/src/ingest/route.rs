//! Method, path and query come in, what is asked for goes out: where the data goes, in which unit its times are, and what becomes of
//! good lines beside bad ones. Pure.

use std::borrow::Cow;

use flightline_contract::class::Class;
use flightline_contract::encoding::Encoding;
use flightline_contract::table;
use flightline_contract::token::{Prefix, Token, TokenError};
use flightline_contract::topic::Topic;
use http::Method;
use percent_encoding::percent_decode_str;

use crate::ingest::name;
use crate::ingest::precision::Precision;
use crate::ingest::verdict::{Api, Wrong};

/// Where what has no class or service of its own goes.
#[derive(Debug, Clone)]
pub(super) struct Home {
    pub(super) prefix: Prefix,
    pub(super) class: Class,
    pub(super) service: Token,
}

/// What is asked for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Call {
    /// Take data.
    Take(Take),
    /// `/query`: only the statement with which clients make sure of their database is answered.
    Query,
    /// `/ping`
    Ping,
    /// `/health` and `/ready`
    Health,
}

/// Data to be taken.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Take {
    pub(super) topic: Topic,
    pub(super) class: Class,
    pub(super) precision: Precision,
    pub(super) partial: Partial,
}

/// What becomes of good lines beside bad ones.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Partial {
    /// They are published.
    Accept,
    /// Nothing is.
    Refuse,
}

/// How a body is written, by its `Content-Type`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Written {
    /// It says so.
    As(Encoding),
    /// It does not say: the first byte tells.
    Unsaid,
}

/// Who asks, whatever becomes of it.
pub(super) fn api(path: &str) -> Api {
    match path {
        "/write" | "/query" => Api::V1,
        "/api/v2/write" => Api::V2,
        "/api/v3/write_lp" => Api::V3,
        path if path.starts_with("/publish/") => Api::Publish,
        _ => Api::Other,
    }
}

/// What is asked for.
pub(super) fn call(
    method: &Method,
    path: &str,
    query: &Query<'_>,
    home: &Home,
) -> Result<Call, Wrong> {
    let needs = |allowed: &'static [Method], text: &'static str| {
        allowed
            .contains(method)
            .then_some(())
            .ok_or(Wrong::Method(text))
    };
    match path {
        "/write" | "/api/v2/write" | "/api/v3/write_lp" => needs(&[Method::POST], "POST")?,
        "/query" => needs(&[Method::GET, Method::POST], "GET, POST")?,
        path if path.starts_with("/publish/") => needs(&[Method::POST], "POST")?,
        "/ping" | "/health" | "/ready" => needs(&[Method::GET, Method::HEAD], "GET, HEAD")?,
        _ => return Err(Wrong::Path),
    }
    match path {
        "/query" => Ok(Call::Query),
        "/ping" => Ok(Call::Ping),
        "/health" | "/ready" => Ok(Call::Health),
        "/write" => home.v1(query).map(Call::Take),
        "/api/v2/write" => home.v2(query).map(Call::Take),
        "/api/v3/write_lp" => home.v3(query).map(Call::Take),
        _ => home.publish(path, query).map(Call::Take),
    }
}

impl Home {
    fn v1(&self, query: &Query<'_>) -> Result<Take, Wrong> {
        let db = query.get("db").unwrap_or_default();
        let token = name::of_database(&db, query.get("rp").as_deref());
        let precision = query.precision(Precision::Nanos, Precision::v1, "n, u, ms, s, m or h")?;
        Ok(self.line_protocol(&token.map_err(|error| named("db", error))?, precision))
    }

    fn v2(&self, query: &Query<'_>) -> Result<Take, Wrong> {
        let token = name::of_bucket(&query.get("bucket").unwrap_or_default());
        let precision = query.precision(Precision::Nanos, Precision::v2, "ns, us, ms or s")?;
        Ok(self.line_protocol(&token.map_err(|error| named("bucket", error))?, precision))
    }

    fn v3(&self, query: &Query<'_>) -> Result<Take, Wrong> {
        let token = name::of_database(&query.get("db").unwrap_or_default(), None);
        let known = "auto, nanosecond, microsecond, millisecond or second";
        let precision = query.precision(Precision::Auto, Precision::v3, known)?;
        let partial = match query.get("accept_partial").as_deref() {
            None | Some("true") => Partial::Accept,
            Some("false") => Partial::Refuse,
            Some(_) => {
                return Err(Wrong::Parameter(
                    "accept_partial must be true or false".to_owned(),
                ));
            }
        };
        let take = self.line_protocol(&token.map_err(|error| named("db", error))?, precision);
        Ok(Take { partial, ..take })
    }

    fn line_protocol(&self, token: &Token, precision: Precision) -> Take {
        Take {
            topic: Topic::new(&self.prefix, self.class, &self.service, token),
            class: self.class,
            precision,
            partial: Partial::Accept,
        }
    }

    fn publish(&self, path: &str, query: &Query<'_>) -> Result<Take, Wrong> {
        let parts: Vec<_> = path.split('/').skip(2).collect();
        let [class, service, token] = parts.as_slice() else {
            return Err(Wrong::Path);
        };
        let class: Class = class.parse().map_err(|_| {
            Wrong::Parameter("the class must be metric, health, app or lifecycle".to_owned())
        })?;
        let [service, token] = [("service", service), ("token", token)].map(|(what, text)| {
            let text = percent_decode_str(text).decode_utf8_lossy();
            Token::new(&text).map_err(|error| named(what, error))
        });
        let precision = query.precision(
            Precision::Nanos,
            Precision::v3,
            "nanosecond, microsecond, millisecond or second",
        )?;
        Ok(Take {
            topic: Topic::new(&self.prefix, class, &service?, &token?),
            class,
            precision,
            partial: Partial::Accept,
        })
    }
}

fn named(what: &str, error: TokenError) -> Wrong {
    Wrong::Parameter(match error {
        TokenError::Empty => format!("{what} is required"),
        TokenError::TooLong | TokenError::Forbidden(_) => format!("{what}: {error}"),
    })
}

/// How the body of a request of `api` for `class` is written.
pub(super) fn written(
    api: Api,
    class: Class,
    content_type: Option<&str>,
) -> Result<Written, Wrong> {
    let written = match (api, content_type) {
        // InfluxDB does not look at it: `curl -d` says that it is a form.
        (Api::V1 | Api::V2 | Api::V3 | Api::Other, _) => Written::As(Encoding::LineProtocol),
        (Api::Publish, None) => Written::Unsaid,
        (Api::Publish, Some(text)) => match Encoding::from_content_type(text) {
            Some(encoding) => Written::As(encoding),
            None if text.starts_with("application/x-www-form-urlencoded") => Written::Unsaid,
            None => return Err(media(class)),
        },
    };
    match written {
        Written::As(encoding) if !table::encodings(class).contains(&encoding) => Err(media(class)),
        written => Ok(written),
    }
}

/// What bodies for `class` may be.
pub(super) fn media(class: Class) -> Wrong {
    Wrong::Media(
        if table::encodings(class).contains(&Encoding::LineProtocol) {
            "application/json or text/plain (line protocol), as it is or gzipped"
        } else {
            "application/json, as it is or gzipped"
        },
    )
}

/// The query of a URL.
#[derive(Debug, Clone, Copy)]
pub(super) struct Query<'q>(pub(super) &'q str);

impl<'q> Query<'q> {
    /// The first value of that name, decoded.
    pub(super) fn get(&self, name: &str) -> Option<Cow<'q, str>> {
        url::form_urlencoded::parse(self.0.as_bytes())
            .find(|(key, _)| key == name)
            .map(|(_, value)| value)
    }

    fn precision(
        &self,
        otherwise: Precision,
        parse: fn(&str) -> Option<Precision>,
        known: &str,
    ) -> Result<Precision, Wrong> {
        match self.get("precision") {
            None => Ok(otherwise),
            Some(text) if text.is_empty() => Ok(otherwise),
            Some(text) => {
                parse(&text).ok_or_else(|| Wrong::Parameter(format!("precision must be {known}")))
            }
        }
    }
}

#[cfg(test)]
mod tests;
