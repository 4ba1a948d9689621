//! What servers told of themselves in, figures and the names of those who answered out.

use std::collections::BTreeSet;

use serde_json::Value;

use super::figures::Figures;
use super::roll::MOST;
use crate::metrics::nats::{
    JETSTREAM_ENABLED, JSZ, META_LEADER, PEER_CURRENT, PEER_LAG, PEER_OFFLINE, SERVER_INFO, VARZ,
};

/// The answers of one round.
#[derive(Debug, Default)]
pub(super) struct Told {
    pub(super) figures: Figures,
    /// The servers that answered.
    pub(super) names: BTreeSet<String>,
    /// Servers of a name that another has, and those beyond the most.
    pub(super) left_out: usize,
}

/// Reads the answers to both questions; if too many answered, `known` ones go first.
pub(super) fn read(varz: &[Value], jsz: &[Value], known: &BTreeSet<String>) -> Told {
    let mut told = Told::default();
    let surplus = surplus(varz, known);
    for answer in varz {
        let Some(name) = name(answer) else {
            continue;
        };
        if surplus.contains(name) || !told.names.insert(name.to_owned()) {
            told.left_out += 1;
            continue;
        }
        let text = |place| {
            answer
                .pointer(place)
                .and_then(Value::as_str)
                .unwrap_or_default()
        };
        let labels = [name, text("/server/ver"), text("/server/cluster")];
        told.figures.put(SERVER_INFO, &labels, 1.0);
        told.figures.take(VARZ, &[name], &answer["data"]);
    }
    let mut seen = surplus;
    for answer in jsz {
        if let Some(name) = name(answer).filter(|name| seen.insert(*name)) {
            jetstream(&mut told.figures, name, &answer["data"]);
        }
    }
    told
}

/// Who is not shown, because [`MOST`] others are.
fn surplus<'v>(varz: &'v [Value], known: &BTreeSet<String>) -> BTreeSet<&'v str> {
    let names: BTreeSet<_> = varz.iter().filter_map(name).collect();
    let (old, new): (Vec<_>, Vec<_>) = names.into_iter().partition(|name| known.contains(*name));
    old.into_iter().chain(new).skip(MOST).collect()
}

fn name(answer: &Value) -> Option<&str> {
    let name = answer.pointer("/server/name")?.as_str()?;
    (!name.is_empty()).then_some(name)
}

fn jetstream(figures: &mut Figures, server: &str, data: &Value) {
    if !data.is_object() {
        return;
    }
    if data["disabled"] == true {
        figures.put(JETSTREAM_ENABLED, &[server], 0.0);
        return;
    }
    figures.put(JETSTREAM_ENABLED, &[server], 1.0);
    figures.take(JSZ, &[server], data);
    let meta = &data["meta_cluster"];
    if !meta.is_object() {
        return;
    }
    let leads = meta["leader"] == server;
    figures.put(META_LEADER, &[server], f64::from(u8::from(leads)));
    // From 2.15 on followers list the others, too, as far as they know.
    if !leads {
        return;
    }
    let cluster = meta["name"].as_str().unwrap_or_default();
    for peer in meta["replicas"].as_array().into_iter().flatten() {
        let Some(name) = peer["name"].as_str() else {
            continue;
        };
        let labels = [cluster, name];
        let follower = Follower::of(peer);
        let flag = |is: bool| f64::from(u8::from(is));
        figures.put(
            PEER_OFFLINE,
            &labels,
            flag(follower.state == State::Offline),
        );
        figures.put(
            PEER_CURRENT,
            &labels,
            flag(follower.state == State::Current),
        );
        figures.put(PEER_LAG, &labels, follower.lag);
    }
}

/// How a follower stands, as its leader tells it.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Follower {
    pub(super) state: State,
    /// Entries that it has not applied.
    pub(super) lag: f64,
}

/// Whether a follower keeps up.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum State {
    /// It knows all that the leader does.
    Current,
    /// It is there and does not.
    Lagging,
    /// Its leader misses it.
    Offline,
}

impl Follower {
    /// Servers leave out what is false or zero.
    pub(super) fn of(told: &Value) -> Self {
        let state = if told["offline"] == true {
            State::Offline
        } else if told["current"] == true {
            State::Current
        } else {
            State::Lagging
        };
        Self {
            state,
            lag: told["lag"].as_f64().unwrap_or_default(),
        }
    }
}
