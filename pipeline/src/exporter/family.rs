//! Metric names in, families out: one kind per name, and no two families that would write the same line or the same
//! `# TYPE` in either format. What comes later under a taken name is refused.

use std::hash::BuildHasher;

use foldhash::fast::RandomState;
use hashbrown::HashTable;

use super::name::{self, TOTAL};
use super::refusal::Refusal;
use super::slot::NONE;

/// What a family is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    /// Only grows; its name ends with `_total` in both formats, so that a query holds whatever format was scraped.
    Counter,
    /// Goes up and down.
    Gauge,
    /// One gauge per status of a check.
    State,
    /// Buckets, sum and count.
    Histogram,
}

impl Kind {
    /// The word after `# TYPE`.
    pub(super) fn as_str(self) -> &'static str {
        match self {
            Self::Counter => "counter",
            Self::Gauge | Self::State => "gauge",
            Self::Histogram => "histogram",
        }
    }

    /// What is written, or reserved by OpenMetrics, behind the base name.
    fn suffixes(self) -> &'static [&'static str] {
        match self {
            Self::Counter => &["", TOTAL, "_created"],
            Self::Gauge | Self::State => &[""],
            Self::Histogram => &["", "_bucket", "_sum", "_count", "_created"],
        }
    }

    /// The name without what the kind appends.
    pub(super) fn base(self, name: &str) -> &str {
        match self {
            Self::Counter => name::counter_base(name),
            Self::Gauge | Self::State | Self::Histogram => name,
        }
    }
}

/// All series of one name.
#[derive(Debug)]
pub(super) struct Family {
    /// Without `_total`.
    pub(super) base: Box<str>,
    pub(super) kind: Kind,
    pub(super) help: &'static str,
    /// Slot numbers; `NONE` where one has gone. Nothing moves, so that a scrape under way misses nothing.
    pub(super) places: Vec<u32>,
    holes: Vec<u32>,
}

impl Family {
    fn is_empty(&self) -> bool {
        self.holes.len() == self.places.len()
    }
}

/// All families, by number and by name.
#[derive(Debug)]
pub(super) struct Families {
    all: Vec<Option<Family>>,
    free: Vec<u32>,
    claims: HashTable<(Box<str>, u32)>,
    hash: RandomState,
    work: String,
}

impl Families {
    pub(super) fn new() -> Self {
        Self {
            all: Vec::new(),
            free: Vec::new(),
            claims: HashTable::new(),
            hash: RandomState::default(),
            work: String::new(),
        }
    }

    /// The family of that base name and kind, if there is one.
    ///
    /// # Errors
    /// When another kind has the name, or one of the names that the kind would write.
    pub(super) fn find(&mut self, base: &str, kind: Kind) -> Result<Option<u32>, Refusal> {
        if let Some(id) = self.claimant(base) {
            let family = self.get(id);
            return if family.kind == kind && &*family.base == base {
                Ok(Some(id))
            } else {
                Err(Refusal::KindConflict)
            };
        }
        let mut work = std::mem::take(&mut self.work);
        let taken = kind.suffixes().iter().any(|suffix| {
            work.clear();
            work.push_str(base);
            work.push_str(suffix);
            self.claimant(&work).is_some()
        });
        self.work = work;
        if taken {
            Err(Refusal::KindConflict)
        } else {
            Ok(None)
        }
    }

    /// Bytes that a new family costs.
    pub(super) fn cost(base: &str, kind: Kind) -> usize {
        let claim = size_of::<(Box<str>, u32)>() + TOTAL.len() + base.len();
        size_of::<Option<Family>>() + base.len() + kind.suffixes().len() * claim
    }

    /// Makes a family whose name [`Families::find`] has found free.
    pub(super) fn create(&mut self, base: &str, kind: Kind, help: &'static str) -> u32 {
        let family = Family {
            base: base.into(),
            kind,
            help,
            places: Vec::new(),
            holes: Vec::new(),
        };
        let id = if let Some(id) = self.free.pop() {
            self.all[id as usize] = Some(family);
            id
        } else {
            self.all.push(Some(family));
            u32::try_from(self.all.len() - 1).expect("no more families than series")
        };
        let hash = &self.hash;
        for suffix in kind.suffixes() {
            let name: Box<str> = [base, suffix].concat().into();
            self.claims
                .insert_unique(hash.hash_one(&*name), (name, id), |(name, _)| {
                    hash.hash_one(&**name)
                });
        }
        id
    }

    /// Puts a slot into the family and says its place.
    pub(super) fn add(&mut self, id: u32, slot: u32) -> u32 {
        let family = self.get_mut(id);
        if let Some(place) = family.holes.pop() {
            family.places[place as usize] = slot;
            return place;
        }
        family.places.push(slot);
        u32::try_from(family.places.len() - 1).expect("no more places than series")
    }

    /// Takes a slot out of its place; the last one takes the family and its names with it. Says the bytes that became free.
    pub(super) fn remove(&mut self, id: u32, place: u32) -> usize {
        let family = self.get_mut(id);
        family.places[place as usize] = NONE;
        family.holes.push(place);
        if !family.is_empty() {
            return 0;
        }
        let family = self.all[id as usize].take().expect("it was there just now");
        self.free.push(id);
        for suffix in family.kind.suffixes() {
            let name = [&*family.base, *suffix].concat();
            let hash = self.hash.hash_one(name.as_str());
            if let Ok(claim) = self
                .claims
                .find_entry(hash, |(claimed, _)| **claimed == *name)
            {
                claim.remove();
            }
        }
        Self::cost(&family.base, family.kind)
    }

    /// The family number `id`.
    pub(super) fn get(&self, id: u32) -> &Family {
        self.all[id as usize]
            .as_ref()
            .expect("a slot's family is there as long as the slot")
    }

    /// Families and gaps in the order of the answer.
    pub(super) fn all(&self) -> &[Option<Family>] {
        &self.all
    }

    fn get_mut(&mut self, id: u32) -> &mut Family {
        self.all[id as usize]
            .as_mut()
            .expect("a slot's family is there as long as the slot")
    }

    fn claimant(&self, name: &str) -> Option<u32> {
        let hash = self.hash.hash_one(name);
        self.claims
            .find(hash, |(claimed, _)| **claimed == *name)
            .map(|(_, id)| *id)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_two_families_write_the_same_name() {
        let mut families = Families::new();
        let histogram = families.create("latency", Kind::Histogram, "");
        let counter = families.create("requests", Kind::Counter, "");
        assert_eq!(
            families.find("latency", Kind::Histogram),
            Ok(Some(histogram))
        );
        for (base, kind) in [
            ("latency", Kind::Gauge),
            ("latency_sum", Kind::Gauge),
            ("latency_count", Kind::Counter),
            ("requests", Kind::Gauge),
            ("requests_total", Kind::Gauge),
            ("requests_created", Kind::Gauge),
        ] {
            assert_eq!(
                families.find(base, kind),
                Err(Refusal::KindConflict),
                "{base}"
            );
        }
        assert_eq!(families.find("latency_max", Kind::Gauge), Ok(None));
        let place = families.add(counter, 7);
        assert!(families.remove(counter, place) > 0);
        assert_eq!(families.find("requests_total", Kind::Gauge), Ok(None));
    }

    #[test]
    fn a_later_histogram_cannot_take_the_names_of_gauges() {
        let mut families = Families::new();
        families.create("latency_bucket", Kind::Gauge, "");
        assert_eq!(
            families.find("latency", Kind::Histogram),
            Err(Refusal::KindConflict)
        );
    }
}
