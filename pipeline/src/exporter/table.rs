//! Samples in, the present value of each series kept: bounded in series, bytes and labels. What does not fit is refused and
//! counted, what is not updated is hidden and later forgotten. Pure: no clock, no I/O; time is handed in.

use std::hash::{BuildHasher, Hasher};
use std::time::Instant;

use flightline_contract::class::Class;
use foldhash::fast::RandomState;

use super::applied::{Applied, Deltas};
use super::family::{Families, Kind};
use super::key::{Index, LINK_COST, RawKey, Spellings, fold};
use super::labels::Labels;
use super::name::{self, OWN};
use super::pending::Pending;
use super::refusal::{Refusal, Refused};
use super::slot::{Life, Links, NONE, Origin, Phase, Slab, Slot};
use super::update::Update;
use super::wheel::{Due, Step, Wheel};
use crate::config;
use crate::delivery::Stamp;

/// Bytes of a series beyond its text: its slot, two index entries, its place in the family and the allocator's own.
const FIXED: usize =
    size_of::<Slot>() + size_of::<Links>() + 2 * LINK_COST + 2 * size_of::<u32>() + 16;
/// Series looked at per message for their end: a message brings about one, so the line gets shorter.
const TIDY: usize = 4;
/// Hidden or ended series worked off to make room for one new: more would let one sample hold up the path.
const MAKE_ROOM: usize = 64;

/// The series table.
#[derive(Debug)]
pub struct Table {
    max_series: usize,
    max_bytes: usize,
    max_labels: usize,
    classes: Vec<Class>,
    /// Base names that configuration calls counters, sorted.
    counters: Vec<Box<str>>,
    pub(super) hash: RandomState,
    pub(super) slab: Slab,
    pub(super) families: Families,
    pub(super) spellings: Spellings,
    /// Family and labels to series: what makes two spellings the same.
    canonical: Index,
    pub(super) wheel: Wheel,
    applied: Applied,
    pub(super) message: Message,
    pub(super) scratch: Scratch,
    pub(super) pending: Pending,
    moment: Option<Instant>,
    /// Looks at ended series that messages have paid for.
    owed: usize,
    scrapes: u32,
    shown: usize,
    held: usize,
    bytes: usize,
    refused: Refused,
    pub(super) jobs: Jobs,
}

/// Whether a life-cycle change ever named its job. Until one does, no check can be that of one, and the look-up for it is spared.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Jobs {
    Unnamed,
    Named,
}

/// What is known of the message whose samples come.
#[derive(Debug, Clone, Copy)]
pub(super) struct Message {
    pub(super) time: i64,
    pub(super) deltas: Deltas,
}

/// Buffers that are reused for each sample that needs cleaning.
#[derive(Debug, Default)]
pub(super) struct Scratch {
    pub(super) key: Vec<u8>,
    pub(super) raw: Vec<u8>,
    pub(super) name: String,
    pub(super) labels: Labels,
    block: String,
}

/// A series that is not known by its raw key: what it is. Its name and labels are in the [`Scratch`].
#[derive(Debug, Clone, Copy)]
pub(super) struct Described {
    pub(super) kind: Kind,
    pub(super) owner: Owner,
    pub(super) life: Life,
    pub(super) help: &'static str,
}

/// Who may have a name.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Owner {
    /// Flightline itself.
    Own,
    /// Anybody: not `flightline_`.
    Foreign,
}

/// How full the table is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Counts {
    /// Series shown, as Prometheus counts them.
    pub series: usize,
    /// Bytes held, hidden series included.
    pub bytes: usize,
    /// Samples refused, by reason.
    pub refused: Refused,
}

impl Table {
    /// An empty table; its time begins at `start`.
    pub fn new(config: &config::Exporter, start: Instant) -> Self {
        let mut counters: Vec<Box<str>> = config
            .counters
            .iter()
            .map(|name| name::counter_base(name).into())
            .collect();
        counters.sort_unstable();
        Self {
            // Numbers of slots have 31 bits, and no machine has room for as many.
            max_series: config.max_series.min(1 << 30),
            max_bytes: config.max_bytes,
            max_labels: config.max_labels,
            classes: config.classes.clone(),
            counters,
            hash: RandomState::default(),
            slab: Slab::new(),
            families: Families::new(),
            spellings: Spellings::new(),
            canonical: Index::default(),
            wheel: Wheel::new(config.expire, start),
            applied: Applied::new(),
            message: Message {
                time: 0,
                deltas: Deltas::Count,
            },
            scratch: Scratch::default(),
            pending: Pending::default(),
            moment: None,
            owed: 0,
            scrapes: 0,
            shown: 0,
            held: 0,
            bytes: 0,
            refused: Refused::default(),
            jobs: Jobs::Unnamed,
        }
    }

