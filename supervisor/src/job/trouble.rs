//! How a job stands comes in, whether that is as it should be goes out. What waits for its event, is in maintenance or was stopped by
//! somebody is as it should be; so is what has ended well.

use std::time::Instant;

use flightline_contract::lifecycle::State;

use super::Job;
use crate::control::command::Trouble;

impl Job {
    /// What is wrong with it at `now`, if anything is.
    pub fn trouble(&self, now: Instant) -> Option<Trouble> {
        match self.state() {
            State::Unhealthy => Some(Trouble::Unhealthy),
            State::Backoff => Some(Trouble::Down),
            State::Failed => Some(Trouble::Failed),
            State::Starting if self.healthy_by().is_some_and(|by| by <= now) => {
                Some(Trouble::Unready)
            }
            State::Pending
            | State::Starting
            | State::Running
            | State::Healthy
            | State::Maintenance
            | State::Stopping
            | State::Complete => None,
        }
    }

    /// When a job that was started should have passed a check: at the end of its start period, but not before its first check could have
    /// ended.
    fn healthy_by(&self) -> Option<Instant> {
        let health = self.plan.health.as_ref()?;
        let first = health.interval + health.timeout.unwrap_or(health.interval);
        Some(self.check.started? + health.start_period.max(first))
    }
}
