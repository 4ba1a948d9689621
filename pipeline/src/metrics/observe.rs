//! The metrics of the exporter of NATS itself.

use prometheus::{GaugeVec, IntCounterVec, IntGaugeVec, Opts, Registry};

use super::nats::Metric;
use super::{Listeners, Maker};

/// What is asked for: the values of the label `part`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Part {
    /// What servers tell of themselves.
    Servers,
    /// Streams and consumers of an account.
    Streams,
}

impl Part {
    /// The label value.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Servers => "servers",
            Self::Streams => "streams",
        }
    }
}

/// Why a round came to nothing: the values of the label `reason`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Reason {
    /// There is no connection.
    Disconnected,
    /// Nobody answers in time.
    Unanswered,
    /// The answer is a no.
    Refused,
    /// The answer is no answer to this.
    Unreadable,
}

impl Reason {
    /// Every reason.
    pub const ALL: [Self; 4] = [
        Self::Disconnected,
        Self::Unanswered,
        Self::Refused,
        Self::Unreadable,
    ];

    /// The label value.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Disconnected => "disconnected",
            Self::Unanswered => "unanswered",
            Self::Refused => "refused",
            Self::Unreadable => "unreadable",
        }
    }
}

/// What a limit may keep out: the values of the label `kind`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Kind {
    /// Servers of a name that another has.
    Server,
    /// Streams beyond `observe.max_streams`.
    Stream,
    /// Consumers beyond `observe.max_consumers`, and those that were not looked at.
    Consumer,
}

impl Kind {
    /// The label value.
    pub(crate) const fn as_str(self) -> &'static str {
        match self {
            Self::Server => "server",
            Self::Stream => "stream",
            Self::Consumer => "consumer",
        }
    }
}

/// Whether a part's figures are shown.
pub(crate) const FRESH: Metric = Metric {
    name: "flightline_observe_fresh",
    labels: &["part"],
    help: "Whether there are figures of a recent round.",
};

/// Handles to the metrics of the exporter of NATS.
#[derive(Debug)]
pub struct Observing {
    /// What `/metrics` gathers.
    pub registry: Registry,
    /// What happens where somebody listens.
    pub listeners: Listeners,
    /// Rounds begun, by part.
    pub rounds: IntCounterVec,
    /// Rounds that came to nothing, by part and reason.
    pub failed: IntCounterVec,
    /// How long the last good round took, in seconds, by part.
    pub seconds: GaugeVec,
    /// What a limit kept out of the last good round, by kind.
    pub left_out: IntGaugeVec,
}

impl Observing {
    /// All of them for these parts, at zero.
    pub(crate) fn new(parts: &[Part]) -> Self {
        let make = Maker(Registry::new());
        let metrics = Self {
            listeners: Listeners::new(&make),
            rounds: make.counters(
                "flightline_observe_rounds_total",
                "Rounds of questions to NATS.",
                &["part"],
            ),
            failed: make.counters(
                "flightline_observe_rounds_failed_total",
                "Rounds that came to nothing.",
                &["part", "reason"],
            ),
            seconds: make.keep(GaugeVec::new(
                Opts::new(
                    "flightline_observe_round_seconds",
                    "How long the last good round took.",
                ),
                &["part"],
            )),
            left_out: make.gauges(
                "flightline_observe_left_out",
                "What a limit kept out of the last good round.",
                &["kind"],
            ),
            registry: make.0,
        };
        for part in parts.iter().map(|part| part.as_str()) {
            metrics.rounds.with_label_values(&[part]);
            for reason in Reason::ALL {
                let labels = [part, reason.as_str()];
                metrics.failed.with_label_values(&labels);
            }
        }
        metrics
    }
}
