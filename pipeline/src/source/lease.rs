//! Who owns which lane: the common table as last read, what this worker does now and the time come in; the table as it should be
//! and the lanes to be given back go out. Pure. A worker beats by writing a new number beside its name; one whose number stays
//! the same for [`TTL`], as seen by another's own clock, is gone, and its lanes are free. No clock is compared with another's.
//!
//! Nobody can beat while the server is away, and a table may be lost with it. Neither frees a lane: who has not looked for a
//! while waits for everybody's next beat, and who is missing from the table although it was there claims no more than it holds,
//! for one [`TTL`] each.

use std::collections::{BTreeMap, BTreeSet};
use std::time::{Duration, Instant};

use serde::{Deserialize, Serialize};

/// How long a worker may be silent before its lanes are taken over.
pub(crate) const TTL: Duration = Duration::from_secs(5);
/// How often the table is looked at and the own beat written: a few may fail within [`TTL`].
pub(crate) const LOOK: Duration = Duration::from_secs(1);
/// Who has not looked for longer knows nothing of the others.
const LATE: Duration = LOOK.saturating_mul(2);

/// What the workers share. Replaced as a whole, never blindly.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Table {
    /// Each worker as it says of itself.
    pub(crate) workers: BTreeMap<String, Entry>,
    /// Each lane that is owned, and by whom.
    pub(crate) lanes: BTreeMap<String, String>,
}

/// One worker.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Entry {
    /// Another number with each look.
    beat: u64,
    /// How it divides the stream: it takes no lanes of another division.
    division: String,
    /// Who leaves takes nothing, and has no share.
    aim: Aim,
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
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
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
    division: String,
    beat: u64,
    seen: BTreeMap<String, (u64, Instant)>,
    looked: Option<Pace>,
    standing: Standing,
    /// Lanes without an owner, and since when.
    free: BTreeMap<String, Instant>,
}

/// The last look, and whether it was a late one.
#[derive(Debug, Clone, Copy)]
struct Pace {
    at: Instant,
    late: bool,
}

/// Whether the table knows this worker.
#[derive(Debug, Clone, Copy)]
enum Standing {
    /// Not yet.
    New,
    /// It stood there when last looked at.
    Known,
    /// It stood there, and at that time it did not any more.
    Missed(Instant),
}

impl Member {
    /// A worker of that name, which nobody else may have, and that division.
    pub(crate) fn new(me: String, division: String) -> Self {
        Self {
            me,
            division,
            beat: 0,
            seen: BTreeMap::new(),
            looked: None,
            standing: Standing::New,
            free: BTreeMap::new(),
        }
    }

    /// Its name.
    pub(crate) fn me(&self) -> &str {
        &self.me
    }

