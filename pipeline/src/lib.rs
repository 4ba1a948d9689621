//! Flightline's data path: `source → decode → batch → sink → ack`, with a series table fed on the way.
//!
//! The modules stand in the order in which a message meets them.

/// What travels: one message, its stamp and its ack.
pub mod delivery;
/// The one door to NATS: connections, subscriptions, publishes.
pub mod bus;
/// Where messages come from: JetStream, core NATS, this process or a file.
pub mod source;
/// Bytes to line protocol, and what is wrong with the rest.
pub mod decode;
/// Lines to batches by count, bytes and age.
pub mod batch;
/// The loop of decode and batch.
pub mod path;
/// Batches to stores, until each said that it has them.
pub mod sink;
/// What could not be stored, kept with its reason.
pub mod deadletter;
/// The last step: told to the server only after every store has the data.
pub mod ack;
/// The series table behind `/metrics`.
pub mod exporter;
/// Connections of listeners, with limits.
mod listen;
/// The operator's listener: `/metrics`, `/healthz`, `/readyz`, `/status`.
pub mod admin;
/// The write front: HTTP in, messages of the stream out.
pub mod ingest;
/// Joins the stages, and ends them in the order of the data.
pub mod run;
/// Whether a task comes back from its turns.
pub mod pulse;
/// What an operator sees of a running process.
pub mod console;
/// What its service manager is told.
pub mod notify;
/// The path without a server in front.
pub mod local;
/// A worker's life: connect, start, pull, drain.
pub mod worker;
/// An exporter of NATS itself.
pub mod observe;
/// Recorded streams: what `record` writes and `replay` reads.
pub mod stream;
/// As typed → as trusted.
pub mod config;
/// Every own metric, once.
pub mod metrics;
/// The verbs of the command line.
pub mod cli;
/// What is wrong with a configuration, a machine and its servers, before it costs data.
pub mod doctor;
