//! Every own metric, once: names, labels and what they count. Counters here are handles into the prometheus registry.

use std::time::SystemTime;

use flightline_contract::deadletter::Reason;
use prometheus::{
    Histogram, HistogramOpts, HistogramVec, IntCounter, IntCounterVec, IntGauge, IntGaugeVec, Opts,
    Registry,
};

/// Values of labels that no other part has an enum for.
mod labels;
/// Those of the write front.
pub mod ingest;
/// Those of the exporter of NATS.
pub mod observe;
/// What that exporter tells of NATS.
pub mod nats;

pub use labels::{RetryReason, Stage};

use crate::admin::status::LastErrors;
use crate::batch::Cut;
use crate::source::damage::{Findings, Kind};

/// Those who listen: the values of the label `listener`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Listening {
    /// The operator's listener.
    Admin,
    /// The write front.
    Ingest,
}

impl Listening {
    /// The label value.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Admin => "admin",
            Self::Ingest => "ingest",
        }
    }
}

/// Handles to the metrics of those who listen.
#[derive(Debug)]
pub struct Listeners {
    /// TLS handshakes that came to nothing, by listener.
    pub handshake_failures: IntCounterVec,
    /// New certificates that could not be used, by listener.
    pub certificates_refused: IntCounterVec,
}

impl Listeners {
    fn new(make: &Maker) -> Self {
        Self {
            handshake_failures: make.counters(
                "flightline_listener_handshake_failures_total",
                "TLS handshakes that came to nothing.",
                &["listener"],
            ),
            certificates_refused: make.counters(
                "flightline_listener_certificates_refused_total",
                "New certificates that could not be used: the old one stays.",
                &["listener"],
            ),
        }
    }
}

impl Cut {
    /// The label value.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Lines => "lines",
            Self::Bytes => "bytes",
            Self::Age => "age",
            Self::Drain => "drain",
        }
    }
}

/// Handles to all own metrics.
#[derive(Debug)]
pub struct Metrics {
    /// What `/metrics` gathers.
    pub registry: Registry,
    /// What went wrong last in each stage, for `/status`.
    pub errors: LastErrors,
    /// The write front.
    pub ingest: ingest::Ingest,
    /// Messages received from the server, redeliveries included.
    pub received: IntCounter,
    /// Bytes of their payloads.
    pub received_bytes: IntCounter,
    /// Those that the server had delivered before.
    pub redelivered: IntCounter,
    /// Those of them that were in hand already, on a lane of a divided stream, and were thrown away.
    pub duplicates: IntCounter,
    /// Messages that were in hand when their stream, or their lane's consumer, turned out to be another one, and whose acks are not sent:
    /// they come again, if they are still there.
    pub forgotten: IntCounter,
    /// Lanes of a divided stream that this worker owns.
    pub lanes: IntGauge,
    /// Those of them that ack nothing because the server waits for messages that do not come.
    pub lanes_stuck: IntGauge,
    /// Messages on core subjects that the client dropped because the worker was too slow.
    pub dropped: IntCounter,
    /// Times the source had to start over: nothing came although something should have.
    pub stalls: IntCounter,
    /// Signs that the stream was deleted, purged or damaged, by kind.
    pub history_damage: IntCounterVec,
    /// The last of them, for `/status`.
    pub damage: Findings,
    /// Messages that the consumer will not deliver any more.
    pub given_up: IntCounter,
    /// Messages that were delivered so often that they went alone.
    pub isolated: IntCounter,
    /// Messages the server still holds for the consumer.
    pub pending: IntGauge,
    /// Bytes received and not yet decoded.
    pub held_bytes: IntGauge,
    /// Lines written into batches.
    pub lines: IntCounter,
    /// Messages that were decoded, good or bad.
    pub decoded: IntCounter,
    /// Batches by what cut them.
    pub batches: IntCounterVec,
    /// Lines per batch.
    pub batch_lines: Histogram,
    /// 1 while this worker should get work, as `/readyz` says.
    pub ready: IntGauge,
    /// Bytes held by front and path at which it should not: `admin.high_water`.
    pub high_water: IntGauge,
    /// Bytes in batches that wait for a store's verdict.
    pub in_flight_bytes: IntGauge,
    /// Batches that wait for a store's verdict.
    pub in_flight: IntGauge,
    /// Lines a sink has stored.
    pub stored_lines: IntCounterVec,
    /// Bytes of line protocol a sink has stored.
    pub stored_bytes: IntCounterVec,
    /// Writes tried again, by sink and reason.
    pub retries: IntCounterVec,
    /// Seconds per write, by sink.
    pub write_seconds: HistogramVec,
    /// Whether a sink's breaker is open.
    pub breaker_open: IntGaugeVec,
    /// Files deleted by `keep_bytes`, by sink.
    pub files_deleted: IntCounterVec,
    /// Lines and messages dead-lettered, by reason.
    pub dead_lettered: IntCounterVec,
    /// Messages of which all or some was dead-lettered.
    pub dead_lettered_messages: IntCounter,
    /// Messages acknowledged.
    pub acked: IntCounter,
    /// Messages whose processing was prolonged at the server.
    pub prolonged: IntCounter,
    /// Messages given up un-acked at a drain's end: the server delivers them again.
    pub abandoned: IntCounter,
    /// What happens where somebody listens.
    pub listeners: Listeners,
    /// Samples the series table refused, by reason.
    pub exporter_refused: IntCounterVec,
    /// Series shown.
    pub exporter_series: IntGauge,
    /// Bytes the series table holds.
    pub exporter_bytes: IntGauge,
}

