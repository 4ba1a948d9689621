//! Events of `tracing` come in, records of the log go out. Spans are not shown.

use time::OffsetDateTime;
use tracing::level_filters::LevelFilter;
use tracing::{Event, Level, Metadata, Subscriber};
use tracing_subscriber::layer::{Context, Layer};

use super::record::Record;
use super::{Log, level_of};

/// Records of others are shown from WARN on: at DEBUG, an HTTP library says more than all jobs together.
const OURS: [&str; 2] = ["flightline", "containerpilot"];

/// Hands events to a log.
#[derive(Debug)]
pub(super) struct Records {
    log: Log,
}

impl Records {
    pub(super) fn new(log: Log) -> Self {
        Self { log }
    }
}

impl<S: Subscriber> Layer<S> for Records {
    fn enabled(&self, metadata: &Metadata<'_>, _context: Context<'_, S>) -> bool {
        let ours = OURS.iter().any(|name| metadata.target().starts_with(name));
        metadata.is_event()
            && self.log.shows(*metadata.level())
            && (ours || *metadata.level() <= Level::WARN)
    }

    fn max_level_hint(&self) -> Option<LevelFilter> {
        let rank = self
            .log
            .shared
            .level
            .load(std::sync::atomic::Ordering::Relaxed);
        Some(LevelFilter::from_level(level_of(rank)))
    }

    fn on_event(&self, event: &Event<'_>, _context: Context<'_, S>) {
        self.log
            .record(Record::event(OffsetDateTime::now_utc(), event));
    }
}
