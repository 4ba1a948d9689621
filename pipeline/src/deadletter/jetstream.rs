//! Letters as messages on `deadletter.>`: letters come in, and are in the stream that captures them when they are taken off the list of
//! what is due. What is too large for the server or the stream is cut down until it fits; the header `Flightline-Cut` says so.

use async_nats::{HeaderMap, Subject};
use bytes::Bytes;
use flightline_contract::deadletter::CUT;
use futures_util::future::join_all;
use tracing::warn;

use super::Letter;
use super::headers::{headers, wire_length};
use crate::bus::{Bus, BusError, Existed, Stored, StreamSpec};
use crate::decode::route::Router;

/// The stream of dead letters.
#[derive(Debug)]
pub struct LetterStream {
    bus: Bus,
    spec: StreamSpec,
    origin: Option<String>,
}

/// A letter that the stream does not have yet.
#[derive(Debug)]
pub(super) struct Due<'l> {
    letter: &'l Letter,
    /// Bytes of its payload to send at most.
    limit: usize,
}

impl<'l> Due<'l> {
    pub(super) fn new(letter: &'l Letter) -> Self {
        let limit = letter.payload.len();
        Self { letter, limit }
    }

    /// Halves what is sent next time of a payload of which `sent` bytes were too many; whether there was anything left to halve.
    fn halve(&mut self, sent: usize) -> bool {
        self.limit = sent / 2;
        sent > 0
    }
}

impl LetterStream {
    /// Stores over `bus` into the stream `spec`; `origin` is the stream that the messages came from, if they came from one.
    pub fn new(bus: Bus, spec: StreamSpec, origin: Option<String>) -> Self {
        Self { bus, spec, origin }
    }

    /// Stores what is `due` and takes off what the stream has.
    ///
    /// # Errors
    /// The first refusal, if anything is left.
    pub(super) async fn store(
        &self,
        router: &Router,
        due: &mut Vec<Due<'_>>,
    ) -> Result<(), BusError> {
        while !due.is_empty() {
            let mut under_way = Vec::with_capacity(due.len());
            for due in due.iter() {
                under_way.push(self.publish(router, due).await);
            }
            // Together: one after the other, a server that does not answer would be waited for as often as there are letters.
            let answers = under_way.into_iter().map(async |(sent, stored)| {
                let answer = match stored {
                    Ok(stored) => stored.wait().await,
                    Err(error) => Err(error),
                };
                (sent, answer)
            });
            let mut answers = join_all(answers).await.into_iter();
            let mut refusal = None;
            due.retain_mut(|due| match answers.next() {
                Some((_, Ok(()))) => false,
                Some((sent, Err(error))) => {
                    let smaller = matches!(error, BusError::TooLarge { .. }) && due.halve(sent);
                    if !smaller {
                        refusal.get_or_insert(error);
                    }
                    true
                }
                None => true,
            });
            if let Some(refusal) = refusal {
                return Err(refusal);
            }
        }
        Ok(())
    }

    /// How many bytes of the payload are on their way, and the answer to come.
    async fn publish(&self, router: &Router, due: &Due<'_>) -> (usize, Result<Stored, BusError>) {
        let letter = due.letter;
        let topic = router.dead_letter_topic(&letter.subject);
        let mut headers = headers(letter, self.origin.as_deref());
        if let Some(id) = self.id(letter) {
            headers.insert(async_nats::header::NATS_MESSAGE_ID, id.as_str());
        }
        let payload = fit(
            &mut headers,
            &letter.payload,
            due.limit,
            self.bus.max_payload(),
        );
        let subject = Subject::from(topic.into_string());
        let sent = payload.len();
        (sent, self.bus.store(subject, headers, payload).await)
    }

    /// A letter that is written again after a crash is the same message to the server.
    fn id(&self, letter: &Letter) -> Option<String> {
        let (origin, sequence) = (self.origin.as_deref()?, letter.stamp.sequence?);
        let time = letter.stamp.time;
        let line = letter.line.map(|line| line.to_string());
        let line = line.as_deref().unwrap_or("all");
        Some(format!("{origin}:{time}:{sequence}:{line}"))
    }

    /// Sees to it that the stream is there: somebody may have deleted it.
    pub(super) async fn mend(&self) {
        let stream = self.spec.name.as_str();
        match self.bus.ensure_stream(&self.spec).await {
            Ok(Existed::Created) => warn!(stream, "the dead-letter stream was gone: created it"),
            Ok(Existed::Before) => {}
            Err(error) => warn!(%error, stream, "the dead-letter stream cannot take letters now"),
        }
    }
}

/// As much of `payload` as fits with `headers` into `max_payload`, and `limit` bytes at most. If that is not all, a header says so.
fn fit(headers: &mut HeaderMap, payload: &Bytes, limit: usize, max_payload: usize) -> Bytes {
    let room = |headers: &HeaderMap| {
        let beside = max_payload.saturating_sub(wire_length(headers));
        beside.min(limit).min(payload.len())
    };
    if room(headers) < payload.len() {
        headers.insert(CUT, payload.len().to_string().as_str());
    }
    payload.slice(..room(headers))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_payload_is_cut_to_what_the_headers_leave_and_its_length_is_told() {
        let payload = Bytes::from(vec![b'x'; 1000]);
        for (max_payload, cut) in [(6000, false), (5990, true), (5000, true), (10, true)] {
            let mut headers = HeaderMap::new();
            headers.insert("Long", "y".repeat(4976).as_str());
            let room = max_payload - wire_length(&headers).min(max_payload);
            let fitting = fit(&mut headers, &payload, usize::MAX, max_payload);
            assert_eq!(room < payload.len(), cut, "{max_payload}");
            assert_eq!(
                headers.get(CUT).map(|cut| cut.as_str()),
                cut.then_some("1000")
            );
            let sent = wire_length(&headers) + fitting.len();
            assert!(sent <= max_payload || fitting.is_empty(), "{max_payload}");
            assert!(cut || fitting.len() == 1000);
        }
        let mut headers = HeaderMap::new();
        assert_eq!(fit(&mut headers, &payload, 7, 1 << 20).len(), 7);
        assert!(headers.get(CUT).is_some());
    }
}
