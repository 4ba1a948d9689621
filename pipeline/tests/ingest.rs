//! Promises of the write front: what was answered 2xx is in the stream and comes to the store, whatever stands still or dies behind
//! it; what was not taken is told to its sender, with its place; nobody's body, pace or number takes more than its limit.

#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

#[path = "ingest/rig.rs"]
mod rig;

#[path = "ingest/clients.rs"]
mod clients;
#[path = "ingest/limits.rs"]
mod limits;
#[path = "ingest/outage.rs"]
mod outage;
#[path = "ingest/overload.rs"]
mod overload;
#[path = "ingest/secrets.rs"]
mod secrets;
#[path = "ingest/setting.rs"]
mod setting;
#[path = "ingest/write.rs"]
mod write;