    /// Whether data of that class is shown. Lines of a class that is not must not be handed in: they do not say their class.
    pub fn shows(&self, class: Class) -> bool {
        self.classes.contains(&class)
    }

    /// Begins a message: what is handed in until the next call belongs to it. `now` may be read once for many messages.
    pub fn begin(&mut self, stamp: &Stamp, now: Instant) {
        if self.moment != Some(now) {
            self.catch_up();
            self.moment = Some(now);
            self.wheel.advance(&mut self.slab, now);
        }
        self.message = Message {
            time: stamp.time,
            deltas: match stamp.sequence {
                Some(sequence) => self.applied.admit(sequence, stamp.attempt),
                None => Deltas::Count,
            },
        };
        self.owed += TIDY;
    }

    /// How full the table is, and what it has refused.
    pub fn counts(&mut self) -> Counts {
        self.catch_up();
        Counts {
            series: self.shown,
            bytes: self.bytes,
            refused: self.refused,
        }
    }

    /// Begins a scrape at `now` and says its number: series that are made later are left out of it.
    pub(super) fn begin_scrape(&mut self, now: Instant) -> u32 {
        self.catch_up();
        self.wheel.advance(&mut self.slab, now);
        self.scrapes = self.scrapes.wrapping_add(1);
        self.scrapes
    }

    /// Does what was put off while messages came.
    fn catch_up(&mut self) {
        self.settle();
        let owed = std::mem::take(&mut self.owed);
        self.tidy(owed);
    }

    /// Looks at up to `steps` series that may have ended.
    pub(super) fn tidy(&mut self, steps: usize) {
        for _ in 0..steps {
            match self.wheel.step(&mut self.slab) {
                Step::Nothing => break,
                Step::Kept => {}
                Step::Due(due) => self.end(due),
            }
        }
    }

    /// Whether configuration calls that cleaned name a counter.
    pub(super) fn is_counter(&self, name: &str) -> bool {
        let base = name::counter_base(name);
        self.counters
            .binary_search_by(|counter| (**counter).cmp(base))
            .is_ok()
    }

    /// The series of a raw key whose hash is known.
    pub(super) fn find(&self, hash: u32, key: RawKey<'_>) -> Option<u32> {
        self.spellings.find(&self.slab, hash, key)
    }

    /// Counts what was refused.
    pub(super) fn note(&mut self, outcome: Result<(), Refusal>) {
        if let Err(refusal) = outcome {
            self.refused.count(refusal);
        }
    }

    /// Updates a known series.
    pub(super) fn update(&mut self, id: u32, update: Update<'_>, time: i64) -> Result<(), Refusal> {
        let slot = self.slab.get(id);
        let kind = slot.kind;
        let (weight, heap) = (slot.value.weight(), slot.value.heap());
        update.check(kind)?;
        if time < slot.time && update.replaces(slot) {
            return Err(Refusal::Older);
        }
        if update.is_delta() && self.message.deltas == Deltas::Skip {
            return Ok(());
        }
        self.show(id);
        let (new_weight, new_heap) = update.size();
        if new_weight > weight || new_heap > heap {
            let more = new_weight.saturating_sub(weight);
            self.make_room(more, new_heap.saturating_sub(heap))?;
        }
        let slot = self.slab.get_mut(id);
        update.apply(slot);
        slot.time = slot.time.max(time);
        self.shown = self.shown - weight + new_weight;
        self.held = self.held - weight + new_weight;
        self.bytes = self.bytes - heap + new_heap;
        Ok(())
    }

    /// Finds the series that the scratch describes under its clean name, or makes it, and updates it.
    pub(super) fn meet(
        &mut self,
        key: RawKey<'_>,
        hash: u32,
        scratch: &mut Scratch,
        described: Described,
        update: Update<'_>,
        time: i64,
    ) -> Result<(), Refusal> {
        if described.owner == Owner::Foreign && scratch.name.starts_with(OWN) {
            return Err(Refusal::ReservedName);
        }
        let base = described.kind.base(&scratch.name);
        scratch.labels.render(self.max_labels, &mut scratch.block)?;
        if base.len() + scratch.block.len() > super::labels::MAX_BLOCK {
            return Err(Refusal::LabelLimit);
        }
        let family = self.families.find(base, described.kind)?;
        let labels = scratch.block.as_bytes();
        if let Some(family) = family {
            let canonical = self.canonical_hash(family, labels);
            let known = self.canonical.find(canonical, |id| {
                let slot = self.slab.get(id);
                slot.family == family && slot.labels() == labels
            });
            if let Some(id) = known {
                self.remember(hash, key, id);
                return self.update(id, update, time);
            }
        }
        if update.is_delta() && self.message.deltas == Deltas::Skip {
            return Ok(());
        }
        let slot = update.first(described.kind)?;
        let text = key.len() + labels.len();
        let (weight, heap) = update.size();
        // The family's share is counted even if it is there: making room may end its last series.
        let family = Families::cost(base, described.kind);
        self.make_room(weight, FIXED + text + heap + family)?;
        self.insert(key, hash, labels, base, described, Slot { time, ..slot });
        Ok(())
    }

