//! What a request says of itself comes in: whether its client may write, where its data goes, how its body is packed and written. Then the
//! body comes in, and what becomes of it goes out. All of a request that needs no connection, neither to its client nor to NATS.

use std::time::Instant;

use bytes::Bytes;
use flightline_contract::encoding::Encoding;
use flightline_contract::table;
use flightline_contract::token::{Prefix, Token};
use http::HeaderName;
use http::header::{AUTHORIZATION, CONTENT_TYPE};
use http::request::Parts;

use crate::config;
use crate::config::Config;
use crate::decode::dialect::Rules;
use crate::decode::route::Router;
use crate::ingest::OpenError;
use crate::ingest::auth::{Access, Guard};
use crate::ingest::body::{self, Coding, Cut};
use crate::ingest::objects;
use crate::ingest::pack::Packer;
use crate::ingest::precision::Precision;
use crate::ingest::refusals::Refusals;
use crate::ingest::route::{self, Call, Home, Query, Take, Written};
use crate::ingest::verdict::{Api, Outcome, Wrong};

/// What requests are judged by.
#[derive(Debug)]
pub(super) struct Intake {
    home: Home,
    router: Router,
    guard: Guard,
    /// Bytes of one body, inflated.
    pub(super) longest_body: usize,
}

/// How the body of a request that may come is read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Asked {
    pub(super) coding: Coding,
    pub(super) written: Written,
    /// The bytes that it is said to have, as it comes.
    pub(super) announced: usize,
}

impl Intake {
    /// As configured.
    ///
    /// # Errors
    /// When a name in the configuration is none, or its subjects lead nowhere.
    pub(super) fn new(ingest: &config::Ingest, config: &Config) -> Result<Self, OpenError> {
        Ok(Self {
            home: Home {
                prefix: Prefix::new(&config.prefix)?,
                class: ingest.class,
                service: Token::new(&ingest.service)?,
            },
            router: Router::new(config)?,
            guard: Guard::new(ingest.token_file.clone()),
            longest_body: ingest.max_body,
        })
    }

    /// What is asked for.
    pub(super) fn call(&self, head: &Parts) -> Result<Call, Wrong> {
        route::call(&head.method, head.uri.path(), &query(head), &self.home)
    }

    /// Whether the client may write at all.
    pub(super) fn known(&self, head: &Parts) -> Result<(), Outcome> {
        let header = text(head, &AUTHORIZATION);
        let password = query(head).get("p");
        match self
            .guard
            .admits(header, password.as_deref(), Instant::now())
        {
            Access::Granted => Ok(()),
            Access::Denied => Err(Outcome::Wrong(Wrong::Unauthorized)),
            Access::Unknown => Err(Outcome::later("the tokens cannot be read now")),
        }
    }

    /// Whether the head of a request that is to `take` something is as it must be.
    pub(super) fn asked(&self, api: Api, take: &Take, head: &Parts) -> Result<Asked, Outcome> {
        self.known(head)?;
        let content_type = text(head, &CONTENT_TYPE);
        let written = route::written(api, take.class, content_type).map_err(Outcome::Wrong)?;
        let coding =
            body::coding(&head.headers).ok_or_else(|| Outcome::Wrong(route::media(take.class)))?;
        let announced = body::announced(&head.headers).unwrap_or_default();
        let announced = usize::try_from(announced).unwrap_or(usize::MAX);
        if announced > self.longest_body {
            return Err(Outcome::Wrong(Wrong::TooLarge(self.longest_body)));
        }
        Ok(Asked {
            coding,
            written,
            announced,
        })
    }

    /// What a body that did not come whole is answered.
    pub(super) fn cut(&self, cut: Cut) -> Outcome {
        match cut {
            Cut::TooLarge => Outcome::Wrong(Wrong::TooLarge(self.longest_body)),
            Cut::Full => Outcome::no_room(),
            Cut::Slow => Outcome::Wrong(Wrong::Slow),
            Cut::Broken => Outcome::Wrong(Wrong::Body("the body ended too early")),
            Cut::NoGzip => Outcome::Wrong(Wrong::Body(
                "the body is not the gzip that its headers announce",
            )),
        }
    }

    /// How `body`, which its head calls `written`, is encoded; only what its class takes.
    pub(super) fn encoding(
        take: &Take,
        written: Written,
        body: &[u8],
    ) -> Result<Encoding, Outcome> {
        let encoding = match written {
            Written::As(encoding) => encoding,
            Written::Unsaid => Encoding::sniff(body),
        };
        if !table::encodings(take.class).contains(&encoding) {
            return Err(Outcome::Wrong(route::media(take.class)));
        }
        if encoding == Encoding::Json && take.precision != Precision::Nanos {
            return Err(Outcome::Wrong(Wrong::Unit));
        }
        Ok(encoding)
    }

    /// Packs the lines of `body` into messages of at most `longest` bytes.
    pub(super) fn packer(&self, take: &Take, body: Bytes, longest: usize) -> Packer {
        Packer::new(body, self.rules(take), take.precision, longest)
    }

    /// How many lines the JSON in `body`, which goes out as one message of at most `longest` bytes, makes.
    pub(super) fn json(&self, take: &Take, body: &Bytes, longest: usize) -> Result<u32, Outcome> {
        if body.len() > longest {
            return Err(Outcome::Wrong(Wrong::TooLarge(longest)));
        }
        let (lines, refusals) = objects::check(&self.router, &take.topic, body);
        if refusals.total() > 0 {
            return Err(Outcome::Nothing(refusals));
        }
        Ok(lines)
    }

    /// What lines must keep to be taken by every sink of their class.
    fn rules(&self, take: &Take) -> Rules {
        let route = self.router.route(take.topic.as_str());
        route.map_or(Rules::of([]), |route| {
            self.router.destinations()[route.destination].rules
        })
    }
}

/// What a body of line protocol came to when the stream has so many lines of it.
pub(super) fn stored(lines: u64, refusals: Refusals) -> Outcome {
    if refusals.total() > 0 {
        Outcome::Partly(lines, refusals)
    } else {
        Outcome::Stored
    }
}

/// The query of a request.
pub(super) fn query(head: &Parts) -> Query<'_> {
    Query(head.uri.query().unwrap_or_default())
}

fn text<'h>(head: &'h Parts, name: &HeaderName) -> Option<&'h str> {
    head.headers.get(name).and_then(|value| value.to_str().ok())
}
