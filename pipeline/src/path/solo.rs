//! A message that was delivered too often comes in. It passes with nothing beside it, or becomes a letter if too many workers have died of
//! it; those behind it wait, and the server is told that they do.

use std::time::{Duration, Instant};

use flightline_contract::deadletter::Reason;
use tokio::time::interval;
use tracing::error;

use super::alone::Admission;
use super::{Halt, Path, SinkEnded};
use crate::batch::Cut;
use crate::deadletter::Letter;
use crate::delivery::Delivery;

/// For how long a message that goes alone is given to do its harm, and its neighbours to be stored before.
const ALONE: Duration = Duration::from_secs(5);
/// Between two looks at what is in flight meanwhile.
const LOOK: Duration = Duration::from_millis(1);

impl Path {
    /// Decodes one message with nothing beside it, or not at all if too many workers have died so; `behind` waits meanwhile.
    pub(super) async fn go_alone(
        &mut self,
        delivery: Delivery,
        behind: &[Delivery],
    ) -> Result<(), SinkEnded> {
        let Some(alone) = self.alone.clone() else {
            return Ok(());
        };
        self.metrics.isolated.inc();
        self.cut_all(Cut::Age, behind).await?;
        self.settle(behind).await;
        let stamp = delivery.stamp;
        match alone.enter(&stamp).await {
            Admission::Alone => {
                let exporter = self.exporter.clone();
                // The message itself is in an open batch now, or in one that is full.
                let _: Option<Halt> = self.take(delivery, &mut exporter.lock(), Instant::now());
                // Before it is stored: a worker that ends while the store is away has not died of it.
                alone.leave(&stamp).await;
                self.cut_all(Cut::Age, behind).await?;
                self.settle(behind).await;
            }
            Admission::Refused(deaths) => {
                self.refuse(delivery, deaths);
                self.cut_all(Cut::Age, behind).await?;
                self.settle(behind).await;
                alone.leave(&stamp).await;
            }
        }
        Ok(())
    }

    /// A letter instead of lines.
    fn refuse(&mut self, delivery: Delivery, deaths: u32) {
        let stamp = delivery.stamp;
        let detail = format!("{deaths} workers have died with this message and no other begun");
        error!(
            subject = delivery.subject.as_str(),
            sequence = stamp.sequence.map(u64::from),
            detail,
            "a message kills workers and goes to the dead letters"
        );
        let destination = self
            .router
            .route(&delivery.subject)
            .map_or(self.router.strays(), |route| route.destination);
        let batcher = &mut self.outlets[destination].batcher;
        let (_, letters) = batcher.open();
        letters.push(Letter::message(&delivery, Reason::KillsWorkers, detail));
        self.metrics.decoded.inc();
        let _: Option<Cut> = batcher.push(delivery, 0, Instant::now());
    }

    /// Waits until nothing is in flight any more, or for as long as a message that goes alone is given.
    async fn settle(&mut self, behind: &[Delivery]) {
        let start = tokio::time::Instant::now();
        let mut looks = interval(LOOK);
        loop {
            // Not for each of them: what waits behind may be hundreds of messages, each of which goes alone.
            if self
                .prolonged
                .is_none_or(|last| last.elapsed() >= self.ack_wait / 3)
            {
                self.prolong(behind).await;
                self.prolonged = Some(tokio::time::Instant::now());
            }
            if self.metrics.in_flight.get() == 0 || start.elapsed() >= ALONE {
                return;
            }
            looks.tick().await;
        }
    }
}
