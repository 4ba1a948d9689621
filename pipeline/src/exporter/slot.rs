//! Where series live: a slab of slots in pages, so that growth neither doubles the memory nor copies what is there.

use flightline_contract::health::Status;
use flightline_contract::metric::Bucket;

use super::family::Kind;

/// No slot, no place, no alias.
pub(super) const NONE: u32 = u32::MAX;

/// Slots per page. 76 KiB: small against the table, large enough that the list of pages stays in the cache.
const PAGE: usize = 1024;

/// Bytes in a line of the processor's cache.
const LINE: usize = 64;

/// What a series shows.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum Value {
    /// A counter or gauge.
    Number(f64),
    /// A health check: one series per status, 1 for the present one.
    State(Status),
    /// Buckets, sum and count.
    Histogram(Box<Histogram>),
}

/// The state of a histogram.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Histogram {
    pub(super) buckets: Box<[Bucket]>,
    pub(super) sum: f64,
    pub(super) count: u64,
}

impl Value {
    /// How many series Prometheus sees.
    pub(super) fn weight(&self) -> usize {
        match self {
            Self::Number(_) => 1,
            Self::State(_) => Status::ALL.len(),
            // And the bucket without bound, the sum and the count.
            Self::Histogram(histogram) => histogram.buckets.len() + 3,
        }
    }

    /// Bytes beyond the slot itself.
    pub(super) fn heap(&self) -> usize {
        match self {
            Self::Number(_) | Self::State(_) => 0,
            Self::Histogram(histogram) => {
                size_of::<Histogram>() + size_of_val::<[Bucket]>(&histogram.buckets)
            }
        }
    }
}

/// Which list a slot is in.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Phase {
    /// In none: free.
    Free,
    /// In the wheel: shown until its time is over.
    Live,
    /// Hidden; its sum is kept for the case that it comes back.
    Dormant,
}

/// How long a series is shown after its last update.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Life {
    /// As configured.
    Normal,
    /// Far longer: life-cycle transitions are rare, and their absence says nothing.
    Long,
}

/// Where a number comes from.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Origin {
    /// The publisher tells it: nothing is lost when it is forgotten.
    Told,
    /// Summed up here from deltas: forgetting it is a counter reset.
    Summed,
}

/// One series, or the few that stand and fall together (a histogram, the states of a check). What an update reads and writes
/// is here and nowhere else, in one line of the cache; what only a series' making and end need is in its [`Links`].
#[derive(Debug)]
#[repr(align(64))]
pub(super) struct Slot {
    /// Raw key, then rendered labels.
    pub(super) text: Box<[u8]>,
    pub(super) value: Value,
    /// The time of the sample that it shows.
    pub(super) time: i64,
    /// Where the raw key ends and the labels begin.
    pub(super) split: u32,
    pub(super) family: u32,
    /// Its index in the family's list.
    pub(super) place: u32,
    /// The tick of the last update.
    pub(super) seen: u32,
    /// The number of scrapes begun before it was made: a scrape under way leaves it out.
    pub(super) born: u32,
    pub(super) phase: Phase,
    pub(super) life: Life,
    pub(super) origin: Origin,
    /// Its family's.
    pub(super) kind: Kind,
}

const _: () = assert!(
    size_of::<Slot>() == 64,
    "an update touches one line of the cache"
);

/// What joins a slot to others.
#[derive(Debug)]
pub(super) struct Links {
    /// The first of its further raw keys.
    pub(super) aliases: u32,
    previous: u32,
    next: u32,
}

impl Links {
    const NONE: Self = Self {
        aliases: NONE,
        previous: NONE,
        next: NONE,
    };
}

impl Slot {
    /// The raw key it was made by.
    pub(super) fn raw(&self) -> &[u8] {
        &self.text[..self.split as usize]
    }

    /// The labels as they are shown, without braces.
    pub(super) fn labels(&self) -> &[u8] {
        &self.text[self.split as usize..]
    }

    /// Bytes that the limit counts for it; `fixed` is the share of tables and allocator.
    pub(super) fn cost(&self, fixed: usize) -> usize {
        fixed + self.text.len() + self.value.heap()
    }

    fn free() -> Self {
        Self {
            text: Box::default(),
            value: Value::Number(0.0),
            time: 0,
            split: 0,
            family: NONE,
            place: NONE,
            seen: 0,
            born: 0,
            phase: Phase::Free,
            life: Life::Normal,
            origin: Origin::Told,
            kind: Kind::Gauge,
        }
    }
}

