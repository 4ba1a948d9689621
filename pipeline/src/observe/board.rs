//! What rounds found in, what scrapers, health checks and people are told out. Figures of a part that had no good round for a while go.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Display;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant, SystemTime};

use prometheus::core::{Collector, Desc};
use prometheus::proto::MetricFamily;
use serde::Serialize;

use super::figures::Figures;
use super::roll::Roll;
use crate::admin::status::{LastError, LastErrors};
use crate::metrics::observe::{FRESH, Kind, Observing, Part, Reason};

/// What all parts share.
#[derive(Debug)]
pub(super) struct Board {
    pub(super) metrics: Observing,
    errors: LastErrors,
    slate: Slate,
}

/// What is shown now.
#[derive(Debug, Clone)]
struct Slate(Arc<Mutex<State>>);

#[derive(Debug)]
struct State {
    /// How long figures are shown.
    shown_for: Duration,
    parts: BTreeMap<Part, Option<Shown>>,
    roll: Roll,
}

#[derive(Debug)]
struct Shown {
    figures: Figures,
    since: Instant,
}

impl State {
    fn fresh(&self, part: Part, now: Instant) -> Option<&Figures> {
        let shown = self.parts.get(&part)?.as_ref()?;
        let age = now.saturating_duration_since(shown.since);
        (age < self.shown_for).then_some(&shown.figures)
    }

    /// Nobody knows of a server that was up whether it still is, when no round was good for so long.
    fn roll(&self, now: Instant) -> Figures {
        match self.fresh(Part::Servers, now) {
            Some(_) => self.roll.figures(),
            None => self.roll.down(),
        }
    }

    fn families(&self, now: Instant) -> Vec<MetricFamily> {
        let mut own = Figures::default();
        let mut families = self.roll(now).families();
        for part in self.parts.keys() {
            let figures = self.fresh(*part, now);
            let is_fresh = f64::from(u8::from(figures.is_some()));
            own.put(FRESH, &[part.as_str()], is_fresh);
            families.extend(figures.into_iter().flat_map(Figures::families));
        }
        families.extend(own.families());
        families
    }
}

impl Slate {
    fn lock(&self) -> MutexGuard<'_, State> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Collector for Slate {
    /// None: which families there are is known only when they are collected.
    fn desc(&self) -> Vec<&Desc> {
        Vec::new()
    }

    fn collect(&self) -> Vec<MetricFamily> {
        self.lock().families(Instant::now())
    }
}

impl Board {
    /// Nothing is known of these parts yet; figures are shown for `shown_for`.
    pub(super) fn new(parts: &[Part], shown_for: Duration) -> Self {
        let metrics = Observing::new(parts);
        let slate = Slate(Arc::new(Mutex::new(State {
            shown_for,
            parts: parts.iter().map(|part| (*part, None)).collect(),
            roll: Roll::default(),
        })));
        let registered = metrics.registry.register(Box::new(slate.clone()));
        registered.expect("it is the only one without descriptions");
        Self {
            metrics,
            errors: LastErrors::default(),
            slate,
        }
    }

    /// A round begins.
    pub(super) fn begin(&self, part: Part) {
        self.metrics
            .rounds
            .with_label_values(&[part.as_str()])
            .inc();
    }

    /// It came to nothing.
    pub(super) fn failed(&self, part: Part, reason: Reason, error: &dyn Display, now: Instant) {
        let labels = [part.as_str(), reason.as_str()];
        self.metrics.failed.with_label_values(&labels).inc();
        self.errors.record(part.as_str(), SystemTime::now(), error);
        // Silence is the servers'; all else is between NATS and us, and tells nothing of them.
        if part == Part::Servers && reason == Reason::Unanswered {
            self.slate.lock().roll.call(&BTreeSet::new(), now);
        }
    }

    /// It found this, in so long.
    pub(super) fn found(&self, part: Part, figures: Figures, took: Duration, now: Instant) {
        let seconds = self.metrics.seconds.with_label_values(&[part.as_str()]);
        seconds.set(took.as_secs_f64());
        let shown = Shown {
            figures,
            since: now,
        };
        self.slate.lock().parts.insert(part, Some(shown));
    }

    /// These servers have answered, and no others.
    pub(super) fn call(&self, names: &BTreeSet<String>, now: Instant) {
        self.slate.lock().roll.call(names, now);
    }

    /// The servers that are remembered, up or not.
    pub(super) fn servers(&self) -> BTreeSet<String> {
        self.slate.lock().roll.names()
    }

    /// How many servers are remembered, up or not: for so many answers a round waits.
    pub(super) fn servers_known(&self) -> usize {
        self.slate.lock().roll.known()
    }

