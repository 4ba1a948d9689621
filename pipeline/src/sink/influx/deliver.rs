//! Lines come in, the store's word on them goes out: stored, refused or too large. Everything else is tried again, as often as it takes.

use std::sync::Arc;
use std::time::{Duration, SystemTime};

use bytes::Bytes;
use prometheus::{Histogram, IntGauge};
use tokio::time::Instant;
use tracing::{error, info, warn};

use crate::config::{Compression, Influx};
use crate::metrics::{Metrics, RetryReason, Stage};
use crate::sink::blame::{Complaint, tidy};
use crate::sink::breaker::{After, Breaker, Mood, Pass};
use crate::sink::client::{Answer, Client, Coding, Failure, OpenError};
use crate::sink::retry::Backoff;
use crate::sink::trial::{Comparison, Course, Sentence, Trial, Weight};
use crate::sink::verdict::{Verdict, verdict};
use crate::sink::{gzip, probe};

/// The store's word on the lines of one request.
#[derive(Debug)]
pub(super) enum Reply {
    /// It has all of them.
    Stored,
    /// It will never take at least one of them.
    Refused(Complaint),
    /// They are too many, or too long.
    TooLarge(Complaint),
    /// It fails on them, while it takes others; how it fails.
    Failing(String),
    /// It fails on them, and others are to be tried first.
    Later,
}

/// A try that says nothing about the lines.
#[derive(Debug)]
struct Setback {
    reason: RetryReason,
    wish: Option<Duration>,
    detail: String,
}

impl From<Failure> for Setback {
    fn from(failure: Failure) -> Self {
        Self {
            reason: failure.reason,
            wish: None,
            detail: failure.detail,
        }
    }
}

impl Setback {
    fn weight(&self) -> Weight {
        match self.reason {
            RetryReason::Server | RetryReason::Timeout | RetryReason::Connection
                if self.wish.is_none() =>
            {
                Weight::MayBeALine
            }
            _ => Weight::TheStore,
        }
    }

    fn of(answer: &Answer, reason: RetryReason) -> Self {
        Self {
            reason,
            wish: answer.retry_after,
            detail: format!(
                "{}: {}",
                answer.status,
                Complaint::read(&answer.body).detail()
            ),
        }
    }
}

/// Sends bodies to one store.
#[derive(Debug)]
pub(super) struct Deliverer {
    name: String,
    client: Client,
    coding: Coding,
    breaker: Breaker,
    write_seconds: Histogram,
    breaker_open: IntGauge,
    metrics: Arc<Metrics>,
}

impl Deliverer {
    pub(super) fn open(
        name: &str,
        config: &Influx,
        metrics: &Arc<Metrics>,
    ) -> Result<Self, OpenError> {
        for reason in RetryReason::ALL {
            metrics.retries.with_label_values(&[name, reason.as_str()]);
        }
        Ok(Self {
            name: name.to_owned(),
            client: Client::open(config)?,
            coding: match config.compression {
                Compression::None => Coding::Plain,
                // No write API documents zstd; the configuration takes it for files only.
                Compression::Gzip | Compression::Zstd => Coding::Gzip,
            },
            breaker: Breaker::new(Backoff::new(config.max_backoff)),
            write_seconds: metrics.write_seconds.with_label_values(&[name]),
            breaker_open: metrics.breaker_open.with_label_values(&[name]),
            metrics: Arc::clone(metrics),
        })
    }

    /// Sends `segments` until the store has a word on them, or `trial` has one.
    pub(super) async fn deliver(&self, segments: Vec<Bytes>, trial: &mut Trial) -> Reply {
        let mut body = Body::Raw(segments);
        let mut failures = 0;
        loop {
            let pass = self.breaker.enter().await;
            let setback = match self.attempt(&mut body).await {
                Ok(reply) => {
                    self.answered(pass);
                    return reply;
                }
                Err(setback) => setback,
            };
            failures += 1;
            let after = self.failed(pass, &setback, failures);
            let mut sentence = Sentence::Again;
            if trial.failed(setback.weight(), Instant::now()) == Course::Compare {
                let comparison = self.compare().await;
                sentence = trial.compared(comparison, Instant::now());
            }
            if matches!(sentence, Sentence::Halve | Sentence::GiveUp) {
                return Reply::Failing(setback.detail);
            }
            if let After::Pause(pause) = after {
                tokio::time::sleep(pause).await;
            }
            if sentence == Sentence::Later {
                return Reply::Later;
            }
        }
    }

