//! Where messages come from. A source hands over chunks of deliveries and stops when it is told to; what it has received by
//! then it still hands over. Stopping is end of input for everything behind it.

/// From a source's hands to the path's: chunks, bounded, with buffers that come back.
pub mod handoff;
/// A durable pull consumer.
pub mod jetstream;
/// One ack-all consumer in its owner's hands.
pub mod lane;
/// A queue group on core subjects: at most once.
pub mod core;
/// Records of this process: replay and demo.
pub mod memory;

/// Which consumers a divided stream is read by.
pub(crate) mod plan;
/// Who owns which lane.
pub(crate) mod lease;
/// The loop around it: lanes are begun and given back.
pub mod lanes;
/// What a lane needs beside its session.
mod tend;
/// Parts of a gauge.
mod portion;
/// Where a consumer's messages arrive.
mod inbox;
/// What is open between us and the server in bytes: when to ask for more.
pub mod pulls;
/// What a JetStream message's reply subject tells.
mod reply;
/// What a message's headers tell.
mod said;
/// What a consumer will not deliver any more.
pub(crate) mod given_up;
/// What can have happened to a stream behind our back, and how it is told.
pub mod damage;
/// In which history of its stream a message came.
pub mod era;
/// Signs that the stream's history was damaged.
mod watch;
/// What is remembered of it beyond this process.
mod mark;
/// The watch and its memory: what a source knows of its stream's history.
mod history;
/// Several subscriptions as one stream.
pub mod merged;
/// When they came, where the server does not say it.
mod arrivals;
/// What the owner of an ack-all consumer has in hand.
pub(crate) mod ledger;
/// How many messages the client dropped.
mod drops;
