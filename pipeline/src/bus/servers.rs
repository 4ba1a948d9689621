//! A question to all servers in, their answers out: what a login of the system account may ask.

use std::time::Duration;

use async_nats::Subscriber;
use bytes::Bytes;
use futures_util::StreamExt as _;
use serde_json::Value;
use tokio::time::{Instant, timeout_at};

use super::{Bus, BusError};

/// What every server can be asked.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Question {
    /// What it is, what it has to do.
    Varz,
    /// Its JetStream.
    Jsz,
}

impl Question {
    /// Where it is asked.
    pub(crate) const fn subject(self) -> &'static str {
        match self {
            Self::Varz => "$SYS.REQ.SERVER.PING.VARZ",
            Self::Jsz => "$SYS.REQ.SERVER.PING.JSZ",
        }
    }
}

/// For how long answers are waited for. Nobody says how many there will be.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Patience {
    /// For all of them.
    pub(crate) all: Duration,
    /// For one more, once as many as are known have answered.
    pub(crate) quiet: Duration,
    /// How many are known; 0: nobody knows, and nothing ends the wait early.
    pub(crate) known: usize,
    /// The most that are taken.
    pub(crate) most: usize,
}

impl Patience {
    /// Until when the next answer is waited for, when `answers` have come and it is `now`.
    fn until(&self, begun: Instant, answers: usize, now: Instant) -> Instant {
        let end = begun + self.all;
        if (1..=answers).contains(&self.known) {
            end.min(now + self.quiet)
        } else {
            end
        }
    }
}

/// What the servers say; who says no, or something else than JSON, is not among them.
#[derive(Debug, Default)]
pub(crate) struct Answers {
    /// As they came.
    pub(crate) read: Vec<Value>,
    /// How many were no JSON.
    pub(crate) unreadable: usize,
}

impl Bus {
    /// Asks all servers at once. Without an answer there is none to be had: who may not ask gets none.
    ///
    /// # Errors
    /// When the connection does not allow it.
    pub(crate) async fn ask_servers(
        &self,
        question: Question,
        patience: Patience,
    ) -> Result<Answers, BusError> {
        let mut arriving = self.put(question.subject(), Bytes::new()).await?;
        let mut answers = Answers::default();
        let (begun, mut last) = (Instant::now(), Instant::now());
        while answers.read.len() < patience.most {
            let until = patience.until(begun, answers.read.len(), last);
            let Ok(Some(message)) = timeout_at(until, arriving.next()).await else {
                break;
            };
            last = Instant::now();
            // Nobody who answers is told by a status without a body.
            if message.payload.is_empty() {
                break;
            }
            match serde_json::from_slice(&message.payload) {
                Ok(answer) => answers.read.push(answer),
                Err(_) => answers.unreadable += 1,
            }
        }
        Ok(answers)
    }

    /// Asks, and leaves the answers to come; when they are dropped nothing is left of it. The client's own requests keep an entry for
    /// each one that nobody answers.
    #[expect(clippy::disallowed_methods, reason = "this is the one door")]
    pub(super) async fn put(&self, subject: &str, body: Bytes) -> Result<Subscriber, BusError> {
        let inbox = self.inbox();
        let arriving = self.subscribe(&inbox).await?;
        let asked = self
            .client
            .publish_with_reply(subject.to_owned(), inbox, body);
        asked
            .await
            .map_err(|error| super::publish_error(&subject.into(), &error))?;
        Ok(arriving)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn who_is_known_is_waited_for_and_nobody_for_ever() {
        let patience = Patience {
            all: Duration::from_secs(3),
            quiet: Duration::from_millis(250),
            known: 3,
            most: 64,
        };
        let begun = Instant::now();
        let after = |millis| begun + Duration::from_millis(millis);
        let until = |answers, now| patience.until(begun, answers, after(now));
        assert_eq!(until(0, 0), after(3000));
        assert_eq!(until(2, 100), after(3000));
        assert_eq!(until(3, 100), after(350));
        assert_eq!(until(4, 2900), after(3000));
        let nobody = Patience {
            known: 0,
            ..patience
        };
        assert_eq!(nobody.until(begun, 0, begun), after(3000));
        assert_eq!(nobody.until(begun, 1, after(10)), after(3000));
    }
}