/// The one counter that is summed up, too.
const STORED_LINES: &str = "flightline_stored_lines_total";
/// Upper bounds in seconds: from a local store's answer to a request that will time out.
const WRITE_SECONDS: [f64; 10] = [0.001, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 1.0, 5.0, 30.0];
/// Upper bounds in lines: a batch that is cut by age is small, one cut by size is in the thousands.
const BATCH_LINES: [f64; 7] = [1.0, 10.0, 100.0, 1_000.0, 5_000.0, 10_000.0, 100_000.0];

impl Default for Metrics {
    fn default() -> Self {
        Self::new()
    }
}

impl Metrics {
    /// A fresh registry with all metrics at zero; those with a closed set of labels are there from the start.
    #[expect(clippy::too_many_lines, reason = "a table: one entry per metric")]
    pub fn new() -> Self {
        let make = Maker(Registry::new());
        let metrics = Self {
            ingest: ingest::Ingest::new(&make),
            received: make.counter(
                "flightline_received_messages_total",
                "Messages received, redeliveries included.",
            ),
            received_bytes: make.counter(
                "flightline_received_bytes_total",
                "Bytes of payloads received.",
            ),
            redelivered: make.counter(
                "flightline_redelivered_messages_total",
                "Messages the server had delivered before.",
            ),
            duplicates: make.counter(
                "flightline_duplicate_messages_total",
                "Redeliveries thrown away because the message was in hand.",
            ),
            forgotten: make.counter(
                "flightline_forgotten_messages_total",
                "Messages given up because their consumer or stream is another one.",
            ),
            lanes: make.gauge(
                "flightline_lanes_owned",
                "Lanes of a divided stream that this worker owns.",
            ),
            lanes_stuck: make.gauge(
                "flightline_lanes_stuck",
                "Lanes on which the server waits for messages that do not come.",
            ),
            dropped: make.counter(
                "flightline_dropped_messages_total",
                "Core messages dropped because the worker was too slow.",
            ),
            stalls: make.counter(
                "flightline_source_stalls_total",
                "Times the source had to ask again because nothing came.",
            ),
            history_damage: make.counters(
                "flightline_history_damage_total",
                "Signs that the stream was deleted, purged or damaged.",
                &["kind"],
            ),
            damage: Findings::default(),
            given_up: make.counter(
                "flightline_given_up_messages_total",
                "Messages that the consumer will not deliver any more.",
            ),
            isolated: make.counter(
                "flightline_isolated_messages_total",
                "Messages delivered so often that they were decoded alone.",
            ),
            pending: make.gauge(
                "flightline_consumer_pending_messages",
                "Messages the server still holds for the consumer.",
            ),
            held_bytes: make.gauge(
                "flightline_source_held_bytes",
                "Bytes received and not yet decoded.",
            ),
            lines: make.counter(
                "flightline_decoded_lines_total",
                "Lines written into batches.",
            ),
            decoded: make.counter(
                "flightline_decoded_messages_total",
                "Messages decoded, good or bad.",
            ),
            batches: make.counters(
                "flightline_batches_total",
                "Batches by what cut them.",
                &["reason"],
            ),
            batch_lines: make.histogram("flightline_batch_lines", "Lines per batch.", &BATCH_LINES),
            ready: make.gauge("flightline_ready", "1 while this worker should get work."),
            high_water: make.gauge(
                "flightline_high_water_bytes",
                "Bytes held at which this worker gets no more work.",
            ),
            in_flight_bytes: make.gauge(
                "flightline_in_flight_bytes",
                "Bytes in batches that wait for a verdict.",
            ),
            in_flight: make.gauge(
                "flightline_in_flight_batches",
                "Batches that wait for a verdict.",
            ),
            stored_lines: make.counters(STORED_LINES, "Lines a sink has stored.", &["sink"]),
            stored_bytes: make.counters(
                "flightline_stored_bytes_total",
                "Bytes of line protocol a sink has stored.",
                &["sink"],
            ),
            retries: make.counters(
                "flightline_sink_retries_total",
                "Writes tried again.",
                &["sink", "reason"],
            ),
            write_seconds: make.histograms(
                "flightline_sink_write_seconds",
                "Seconds per write.",
                &WRITE_SECONDS,
                &["sink"],
            ),
            breaker_open: make.gauges(
                "flightline_sink_breaker_open",
                "1 while a sink's breaker lets only a probe through.",
                &["sink"],
            ),
            files_deleted: make.counters(
                "flightline_sink_files_deleted_total",
                "Files deleted by keep_bytes.",
                &["sink"],
            ),
            dead_lettered: make.counters(
                "flightline_dead_lettered_total",
                "Lines and messages dead-lettered.",
                &["reason"],
            ),
            dead_lettered_messages: make.counter(
                "flightline_dead_lettered_messages_total",
                "Messages of which all or some was dead-lettered.",
            ),
            acked: make.counter("flightline_acked_messages_total", "Messages acknowledged."),
            prolonged: make.counter(
                "flightline_prolonged_messages_total",
                "In-progress signs sent while a store is slow.",
            ),
            abandoned: make.counter(
                "flightline_abandoned_messages_total",
                "Messages left un-acked when a drain ended.",
            ),
            listeners: Listeners::new(&make),
            exporter_refused: make.counters(
                "flightline_exporter_refused_total",
                "Samples the series table refused.",
                &["reason"],
            ),
            exporter_series: make.gauge("flightline_exporter_series", "Series shown."),
            exporter_bytes: make
                .gauge("flightline_exporter_bytes", "Bytes the series table holds."),
            errors: LastErrors::default(),
            registry: make.0,
        };
        for reason in Reason::ALL {
            metrics.dead_lettered.with_label_values(&[reason.as_str()]);
        }
        for cut in [Cut::Lines, Cut::Bytes, Cut::Age, Cut::Drain] {
            metrics.batches.with_label_values(&[cut.as_str()]);
        }
        for kind in Kind::ALL {
            metrics.history_damage.with_label_values(&[kind.as_str()]);
        }
        metrics
    }

