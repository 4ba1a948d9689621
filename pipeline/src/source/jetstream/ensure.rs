//! Before each session: the stream and the durable consumer are there, and go on where they were.

use tracing::{error, info};

use super::{Acks, Over, Owned, Source};
use crate::bus::Existed;
use crate::source::watch::{Cause, Resume};

impl Source {
    pub(super) async fn ensure(&self) -> Result<(), Over> {
        if self.bus.ensure_stream(&self.stream).await? == Existed::Created {
            info!(stream = self.stream.name, subjects = ?self.stream.subjects, "created the stream");
        }
        let (stream, consumer) = (&self.config.stream, &self.config.consumer);
        let _making = self.history.making().await;
        self.history.recall().await;
        let now = self.bus.stream_state(stream).await?;
        let resume = self.history.resume(now).await;
        let start = match resume {
            Resume::At(sequence, _) => Some(sequence),
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
                    Resume::At(..) | Resume::AtTheBeginning(_) => start,
                };
                let ensured = self.bus.ensure_lane(&self.config, plan, description, start);
                ensured.await?
            }
        };
        if existed == Existed::Created {
            self.say_why_it_was_made(&resume);
        }
        self.history.ensured(existed, now).await?;
        Ok(())
    }

    fn say_why_it_was_made(&self, resume: &Resume) {
        let (stream, consumer) = (&self.config.stream, &self.config.consumer);
        match resume {
            Resume::Afresh => info!(stream, consumer, "created the durable consumer"),
            Resume::At(start, Cause::Idle) => info!(
                stream,
                consumer,
                start,
                "the server had removed the durable consumer, idle as it was; created it again from the last ack seen"
            ),
            Resume::At(start, Cause::Deleted(damage)) => {
                self.history.tell(*damage);
                error!(
                    stream,
                    consumer, start, "created the durable consumer again from the last ack seen"
                );
            }
            Resume::AtTheBeginning(damage) => {
                self.history.tell(*damage);
                error!(
                    stream,
                    consumer, "created the durable consumer again, from the stream's beginning"
                );
            }
        }
    }
}
