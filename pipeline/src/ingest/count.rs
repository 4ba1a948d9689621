//! One request under way, counted from its head to its answer, also if its client goes away before that.

use std::time::Instant;

use http::StatusCode;

use crate::ingest::verdict::Api;
use crate::metrics::ingest::Ingest;

/// A request under way.
pub(super) struct Counted<'m> {
    api: Api,
    metrics: &'m Ingest,
    started: Instant,
    /// The class of its answer; the client went away until there is one.
    status: &'static str,
}

impl<'m> Counted<'m> {
    /// From now on.
    pub(super) fn start(api: Api, metrics: &'m Ingest) -> Self {
        Self {
            api,
            metrics,
            started: Instant::now(),
            status: "none",
        }
    }

    /// It was answered.
    pub(super) fn answered(mut self, status: StatusCode) {
        self.status = match status.as_u16() {
            200..=299 => "2xx",
            500..=599 => "5xx",
            _ => "4xx",
        };
    }
}

impl Drop for Counted<'_> {
    fn drop(&mut self) {
        let labels = [self.api.as_str(), self.status];
        self.metrics.requests.with_label_values(&labels).inc();
        self.metrics
            .seconds
            .observe(self.started.elapsed().as_secs_f64());
    }
}