    /// Sends a line of our own.
    async fn compare(&self) -> Comparison {
        let line = probe::line(SystemTime::now());
        let pass = self.breaker.enter().await;
        match self.attempt(&mut Body::Raw(vec![line])).await {
            Ok(Reply::Stored) => {
                self.answered(pass);
                Comparison::Taken
            }
            Ok(_) => {
                // A bucket with a schema of its own takes no other measurements.
                self.answered(pass);
                Comparison::Impossible
            }
            Err(setback) => {
                self.failed(pass, &setback, 1);
                Comparison::Failed
            }
        }
    }

    fn answered(&self, pass: Pass<'_>) {
        if pass.succeeded() == Mood::Open {
            self.breaker_open.set(0);
            info!(sink = self.name, "the store answers again");
        }
    }

    fn failed(&self, pass: Pass<'_>, setback: &Setback, failures: u32) -> After {
        self.metrics
            .retries
            .with_label_values(&[&self.name, setback.reason.as_str()])
            .inc();
        if setback.reason == RetryReason::Auth {
            self.client.forget_secret();
        }
        let after = pass.failed(failures, setback.wish, fastrand::f64());
        self.say(setback, failures, after);
        after
    }

    /// Errors are for what a person has to act on: the sink as a whole, once for each outage.
    fn say(&self, setback: &Setback, failures: u32, after: After) {
        let reason = setback.reason.as_str();
        let detail = tidy(&setback.detail);
        let said = format!("{}: {reason}: {detail}", self.name);
        self.metrics
            .errors
            .record(Stage::Sink.as_str(), SystemTime::now(), &said);
        if after == After::Opened {
            self.breaker_open.set(1);
            error!(
                sink = self.name,
                reason,
                detail,
                "the store takes no data; nothing is lost, one write probes from now on"
            );
        } else {
            warn!(
                sink = self.name,
                reason, detail, failures, "a write failed and is tried again"
            );
        }
    }

    async fn attempt(&self, body: &mut Body) -> Result<Reply, Setback> {
        let (segments, coding) = body.encoded(self.coding).await?;
        let started = Instant::now();
        let answer = self.client.post(segments, coding).await?;
        self.write_seconds.observe(started.elapsed().as_secs_f64());
        let complaint = || Complaint::read(&answer.body);
        match verdict(answer.status) {
            Verdict::Stored => Ok(Reply::Stored),
            Verdict::Partly => {
                let complaint = complaint();
                Ok(if complaint.names_lines() {
                    Reply::Refused(complaint)
                } else {
                    Reply::Stored
                })
            }
            Verdict::TooLarge => Ok(Reply::TooLarge(complaint())),
            Verdict::Refused => {
                let complaint = complaint();
                if !complaint.is_about_lines() && self.an_empty_body_gets(&complaint).await? {
                    return Err(Setback::of(&answer, RetryReason::Unexpected));
                }
                Ok(Reply::Refused(complaint))
            }
            Verdict::Again(reason) => Err(Setback::of(&answer, reason)),
        }
    }

    /// Whether the store says `complaint` of a body without lines too: then it is about the request ("database is required"), and no
    /// line is to blame. It is sent in the coding of the lines, so that a store that does not take that coding says the same of it.
    async fn an_empty_body_gets(&self, complaint: &Complaint) -> Result<bool, Setback> {
        let (segments, coding) = Body::Raw(Vec::new()).encoded(self.coding).await?;
        let answer = self.client.post(segments, coding).await?;
        match verdict(answer.status) {
            Verdict::Refused => Ok(Complaint::read(&answer.body) == *complaint),
            Verdict::Stored | Verdict::Partly | Verdict::TooLarge => Ok(false),
            Verdict::Again(reason) => Err(Setback::of(&answer, reason)),
        }
    }
}

/// What is sent again as it was: compressed at most once.
enum Body {
    Raw(Vec<Bytes>),
    Gzip(Bytes),
}

impl Body {
    async fn encoded(&mut self, coding: Coding) -> Result<(Vec<Bytes>, Coding), Setback> {
        if let (Self::Raw(segments), Coding::Gzip) = (&mut *self, coding) {
            let packed = gzip::compress(std::mem::take(segments)).await;
            *self = Self::Gzip(packed.map_err(|error| Setback {
                reason: RetryReason::Unexpected,
                wish: None,
                detail: error.to_string(),
            })?);
        }
        Ok(match self {
            Self::Raw(segments) => (segments.clone(), Coding::Plain),
            Self::Gzip(packed) => (vec![packed.clone()], Coding::Gzip),
        })
    }
}
