//! Records of this process in, deliveries out: replay and demo feed the same path as a server would. Nobody waits for acks.

use std::sync::Arc;
use std::time::{SystemTime, UNIX_EPOCH};

use async_nats::Subject;
use bytes::Bytes;
use flightline_contract::encoding::Encoding;

use super::handoff::{Handoff, PathEnded};
use crate::delivery::{Ack, Attempt, CHUNK, Declared, Delivery, Stamp};
use crate::metrics::Metrics;

/// Feeds a path.
#[derive(Debug)]
pub struct Feeder {
    handoff: Handoff,
    metrics: Arc<Metrics>,
    /// The first time that no line so far can have got: lines of one message are stamped a nanosecond apart, and a line has at
    /// least one byte. A fixed distance between messages would run ahead of the clock when many come at once.
    free_time: i64,
    waiting: usize,
}

impl Feeder {
    /// Over `handoff`, whose other end is a path.
    pub fn new(handoff: Handoff, metrics: Arc<Metrics>) -> Self {
        Self {
            handoff,
            metrics,
            free_time: 0,
            waiting: 0,
        }
    }

    /// Takes one message; hands messages over when there are enough of them to be worth it.
    ///
    /// # Errors
    /// When the path has ended.
    pub async fn feed(
        &mut self,
        subject: Subject,
        content_type: Option<&str>,
        payload: Bytes,
    ) -> Result<(), PathEnded> {
        let now = SystemTime::now()
            .duration_since(UNIX_EPOCH)
            .unwrap_or_default();
        let now = i64::try_from(now.as_nanos()).unwrap_or(i64::MAX);
        let time = now.max(self.free_time);
        let lines = i64::try_from(payload.len()).unwrap_or(i64::MAX);
        self.free_time = time.saturating_add(lines).saturating_add(1);
        self.metrics.received.inc();
        self.metrics.received_bytes.inc_by(payload.len() as u64);
        let declared = content_type.map_or(Declared::Nothing, |value| {
            Encoding::from_content_type(value).map_or(Declared::Unknown, Declared::Known)
        });
        let stamp = Stamp {
            time,
            sequence: None,
            attempt: Attempt::First,
        };
        self.handoff.hold(Delivery {
            subject,
            payload,
            declared,
            stamp,
            ack: Ack::none(),
        });
        self.waiting += 1;
        if self.waiting == CHUNK {
            self.flush().await
        } else {
            Ok(())
        }
    }

    /// Hands over what was taken.
    ///
    /// # Errors
    /// When the path has ended.
    pub async fn flush(&mut self) -> Result<(), PathEnded> {
        self.waiting = 0;
        self.handoff.hand_over_all().await
    }
}
