//! Failures and successes of one kind of call come in, lines of the log go out, where they are worth one.

use std::fmt;

use flightline_link::trouble::{self, Over, Worth};
use tokio::time::Instant;
use tracing::{debug, info, warn};

/// One kind of call, and whether it fails.
#[derive(Debug, Default)]
pub struct Trouble(trouble::Trouble);

impl Trouble {
    /// It failed: says so where that is worth a line. `what` is what did not happen.
    pub fn tell(&mut self, what: fmt::Arguments<'_>, error: &dyn fmt::Display) {
        match self.0.failed(Instant::now().into_std()) {
            Worth::First => warn!("{what}: Consul {error}"),
            Worth::Reminder(failures) => warn!("{what}: Consul {error} (failure {failures})"),
            Worth::Nothing => debug!("{what}: Consul {error}"),
        }
    }

    /// It succeeded: says so if it had failed. `what` is what happens again.
    pub fn settle(&mut self, what: fmt::Arguments<'_>) {
        if let Some(Over { failures, lasted }) = self.0.ended(Instant::now().into_std()) {
            let lasted = lasted.as_secs_f64();
            info!("{what} after {failures} failure(s) in {lasted:.1} s");
        }
    }
}
