//! The stream that is read: whether it takes what is published, and whether it still has it after an outage.

use std::time::Duration;

use time::OffsetDateTime;
use time::format_description::well_known::Rfc3339;

use flightline_contract::filter::covers;
use flightline_contract::token::Prefix;

use super::OUTAGE;
use super::finding::{Code, Finding};
use super::nats::unseen;
use crate::bus::{Bus, EnsureError, StreamFacts};
use crate::config::units::{show_duration, show_size};
use crate::config::{Config, JetStream};
use crate::worker::stream_of;

/// What a publisher needs to try again without being stored twice.
const AGAIN: Duration = Duration::from_secs(30);
/// From this part of its limit on a stream is full: it removes as much as comes.
const FULL: f64 = 0.9;

/// Looks at it.
pub(super) async fn examine(
    bus: &Bus,
    config: &Config,
    source: &JetStream,
    facts: Option<&StreamFacts>,
) -> Vec<Finding> {
    let about = format!("stream {}", source.stream);
    let subjects = match Prefix::new(&config.prefix) {
        Ok(prefix) => stream_of(config, &prefix, &source.stream).subjects,
        Err(_) => Vec::new(),
    };
    let mut findings = match facts {
        Some(facts) => judge(facts, source, &subjects),
        None => vec![
            Finding::note(Code::StreamAbsent, &about)
                .found("it is not there")
                .means("the worker creates it with one replica, and without limits: a stalled store fills the server's disk")
                .cure(format!(
                    "create it as it should be: nats stream add {} --subjects '{}' --replicas 3",
                    source.stream,
                    subjects.join(",")
                )),
        ],
    };
    for subject in &subjects {
        match bus.capturing(subject).await {
            Ok(streams) => findings.extend(elsewhere(&about, source, subject, &streams)),
            Err(error) => findings.push(unseen(&about, &error)),
        }
    }
    if source.partitions.is_some()
        && facts.is_some()
        && let Err(EnsureError::Unfit(problem)) = bus.ensure_lanes_are_safe(&source.stream).await
    {
        findings.push(
            Finding::error(Code::LanesUnsafe, &about)
                .found(problem)
                .means("no worker with source.partitions reads it")
                .cure("turn that off for the stream, or leave source.partitions out")
                .by_settings(),
        );
    }
    findings
}

fn elsewhere(
    about: &str,
    source: &JetStream,
    subject: &str,
    streams: &[String],
) -> Option<Finding> {
    let others: Vec<_> = streams
        .iter()
        .filter(|name| **name != source.stream)
        .collect();
    let other = others.first()?;
    Some(
        Finding::error(Code::SubjectsElsewhere, about)
            .found(format!("{subject} is, at least in part, in stream {other}"))
            .means("what that stream takes is not read here, and the server refuses a second stream for the same subjects")
            .cure(format!("source.stream = \"{other}\", or take the subject out of that stream"))
            .by_settings(),
    )
}

fn judge(facts: &StreamFacts, source: &JetStream, subjects: &[String]) -> Vec<Finding> {
    let about = format!("stream {}", source.stream);
    let StreamFacts { config, state, .. } = facts;
    let mut findings = vec![Finding::ok(Code::Stream, &about).found(format!(
        "{} messages, {}, {} consumer(s)",
        state.messages,
        show_size(state.bytes),
        state.consumer_count
    ))];
    let missing: Vec<_> = subjects
        .iter()
        .filter(|subject| !config.subjects.iter().any(|have| covers(have, subject)))
        .cloned()
        .collect();
    if !missing.is_empty() {
        let (missing, have) = (missing.join(", "), config.subjects.join(", "));
        findings.push(
            Finding::error(Code::SubjectsUncaptured, &about)
                .found(format!("it does not capture {missing} (it has {have})"))
                .means("what is published there is stored nowhere, and no worker starts to read")
                .cure(format!(
                    "nats stream edit {} --subjects '{have},{missing}'",
                    source.stream
                ))
                .by_settings(),
        );
    }
    findings.extend(durability(facts, &about));
    findings.extend(retention(facts, source, &about));
    if config.duplicate_window < nanos(AGAIN) {
        let window = show_duration(Duration::from_nanos(config.duplicate_window));
        findings.push(
            Finding::warning(Code::DuplicateWindow, &about)
                .found(format!("a message id is known for {window}"))
                .means("a publisher that tries again after that is stored twice (which changes no stored point, but counts)")
                .cure(format!("nats stream edit {} --dupe-window 2m", source.stream))
                .by_settings(),
        );
    }
    findings
}