    /// Keeps the last error of a stage for `/status`; what it means for the data is counted apart.
    pub fn failed(&self, stage: Stage, error: &dyn std::fmt::Display) {
        self.errors.record(stage.as_str(), SystemTime::now(), error);
    }

    /// Lines stored so far, by all sinks together.
    pub fn lines_stored(&self) -> u64 {
        let families = self.registry.gather();
        let family = families.iter().find(|family| family.name() == STORED_LINES);
        let values = family.into_iter().flat_map(|family| family.get_metric());
        #[expect(
            clippy::cast_possible_truncation,
            clippy::cast_sign_loss,
            reason = "a count of lines is whole"
        )]
        values
            .map(|metric| metric.get_counter().get_value() as u64)
            .sum()
    }

    /// Bytes held by the front, and between the source and the stores' verdicts.
    pub fn held(&self) -> usize {
        let path = self.held_bytes.get() + self.in_flight_bytes.get();
        usize::try_from(path + self.ingest.held_bytes.get()).unwrap_or_default()
    }

    /// All signs of damage so far.
    pub fn history_damage_sum(&self) -> u64 {
        let of = |kind: &Kind| self.history_damage.with_label_values(&[kind.as_str()]);
        Kind::ALL.iter().map(|kind| of(kind).get()).sum()
    }

    /// Everything dead-lettered so far.
    pub fn dead_lettered_sum(&self) -> u64 {
        Reason::ALL
            .iter()
            .map(|reason| {
                self.dead_lettered
                    .with_label_values(&[reason.as_str()])
                    .get()
            })
            .sum()
    }
}

/// Builds metrics whose names are literals in this file: a bad or double name cannot reach a user.
struct Maker(Registry);

impl Maker {
    fn counter(&self, name: &str, help: &str) -> IntCounter {
        self.keep(IntCounter::new(name, help))
    }

    fn gauge(&self, name: &str, help: &str) -> IntGauge {
        self.keep(IntGauge::new(name, help))
    }

    fn counters(&self, name: &str, help: &str, labels: &[&str]) -> IntCounterVec {
        self.keep(IntCounterVec::new(Opts::new(name, help), labels))
    }

    fn gauges(&self, name: &str, help: &str, labels: &[&str]) -> IntGaugeVec {
        self.keep(IntGaugeVec::new(Opts::new(name, help), labels))
    }

    fn histogram(&self, name: &str, help: &str, bounds: &[f64]) -> Histogram {
        self.keep(Histogram::with_opts(
            HistogramOpts::new(name, help).buckets(bounds.to_vec()),
        ))
    }

    fn histograms(&self, name: &str, help: &str, bounds: &[f64], labels: &[&str]) -> HistogramVec {
        self.keep(HistogramVec::new(
            HistogramOpts::new(name, help).buckets(bounds.to_vec()),
            labels,
        ))
    }

    fn keep<T: prometheus::core::Collector + Clone + 'static>(
        &self,
        metric: prometheus::Result<T>,
    ) -> T {
        let metric = metric.expect("metric names and labels are valid literals");
        self.0
            .register(Box::new(metric.clone()))
            .expect("each metric name is used once");
        metric
    }
}
