//! The control socket against real clients: requests go in, and a stand-in for the loop hears of them and answers.

#[path = "control/rig.rs"]
mod rig;

/// What each path does and answers.
#[path = "control/endpoints.rs"]
mod endpoints;
/// Clients that are slow, large, many, or do not go away.
#[path = "control/limits.rs"]
mod limits;
/// The client of the command line against the server.
#[path = "control/client.rs"]
mod client;