    /// Takes in the table as it stands.
    pub(crate) fn look(&mut self, table: &Table, now: Instant) {
        let before = self.looked;
        let late = before.is_some_and(|before| now.duration_since(before.at) > LATE);
        self.looked = Some(Pace { at: now, late });
        // The others could not beat either. Who is always late is only slow, and has to learn of the dead, too.
        if late && before.is_some_and(|before| !before.late) {
            self.seen.clear();
            self.free.clear();
        }
        self.standing = match (self.standing, table.workers.contains_key(&self.me)) {
            (Standing::New, false) => Standing::New,
            (Standing::New | Standing::Known, true) => Standing::Known,
            (Standing::Known | Standing::Missed(_), false) => Standing::Missed(now),
            (Standing::Missed(at), true) => Standing::Missed(at),
        };
        self.seen
            .retain(|worker, _| table.workers.contains_key(worker));
        for (worker, Entry { beat, .. }) in &table.workers {
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
        let entry = Entry {
            beat: self.beat,
            division: self.division.clone(),
            aim,
        };
        next.workers.insert(self.me.clone(), entry);
        let Table { workers, lanes } = &mut next;
        let me = &self.me;
        // Of a worker that is gone or has left, nothing stays; of this one, what it has in hand.
        lanes.retain(|lane, owner| {
            workers.contains_key(owner) && (owner != me || held.contains_key(lane))
        });
        let mut give_back = Vec::new();
        for lane in held.keys() {
            let owner = lanes.entry(lane.clone()).or_insert_with(|| me.clone());
            if owner != me {
                give_back.push(lane.clone());
            }
        }
        if aim == Aim::Share {
            self.take(&mut next, wanted, now);
            give_back.extend(self.surplus(&next, wanted, held));
        } else if held.is_empty() {
            next.workers.remove(&self.me);
        }
        Plan {
            table: next,
            give_back,
        }
    }

    /// Free lanes, one by one, as long as nobody has fewer; and one that nobody has taken for long, whoever should have.
    fn take(&mut self, table: &mut Table, wanted: &BTreeSet<String>, now: Instant) {
        if let Standing::Missed(at) = self.standing
            && now.duration_since(at) <= TTL
        {
            // Those who read them may have had no time to say so.
            return;
        }
        let is_free = |lane: &&String| !table.lanes.contains_key(*lane);
        let free: BTreeSet<_> = wanted.iter().filter(is_free).cloned().collect();
        self.free.retain(|lane, _| free.contains(lane));
        let mut one_more = true;
        for lane in free {
            let since = *self.free.entry(lane.clone()).or_insert(now);
            let fair = self.count(table, wanted) <= self.least(table, wanted);
            if fair || (one_more && now.duration_since(since) > TTL) {
                one_more &= fair;
                table.lanes.insert(lane, self.me.clone());
            }
        }
    }

    fn count(&self, table: &Table, wanted: &BTreeSet<String>) -> usize {
        count(table, &self.me, wanted)
    }

    /// Those among whom the lanes are shared out, this worker included.
    fn peers<'t>(&'t self, table: &'t Table) -> impl Iterator<Item = &'t String> {
        let is_peer = |entry: &Entry| entry.aim == Aim::Share && entry.division == self.division;
        let workers = table.workers.iter();
        workers
            .filter(move |(_, entry)| is_peer(entry))
            .map(|(worker, _)| worker)
    }

    /// What the peer with the fewest lanes has.
    fn least(&self, table: &Table, wanted: &BTreeSet<String>) -> usize {
        let counts = self.peers(table).map(|peer| count(table, peer, wanted));
        counts.min().unwrap_or_default()
    }

    /// Lanes over the fair share, or one that somebody has two fewer of; and those that there are no more.
    fn surplus(
        &self,
        table: &Table,
        wanted: &BTreeSet<String>,
        held: &BTreeMap<String, Holding>,
    ) -> Vec<String> {
        let owned = |lane| table.lanes.get(lane) == Some(&self.me);
        let (reading, over): (Vec<_>, Vec<_>) = held
            .iter()
            .filter(|(lane, holding)| **holding == Holding::Reading && owned(*lane))
            .map(|(lane, _)| lane.clone())
            .partition(|lane| wanted.contains(lane));
        let share = wanted.len().div_ceil(self.peers(table).count().max(1));
        // What is already on its way to somebody may be just what evens it out.
        let on_its_way = held.values().any(|holding| *holding == Holding::Ending)
            || wanted.iter().any(|lane| !table.lanes.contains_key(lane));
        let uneven = usize::from(!on_its_way && reading.len() >= self.least(table, wanted) + 2);
        let surplus = reading.len().saturating_sub(share).max(uneven);
        reading
            .into_iter()
            .rev()
            .take(surplus)
            .chain(over)
            .collect()
    }
}

fn count(table: &Table, worker: &str, wanted: &BTreeSet<String>) -> usize {
    let owned = table.lanes.iter();
    owned
        .filter(|(lane, owner)| *owner == worker && wanted.contains(*lane))
        .count()
}

#[cfg(test)]
mod tests;
