//! Jobs against a world that is played: processes live as long as their script says, time jumps from one deadline to the next.

use std::time::Duration;

/// The world.
mod world;
/// Starts, budgets, restarts and exits.
mod starts;
/// Checks, thresholds, maintenance.
mod health;
/// What follows from failures, and for whom.
mod unhealthy;
/// Which of them are not as they should be.
mod troubles;
/// How it all ends, and what never hangs.
mod endings;
/// One configuration after another.
mod reloads;
/// Corners that were wrong once.
mod corners;
/// What holds for any jobs and any order of events.
mod properties;

const fn ms(millis: u64) -> Duration {
    Duration::from_millis(millis)
}

const fn s(seconds: u64) -> Duration {
    Duration::from_secs(seconds)
}
