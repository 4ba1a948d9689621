//! What a divided stream needs of the server: the transform that stores subjects by partition, and ack-all consumers with one
//! owner each. Made if absent, never deleted; of a stream nothing is changed but our own transform.

use async_nats::jetstream::ErrorCode;
use async_nats::jetstream::consumer::{AckPolicy, DeliverPolicy, Info, pull};
use async_nats::jetstream::response::Response;
use futures_util::TryStreamExt;
use serde_json::{Value, json};

use super::history::consumer_is_absent;
use super::{Bus, EnsureError, Existed};
use crate::source::ledger::{Counts, Holes};
use crate::source::plan::{self, Found, Lane};

/// The first server with subject transforms and consumers of several subjects.
const DIVIDES: (i64, i64, i64) = (2, 10, 0);
/// The most messages that may be un-acked on a lane: its owner remembers each of them.
const MAX_ACK_PENDING: i64 = 1_000_000;

/// Whether the transform of a stream was changed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Division {
    /// It was as it should be.
    Before,
    /// It has just been made so.
    Changed,
}

fn unavailable(what: &str, error: &impl std::fmt::Display) -> EnsureError {
    EnsureError::Unavailable {
        what: what.to_owned(),
        reason: error.to_string(),
    }
}

impl Bus {
    /// Whether the server can divide a stream by itself; its version.
    pub(crate) fn divides(&self) -> Result<(), String> {
        let (major, minor, patch) = DIVIDES;
        if self.client.is_server_compatible(major, minor, patch) {
            return Ok(());
        }
        Err(self.client.server_info().version)
    }

    /// Whether a stream may have ack-all consumers, and how many replicas it has.
    ///
    /// # Errors
    /// [`EnsureError::Unfit`] if the server would ack by itself what is not stored.
    pub(crate) async fn ensure_lanes_are_safe(&self, stream: &str) -> Result<u64, EnsureError> {
        let config = self.stream_config(stream).await?;
        // nats-server 2.12.1, server/consumer.go: when a message that is not acked is removed from the middle of the stream,
        // `decStreamPending` has it acked by `processAckMsg`, which with ack-all acks everything before it, too. A rollup of a
        // subject with one earlier message does the same (`PurgeEx` in server/filestore.go).
        let per_subject = config["max_msgs_per_subject"].as_i64().unwrap_or(-1) > 0;
        let removing = [
            ("max_msgs_per_subject", per_subject),
            ("allow_msg_ttl", config["allow_msg_ttl"] == true),
            ("allow_rollup_hdrs", config["allow_rollup_hdrs"] == true),
        ];
        if let Some((setting, _)) = removing.into_iter().find(|(_, removes)| *removes) {
            return Err(EnsureError::Unfit(format!(
                "stream {stream} removes single messages ({setting}): with source.partitions the server would take what came \
                 before them for acked; turn that off, or leave source.partitions out"
            )));
        }
        Ok(config["num_replicas"].as_u64().unwrap_or(1))
    }

    /// Sees to it that a stream stores subjects with `prefix` in `count` partitions.
    ///
    /// # Errors
    /// [`EnsureError::Unfit`] if it has a transform that is none of ours.
    pub(crate) async fn ensure_divided(
        &self,
        stream: &str,
        prefix: &str,
        count: u32,
    ) -> Result<Division, EnsureError> {
        let mut config = self.stream_config(stream).await?;
        let have = &config["subject_transform"];
        let is = |count| {
            let (source, destination) = plan::transform(prefix, count);
            have["src"] == source && have["dest"] == destination
        };
        if is(count) {
            return Ok(Division::Before);
        }
        if !have.is_null() && !(1..=64).any(is) {
            return Err(EnsureError::Unfit(format!(
                "stream {stream} has a subject transform of its own ({have}): remove it, or divide by a list of subjects in \
                 source.partitions"
            )));
        }
        let (source, destination) = plan::transform(prefix, count);
        config["subject_transform"] = json!({ "src": source, "dest": destination });
        // As JSON, so that what this client does not know of stays as it is.
        self.ask(&format!("STREAM.UPDATE.{stream}"), &config)
            .await?;
        Ok(Division::Changed)
    }

