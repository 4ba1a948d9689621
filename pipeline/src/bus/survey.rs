//! What `flightline doctor` and `flightline observe` ask of a server: nothing is created or changed. Answers are taken as they are; what a server does not
//! know of stays empty.

use std::time::Duration;

use async_nats::jetstream::context::RequestErrorKind;
use async_nats::jetstream::response::Response;
use async_nats::jetstream::{self, ErrorCode};
use futures_util::StreamExt as _;
use serde::Deserialize;
use serde_json::{Value, json};
use tokio::time::timeout;

use super::servers::{Patience, Question};
use super::{ANSWER, Bus, EnsureError};
use crate::bus::divided::unavailable;

/// Who may not ask gets no answer at all.
const PATIENCE: Duration = Duration::from_secs(1);

/// A stream as its server describes it.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(default)]
pub(crate) struct StreamFacts {
    pub(crate) config: StreamSettings,
    pub(crate) state: StreamCounts,
    /// The server's time, from 2.10 on.
    pub(crate) ts: Option<String>,
}

#[derive(Debug, Clone, Default, Deserialize)]
#[serde(default)]
pub(crate) struct StreamSettings {
    pub(crate) name: String,
    pub(crate) subjects: Vec<String>,
    pub(crate) retention: String,
    pub(crate) storage: String,
    pub(crate) discard: String,
    pub(crate) num_replicas: u64,
    /// Nanoseconds; 0 for no limit.
    pub(crate) max_age: u64,
    pub(crate) max_bytes: i64,
    pub(crate) max_msgs: i64,
    /// Nanoseconds.
    pub(crate) duplicate_window: u64,
}

#[derive(Debug, Clone, Default, Deserialize)]
#[serde(default)]
pub(crate) struct StreamCounts {
    pub(crate) messages: u64,
    pub(crate) bytes: u64,
    pub(crate) consumer_count: u64,
    pub(crate) first_ts: String,
    pub(crate) last_ts: String,
}

/// A consumer as its server describes it.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(default)]
pub(crate) struct ConsumerFacts {
    pub(crate) config: ConsumerSettings,
    pub(crate) num_pending: u64,
    pub(crate) num_ack_pending: i64,
    pub(crate) num_waiting: u64,
}

#[derive(Debug, Clone, Default, Deserialize)]
#[serde(default)]
pub(crate) struct ConsumerSettings {
    pub(crate) deliver_subject: String,
    pub(crate) ack_policy: String,
    /// Nanoseconds.
    pub(crate) ack_wait: u64,
    pub(crate) max_ack_pending: i64,
    pub(crate) max_deliver: i64,
    pub(crate) filter_subject: String,
    pub(crate) filter_subjects: Vec<String>,
    /// Nanoseconds; 0 for never.
    pub(crate) inactive_threshold: u64,
}

/// Whether there is a JetStream for an account.
#[derive(Debug)]
pub(crate) enum Stores {
    /// There is.
    Yes,
    /// The server says why not.
    No(EnsureError),
    /// Nobody answers us.
    Unsaid(EnsureError),
}

impl Bus {
    /// The server's version.
    pub(crate) fn version(&self) -> String {
        self.client.server_info().version
    }

    /// Whether the server is at least this version.
    pub(crate) fn is_at_least(&self, (major, minor, patch): (i64, i64, i64)) -> bool {
        self.client.is_server_compatible(major, minor, patch)
    }

    /// Whether there is a JetStream for us. Who may not ask gets no answer, which is not a no.
    pub(crate) async fn stores(&self) -> Stores {
        let what = "INFO";
        let answer: Result<Response<Value>, _> = self.jetstream.request(what, &json!({})).await;
        match answer {
            Ok(Response::Ok(_)) => Stores::Yes,
            Ok(Response::Err { error }) => Stores::No(unavailable(what, &error)),
            Err(error) if error.kind() == RequestErrorKind::NoResponders => {
                Stores::No(unavailable(what, &error))
            }
            Err(error) => Stores::Unsaid(unavailable(what, &error)),
        }
    }

    /// A stream; `None` if there is none.
    ///
    /// # Errors
    /// When there is no answer.
    pub(crate) async fn stream_facts(
        &self,
        stream: &str,
    ) -> Result<Option<StreamFacts>, EnsureError> {
        self.look_up(&format!("STREAM.INFO.{stream}"), &json!({}))
            .await
    }

