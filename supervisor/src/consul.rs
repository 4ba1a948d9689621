//! What the loop wants Consul to know comes in; registrations, TTL updates and KV entries go out, each as often as it takes and no
//! longer than it is wanted. Nothing here is waited for by the loop: what Consul does not answer in time is tried again beside it.

/// Why a call failed, and what to do about it.
pub mod error;
/// Names of any kind to paths and queries.
pub mod path;
/// Certificates for the agent.
pub mod tls;
/// Connections: TCP, TLS, unix socket.
pub mod transport;
/// What is said to the agent, and what is read of its answers.
pub mod payload;
/// The calls.
pub mod client;
/// How often a failure that goes on is told.
pub mod trouble;
/// Registrations: what the loop calls.
pub mod registrar;
/// A service that is alive as long as the supervisor is.
pub mod heartbeat;
/// Life-cycle changes as KV entries.
pub mod notes;

pub use client::Client;
pub use notes::Note;
pub use registrar::{CheckStatus, Registrar, Report};