    /// Makes sure that a stream stores subjects as they were published: patterns would not find them otherwise.
    ///
    /// # Errors
    /// [`EnsureError::Unfit`] if it has a transform.
    pub(crate) async fn ensure_undivided(&self, stream: &str) -> Result<(), EnsureError> {
        let have = self.stream_config(stream).await?["subject_transform"].take();
        if have.is_null() {
            return Ok(());
        }
        Err(EnsureError::Unfit(format!(
            "stream {stream} stores subjects by a transform ({have}), where the patterns of source.partitions do not find them: \
             divide by a number, or remove the transform once what it stored has been read"
        )))
    }

    async fn stream_config(&self, stream: &str) -> Result<Value, EnsureError> {
        let mut info = self
            .ask(&format!("STREAM.INFO.{stream}"), &json!({}))
            .await?;
        Ok(info["config"].take())
    }

    async fn ask(&self, what: &str, request: &Value) -> Result<Value, EnsureError> {
        let answer = self.jetstream.request(what.to_owned(), request).await;
        match answer.map_err(|error| unavailable(what, &error))? {
            Response::Ok(answer) => Ok(answer),
            Response::Err { error } => Err(unavailable(what, &error)),
        }
    }

    /// The consumers of a stream that can be read in turn with those of `consumer`.
    ///
    /// # Errors
    /// [`EnsureError::Unavailable`] when there is no answer.
    pub(crate) async fn found(
        &self,
        stream: &str,
        consumer: &str,
    ) -> Result<Vec<Found>, EnsureError> {
        let what = format!("consumers of stream {stream}");
        let handle = self.jetstream.get_stream_no_info(stream).await;
        let handle = handle.map_err(|error| unavailable(&what, &error))?;
        let all: Vec<Info> = handle
            .consumers()
            .try_filter(|info| std::future::ready(info.name.starts_with(consumer)))
            .try_collect()
            .await
            .map_err(|error| unavailable(&what, &error))?;
        Ok(all.into_iter().map(found).collect())
    }

    /// Sees to it that the consumer of a lane is there; one that is not begins at `start`.
    ///
    /// # Errors
    /// [`EnsureError::Unfit`] if it is of another kind.
    pub(crate) async fn ensure_lane(
        &self,
        wanted: &crate::config::JetStream,
        lane: &Lane,
        description: &str,
        start: Option<u64>,
    ) -> Result<Existed, EnsureError> {
        let (stream, name) = (&wanted.stream, &lane.consumer);
        let what = format!("consumer {name}");
        let handle = self.jetstream.get_stream_no_info(stream).await;
        let handle = handle.map_err(|error| unavailable(&what, &error))?;
        match handle.consumer_info(name).await {
            Ok(info) => {
                fits(stream, name, lane, &info)?;
                return Ok(Existed::Before);
            }
            Err(error) if consumer_is_absent(&error) => {}
            Err(error) => return Err(unavailable(&what, &error)),
        }
        let one = lane.filters.first().filter(|_| lane.filters.len() == 1);
        let many = (lane.filters.len() > 1).then(|| lane.filters.clone());
        let config = pull::Config {
            durable_name: Some(name.clone()),
            description: Some(description.to_owned()),
            ack_policy: AckPolicy::All,
            ack_wait: wanted.ack_wait,
            max_ack_pending: wanted.max_ack_pending.min(MAX_ACK_PENDING),
            filter_subject: one.cloned().unwrap_or_default(),
            filter_subjects: many.unwrap_or_default(),
            deliver_policy: start.map_or(DeliverPolicy::All, |start_sequence| {
                DeliverPolicy::ByStartSequence { start_sequence }
            }),
            ..pull::Config::default()
        };
        handle
            .create_consumer(config)
            .await
            .map_err(|error| unavailable(&what, &error))?;
        Ok(Existed::Created)
    }

