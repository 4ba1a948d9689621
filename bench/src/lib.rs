//! Measures the whole path against its own limit and against its peers, in one run.
//!
//! A *scenario* says what is moved and how; a *program* is what moves it: the floor, Flightline or a peer. A *trial* starts
//! everything, moves it once and gives a *record*, one JSON line. Comparisons and charts are made from records alone.

/// What is moved, and how.
pub mod scenario;
/// What came of moving it once.
pub mod record;
/// What the measurements feed in.
pub mod corpus;
