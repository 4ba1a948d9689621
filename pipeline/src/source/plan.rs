//! A configuration and the consumers that are there come in, the lanes that are to be read go out: which durable consumer each
//! is, and what it takes of the stream. Pure. Between them the lanes read everything, also what was stored under another division.

use std::collections::BTreeSet;
use std::fmt::Write as _;
use std::hash::{DefaultHasher, Hash, Hasher};

use async_nats::Subject;
use bytes::{Buf, Bytes};
use flightline_contract::filter::{Filter, covers};

use crate::config::Partitions;

/// The name of the only lane of a stream that is not divided.
pub(crate) const WHOLE: &str = "all";
/// The name of the lane with what has no partition: mapped subjects, and what was stored before there were any.
pub(crate) const REST: &str = "rest";
/// Class, service and token: what a partition is chosen by.
const TOKENS: usize = 3;

/// One lane.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Lane {
    /// Its name in leases, logs and the status.
    pub(crate) name: String,
    /// Its durable consumer.
    pub(crate) consumer: String,
    /// What it takes; everything if empty.
    pub(crate) filters: Vec<String>,
    /// How exactly.
    pub(crate) extent: Extent,
}

/// Whether a lane may take more than its filters.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Extent {
    /// No: another lane takes that.
    Exact,
    /// It may: it also takes what only another worker has a mapping for, so that both can read it while a change of the mappings
    /// is rolled out.
    Growing,
}

/// A consumer that is there.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Found {
    /// Its name.
    pub(crate) name: String,
    /// What it takes.
    pub(crate) filters: Vec<String>,
    /// Everything up to this sequence is acked.
    pub(crate) ack_floor: u64,
    /// Messages that it has not delivered, or that are not acked.
    pub(crate) open: u64,
    /// Who made it.
    pub(crate) description: String,
}

/// What our consumers are described as: nobody else's lane is taken for ours, whatever its name.
pub(crate) fn description(consumer: &str) -> String {
    format!("a lane of {consumer}")
}

/// The subject transform under which a stream is stored in so many partitions: source and destination.
pub(crate) fn transform(prefix: &str, count: u32) -> (String, String) {
    let source = format!("{prefix}{}", ".*".repeat(TOKENS));
    let numbers: Vec<_> = (1..=TOKENS).map(|number| number.to_string()).collect();
    let tokens: String = numbers
        .iter()
        .map(|number| format!(".{{{{wildcard({number})}}}}"))
        .collect();
    let partition = format!("{{{{partition({count},{})}}}}", numbers.join(","));
    (source, format!("{partition}.{prefix}{tokens}"))
}

/// The subjects that partitions are stored under.
pub(crate) fn stored(prefix: &str) -> String {
    format!("*.{prefix}{}", ".*".repeat(TOKENS))
}

/// The lanes of `partitions` for the durable `consumer`; `subjects` is all that is read.
pub(crate) fn lanes(
    partitions: &Partitions,
    consumer: &str,
    prefix: &str,
    subjects: &[String],
) -> Vec<Lane> {
    let lane = |name: String, filters: Vec<String>| Lane {
        consumer: format!("{consumer}-{name}"),
        name,
        filters,
        extent: Extent::Exact,
    };
    match partitions {
        Partitions::Hashed(1) => vec![lane(WHOLE.to_owned(), Vec::new())],
        Partitions::Hashed(count) => {
            let rest = Lane {
                extent: Extent::Growing,
                ..lane(REST.to_owned(), subjects.to_vec())
            };
            let numbered = |number| lane(format!("{number}"), vec![format!("{number}.{prefix}.>")]);
            (0..*count).map(numbered).chain([rest]).collect()
        }
        Partitions::Filters(filters) => filters
            .iter()
            .map(|filter| lane(named_after(filter), vec![filter.clone()]))
            .collect(),
    }
}

/// A name for the way a stream is divided: workers with another one read other lanes.
pub(crate) fn division(partitions: &Partitions) -> String {
    match partitions {
        Partitions::Hashed(count) => count.to_string(),
        Partitions::Filters(filters) => {
            let filters: BTreeSet<_> = filters.iter().collect();
            let mut hasher = DefaultHasher::new();
            filters.hash(&mut hasher);
            format!("subjects-{:016x}", hasher.finish())
        }
    }
}

/// The lanes of former divisions that still have something which the present ones do not take.
pub(crate) fn leftover(
    partitions: &Partitions,
    lanes: &[Lane],
    found: &[Found],
    consumer: &str,
    prefix: &str,
) -> Vec<Lane> {
    // Who reads the whole stream reads old partitions, too.
    if matches!(partitions, Partitions::Hashed(1)) {
        return Vec::new();
    }
    let ours = description(consumer);
    let former = |found: &Found| {
        let name = found.name.strip_prefix(consumer)?.strip_prefix('-')?;
        let filters = vec![format!("{name}.{prefix}.>")];
        let known = lanes.iter().any(|lane| lane.consumer == found.name);
        let has_something = found.open > 0 && found.description == ours && !known;
        (has_something && found.filters == filters).then(|| Lane {
            name: name.to_owned(),
            consumer: found.name.clone(),
            filters,
            extent: Extent::Exact,
        })
    };
    found.iter().filter_map(former).collect()
}

/// All that have read the stream for the durable `consumer` so far.
pub(crate) fn before<'f>(found: &'f [Found], consumer: &str) -> impl Iterator<Item = &'f Found> {
    found.iter().filter(move |found| is_ours(found, consumer))
}

