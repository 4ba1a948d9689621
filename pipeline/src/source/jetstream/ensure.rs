//! Before each session: the stream and the durable consumer are there, and go on where they were.

use tracing::{error, info};

use super::look::say;
use super::{Acks, Over, Owned, Source};
use crate::bus::Existed;
use crate::source::watch::Resume;

impl Source {
    pub(super) async fn ensure(&self) -> Result<(), Over> {
        if self.bus.ensure_stream(&self.stream).await? == Existed::Created {
            info!(stream = self.stream.name, subjects = ?self.stream.subjects, "created the stream");
        }
        let (stream, consumer) = (&self.config.stream, &self.config.consumer);
        let now = self.bus.stream_state(stream).await?;
        let resume = self.watch.lock().expect("no holder panics").resume(now);
        let start = match resume {
            Resume::At(sequence) => Some(sequence),
            Resume::Afresh | Resume::AtTheBeginning(_) => None,
        };
        let existed = match &self.acks {
            Acks::Each => {
                let ensured = self
                    .bus
                    .ensure_consumer(stream, consumer, &self.config, start);
                ensured.await?
            }
            Acks::All(owned) => {
                let Owned {
                    plan, description, ..
                } = owned;
                let start = match resume {
                    Resume::Afresh => owned.start,
                    Resume::At(_) | Resume::AtTheBeginning(_) => start,
                };
                let ensured = self.bus.ensure_lane(&self.config, plan, description, start);
                ensured.await?
            }
        };
        if existed == Existed::Before {
            return Ok(());
        }
        match &resume {
            Resume::Afresh => info!(stream, consumer, "created the durable consumer"),
            Resume::At(start) => {
                self.metrics.history_damage.inc();
                error!(
                    stream,
                    consumer,
                    start,
                    "the durable consumer was deleted; created it again from the last ack seen"
                );
            }
            Resume::AtTheBeginning(damage) => {
                self.metrics.history_damage.inc();
                say(&self.config, damage);
                error!(
                    stream,
                    consumer, "created the durable consumer again, from the stream's beginning"
                );
            }
        }
        self.watch.lock().expect("no holder panics").forget();
        Ok(())
    }
}
