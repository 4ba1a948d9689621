//! Lists of an account's streams and consumers in, figures out: of durable consumers only, for an ephemeral one has another name each time
//! and would leave a dead series behind.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::Value;

use super::figures::Figures;
use super::servers::{Follower, State};
use crate::metrics::nats::{
    ACCOUNT, CONSUMER_LAGGING, CONSUMER_LEADER, CONSUMER_OFFLINE, CONSUMER_UP, CONSUMERS, Metric,
    STREAM_LAG, STREAM_LAGGING, STREAM_LEADER, STREAM_OFFLINE, STREAM_UP, STREAMS,
};

/// Items of one kind, from one or more pages.
#[derive(Debug, Clone, Default)]
pub(super) struct List {
    /// Those that somebody answers for.
    pub(super) items: Vec<Value>,
    /// The names of the others.
    pub(super) missing: BTreeSet<String>,
    /// How many there are that nobody has looked at.
    unseen: usize,
}

/// What is listed: streams, or a stream's consumers.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Listed {
    Streams,
    /// Only the durable ones are kept.
    Consumers,
}

/// Whether there may be more pages.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum More {
    /// From this number on.
    From(usize),
    /// There is nothing more.
    No,
}

impl List {
    /// How many there are; of consumers, those that were looked at and are ephemeral left aside.
    pub(super) fn count(&self) -> usize {
        self.items.len() + self.missing.len() + self.unseen
    }

    /// Adds a page; `None` if it is no page.
    pub(super) fn add(&mut self, mut page: Value, listed: Listed) -> Option<More> {
        let number = |value: &Value| usize::try_from(value.as_u64()?).ok();
        let (total, offset) = (number(&page["total"])?, number(&page["offset"])?);
        let key = match listed {
            Listed::Streams => "streams",
            Listed::Consumers => "consumers",
        };
        let missing = array(page["missing"].take())?;
        let items = array(page[key].take())?;
        let end = offset.saturating_add(items.len() + missing.len());
        let names = missing.iter().filter_map(Value::as_str);
        self.missing.extend(names.map(str::to_owned));
        let kept = |item: &Value| listed == Listed::Streams || durable(item).is_some();
        self.items.extend(items.into_iter().filter(kept));
        self.unseen = total.saturating_sub(end);
        let more = end > offset && self.unseen > 0;
        Some(if more { More::From(end) } else { More::No })
    }
}

/// The name of a stream in a list.
pub(super) fn name(stream: &Value) -> Option<&str> {
    stream.pointer("/config/name")?.as_str()
}

/// Servers write nothing as null, or not at all.
fn array(value: Value) -> Option<Vec<Value>> {
    match value {
        Value::Array(items) => Some(items),
        Value::Null => Some(Vec::new()),
        _ => None,
    }
}

fn durable(consumer: &Value) -> Option<&str> {
    consumer.pointer("/config/durable_name")?.as_str()
}

/// The most that is shown.
#[derive(Debug, Clone, Copy)]
pub(super) struct Limits {
    pub(super) streams: usize,
    pub(super) consumers: usize,
}

/// The answers of one round.
#[derive(Debug, Default)]
pub(super) struct Asked {
    /// What the account has.
    pub(super) account: Value,
    /// Its streams.
    pub(super) streams: List,
    /// Their consumers, by the stream's name, as far as they were asked for.
    pub(super) consumers: BTreeMap<String, List>,
}

/// Durable consumers: stream and name.
pub(super) type Durables = BTreeSet<(String, String)>;

/// What a round tells.
#[derive(Debug, Default)]
pub(super) struct Told {
    pub(super) figures: Figures,
    /// The durable consumers that are shown.
    pub(super) durables: Durables,
    /// Streams beyond the limit.
    pub(super) streams_left_out: usize,
    /// Consumers beyond it, and those that were not looked at.
    pub(super) consumers_left_out: usize,
}

