//! The supervisor, in the order in which a change travels: what may happen (`event`), what a job makes of it (`job`), what is done
//! about it (`run`, `process`, `consul`), and who is told (`publish`).
//!
//! One loop owns every job and waits for nothing but its next `event::Wake` or deadline. Whatever takes time (a check, a call to
//! Consul, a publish, a control request) runs beside it and comes back as a wake.

/// What may happen: the wakes of the loop, and the events that jobs react to.
pub mod event;
/// Go templates over the environment.
pub mod template;
/// Text as typed in, configuration as trusted out.
pub mod config;
/// What the jobs want done.
pub mod action;
/// Pure: what each job makes of an event.
pub mod job;
/// Pure: all jobs together, from the start to the last SIGKILL.
pub mod fleet;
/// The only place that starts, signals and waits for processes.
pub mod process;
/// What PID 1 does: reap, forward signals, pass the exit status up.
pub mod init;
/// Checks of jobs: commands, HTTP, TCP, readiness.
pub mod health;
/// Watches of services in Consul.
pub mod watch;
/// Registration, TTL checks and queries.
pub mod consul;
/// Numbers the changes and hands them to whoever publishes.
pub mod lifecycle;
/// Life-cycle, health and metrics to NATS.
pub mod publish;
/// Metrics and status over HTTP.
pub mod telemetry;
/// The socket through which the supervisor is told what to do.
pub mod control;
/// Log lines: the supervisor's own, and those of jobs.
pub mod log;
/// The loop: the next wake, the jobs' answer, the actions.
pub mod run;
/// The command line.
pub mod cli;
