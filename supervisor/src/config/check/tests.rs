//! What is accepted, what is refused and what is only said, section by section.

/// Jobs: names, commands, ports, restarts, times.
mod jobs;
/// What starts jobs.
mod when;
/// Checks, and what is registered.
mod health;
/// Settings of processes.
mod setting;
/// What must be on this machine.
mod machine;
/// Consul, watches, telemetry, logs, NATS.
mod servers;
/// What ContainerPilot takes and nobody can have meant.
mod compat;
/// What must fit together.
mod whole;
/// Files that follow watches.
mod render;
