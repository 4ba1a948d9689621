//! Steps of a story come in, each with the time since its beginning; the times go to standard error.

use std::io::Write as _;
use std::time::{Duration, Instant};

use flightline_fixtures::wait;

/// For a step, on a machine that is busy with other tests.
const PATIENCE: Duration = Duration::from_secs(60);

/// What follows from one event.
pub(crate) struct Steps {
    event: &'static str,
    begun: Instant,
}

impl Steps {
    /// The event happens now.
    pub(crate) fn begin(event: &'static str) -> Self {
        Self {
            event,
            begun: Instant::now(),
        }
    }

    /// Waits until `happened` says so.
    pub(crate) fn until(&self, step: &str, happened: impl FnMut() -> bool) {
        let in_time = wait::until(PATIENCE, happened).is_ok();
        assert!(
            in_time,
            "{}, but not within {PATIENCE:?}: {step}",
            self.event
        );
        self.note(step);
    }

    /// A step has been taken.
    pub(crate) fn note(&self, step: &str) {
        let (event, time) = (self.event, self.begun.elapsed().as_millis());
        writeln!(std::io::stderr(), "figure: {event}: {step} after {time} ms")
            .expect("standard error is open");
    }
}