/// Slots that are stored together, each with its links at the same index.
#[derive(Debug)]
struct Page {
    slots: Vec<Slot>,
    links: Vec<Links>,
}

/// All slots by number.
#[derive(Debug)]
pub(super) struct Slab {
    pages: Vec<Page>,
    free: u32,
}

impl Slab {
    pub(super) fn new() -> Self {
        Self {
            pages: Vec::new(),
            free: NONE,
        }
    }

    /// Stores `slot` and says its number.
    pub(super) fn insert(&mut self, slot: Slot) -> u32 {
        if self.free != NONE {
            let id = self.free;
            self.free = std::mem::replace(self.links_mut(id), Links::NONE).next;
            *self.get_mut(id) = slot;
            return id;
        }
        let full = |page: &Page| page.slots.len() == PAGE;
        if self.pages.last().is_none_or(full) {
            self.pages.push(Page {
                slots: Vec::with_capacity(PAGE),
                links: Vec::with_capacity(PAGE),
            });
        }
        let before = (self.pages.len() - 1) * PAGE;
        let page = self.pages.last_mut().expect("a page was just made sure of");
        page.slots.push(slot);
        page.links.push(Links::NONE);
        u32::try_from(before + page.slots.len() - 1)
            .expect("max_series keeps the numbers below 2^31")
    }

    /// Takes out the slot `id`; the number is used again.
    pub(super) fn remove(&mut self, id: u32) -> Slot {
        self.links_mut(id).next = self.free;
        self.free = id;
        std::mem::replace(self.get_mut(id), Slot::free())
    }

    pub(super) fn get(&self, id: u32) -> &Slot {
        let id = id as usize;
        &self.pages[id / PAGE].slots[id % PAGE]
    }

    pub(super) fn get_mut(&mut self, id: u32) -> &mut Slot {
        let id = id as usize;
        &mut self.pages[id / PAGE].slots[id % PAGE]
    }

    /// Reads a little of each line of the cache that an update of the slot `id` will want. The sum means nothing.
    pub(super) fn touch(&self, id: u32) -> u8 {
        let raw = self.get(id).raw();
        let sum = raw.iter().step_by(LINE).fold(0, |sum, byte| sum ^ byte);
        sum ^ raw.last().copied().unwrap_or_default()
    }

    pub(super) fn links(&self, id: u32) -> &Links {
        let id = id as usize;
        &self.pages[id / PAGE].links[id % PAGE]
    }

    pub(super) fn links_mut(&mut self, id: u32) -> &mut Links {
        let id = id as usize;
        &mut self.pages[id / PAGE].links[id % PAGE]
    }
}

/// A list through the slots' links.
#[derive(Debug, Clone, Copy)]
pub(super) struct List {
    head: u32,
    tail: u32,
}

impl List {
    pub(super) const EMPTY: Self = Self {
        head: NONE,
        tail: NONE,
    };

    /// The oldest.
    pub(super) fn first(self) -> Option<u32> {
        (self.head != NONE).then_some(self.head)
    }

    pub(super) fn push(&mut self, slab: &mut Slab, id: u32) {
        let links = slab.links_mut(id);
        links.previous = self.tail;
        links.next = NONE;
        if self.tail == NONE {
            self.head = id;
        } else {
            slab.links_mut(self.tail).next = id;
        }
        self.tail = id;
    }

    pub(super) fn unlink(&mut self, slab: &mut Slab, id: u32) {
        let (previous, next) = {
            let links = slab.links(id);
            (links.previous, links.next)
        };
        if previous == NONE {
            self.head = next;
        } else {
            slab.links_mut(previous).next = next;
        }
        if next == NONE {
            self.tail = previous;
        } else {
            slab.links_mut(next).previous = previous;
        }
    }

    pub(super) fn pop(&mut self, slab: &mut Slab) -> Option<u32> {
        let first = self.first()?;
        self.unlink(slab, first);
        Some(first)
    }

    /// Moves all of `other` behind the last of this list.
    pub(super) fn append(&mut self, slab: &mut Slab, other: Self) {
        if other.head == NONE {
            return;
        }
        if self.tail == NONE {
            self.head = other.head;
        } else {
            slab.links_mut(self.tail).next = other.head;
            slab.links_mut(other.head).previous = self.tail;
        }
        self.tail = other.tail;
    }
}
