//! Batches in; each is settled once its store said that it has the data.

/// One sink's part in one batch.
pub mod share;

/// What a status code says of the lines that were sent.
pub mod verdict;
/// How long to wait before the next try.
pub mod retry;
/// One probe at a time while a store does not answer.
pub mod breaker;
/// The segments of a batch as a request's body.
pub mod body;
/// Which lines of a batch are left to send.
pub mod work;
/// A batch's lines, one by one.
pub mod lines;
/// Which lines a refusal names.
pub mod blame;
/// Dead letters of refused lines.
pub mod letters;
/// Compressed bodies.
pub mod gzip;
/// One request, one answer.
pub mod client;
/// InfluxDB's write APIs.
pub mod influx;