    fn insert(
        &mut self,
        key: RawKey<'_>,
        hash: u32,
        labels: &[u8],
        base: &str,
        described: Described,
        mut slot: Slot,
    ) {
        // Making room may have ended the last series of the family, so it is looked for again.
        let family = match self.families.find(base, described.kind) {
            Ok(Some(family)) => family,
            Ok(None) | Err(_) => {
                self.bytes += Families::cost(base, described.kind);
                self.families.create(base, described.kind, described.help)
            }
        };
        let mut text = Vec::with_capacity(key.len() + labels.len());
        key.write(&mut text);
        slot.split = u32::try_from(text.len()).expect("keys are below 4 GiB");
        text.extend_from_slice(labels);
        slot.text = text.into();
        slot.family = family;
        slot.life = described.life;
        slot.born = self.scrapes;
        slot.seen = self.wheel.now();
        let canonical = self.canonical_hash(family, labels);
        let weight = slot.value.weight();
        self.bytes += slot.cost(FIXED);
        let id = self.slab.insert(slot);
        self.slab.get_mut(id).place = self.families.add(family, id);
        self.spellings.insert(hash, id);
        self.canonical.insert(canonical, id);
        self.wheel.insert(&mut self.slab, id);
        self.shown += weight;
        self.held += weight;
    }

    /// Notes another spelling of a series, if there is room: it is found at once the next time.
    fn remember(&mut self, hash: u32, key: RawKey<'_>, id: u32) {
        let first = self.slab.links(id).aliases;
        if let Some(cost) = self.spellings.room(first, key)
            && self.bytes + cost <= self.max_bytes
        {
            self.bytes += cost;
            self.slab.links_mut(id).aliases = self.spellings.add(hash, key, id, first);
        }
    }

    /// Notes that a series was updated, and takes it back if it was hidden.
    pub(super) fn show(&mut self, id: u32) {
        let now = self.wheel.now();
        let slot = self.slab.get_mut(id);
        slot.seen = now;
        if slot.phase == Phase::Dormant {
            self.shown += slot.value.weight();
            self.wheel.revive(&mut self.slab, id);
        }
    }

    /// Forgets hidden series, the longest hidden first, until there is room. Shown ones never make room.
    fn make_room(&mut self, weight: usize, bytes: usize) -> Result<(), Refusal> {
        for _ in 0..MAKE_ROOM {
            if self.lacks(weight, bytes).is_ok() {
                return Ok(());
            }
            if let Some(id) = self.wheel.pop_dormant(&mut self.slab) {
                self.end(Due::Forgotten(id));
                continue;
            }
            match self.wheel.step(&mut self.slab) {
                Step::Nothing => break,
                Step::Kept => {}
                Step::Due(due) => self.end(due),
            }
        }
        self.lacks(weight, bytes)
    }

    fn lacks(&self, weight: usize, bytes: usize) -> Result<(), Refusal> {
        if self.held + weight > self.max_series {
            Err(Refusal::SeriesLimit)
        } else if self.bytes + bytes > self.max_bytes {
            Err(Refusal::ByteLimit)
        } else {
            Ok(())
        }
    }

    fn end(&mut self, due: Due) {
        match due {
            Due::Expired(id) => {
                let slot = self.slab.get(id);
                self.shown -= slot.value.weight();
                match slot.origin {
                    Origin::Summed => self.wheel.hide(&mut self.slab, id),
                    Origin::Told => self.forget(id),
                }
            }
            Due::Forgotten(id) => self.forget(id),
        }
    }

    fn forget(&mut self, id: u32) {
        let aliases = self.slab.links(id).aliases;
        let slot = self.slab.remove(id);
        self.held -= slot.value.weight();
        self.bytes -= slot.cost(FIXED);
        self.bytes -= self.spellings.remove(&self.hash, id, slot.raw(), aliases);
        let canonical = self.canonical_hash(slot.family, slot.labels());
        self.canonical.remove(canonical, id);
        self.bytes -= self.families.remove(slot.family, slot.place);
    }

    fn canonical_hash(&self, family: u32, labels: &[u8]) -> u32 {
        let mut hasher = self.hash.build_hasher();
        hasher.write_u32(family);
        hasher.write(labels);
        fold(hasher.finish())
    }
}

const _: () = assert!(NONE > 1 << 31, "no slot number is NONE");