    /// What the server waits for on a consumer, and whether the stream had lost messages by then.
    ///
    /// # Errors
    /// [`EnsureError::Unavailable`] when there is no answer.
    pub(crate) async fn counts(&self, stream: &str, consumer: &str) -> Result<Counts, EnsureError> {
        let consumer = format!("CONSUMER.INFO.{stream}.{consumer}");
        let info = self.ask(&consumer, &json!({})).await?;
        // In this order: a removal that the consumer's counts know of shows in the stream's.
        let stream = format!("STREAM.INFO.{stream}");
        let state = self.ask(&stream, &json!({})).await?["state"].take();
        let first = number(&stream, &state["first_seq"])?;
        let last = number(&stream, &state["last_seq"])?;
        let whole = (last + 1).saturating_sub(first) == number(&stream, &state["messages"])?;
        Ok(Counts {
            pending: number(&consumer, &info["num_ack_pending"])?,
            delivered: number(&consumer, &info["delivered"]["consumer_seq"])?,
            through: number(&consumer, &info["delivered"]["stream_seq"])?,
            floor: number(&consumer, &info["ack_floor"]["stream_seq"])?,
            holes: if whole { Holes::None } else { Holes::Some },
        })
    }

    /// The first message on `filter` that the stream has from `sequence` on; its sequence.
    ///
    /// # Errors
    /// [`EnsureError::Unavailable`] when there is no answer.
    pub(crate) async fn next_message(
        &self,
        stream: &str,
        sequence: u64,
        filter: &str,
    ) -> Result<Option<u64>, EnsureError> {
        let what = format!("STREAM.MSG.GET.{stream}");
        let request = json!({ "seq": sequence, "next_by_subj": filter });
        let answer: Result<Response<Value>, _> =
            self.jetstream.request(what.clone(), &request).await;
        match answer.map_err(|error| unavailable(&what, &error))? {
            Response::Ok(answer) => number(&what, &answer["message"]["seq"]).map(Some),
            Response::Err { error } if error.error_code() == ErrorCode::NO_MESSAGE_FOUND => {
                Ok(None)
            }
            Response::Err { error } => Err(unavailable(&what, &error)),
        }
    }
}

fn number(what: &str, value: &Value) -> Result<u64, EnsureError> {
    let number = value.as_u64();
    number.ok_or_else(|| unavailable(what, &"the answer lacks a number"))
}

fn found(info: Info) -> Found {
    Found {
        filters: filters(&info),
        name: info.name,
        ack_floor: info.ack_floor.stream_sequence,
        open: info.num_pending + info.num_ack_pending as u64,
        description: info.config.description.unwrap_or_default(),
    }
}

fn filters(info: &Info) -> Vec<String> {
    match info.config.filter_subject.as_str() {
        "" => info.config.filter_subjects.clone(),
        one => vec![one.to_owned()],
    }
}

fn fits(stream: &str, name: &str, lane: &Lane, info: &Info) -> Result<(), EnsureError> {
    let config = &info.config;
    let problem = if config.deliver_subject.is_some() || config.ack_policy != AckPolicy::All {
        "is no pull consumer with ack-all".to_owned()
    } else if !(1..=MAX_ACK_PENDING).contains(&config.max_ack_pending) {
        format!("has a max_ack_pending that is not between 1 and {MAX_ACK_PENDING}")
    } else if config.max_deliver > 0 {
        "gives messages up after so many deliveries (max_deliver)".to_owned()
    } else if filters(info) != lane.filters {
        format!("takes {:?} and not {:?}", filters(info), lane.filters)
    } else {
        return Ok(());
    };
    Err(EnsureError::Unfit(format!(
        "consumer {name} of stream {stream} {problem}: name another one in source.consumer, or delete it"
    )))
}
