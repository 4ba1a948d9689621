//! Who owns which lane: the common table as last read, what this worker does now and the time come in; the table as it should be
//! and the lanes to be given back go out. Pure. A worker beats by writing a new number beside its name; one whose number stays
//! the same for [`TTL`], as seen by another's own clock, is gone, and its lanes are free. No clock is compared with another's.

use std::collections::{BTreeMap, BTreeSet};
use std::time::{Duration, Instant};

use serde::{Deserialize, Serialize};

/// How long a worker may be silent before its lanes are taken over.
pub(crate) const TTL: Duration = Duration::from_secs(5);
/// How often the table is looked at and the own beat written: a few may fail within [`TTL`].
pub(crate) const LOOK: Duration = Duration::from_secs(1);

/// What the workers share. Replaced as a whole, never blindly.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Table {
    /// Each worker and its beat.
    pub(crate) workers: BTreeMap<String, u64>,
    /// Each lane that is owned, and by whom.
    pub(crate) lanes: BTreeMap<String, String>,
}

/// What a lane is to its worker.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Holding {
    /// It is read.
    Reading,
    /// It is being given back: what is in hand is not acked yet.
    Ending,
}

/// What a worker wants of the table.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Aim {
    /// Its share.
    Share,
    /// To leave: nothing new.
    Leave,
}

/// What is to be done.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Plan {
    /// The table as it should be.
    pub(crate) table: Table,
    /// Lanes to be given back, or that somebody else has now.
    pub(crate) give_back: Vec<String>,
}

impl Plan {
    /// The lanes that are to be read now and are not yet.
    pub(crate) fn begin(&self, me: &str, held: &BTreeMap<String, Holding>) -> Vec<String> {
        let mine = self.table.lanes.iter().filter(|(_, owner)| *owner == me);
        mine.map(|(lane, _)| lane.clone())
            .filter(|lane| !held.contains_key(lane))
            .collect()
    }
}

/// One worker's view of the others.
#[derive(Debug)]
pub(crate) struct Member {
    me: String,
    beat: u64,
    seen: BTreeMap<String, (u64, Instant)>,
}

impl Member {
    /// A worker of that name; nobody else may have it.
    pub(crate) fn new(me: String) -> Self {
        Self {
            me,
            beat: 0,
            seen: BTreeMap::new(),
        }
    }

    /// Its name.
    pub(crate) fn me(&self) -> &str {
        &self.me
    }

    /// Takes in the table as it stands.
    pub(crate) fn look(&mut self, table: &Table, now: Instant) {
        self.seen
            .retain(|worker, _| table.workers.contains_key(worker));
        for (worker, beat) in &table.workers {
            let seen = self.seen.entry(worker.clone()).or_insert((*beat, now));
            if seen.0 != *beat {
                *seen = (*beat, now);
            }
        }
    }

    fn is_gone(&self, worker: &str, now: Instant) -> bool {
        let seen = self.seen.get(worker);
        worker != self.me && seen.is_some_and(|(_, at)| now.duration_since(*at) > TTL)
    }

    /// What to do about `table`, which was looked at just now. `wanted` are the lanes there are, `held` those this worker has.
    pub(crate) fn plan(
        &mut self,
        table: &Table,
        wanted: &BTreeSet<String>,
        held: &BTreeMap<String, Holding>,
        aim: Aim,
        now: Instant,
    ) -> Plan {
        let mut next = table.clone();
        next.workers.retain(|worker, _| !self.is_gone(worker, now));
        self.beat += 1;
        next.workers.insert(self.me.clone(), self.beat);
        let workers = next.workers.clone();
        let me = &self.me;
        // Of a worker that is gone or has left, nothing stays; of this one, what it has in hand.
        next.lanes.retain(|lane, owner| {
            workers.contains_key(owner) && (owner != me || held.contains_key(lane))
        });
        let mut give_back = Vec::new();
        for lane in held.keys() {
            let owner = next.lanes.entry(lane.clone()).or_insert_with(|| me.clone());
            if owner != me {
                give_back.push(lane.clone());
            }
        }
        if aim == Aim::Share {
            take(&mut next, me, wanted);
            give_back.extend(surplus(&next, me, wanted, held));
        } else if held.is_empty() {
            next.workers.remove(me);
        }
        Plan {
            table: next,
            give_back,
        }
    }
}

/// Free lanes, one by one, as long as nobody has fewer.
fn take(table: &mut Table, me: &str, wanted: &BTreeSet<String>) {
    let free: Vec<_> = wanted
        .iter()
        .filter(|lane| !table.lanes.contains_key(*lane))
        .cloned()
        .collect();
    for lane in free {
        if count(table, me, wanted) > least(table, wanted) {
            break;
        }
        table.lanes.insert(lane, me.to_owned());
    }
}

fn count(table: &Table, worker: &str, wanted: &BTreeSet<String>) -> usize {
    let owned = table.lanes.iter();
    owned
        .filter(|(lane, owner)| *owner == worker && wanted.contains(*lane))
        .count()
}

/// What the worker with the fewest lanes has.
fn least(table: &Table, wanted: &BTreeSet<String>) -> usize {
    let workers = table.workers.keys();
    let counts = workers.map(|worker| count(table, worker, wanted));
    counts.min().unwrap_or_default()
}

/// Lanes over the fair share, or one that somebody has two fewer of; and those that there are no more.
fn surplus(
    table: &Table,
    me: &str,
    wanted: &BTreeSet<String>,
    held: &BTreeMap<String, Holding>,
) -> Vec<String> {
    let reading = held.iter().filter(|(lane, holding)| {
        **holding == Holding::Reading && table.lanes.get(*lane).is_some_and(|owner| owner == me)
    });
    let (reading, over): (Vec<_>, Vec<_>) = reading
        .map(|(lane, _)| lane.clone())
        .partition(|lane| wanted.contains(lane));
    let share = wanted.len().div_ceil(table.workers.len());
    // What is already on its way to somebody may be just what evens it out.
    let on_its_way = held.values().any(|holding| *holding == Holding::Ending)
        || wanted.iter().any(|lane| !table.lanes.contains_key(lane));
    let uneven = usize::from(!on_its_way && reading.len() >= least(table, wanted) + 2);
    let surplus = reading.len().saturating_sub(share).max(uneven);
    reading
        .into_iter()
        .rev()
        .take(surplus)
        .chain(over)
        .collect()
}

#[cfg(test)]
mod tests;
