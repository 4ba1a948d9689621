//! Where series live: a slab of slots in pages, so that growth neither doubles the memory nor copies what is there.

use flightline_contract::health::Status;
use flightline_contract::metric::Bucket;

/// No slot, no place, no alias.
pub(super) const NONE: u32 = u32::MAX;

/// Slots per page. 80 kB: small against the table, large enough that the list of pages stays in the cache.
const PAGE: usize = 1024;

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

/// One series, or the few that stand and fall together (a histogram, the states of a check).
#[derive(Debug)]
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
    /// The first of its further raw keys.
    pub(super) aliases: u32,
    pub(super) previous: u32,
    pub(super) next: u32,
    /// The tick of the last update.
    pub(super) seen: u32,
    /// The number of scrapes begun before it was made: a scrape under way leaves it out.
    pub(super) born: u32,
    pub(super) phase: Phase,
    pub(super) life: Life,
    pub(super) origin: Origin,
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

    fn free(next: u32) -> Self {
        Self {
            text: Box::default(),
            value: Value::Number(0.0),
            time: 0,
            split: 0,
            family: NONE,
            place: NONE,
            aliases: NONE,
            previous: NONE,
            next,
            seen: 0,
            born: 0,
            phase: Phase::Free,
            life: Life::Normal,
            origin: Origin::Told,
        }
    }
}

/// All slots by number.
#[derive(Debug)]
pub(super) struct Slab {
    pages: Vec<Vec<Slot>>,
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
            let place = self.get_mut(id);
            let next = place.next;
            *place = slot;
            self.free = next;
            return id;
        }
        if self.pages.last().is_none_or(|page| page.len() == PAGE) {
            self.pages.push(Vec::with_capacity(PAGE));
        }
        let full = (self.pages.len() - 1) * PAGE;
        let page = self.pages.last_mut().expect("a page was just made sure of");
        page.push(slot);
        u32::try_from(full + page.len() - 1).expect("max_series keeps the numbers below 2^31")
    }

    /// Takes out the slot `id`; the number is used again.
    pub(super) fn remove(&mut self, id: u32) -> Slot {
        let free = Slot::free(self.free);
        self.free = id;
        std::mem::replace(self.get_mut(id), free)
    }

    pub(super) fn get(&self, id: u32) -> &Slot {
        let id = id as usize;
        &self.pages[id / PAGE][id % PAGE]
    }

    pub(super) fn get_mut(&mut self, id: u32) -> &mut Slot {
        let id = id as usize;
        &mut self.pages[id / PAGE][id % PAGE]
    }
}

/// A list through the slots' own `previous` and `next`.
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
        let slot = slab.get_mut(id);
        slot.previous = self.tail;
        slot.next = NONE;
        if self.tail == NONE {
            self.head = id;
        } else {
            slab.get_mut(self.tail).next = id;
        }
        self.tail = id;
    }

    pub(super) fn unlink(&mut self, slab: &mut Slab, id: u32) {
        let (previous, next) = {
            let slot = slab.get(id);
            (slot.previous, slot.next)
        };
        if previous == NONE {
            self.head = next;
        } else {
            slab.get_mut(previous).next = next;
        }
        if next == NONE {
            self.tail = previous;
        } else {
            slab.get_mut(next).previous = previous;
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
            slab.get_mut(self.tail).next = other.head;
            slab.get_mut(other.head).previous = self.tail;
        }
        self.tail = other.tail;
    }
}
