//! The ack-all consumers of a divided stream, with one owner each: looked at, made if absent, widened, never deleted.

use async_nats::jetstream::ErrorCode;
use async_nats::jetstream::consumer::{AckPolicy, DeliverPolicy, Info, pull};
use async_nats::jetstream::response::Response;
use futures_util::TryStreamExt;
use serde_json::{Value, json};

use super::divided::unavailable;
use super::history::{consumer_is_absent, filters};
use super::{Bus, EnsureError, Existed};
use crate::source::ledger::{Counts, Holes};
use crate::source::plan::{self, Found, Lane};

/// The most messages that may be un-acked on a lane: its owner remembers each of them.
const MAX_ACK_PENDING: i64 = 1_000_000;

impl Bus {
    /// The consumers of a stream whose names begin as `consumer` does.
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

    /// The first sequence from `next` on that one of these subjects has, or any if there are none; `None` if there is no such message.
    ///
    /// # Errors
    /// [`EnsureError::Unavailable`] when there is no answer.
    pub(crate) async fn first_from(
        &self,
        stream: &str,
        next: u64,
        subjects: &[String],
    ) -> Result<Option<u64>, EnsureError> {
        let what = format!("STREAM.MSG.GET.{stream}");
        let any = [">".to_owned()];
        let subjects = if subjects.is_empty() { &any } else { subjects };
        let mut first = None;
        for subject in subjects {
            let request = json!({ "seq": next, "next_by_subj": subject });
            let answer = self.jetstream.request(what.clone(), &request).await;
            let answer: Response<Value> = answer.map_err(|error| unavailable(&what, &error))?;
            let found = match answer {
                Response::Ok(answer) => Some(number(&what, &answer["message"]["seq"])?),
                Response::Err { error } if error.error_code() == ErrorCode::NO_MESSAGE_FOUND => {
                    None
                }
                Response::Err { error } => return Err(unavailable(&what, &error)),
            };
            first = first.into_iter().chain(found).min();
        }
        Ok(first)
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
                fits(stream, lane, description, info)?;
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

    /// Lets the consumer of a lane take the lane's filters, too.
    ///
    /// # Errors
    /// [`EnsureError::Unfit`] if the server cannot have it do so.
    pub(crate) async fn widen(&self, stream: &str, lane: &Lane) -> Result<(), EnsureError> {
        let name = &lane.consumer;
        // As JSON, so that what this client does not know of stays as it is.
        let mut info = self
            .ask(&format!("CONSUMER.INFO.{stream}.{name}"), &json!({}))
            .await?;
        let mut config = info["config"].take();
        let wider = plan::widened(&filters_in(&config), &lane.filters);
        if let Some((one, other)) = plan::clash(&wider) {
            return Err(EnsureError::Unfit(format!(
                "consumer {name} of stream {stream} cannot take both {one} and {other}, which overlap: once all it has is acked, set \
                 its filter_subjects to {}",
                lane.filters.join(", ")
            )));
        }
        config["filter_subject"].take();
        config["filter_subjects"] = json!(wider);
        let request = json!({ "stream_name": stream, "config": config, "action": "update" });
        self.ask(&format!("CONSUMER.CREATE.{stream}.{name}"), &request)
            .await?;
        Ok(())
    }

    /// What the server waits for on a consumer, and whether the stream had lost messages by then; and the filters that the consumer
    /// has, which may be more than a worker's configuration knows of.
    ///
    /// # Errors
    /// [`EnsureError::Unavailable`] when there is no answer.
    pub(crate) async fn counts(
        &self,
        stream: &str,
        consumer: &str,
    ) -> Result<(Counts, Vec<String>), EnsureError> {
        let consumer = format!("CONSUMER.INFO.{stream}.{consumer}");
        let info = self.ask(&consumer, &json!({})).await?;
        // In this order: a removal that the consumer's counts know of shows in the stream's.
        let stream = format!("STREAM.INFO.{stream}");
        let state = self.ask(&stream, &json!({})).await?["state"].take();
        let first = number(&stream, &state["first_seq"])?;
        let last = number(&stream, &state["last_seq"])?;
        let whole = (last + 1).saturating_sub(first) == number(&stream, &state["messages"])?;
        let counts = Counts {
            pending: number(&consumer, &info["num_ack_pending"])?,
            delivered: number(&consumer, &info["delivered"]["consumer_seq"])?,
            through: number(&consumer, &info["delivered"]["stream_seq"])?,
            floor: number(&consumer, &info["ack_floor"]["stream_seq"])?,
            holes: if whole { Holes::None } else { Holes::Some },
        };
        Ok((counts, filters_in(&info["config"])))
    }
}

fn number(what: &str, value: &Value) -> Result<u64, EnsureError> {
    let number = value.as_u64();
    number.ok_or_else(|| unavailable(what, &"the answer lacks a number"))
}

fn found(info: Info) -> Found {
    Found {
        filters: filters(&info.config),
        name: info.name,
        ack_floor: info.ack_floor.stream_sequence,
        open: info.num_pending + info.num_ack_pending as u64,
        description: info.config.description.unwrap_or_default(),
    }
}

/// Of a consumer's configuration as the server sends it.
fn filters_in(config: &Value) -> Vec<String> {
    let one = config["filter_subject"].as_str().into_iter();
    let many = config["filter_subjects"].as_array().into_iter().flatten();
    let all = one.chain(many.filter_map(Value::as_str));
    all.filter(|filter| !filter.is_empty())
        .map(str::to_owned)
        .collect()
}

fn fits(stream: &str, lane: &Lane, description: &str, info: Info) -> Result<(), EnsureError> {
    let config = &info.config;
    let kind = if config.deliver_subject.is_some() || config.ack_policy != AckPolicy::All {
        Some("is no pull consumer with ack-all".to_owned())
    } else if !(1..=MAX_ACK_PENDING).contains(&config.max_ack_pending) {
        Some(format!(
            "has a max_ack_pending that is not between 1 and {MAX_ACK_PENDING}"
        ))
    } else if config.max_deliver > 0 {
        Some("gives messages up after so many deliveries (max_deliver)".to_owned())
    } else {
        None
    };
    let found = found(info);
    let takes = || format!("takes {:?} and not {:?}", found.filters, lane.filters);
    let problem = kind.or_else(|| (!plan::suits(&found, lane, description)).then(takes));
    problem.map_or(Ok(()), |problem| {
        Err(EnsureError::Unfit(format!(
            "consumer {} of stream {stream} {problem}: name another one in source.consumer, or delete it",
            found.name
        )))
    })
}