    /// A consumer; `None` if there is none.
    ///
    /// # Errors
    /// When there is no answer.
    pub(crate) async fn consumer_facts(
        &self,
        stream: &str,
        consumer: &str,
    ) -> Result<Option<ConsumerFacts>, EnsureError> {
        self.look_up(&format!("CONSUMER.INFO.{stream}.{consumer}"), &json!({}))
            .await
    }

    /// The streams that capture some of these subjects.
    ///
    /// # Errors
    /// When there is no answer.
    pub(crate) async fn capturing(&self, subject: &str) -> Result<Vec<String>, EnsureError> {
        let request = json!({ "subject": subject });
        let answer = self.ask("STREAM.NAMES", &request).await?;
        let names = answer["streams"].as_array().into_iter().flatten();
        Ok(names.filter_map(Value::as_str).map(str::to_owned).collect())
    }

    async fn look_up<T: for<'de> Deserialize<'de>>(
        &self,
        what: &str,
        request: &Value,
    ) -> Result<Option<T>, EnsureError> {
        let answer = self.jetstream.request(what.to_owned(), request).await;
        match answer.map_err(|error| unavailable(what, &error))? {
            Response::Ok(answer) => Ok(Some(answer)),
            Response::Err { error } => match error.error_code() {
                ErrorCode::STREAM_NOT_FOUND | ErrorCode::CONSUMER_NOT_FOUND => Ok(None),
                _ => Err(unavailable(what, &error)),
            },
        }
    }

    /// The settings of a server; `None` if we may not see them.
    pub(crate) async fn server_settings(&self) -> Option<Value> {
        let one = Patience {
            all: PATIENCE,
            quiet: Duration::ZERO,
            known: 1,
            most: 1,
        };
        let answers = self.ask_servers(Question::Varz, one).await.ok()?;
        let mut answer = answers.read.into_iter().next()?;
        Some(answer["data"].take())
    }

    /// What an account has of JetStream.
    ///
    /// # Errors
    /// See [`Untold`].
    pub(crate) async fn account(&self) -> Result<Value, Untold> {
        self.told("INFO".to_owned(), &json!({})).await
    }

    /// A page of the account's streams with how they stand, from the one with this number on.
    ///
    /// # Errors
    /// See [`Untold`].
    pub(crate) async fn streams(&self, offset: usize) -> Result<Value, Untold> {
        let from = json!({ "offset": offset });
        self.told("STREAM.LIST".to_owned(), &from).await
    }

    /// A page of a stream's consumers with how they stand, from the one with this number on; null if there is no such stream.
    ///
    /// # Errors
    /// See [`Untold`].
    pub(crate) async fn consumers(&self, stream: &str, offset: usize) -> Result<Value, Untold> {
        let from = json!({ "offset": offset });
        match self.told(format!("CONSUMER.LIST.{stream}"), &from).await {
            Err(Untold::Refused(error)) if error.error_code() == ErrorCode::STREAM_NOT_FOUND => {
                Ok(Value::Null)
            }
            told => told,
        }
    }

    async fn told(&self, what: String, request: &Value) -> Result<Value, Untold> {
        let unanswered = |what: &str, reason: &str| Untold::Unanswered {
            what: what.to_owned(),
            reason: reason.to_owned(),
        };
        let body = request.to_string().into();
        let arriving = self.put(&format!("$JS.API.{what}"), body).await;
        let mut arriving = arriving.map_err(|error| unanswered(&what, &error.to_string()))?;
        let answer = timeout(ANSWER, arriving.next()).await.ok().flatten();
        let Some(answer) = answer else {
            return Err(unanswered(&what, "no answer: is it allowed to this user?"));
        };
        // Nobody who answers is told by a status without a body.
        if answer.payload.is_empty() {
            return Err(unanswered(
                &what,
                "nobody answers: there is no JetStream for this account",
            ));
        }
        match serde_json::from_slice(&answer.payload) {
            Ok(Response::Ok(answer)) => Ok(answer),
            Ok(Response::Err { error }) => Err(Untold::Refused(error)),
            Err(_) => Err(Untold::Unreadable { what }),
        }
    }
}

/// A question to JetStream came to nothing.
#[derive(Debug, thiserror::Error)]
pub(crate) enum Untold {
    /// Nobody answered in time; who may not ask gets no answer.
    #[error("{what}: {reason}")]
    Unanswered { what: String, reason: String },
    /// The server says no.
    #[error(transparent)]
    Refused(jetstream::Error),
    /// The answer is none.
    #[error("{what}: the answer cannot be read")]
    Unreadable { what: String },
}
