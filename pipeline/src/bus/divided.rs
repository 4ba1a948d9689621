//! What a divided stream must be: one that removes no single messages, and has the transform that stores subjects by partition.
//! Nothing of it is changed but our own transform.

use async_nats::jetstream::response::Response;
use serde_json::{Value, json};

use super::{Bus, EnsureError};
use crate::source::plan;

/// The first server with subject transforms and consumers of several subjects.
const DIVIDES: (i64, i64, i64) = (2, 10, 0);

/// Whether the transform of a stream was changed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Division {
    /// It was as it should be.
    Before,
    /// It has just been made so.
    Changed,
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

    /// Whether a stream may have ack-all consumers.
    ///
    /// # Errors
    /// [`EnsureError::Unfit`] if the server would ack by itself what is not stored.
    pub(crate) async fn ensure_lanes_are_safe(&self, stream: &str) -> Result<(), EnsureError> {
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
        Ok(())
    }

    /// Sees to it that a stream stores subjects with `prefix` in `count` partitions, for the durable `consumer`.
    ///
    /// # Errors
    /// [`EnsureError::Unfit`] if it has a transform that is none of ours, or somebody else would get nothing more.
    pub(crate) async fn ensure_divided(
        &self,
        stream: &str,
        consumer: &str,
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
        let all = self.found(stream, "").await?;
        if let Some((other, filter)) = plan::starved(&all, consumer, prefix) {
            let name = &other.name;
            return Err(EnsureError::Unfit(format!(
                "consumer {name} of stream {stream} takes {filter}, and would get nothing more once that is stored by partition: let \
                 it take *.{filter}, too (filter_subjects), delete it, or divide by a list of subjects in source.partitions"
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

    pub(super) async fn ask(&self, what: &str, request: &Value) -> Result<Value, EnsureError> {
        let answer = self.jetstream.request(what.to_owned(), request).await;
        match answer.map_err(|error| unavailable(what, &error))? {
            Response::Ok(answer) => Ok(answer),
            Response::Err { error } => Err(unavailable(what, &error)),
        }
    }
}

pub(super) fn unavailable(what: &str, error: &impl std::fmt::Display) -> EnsureError {
    EnsureError::Unavailable {
        what: what.to_owned(),
        reason: error.to_string(),
    }
}
