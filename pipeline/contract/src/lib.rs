//! What Flightline's programs say to each other over NATS: subjects, payloads and the names of encodings.
//!
//! No I/O and no async: the pipeline, the supervisor, the bench and the tests all read the same words from here.

/// What a message is about: metric, health, app or life-cycle.
pub mod class;
/// One checked token of a subject, and the prefix.
pub mod token;
/// Subjects that can be published to, and the parts of one that came in.
pub mod topic;
/// Subject patterns that can be subscribed to.
pub mod filter;
/// Every subject in one table.
pub mod table;
/// How a payload is written, and how its encoding is found.
pub mod encoding;
/// Why something was dead-lettered, and the headers that say so.
pub mod deadletter;
/// Borrowed text and points in time, as payloads carry them.
pub mod value;
/// A set of samples: counters, gauges, histograms.
pub mod metric;
/// The result of one health check.
pub mod health;
/// Application data: any points.
pub mod app;
/// One transition of a supervised job.
pub mod lifecycle;
