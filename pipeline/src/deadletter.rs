//! What could not be stored, kept with its reason, original bytes, subject and sequence.

use async_nats::Subject;
use bytes::Bytes;
use flightline_contract::deadletter::Reason;

use crate::delivery::{Delivery, Stamp};

/// One message or line that could not be stored.
#[derive(Debug, Clone)]
pub struct Letter {
    /// Why.
    pub reason: Reason,
    /// One sentence for a person.
    pub detail: String,
    /// The subject the message came on.
    pub subject: Subject,
    /// Where and when it entered its stream.
    pub stamp: Stamp,
    /// The line within the message, from 1; `None` when the whole message is meant.
    pub line: Option<u32>,
    /// The original bytes: of the line, or of the message.
    pub payload: Bytes,
}

impl Letter {
    /// The whole of `delivery`, refused.
    pub fn message(delivery: &Delivery, reason: Reason, detail: impl Into<String>) -> Self {
        Self {
            reason,
            detail: detail.into(),
            subject: delivery.subject.clone(),
            stamp: delivery.stamp,
            line: None,
            payload: delivery.payload.clone(),
        }
    }

    /// Line `line` (from 1) of `delivery`, which stands at `range` of its payload, refused.
    pub fn line(
        delivery: &Delivery,
        line: u32,
        range: std::ops::Range<usize>,
        reason: Reason,
        detail: impl Into<String>,
    ) -> Self {
        Self {
            line: Some(line),
            payload: delivery.payload.slice(range),
            ..Self::message(delivery, reason, detail)
        }
    }
}
