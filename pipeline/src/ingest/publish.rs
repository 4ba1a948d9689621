//! Messages come in, their PubAcks come out: a request is done when the stream has all of it. What fails is not tried again here, the
//! client has the data and does that.

use std::collections::VecDeque;

use async_nats::HeaderMap;
use bytes::Bytes;
use flightline_contract::encoding::{CONTENT_TYPE, Encoding};
use flightline_contract::topic::Topic;

use crate::bus::{Bus, BusError, Stored};

/// PubAcks that one request waits for at once: so many messages of 64 KiB are more than a server on the same network has under way.
const WINDOW: usize = 32;

/// Room that a message's headers may need: the content type and what NATS puts around it.
pub(super) const HEADER_ROOM: usize = 256;

/// Publishes on one topic.
#[derive(Debug)]
pub(super) struct Sender<'b> {
    bus: &'b Bus,
    topic: &'b Topic,
    under_way: VecDeque<Stored>,
}

impl<'b> Sender<'b> {
    /// To `topic`, over `bus`.
    pub(super) fn new(bus: &'b Bus, topic: &'b Topic) -> Self {
        Self {
            bus,
            topic,
            under_way: VecDeque::new(),
        }
    }

    /// Sends a message; waits for older ones if many are under way.
    pub(super) async fn send(
        &mut self,
        payload: Bytes,
        encoding: Encoding,
    ) -> Result<(), BusError> {
        if self.under_way.len() >= WINDOW
            && let Some(oldest) = self.under_way.pop_front()
        {
            oldest.wait().await?;
        }
        let headers = headers(&payload, encoding);
        let subject = self.topic.as_str().into();
        self.under_way
            .push_back(self.bus.store(subject, headers, payload).await?);
        Ok(())
    }

    /// Returns when the stream has everything that was sent.
    pub(super) async fn finish(self) -> Result<(), BusError> {
        for stored in self.under_way {
            stored.wait().await?;
        }
        Ok(())
    }
}

/// Headers cost every reader more than a message's lines do: there is one only where the first byte would tell something else.
fn headers(payload: &Bytes, encoding: Encoding) -> HeaderMap {
    let mut headers = HeaderMap::new();
    if Encoding::sniff(payload) != encoding {
        headers.insert(CONTENT_TYPE, encoding.content_type());
    }
    headers
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_encoding_is_only_told_where_the_first_byte_would_mislead() {
        let told = |payload: &'static str, encoding| {
            let headers = headers(&Bytes::from_static(payload.as_bytes()), encoding);
            headers
                .get(CONTENT_TYPE)
                .map(|value| value.as_str().to_owned())
        };
        assert_eq!(told("m v=1", Encoding::LineProtocol), None);
        assert_eq!(told(" {}", Encoding::Json), None);
        let line_protocol = Encoding::LineProtocol.content_type();
        assert_eq!(
            told("{m} v=1", Encoding::LineProtocol).as_deref(),
            Some(line_protocol)
        );
    }
}
