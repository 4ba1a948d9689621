//! The durable consumers: whether they wait, deliver and ack as the worker needs, and whether somebody reads them.

use std::time::Duration;

use flightline_contract::token::Prefix;

use super::finding::{Code, Finding};
use super::nats::unseen;
use super::settings::{Limits, fit};
use crate::bus::{Bus, ConsumerFacts, ConsumerSettings};
use crate::config::units::show_duration;
use crate::config::{Config, JetStream};
use crate::source::plan;
use crate::worker::stream_of;

/// Looks at each of them.
pub(super) async fn examine(bus: &Bus, config: &Config, source: &JetStream) -> Vec<Finding> {
    let mut findings = Vec::new();
    for name in names(config, source) {
        let about = format!("consumer {name}");
        match bus.consumer_facts(&source.stream, &name).await {
            Ok(Some(facts)) => findings.extend(judge(&facts, config, source, &name)),
            Ok(None) => findings.push(
                Finding::note(Code::ConsumerAbsent, &about)
                    .found("it is not there")
                    .means("the worker creates it, and it reads the stream from its beginning, or from the last ack that is remembered")
                    .cure("nothing, if no worker has run before"),
            ),
            Err(error) => findings.push(unseen(&about, &error)),
        }
    }
    findings
}

fn names(config: &Config, source: &JetStream) -> Vec<String> {
    let Some(partitions) = &source.partitions else {
        return vec![source.consumer.clone()];
    };
    let Ok(prefix) = Prefix::new(&config.prefix) else {
        return Vec::new();
    };
    let subjects = stream_of(config, &prefix, &source.stream).subjects;
    let lanes = plan::lanes(partitions, &source.consumer, prefix.as_str(), &subjects);
    lanes.into_iter().map(|lane| lane.consumer).collect()
}

/// How one of them is mended.
struct Cures {
    edit: String,
    again: String,
}

fn judge(facts: &ConsumerFacts, config: &Config, source: &JetStream, name: &str) -> Vec<Finding> {
    let about = format!("consumer {name}");
    let settings = &facts.config;
    let cures = Cures {
        edit: format!("nats consumer edit {} {name}", source.stream),
        again: format!(
            "nats consumer rm {} {name}, and the worker makes it again from its last ack",
            source.stream
        ),
    };
    let mut findings = vec![Finding::ok(Code::Consumer, &about).found(format!(
        "{} messages wait, {} are un-acked",
        facts.num_pending, facts.num_ack_pending
    ))];
    findings.extend(kind(settings, source, &about, &cures));
    findings.extend(scope(settings, source, &about, &cures));
    let edit = &cures.edit;
    findings.extend(fit(
        config,
        &about,
        &Limits {
            ack_wait: Duration::from_nanos(settings.ack_wait),
            max_ack_pending: settings.max_ack_pending,
            longer: format!("{edit} --wait 60s: a consumer that is there keeps its settings"),
            larger: format!(
                "{edit} --max-pending 65536: a consumer that is there keeps its settings"
            ),
        },
    ));
    findings.extend(flow(facts, &about));
    findings
}

/// Whether a worker can read it without loss.
fn kind(
    settings: &ConsumerSettings,
    source: &JetStream,
    about: &str,
    cures: &Cures,
) -> Vec<Finding> {
    let Cures { edit, again } = cures;
    let mut findings = Vec::new();
    if !settings.deliver_subject.is_empty() {
        findings.push(
            Finding::error(Code::ConsumerPush, about)
                .found("it is a push consumer")
                .means("no worker can pull from it")
                .cure(format!("name another one in source.consumer, or {again}"))
                .by_settings(),
        );
    }
    let wanted = if source.partitions.is_some() {
        "all"
    } else {
        "explicit"
    };
    if settings.ack_policy != wanted {
        findings.push(
            Finding::error(Code::AckPolicy, about)
                .found(format!(
                    "it acks by `{}`, and this configuration needs `{wanted}`",
                    settings.ack_policy
                ))
                .means("acks would cover messages that are not stored; the worker does not read it")
                .cure(format!("name another one in source.consumer, or {again}"))
                .by_settings(),
        );
    }
    if settings.max_deliver > 0 {
        findings.push(
            Finding::error(Code::MaxDeliver, about)
                .found(format!(
                    "the server gives a message up after {} deliveries",
                    settings.max_deliver
                ))
                .means("what a store that is away for so many ack waits has not taken becomes dead letters, to be published again by hand")
                .cure(format!("{edit} --max-deliver -1"))
                .by_settings(),
        );
    }
    findings
}

/// Whether it takes all there is, and stays.
fn scope(
    settings: &ConsumerSettings,
    source: &JetStream,
    about: &str,
    cures: &Cures,
) -> Vec<Finding> {
    let mut findings = Vec::new();
    // A lane takes a part by its nature.
    let filters: Vec<_> = [&settings.filter_subject]
        .into_iter()
        .chain(&settings.filter_subjects)
        .filter(|filter| !filter.is_empty())
        .cloned()
        .collect();
    if source.partitions.is_none() && !filters.is_empty() {
        findings.push(
            Finding::warning(Code::ConsumerFilter, about)
                .found(format!("it takes only {}", filters.join(", ")))
                .means("what else is in the stream is never stored")
                .cure(&cures.again)
                .by_settings(),
        );
    }
    if settings.inactive_threshold > 0 {
        let limit = show_duration(Duration::from_nanos(settings.inactive_threshold));
        findings.push(
            Finding::warning(Code::ConsumerIdleLimit, about)
                .found(format!("the server removes it when no worker has asked for {limit}"))
                .means("its place is lost but for what a worker remembers; with retention by interest the messages are, too")
                .cure(&cures.again)
                .by_settings(),
        );
    }
    findings
}

/// Whether what waits is read.
fn flow(facts: &ConsumerFacts, about: &str) -> Option<Finding> {
    let limit = facts.config.max_ack_pending;
    if limit > 0 && facts.num_ack_pending >= limit {
        return Some(
            Finding::warning(Code::AckPendingFull, about)
                .found(format!("{} messages are un-acked, which is all it may have", facts.num_ack_pending))
                .means("the server delivers nothing more until some are acked: the sinks do not follow, or a worker died")
                .cure("look at /status of the workers, and at the sinks' findings here"),
        );
    }
    (facts.num_pending > 0 && facts.num_waiting == 0 && facts.num_ack_pending == 0).then(|| {
        Finding::warning(Code::NobodyReads, about)
            .found(format!(
                "{} messages wait, and nobody asks for them",
                facts.num_pending
            ))
            .means("no worker runs, or none of them is connected")
            .cure("flightline run")
    })
}
