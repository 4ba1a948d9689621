//! Batches in; each is settled once its store said that it has the data.

/// One sink's part in one batch.
pub mod share;
