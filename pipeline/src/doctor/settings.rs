//! Settings that are valid one by one and do not fit each other. No server is asked.

use std::time::Duration;

use super::finding::{Code, Finding};
use crate::config::units::show_duration;
use crate::config::{Config, Influx, JetStream, SinkKind, Source};

/// So many requests at their longest must fit into the wait for an ack: one that times out, and the one that works.
const TRIES: u32 = 2;
/// Beside the batches in flight: one that is filled and one that is cut.
const BATCHES_ASIDE: usize = 2;

/// What can be told from the configuration alone.
pub(super) fn judge(config: &Config) -> Vec<Finding> {
    match &config.source {
        Source::Core(_) => vec![
            Finding::note(Code::AtMostOnce, "source.kind")
                .found("core subjects are read, without acknowledgement")
                .means("what arrives while no worker runs, or faster than the sinks store, is lost (and counted)")
                .cure("source.kind = \"jetstream\"")
                .by_settings(),
        ],
        Source::JetStream(source) => {
            let limits = Limits {
                ack_wait: source.ack_wait,
                max_ack_pending: source.max_ack_pending,
                longer: "make source.ack_wait longer or sink.timeout shorter".to_owned(),
                larger: "make source.max_ack_pending larger, or batch.lines or sink.in_flight smaller".to_owned(),
            };
            fit(config, "source", &limits)
        }
    }
}

/// What a consumer allows, and how it is made to allow more.
#[derive(Debug, Clone)]
pub(super) struct Limits {
    pub(super) ack_wait: Duration,
    pub(super) max_ack_pending: i64,
    /// The cure for a wait that is too short.
    pub(super) longer: String,
    /// The cure for too few that may be un-acked.
    pub(super) larger: String,
}

/// Whether the limits of a consumer, as configured or as it is, suffice for the sinks.
pub(super) fn fit(config: &Config, about: &str, limits: &Limits) -> Vec<Finding> {
    let mut findings = Vec::new();
    let slowest = influxes(config).max_by_key(|influx| influx.timeout);
    if let Some(slowest) = slowest
        && limits.ack_wait < slowest.timeout * TRIES
    {
        let (wait, timeout) = (
            show_duration(limits.ack_wait),
            show_duration(slowest.timeout),
        );
        findings.push(
            Finding::warning(Code::AckWaitShort, about)
                .found(format!("ack_wait is {wait}, and one write may take {timeout}"))
                .means(
                    "when a worker is killed during a slow write, its messages come again before the write has ended; a worker that \
                     lives tells the server that it is still at work",
                )
                .cure(&limits.longer)
                .by_settings(),
        );
    }
    let in_flight = influxes(config).map(|influx| influx.in_flight).max();
    let batches = in_flight.unwrap_or(1) + BATCHES_ASIDE;
    let needed = i64::try_from(config.batch.lines.saturating_mul(batches)).unwrap_or(i64::MAX);
    if (0..needed).contains(&limits.max_ack_pending) {
        let have = limits.max_ack_pending;
        findings.push(
            Finding::warning(Code::AckPendingSmall, about)
                .found(format!(
                    "max_ack_pending is {have}; {batches} batches of {} lines are {needed} messages of one line",
                    config.batch.lines
                ))
                .means("the server stops delivering before the sinks are busy: throughput is bound to the latency of the store")
                .cure(&limits.larger)
                .by_settings(),
        );
    }
    findings
}

fn influxes(config: &Config) -> impl Iterator<Item = &Influx> {
    config.sinks.iter().filter_map(|sink| match &sink.kind {
        SinkKind::Influx(influx) => Some(influx),
        SinkKind::File(_) => None,
    })
}

/// The JetStream source, if it is one.
pub(super) fn jetstream(config: &Config) -> Option<&JetStream> {
    match &config.source {
        Source::JetStream(source) => Some(source),
        Source::Core(_) => None,
    }
}