    /// A limit kept out so many.
    pub(super) fn left_out(&self, kind: Kind, count: usize) {
        let count = i64::try_from(count).unwrap_or(i64::MAX);
        self.metrics
            .left_out
            .with_label_values(&[kind.as_str()])
            .set(count);
    }

    /// A part without fresh figures, if there is one.
    pub(super) fn unanswered(&self, now: Instant) -> Option<Part> {
        let state = self.slate.lock();
        let mut parts = state.parts.keys();
        parts
            .find(|part| state.fresh(**part, now).is_none())
            .copied()
    }

    /// For `/status`.
    pub(super) fn parts(&self, now: Instant) -> Vec<PartStatus> {
        let state = self.slate.lock();
        let status = |part: &Part| {
            let figures = state.fresh(*part, now);
            let name = part.as_str();
            let failed = Reason::ALL.into_iter().map(|reason| {
                let failed = &self.metrics.failed;
                failed.with_label_values(&[name, reason.as_str()]).get()
            });
            PartStatus {
                part: name,
                state: if figures.is_some() {
                    "fresh"
                } else {
                    "unanswered"
                },
                series: figures.map_or(0, Figures::len),
                rounds: self.metrics.rounds.with_label_values(&[name]).get(),
                failed_rounds: failed.sum(),
                last_error: self.errors.get(name),
            }
        };
        state.parts.keys().map(status).collect()
    }
}

/// One part in `/status`.
#[derive(Debug, Serialize)]
pub(super) struct PartStatus {
    part: &'static str,
    /// `fresh` or `unanswered`.
    state: &'static str,
    /// Series shown.
    series: usize,
    rounds: u64,
    failed_rounds: u64,
    /// What went wrong last.
    #[serde(skip_serializing_if = "Option::is_none")]
    last_error: Option<LastError>,
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::metrics::nats::{SERVER_INFO, STREAM_UP};

    fn names(board: &Board, now: Instant) -> Vec<String> {
        let families = board.slate.lock().families(now);
        let named = families.iter().map(|family| {
            let values = family
                .get_metric()
                .iter()
                .map(|metric| metric.get_gauge().get_value());
            format!("{} {:?}", family.name(), values.collect::<Vec<_>>())
        });
        named.collect()
    }

    #[test]
    fn a_login_that_fails_says_nothing_of_the_servers() {
        let board = Board::new(&[Part::Servers], Duration::from_secs(30));
        let start = Instant::now();
        let after = |seconds| start + Duration::from_secs(seconds);
        board.found(
            Part::Servers,
            Figures::default(),
            Duration::from_millis(5),
            start,
        );
        board.call(&["a".to_owned()].into(), start);
        for reason in [Reason::Disconnected, Reason::Refused, Reason::Unreadable] {
            board.failed(Part::Servers, reason, &"no login", after(10));
        }
        let shown = ["nats_server_up [1.0]", "flightline_observe_fresh [1.0]"];
        assert_eq!(names(&board, after(29)), shown);
        assert_eq!(names(&board, after(30)), ["flightline_observe_fresh [0.0]"]);
    }

    #[test]
    fn figures_go_when_no_round_was_good_for_a_while() {
        let parts = [Part::Servers, Part::Streams];
        let board = Board::new(&parts, Duration::from_secs(30));
        let start = Instant::now();
        let after = |seconds| start + Duration::from_secs(seconds);
        assert_eq!(board.unanswered(start), Some(Part::Servers));

        let mut servers = Figures::default();
        servers.put(SERVER_INFO, &["a", "2.9", ""], 1.0);
        board.found(Part::Servers, servers, Duration::from_millis(5), start);
        board.call(&["a".to_owned()].into(), start);
        let mut streams = Figures::default();
        streams.put(STREAM_UP, &["S"], 1.0);
        board.found(Part::Streams, streams, Duration::from_millis(5), start);
        assert_eq!(board.unanswered(after(29)), None);

        // The figures stay for a while; that nobody answers is said at once.
        board.failed(Part::Servers, Reason::Unanswered, &"silence", after(10));
        let shown = [
            "nats_server_up [0.0]",
            "nats_server_info [1.0]",
            "nats_stream_up [1.0]",
            "flightline_observe_fresh [1.0, 1.0]",
        ];
        assert_eq!(names(&board, after(29)), shown);
        let gone = [
            "nats_server_up [0.0]",
            "flightline_observe_fresh [0.0, 0.0]",
        ];
        assert_eq!(names(&board, after(30)), gone);
        assert_eq!(board.unanswered(after(30)), Some(Part::Servers));
        let status = board.parts(after(30));
        assert_eq!(
            (status[0].state, status[0].failed_rounds),
            ("unanswered", 1)
        );
    }
}
