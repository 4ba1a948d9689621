//! Bytes to line protocol.

/// One line as spans.
pub mod line;
/// Where the line protocols of InfluxDB 1, 2 and 3 differ.
pub mod dialect;
/// The check and the spans of line protocol.
pub mod scan;
