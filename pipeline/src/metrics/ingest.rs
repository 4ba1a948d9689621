//! The metrics of the write front.

use flightline_contract::deadletter::Reason;
use prometheus::{Histogram, IntCounter, IntCounterVec, IntGauge};

use super::Maker;
use crate::ingest::verdict::Api;

/// Upper bounds in seconds: from one PubAck on loopback to a client that uploads slowly.
const SECONDS: [f64; 10] = [0.001, 0.0025, 0.005, 0.01, 0.025, 0.1, 0.5, 1.0, 5.0, 30.0];

/// The classes of answers: the values of the label `status`.
const STATUSES: [&str; 4] = ["2xx", "4xx", "5xx", "none"];

/// Handles to the metrics of the write front.
#[derive(Debug)]
pub struct Ingest {
    /// Requests by who asked and what was answered.
    pub requests: IntCounterVec,
    /// Lines and JSON messages' lines that a stream has.
    pub lines: IntCounter,
    /// Lines and elements that were refused, by reason.
    pub refused: IntCounterVec,
    /// Bytes of bodies that were read, inflated.
    pub bytes: IntCounter,
    /// Seconds from a request's head to its answer.
    pub seconds: Histogram,
    /// Requests under way.
    pub in_flight: IntGauge,
    /// Bytes of their bodies.
    pub held_bytes: IntGauge,
}

impl Ingest {
    /// All of them at zero.
    pub(super) fn new(make: &Maker) -> Self {
        let ingest = Self {
            requests: make.counters(
                "flightline_ingest_requests_total",
                "Requests to the write front by API and class of answer; none: the client went away.",
                &["api", "status"],
            ),
            lines: make.counter(
                "flightline_ingest_lines_total",
                "Lines taken by the write front that the stream has.",
            ),
            refused: make.counters(
                "flightline_ingest_refused_lines_total",
                "Lines and elements that the write front refused.",
                &["reason"],
            ),
            bytes: make.counter(
                "flightline_ingest_bytes_total",
                "Bytes of bodies that the write front read, inflated.",
            ),
            seconds: make.histogram(
                "flightline_ingest_seconds",
                "Seconds from a request's head to its answer.",
                &SECONDS,
            ),
            in_flight: make.gauge(
                "flightline_ingest_in_flight_requests",
                "Requests under way in the write front.",
            ),
            held_bytes: make.gauge(
                "flightline_ingest_held_bytes",
                "Bytes of bodies under way in the write front.",
            ),
        };
        for api in Api::ALL {
            for status in STATUSES {
                ingest.requests.with_label_values(&[api.as_str(), status]);
            }
        }
        for reason in Reason::ALL {
            ingest.refused.with_label_values(&[reason.as_str()]);
        }
        ingest
    }
}
