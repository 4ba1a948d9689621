//! What jobs report and what happens comes in; `/metrics` and `/status` go out.

/// Every metric: those of ContainerPilot, those of jobs, our own.
pub mod metrics;
/// Metrics that the configuration declares and jobs fill.
pub mod declared;
/// Quantiles of the last ten minutes.
mod window;
/// Metrics that are always there.
mod builtin;
/// What the system says of this process.
mod process;
/// How those are made.
mod maker;
/// What `/status` tells.
pub mod status;
/// The HTTP server.
pub mod server;
