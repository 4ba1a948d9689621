//! Measures the whole path against its own limit and against its peers, in one run.
//!
//! A *scenario* says what is moved and how; a *program* is what moves it: the floor, Flightline or a peer. A *trial* starts
//! everything, moves it once and gives a *record*, one JSON line. Comparisons and charts are made from records alone.

/// What is moved, and how.
pub mod scenario;
/// What came of moving it once.
pub mod record;
/// What moves the data.
pub mod program;
/// What is published.
pub mod payload;
/// Who publishes it.
pub mod publish;
/// What clients of a write front send.
pub mod body;
/// Who writes it.
pub mod writer;
/// CPU and memory of processes.
pub mod proc;
/// Who takes it and throws it away.
pub mod discard;
/// The limit that the product is divided by.
pub mod floor;
/// Streams and consumers of a trial.
pub mod jetstream;
/// Where it all runs.
pub mod machine;
/// The end that somebody asks for.
pub mod interrupt;
/// Moves something once.
pub mod trial;
/// Medians, spreads and ratios to the floor.
pub mod medians;
/// Ratios kept from one commit to hold the next against.
pub mod baseline;
/// Other programs, as they do this work best.
pub mod peers;
/// Programs in turn.
pub mod compare;
/// Charts and one page.
pub mod report;
/// What the path is to reach, and what it does.
pub mod targets;
/// The verbs of the command line.
pub mod cli;
/// What the measurements feed in.
pub mod corpus;
