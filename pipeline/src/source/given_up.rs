//! What a consumer will not deliver any more comes in, a dead letter for each goes out. Our own consumers have no limit of deliveries,
//! but one that somebody else made may have one, and anybody with the right may terminate a message. It is still in its stream, and is
//! taken from there. With several workers one of them does it; if two did, the dead-letter stream would know the second for the same.

use std::sync::Arc;
use std::time::Duration;

use async_nats::Subject;
use flightline_contract::deadletter::Reason;
use tokio_util::sync::CancellationToken;
use tracing::{error, warn};

use super::plan::published;
use crate::bus::{Advisories, Bus, EnsureError, GivesUp, Kept, Saying};
use crate::config::JetStream;
use crate::deadletter::{Closed, Letter, Office};
use crate::delivery::{Attempt, Stamp};
use crate::metrics::{Metrics, Stage};
use crate::source::said::Said;

/// Between two tries when the server does not answer, and until a consumer is there that is not yet.
const PAUSE: Duration = Duration::from_secs(1);

/// Keeps what one consumer gives up.
#[derive(Debug)]
pub(crate) struct GivenUp {
    /// The way to the server.
    pub(crate) bus: Bus,
    /// The consumer, or the lanes of a divided stream.
    pub(crate) config: JetStream,
    /// The first token of the contract's subjects.
    pub(crate) prefix: String,
    /// Where letters are handed in.
    pub(crate) office: Office,
    /// How many there were.
    pub(crate) metrics: Arc<Metrics>,
}

/// Why it starts over, or does not.
enum Over {
    /// The server does not answer.
    Unavailable(EnsureError),
    /// Nobody takes letters any more.
    Closed,
}

impl From<EnsureError> for Over {
    fn from(error: EnsureError) -> Self {
        Self::Unavailable(error)
    }
}

impl From<Closed> for Over {
    fn from(Closed: Closed) -> Self {
        Self::Closed
    }
}

impl GivenUp {
    /// Works until `stop`, or until nobody takes letters any more.
    pub(crate) async fn run(self, stop: CancellationToken) {
        stop.run_until_cancelled(async {
            loop {
                match self.listen().await {
                    Ok(()) | Err(Over::Closed) => return,
                    Err(Over::Unavailable(error)) => {
                        self.metrics.failed(Stage::Source, &error);
                        warn!(%error, "what the consumer gives up is not heard of; trying again");
                        tokio::time::sleep(PAUSE).await;
                    }
                }
            }
        })
        .await;
    }

    async fn listen(&self) -> Result<(), Over> {
        let mut advisories = self.open().await?;
        while let Some((saying, reply)) = advisories.next().await? {
            if let Some(saying) = saying.filter(|saying| self.is_ours(&saying.consumer)) {
                self.keep(&saying).await?;
            }
            if let Some(reply) = reply
                && let Err(error) = self.bus.ack(reply).await
            {
                warn!(%error, "it will be heard again that a message was given up");
            }
        }
        Ok(())
    }

    async fn open(&self) -> Result<Advisories, Over> {
        let (stream, consumer) = (&self.config.stream, &self.config.consumer);
        // A lane is not read at all if its consumer has a limit.
        if self.config.partitions.is_some() {
            return Ok(self.bus.hear_advisories(stream, consumer).await?);
        }
        let gives_up = loop {
            // The source makes it.
            match self.bus.gives_up(stream, consumer).await? {
                Some(gives_up) => break gives_up,
                None => tokio::time::sleep(PAUSE).await,
            }
        };
        Ok(match gives_up {
            GivesUp::After(_) => self.bus.keep_advisories(stream, consumer).await?,
            GivesUp::Never => self.bus.hear_advisories(stream, consumer).await?,
        })
    }

    fn is_ours(&self, consumer: &str) -> bool {
        let own = &self.config.consumer;
        match consumer.strip_prefix(own.as_str()) {
            Some("") => true,
            Some(lane) => self.config.partitions.is_some() && lane.starts_with('-'),
            None => false,
        }
    }

    async fn keep(&self, saying: &Saying) -> Result<(), Over> {
        let (stream, sequence) = (&self.config.stream, saying.sequence);
        let Some(kept) = self.bus.kept(stream, sequence).await? else {
            error!(
                stream,
                sequence, "the consumer gave a message up that the stream does not have any more"
            );
            self.metrics.given_up.inc();
            return Ok(());
        };
        let letter = letter(saying, kept, &self.prefix);
        let text = format!("message {sequence} of {stream}: {}", letter.detail);
        self.metrics.failed(Stage::Source, &text);
        error!(
            stream,
            sequence,
            subject = letter.subject.as_str(),
            detail = letter.detail,
            "a message was given up and goes to the dead letters"
        );
        self.office.keep(vec![letter]).await?;
        self.metrics.given_up.inc();
        Ok(())
    }
}

fn letter(saying: &Saying, kept: Kept, prefix: &str) -> Letter {
    let Saying {
        consumer,
        deliveries,
        reason,
        ..
    } = saying;
    let detail = match reason.as_str() {
        "" => format!("consumer {consumer} gave it up after {deliveries} deliveries"),
        reason => format!("consumer {consumer} was told to give it up: {reason}"),
    };
    let said = Said::by(Some(&kept.headers));
    Letter {
        reason: Reason::GivenUp,
        detail,
        subject: published(Subject::from(kept.subject), prefix),
        stamp: said.stamp(Stamp {
            time: kept.time,
            sequence: Some(kept.sequence),
            attempt: Attempt::Again,
        }),
        line: None,
        declared: said.encoding,
        payload: kept.payload,
    }
}
