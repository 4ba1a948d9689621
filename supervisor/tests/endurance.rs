//! The supervisor under load, for long, and what it costs: short by default, at full length with `FLIGHTLINE_LONG=1`, which
//! `make endurance` sets. Figures go to standard error; only promises are asserted, of which the clock decides none but the TTL.

/// How long and how much, and one at a time.
#[path = "endurance/rig.rs"]
mod rig;

/// What Consul thought of a service, without a gap.
#[path = "endurance/recorder.rs"]
mod recorder;

/// A service that is never late.
#[path = "endurance/flaps.rs"]
mod flaps;
/// What jobs leave behind.
#[path = "endurance/orphans.rs"]
mod orphans;
/// Many short jobs.
#[path = "endurance/jobs.rs"]
mod jobs;
/// Many reloads.
#[path = "endurance/reloads.rs"]
mod reloads;
/// CPU time, memory, wake-ups.
#[path = "endurance/cost.rs"]
mod cost;