/// Where a new consumer of the durable `consumer` starts at the latest: behind what all before it have acked; at the beginning if
/// there are none.
pub(crate) fn start(found: &[Found], consumer: &str) -> Option<u64> {
    let floors = before(found, consumer).map(|found| found.ack_floor);
    floors.min().map(|floor| floor + 1)
}

/// Whether somebody has read the stream for the durable `consumer` before, and a lane has no consumer yet.
pub(crate) fn takes_over(found: &[Found], lanes: &[Lane], consumer: &str) -> bool {
    let is_there = |lane: &Lane| found.iter().any(|found| found.name == lane.consumer);
    before(found, consumer).next().is_some() && !lanes.iter().all(is_there)
}

/// Whether nobody before has taken anything of what a lane takes: a partition that is new. It may be stored in before the lane has a
/// consumer, and nobody else's floor tells of that.
pub(crate) fn is_new(lane: &Lane, found: &[Found], consumer: &str) -> bool {
    let [filter] = lane.filters.as_slice() else {
        return false;
    };
    let takes = |found: &Found| {
        found.filters.is_empty() || found.filters.iter().any(|have| overlap(have, filter))
    };
    !before(found, consumer).any(takes)
}

/// Whether some subject matches both; what is no pattern matches none.
pub(crate) fn overlap(one: &str, other: &str) -> bool {
    match (Filter::parse(one), Filter::parse(other)) {
        (Ok(one), Ok(other)) => one.overlaps(&other),
        _ => false,
    }
}

fn is_ours(found: &Found, consumer: &str) -> bool {
    found.name == consumer || found.description == description(consumer)
}

/// Whether a consumer that is there will do for a lane of the durable that `description` tells.
pub(crate) fn suits(found: &Found, lane: &Lane, description: &str) -> bool {
    let within = |some: &[String], all: &[String]| {
        let is_taken = |one| all.iter().any(|all| covers(all, one));
        some.iter().all(|one| is_taken(one))
    };
    let (has, wanted) = (&found.filters, &lane.filters);
    let enough = within(wanted, has) && has.is_empty() == wanted.is_empty();
    match lane.extent {
        Extent::Growing if found.description == description => enough,
        Extent::Growing | Extent::Exact => enough && within(has, wanted),
    }
}

/// What a consumer has to take that takes `has` and is to take `wanted`, too.
pub(crate) fn widened(has: &[String], wanted: &[String]) -> Vec<String> {
    let mut wider = has.to_vec();
    for filter in wanted {
        if !wider.iter().any(|have| covers(have, filter)) {
            wider.retain(|have| !covers(filter, have));
            wider.push(filter.clone());
        }
    }
    wider
}

/// Two of these that the server does not let a consumer have, since some subject matches both.
pub(crate) fn clash(filters: &[String]) -> Option<(&str, &str)> {
    filters.iter().enumerate().find_map(|(number, filter)| {
        let mut before = filters.iter().take(number);
        let other = before.find(|other| overlap(filter, other))?;
        Some((other.as_str(), filter.as_str()))
    })
}

/// A consumer of somebody else, and the subject of it that would not come any more if a stream were stored by partition.
pub(crate) fn starved<'f>(
    found: &'f [Found],
    consumer: &str,
    prefix: &str,
) -> Option<(&'f Found, &'f str)> {
    let (moved, _) = transform(prefix, 1);
    let numbered = format!("*.{prefix}.");
    found
        .iter()
        .filter(|found| !is_ours(found, consumer))
        .find_map(|found| {
            let is_moved = |filter: &&String| {
                let stored = format!("*.{filter}");
                // It is meant for what is stored by partition.
                if filter.starts_with(&numbered) {
                    return false;
                }
                overlap(filter, &moved) && !found.filters.iter().any(|have| covers(have, &stored))
            };
            let filter = found.filters.iter().find(is_moved)?;
            Some((found, filter.as_str()))
        })
}

/// A name for the consumer of a pattern, another one for each: names have no dots, wildcards and slashes.
fn named_after(filter: &str) -> String {
    let tokens = filter.split('.').map(|token| match token {
        "*" => "+".to_owned(),
        ">" => "++".to_owned(),
        token => token.chars().fold(String::new(), |mut name, c| {
            match c {
                '=' | '+' | '~' | '/' | '\\' => {
                    write!(name, "~{:x}~", u32::from(c)).expect("writing to a String cannot fail")
                }
                c => name.push(c),
            }
            name
        }),
    });
    tokens.collect::<Vec<_>>().join("=")
}

/// The subject that a message was published on: without the number of its partition, if it was stored under one. No copy is
/// made.
pub(crate) fn published(subject: Subject, prefix: &str) -> Subject {
    let Some(number) = partition(&subject, prefix) else {
        return subject;
    };
    let mut bytes = Bytes::from(subject.into_string().into_bytes());
    bytes.advance(number);
    Subject::try_from(bytes).expect("what follows a dot in a string is a string")
}

/// The bytes that the number and its dot take.
fn partition(subject: &str, prefix: &str) -> Option<usize> {
    let digits = subject.bytes().take_while(u8::is_ascii_digit).count();
    let rest = subject.get(digits..)?.strip_prefix('.')?;
    let tokens = rest.strip_prefix(prefix)?.strip_prefix('.')?;
    let dots = tokens.bytes().filter(|byte| *byte == b'.').count();
    (digits > 0 && dots + 1 == TOKENS).then_some(digits + 1)
}

#[cfg(test)]
mod tests;