fn durability(facts: &StreamFacts, about: &str) -> Vec<Finding> {
    let config = &facts.config;
    let mut findings = Vec::new();
    if config.storage == "memory" {
        findings.push(
            Finding::error(Code::StorageMemory, about)
                .found("it is kept in memory")
                .means("a restart of the server loses all that is not read: at least once does not hold")
                .cure("storage cannot be changed: create a stream with --storage file, and read that")
                .by_settings(),
        );
    }
    if config.num_replicas > 1 && config.num_replicas.is_multiple_of(2) {
        let replicas = config.num_replicas;
        findings.push(
            Finding::warning(Code::ReplicasEven, about)
                .found(format!("{replicas} replicas"))
                .means("an even number outlives no more losses than one less: with two, the loss of either stops the stream")
                .cure(format!("nats stream edit {} --replicas {}", config.name, replicas + 1))
                .by_settings(),
        );
    }
    findings
}

fn retention(facts: &StreamFacts, source: &JetStream, about: &str) -> Vec<Finding> {
    let StreamFacts { config, state, .. } = facts;
    let name = &config.name;
    let mut findings = Vec::new();
    if let Some(found) = too_short(facts) {
        findings.push(
            Finding::warning(Code::RetentionShort, about)
                .found(found)
                .means(format!(
                    "when the store or the workers are away for longer, messages are removed before they are stored; {} should be outlived",
                    show_duration(OUTAGE)
                ))
                .cure(format!("nats stream edit {name} --max-age 7d --max-bytes -1"))
                .by_settings(),
        );
    }
    let limited = config.max_bytes > 0 || config.max_msgs > 0;
    if limited && config.discard == "old" && config.retention == "limits" {
        findings.push(
            Finding::note(Code::DiscardOld, about)
                .found("it has a limit of bytes or messages and discards the old")
                .means("when it is full, what nobody has read yet goes first, and no publisher is told")
                .cure(format!("nats stream edit {name} --discard new, if publishers try again; or watch flightline_history_damage_total"))
                .by_settings(),
        );
    }
    if config.retention == "interest" && state.consumer_count <= 1 {
        findings.push(
            Finding::warning(Code::InterestRetention, about)
                .found(format!("retention by interest, with {} consumer(s)", state.consumer_count))
                .means("whoever deletes the last consumer deletes what is in the stream and all that is published until there is one")
                .cure("retention by limits: create the stream anew with --retention limits")
                .by_settings(),
        );
    }
    if config.retention == "workqueue" && source.partitions.is_some() {
        findings.push(
            Finding::error(Code::WorkQueueAckAll, about)
                .found("it is a work queue, and source.partitions needs consumers with ack-all")
                .means("the server refuses such consumers on a work queue: nothing is read")
                .cure("leave source.partitions out, or create the stream with --retention limits")
                .by_settings(),
        );
    }
    findings
}

/// In words, if what is kept does not last as long as an outage may.
fn too_short(facts: &StreamFacts) -> Option<String> {
    let StreamFacts { config, state, .. } = facts;
    if (1..nanos(OUTAGE)).contains(&config.max_age) {
        let age = show_duration(Duration::from_nanos(config.max_age));
        return Some(format!("max_age is {age}"));
    }
    let part = |have: u64, limit: i64| limit > 0 && have as f64 >= limit as f64 * FULL;
    let full = part(state.bytes, config.max_bytes) || part(state.messages, config.max_msgs);
    let time = |text: &str| OffsetDateTime::parse(text, &Rfc3339).ok();
    let span = time(&state.last_ts)? - time(&state.first_ts)?;
    let span = Duration::try_from(span).ok()?;
    (full && span < OUTAGE).then(|| {
        let span = show_duration(Duration::from_secs(span.as_secs()));
        format!("it is full, and what it holds spans {span}")
    })
}

fn nanos(time: Duration) -> u64 {
    u64::try_from(time.as_nanos()).unwrap_or(u64::MAX)
}