/// Reads the answers. Of consumers that nobody answers for only the name is told: those `known` to be durable are down.
pub(super) fn read(asked: &Asked, limits: Limits, known: &Durables) -> Told {
    let mut told = Told::default();
    told.figures.take(ACCOUNT, &[], &asked.account);
    // With how many consumers each has.
    let mut names = BTreeMap::new();
    for stream in &asked.streams.items {
        let Some(name) = name(stream) else {
            continue;
        };
        if names.len() < limits.streams && !names.contains_key(name) {
            let consumers = stream
                .pointer("/state/consumer_count")
                .and_then(Value::as_u64);
            names.insert(
                name,
                consumers.and_then(|count| usize::try_from(count).ok()),
            );
            told.stream(name, stream);
        }
    }
    for name in &asked.streams.missing {
        if names.len() < limits.streams && !names.contains_key(name.as_str()) {
            names.insert(name, None);
            told.figures.put(STREAM_UP, &[name], 0.0);
        }
    }
    told.streams_left_out = asked.streams.count().saturating_sub(names.len());
    for (name, consumers) in names {
        match asked.consumers.get(name) {
            Some(list) => told.listed(name, list, limits.consumers, known),
            // Nobody is asked for the consumers of a stream that nobody answers for.
            None if asked.streams.missing.contains(name) => {
                told.down(name, limits.consumers, known, |_| true);
            }
            None => told.consumers_left_out += consumers.unwrap_or_default(),
        }
    }
    told
}

impl Told {
    fn stream(&mut self, name: &str, stream: &Value) {
        let figures = &mut self.figures;
        figures.put(STREAM_UP, &[name], 1.0);
        figures.take(STREAMS, &[name], stream);
        let cluster = &stream["cluster"];
        if let Some(leader) = leader(cluster) {
            figures.put(STREAM_LEADER, &[name, leader], 1.0);
        }
        for peer in cluster["replicas"].as_array().into_iter().flatten() {
            if let Some(server) = peer["name"].as_str() {
                figures.put(STREAM_LAG, &[name, server], Follower::of(peer).lag);
            }
        }
        followers(figures, cluster, &[name], [STREAM_OFFLINE, STREAM_LAGGING]);
    }

    fn listed(&mut self, stream: &str, list: &List, most: usize, known: &Durables) {
        for consumer in &list.items {
            let Some(name) = durable(consumer) else {
                continue;
            };
            if self.shows(stream, name, most) {
                self.consumer(stream, name, consumer);
            }
        }
        self.down(stream, most, known, |name| list.missing.contains(name));
        self.consumers_left_out += list.unseen;
    }

    /// The consumers of a stream that were there and are `down`.
    fn down(&mut self, stream: &str, most: usize, known: &Durables, down: impl Fn(&str) -> bool) {
        let here = known.range((stream.to_owned(), String::new())..);
        let here = here.take_while(|(of, _)| of == stream);
        for (_, name) in here.filter(|(_, name)| down(name)) {
            if self.shows(stream, name, most) {
                self.figures.put(CONSUMER_UP, &[stream, name], 0.0);
            }
        }
    }

    /// Makes room for a durable consumer, or counts it.
    fn shows(&mut self, stream: &str, name: &str, most: usize) -> bool {
        if self.durables.len() >= most {
            self.consumers_left_out += 1;
            return false;
        }
        self.durables.insert((stream.to_owned(), name.to_owned()))
    }

    fn consumer(&mut self, stream: &str, name: &str, consumer: &Value) {
        let (figures, labels) = (&mut self.figures, [stream, name]);
        figures.put(CONSUMER_UP, &labels, 1.0);
        figures.take(CONSUMERS, &labels, consumer);
        let cluster = &consumer["cluster"];
        if let Some(leader) = leader(cluster) {
            figures.put(CONSUMER_LEADER, &[stream, name, leader], 1.0);
        }
        followers(
            figures,
            cluster,
            &labels,
            [CONSUMER_OFFLINE, CONSUMER_LAGGING],
        );
    }
}

/// Who leads; a server without a cluster does not say.
fn leader(cluster: &Value) -> Option<&str> {
    cluster["leader"].as_str().filter(|name| !name.is_empty())
}

fn followers(figures: &mut Figures, cluster: &Value, labels: &[&str], metrics: [Metric; 2]) {
    if !cluster.is_object() {
        return;
    }
    let peers = cluster["replicas"].as_array().into_iter().flatten();
    let states: Vec<_> = peers.map(|peer| Follower::of(peer).state).collect();
    for (metric, state) in metrics.into_iter().zip([State::Offline, State::Lagging]) {
        let count = states.iter().filter(|found| **found == state).count();
        let count = u32::try_from(count).unwrap_or(u32::MAX);
        figures.put(metric, labels, f64::from(count));
    }
}
