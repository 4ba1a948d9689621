//! Where messages come from. A source hands over chunks of deliveries and stops when it is told to; what it has received by
//! then it still hands over. Stopping is end of input for everything behind it.

/// From a source's hands to the path's: chunks, bounded, with buffers that come back.
pub mod handoff;
/// A durable pull consumer.
pub mod jetstream;
/// A queue group on core subjects: at most once.
pub mod core;
/// Records of this process: replay and demo.
pub mod memory;

/// Where a consumer's messages arrive.
mod inbox;
/// What is open between us and the server in bytes: when to ask for more.
mod pulls;
/// What a JetStream message's reply subject tells.
mod reply;
/// Signs that the stream's history was damaged.
mod watch;
/// What the owner of an ack-all consumer has in hand.
mod ledger;
/// How many messages the client dropped.
mod drops;
