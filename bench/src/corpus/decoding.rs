//! Messages of one kind come in, decode writes their lines into a batch and shows them to the series table or to nobody. The
//! batch is thrown away, its buffers are used again.

use std::time::{Duration, Instant};

use async_nats::Subject;
use bytes::Bytes;
use flightline::batch::{Batcher, Limits};
use flightline::decode::Decoder;
use flightline::decode::observe::{Nobody, Observer};
use flightline::decode::route::Router;
use flightline::delivery::{Ack, Declared, Delivery};
use flightline::exporter::Exporter;

use crate::corpus::{self, Payload, series};
use crate::scenario::Shape;

/// Room for everything that is decoded in one go: the buffer never grows.
const ROOM: Limits = Limits {
    lines: usize::MAX,
    bytes: 4 << 20,
    age: Duration::from_secs(60),
};

/// Who looks on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Watch {
    /// The series table.
    Exporter,
    /// Nobody.
    Nobody,
}

/// A decoder and what it decodes.
#[derive(Debug)]
pub struct Decoding {
    router: Router,
    decoder: Decoder,
    batcher: Batcher,
    deliveries: Vec<Delivery>,
    watch: Option<Exporter>,
}

impl Decoding {
    /// `messages` messages of that kind.
    ///
    /// # Panics
    /// When what a trial tells the product is wrong, which the trials would say first.
    pub fn new(payload: Payload, messages: u32, watch: Watch) -> Self {
        let config = corpus::config(Shape::Mix);
        let config = config.expect("what a trial tells the product is right");
        let router = Router::new(&config).expect("it has a route for each message");
        Self {
            decoder: Decoder::new(&router),
            router,
            batcher: Batcher::new(ROOM),
            deliveries: (0..messages)
                .map(|number| payload.delivery(number))
                .collect(),
            watch: match watch {
                Watch::Exporter => Some(series::exporter()),
                Watch::Nobody => None,
            },
        }
    }

    /// Decodes all of them: how many lines came of them. The second time nothing is new any more.
    pub fn run(&mut self) -> u32 {
        let now = Instant::now();
        let watch = self.watch.clone();
        let lines = match &watch {
            Some(exporter) => {
                let mut table = exporter.lock();
                let mut lines = 0;
                for at in 0..self.deliveries.len() {
                    table.begin(&self.deliveries[at].stamp, now);
                    lines += self.decode(at, &mut *table);
                }
                // Nothing is left to the next run.
                table.counts();
                lines
            }
            None => (0..self.deliveries.len())
                .map(|at| self.decode(at, &mut Nobody))
                .sum(),
        };
        // A batch is cut only with a message in it.
        let last = Delivery {
            subject: Subject::from_static("last"),
            payload: Bytes::new(),
            declared: Declared::Nothing,
            stamp: corpus::STAMP,
            ack: Ack::none(),
        };
        self.batcher.push(last, lines, now);
        if let Some(batch) = self.batcher.cut() {
            self.batcher.recycle(batch);
        }
        lines
    }

    fn decode<O: Observer>(&mut self, at: usize, observer: &mut O) -> u32 {
        let delivery = &self.deliveries[at];
        let Some(route) = self.router.route(&delivery.subject) else {
            return 0;
        };
        let (body, letters) = self.batcher.open();
        self.decoder
            .decode(delivery, &route, body, observer, letters)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_payload_is_decoded_and_shown() {
        for payload in Payload::ALL {
            for watch in [Watch::Exporter, Watch::Nobody] {
                let mut decoding = Decoding::new(payload, 3, watch);
                for _ in 0..2 {
                    assert_eq!(decoding.run(), 3 * payload.lines(), "{}", payload.name());
                }
                let Some(exporter) = decoding.watch else {
                    continue;
                };
                assert!(exporter.lock().counts().series > 0, "{}", payload.name());
            }
        }
    }
}
