//! The thirteen integration tests of ContainerPilot in a form that can fail, and what operators do besides: the real program under the
//! original's name, as PID 1 where the original had a container, against a real Consul and a real nats-server.

#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

#[path = "scenarios/rig.rs"]
mod rig;
/// What jobs run where a shell is not enough.
#[path = "scenarios/program.rs"]
mod program;
/// Who hears life-cycle.
#[path = "scenarios/listener.rs"]
mod listener;

/// One configuration after another.
#[path = "scenarios/reload.rs"]
mod reload;
/// Consul, and those who find each other through it.
#[path = "scenarios/discovery.rs"]
mod discovery;
/// What jobs see, print and leave behind, and how often they run.
#[path = "scenarios/jobs.rs"]
mod jobs;
/// From outside: signals, and the end.
#[path = "scenarios/signals.rs"]
mod signals;
/// The command line, and how the program exits.
#[path = "scenarios/words.rs"]
mod words;
/// What breaks, hangs or changes under way.
#[path = "scenarios/hardship.rs"]
mod hardship;
