//! When series end: ticks in, those whose time is over out, a few at a time and without a sweep over the table.
//!
//! A series stands in the bucket of the tick at which it would end. An update only writes the slot's own tick; a bucket whose
//! tick has come is looked through, and what was updated meanwhile goes to the bucket of its new end.

use std::time::{Duration, Instant};

use super::slot::{Life, List, Phase, Slab, Slot};

/// Ticks in an expiry time: a series is hidden at most 1/64 of it late.
const RESOLUTION: u32 = 64;
/// The shortest tick: 32 bits of them last for 497 days.
const SHORTEST: Duration = Duration::from_millis(10);
/// A sum of deltas is kept for so many expiry times after it was hidden (an hour, at five minutes), then forgotten: a series
/// that comes back later starts at zero. A new series that needs the room has it earlier, the longest hidden goes first.
pub(super) const DORMANT_EXPIRIES: u32 = 12;
/// Life-cycle series are shown for so many expiry times (a day, at five minutes), since transitions are rare.
pub(super) const LONG_EXPIRIES: u32 = 288;

/// What is due.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Due {
    /// To be hidden: it is in no list any more.
    Expired(u32),
    /// To be forgotten: it is in no list any more.
    Forgotten(u32),
}

/// The buckets, what is due, and what is hidden.
#[derive(Debug)]
pub(super) struct Wheel {
    start: Instant,
    tick: Duration,
    now: u32,
    life: u32,
    buckets: Box<[List]>,
    due: List,
    dormant: List,
}

impl Wheel {
    pub(super) fn new(expire: Duration, start: Instant) -> Self {
        let tick = (expire / RESOLUTION).max(SHORTEST);
        let life = expire.as_nanos().div_ceil(tick.as_nanos()).max(1);
        let life = u32::try_from(life).unwrap_or(RESOLUTION).min(RESOLUTION);
        Self {
            start,
            tick,
            now: 0,
            life,
            buckets: vec![List::EMPTY; life as usize + 2].into(),
            due: List::EMPTY,
            dormant: List::EMPTY,
        }
    }

    /// The present tick.
    pub(super) fn now(&self) -> u32 {
        self.now
    }

    /// Moves to `now`; buckets that came due are put in line, not worked off. Time that goes back is no time.
    pub(super) fn advance(&mut self, slab: &mut Slab, now: Instant) {
        let ticks = now.saturating_duration_since(self.start).as_nanos() / self.tick.as_nanos();
        let target = u32::try_from(ticks).unwrap_or(u32::MAX);
        // Once around the wheel has seen every bucket.
        let buckets = u32::try_from(self.buckets.len()).expect("RESOLUTION + 2");
        let steps = target.saturating_sub(self.now).min(buckets);
        for step in 1..=steps {
            let bucket = &mut self.buckets[((self.now + step) % buckets) as usize];
            let list = std::mem::replace(bucket, List::EMPTY);
            self.due.append(slab, list);
        }
        if steps > 0 {
            self.now = target;
        }
    }

    /// Whether the slot's time is over, whether or not it has been worked off.
    pub(super) fn is_over(&self, slot: &Slot) -> bool {
        self.now.saturating_sub(slot.seen) > self.life_of(slot.life)
    }

    /// Puts a slot that was updated just now among the shown ones.
    pub(super) fn insert(&mut self, slab: &mut Slab, id: u32) {
        let slot = slab.get_mut(id);
        slot.phase = Phase::Live;
        let end = slot.seen + self.life_of(slot.life) + 1;
        // Farther than the wheel reaches: looked at once around, and put on.
        let buckets = u32::try_from(self.buckets.len()).expect("RESOLUTION + 2");
        let end = end.min(self.now + buckets - 1);
        self.buckets[(end % buckets) as usize].push(slab, id);
    }

    /// Keeps a hidden slot for the case that it comes back.
    pub(super) fn hide(&mut self, slab: &mut Slab, id: u32) {
        slab.get_mut(id).phase = Phase::Dormant;
        self.dormant.push(slab, id);
    }

    /// Takes a slot back from the hidden ones.
    pub(super) fn revive(&mut self, slab: &mut Slab, id: u32) {
        self.dormant.unlink(slab, id);
        self.insert(slab, id);
    }

    /// Looks at one slot that may be due.
    pub(super) fn step(&mut self, slab: &mut Slab) -> Step {
        if let Some(id) = self.due.pop(slab) {
            if self.is_over(slab.get(id)) {
                return Step::Due(Due::Expired(id));
            }
            self.insert(slab, id);
            return Step::Kept;
        }
        let Some(id) = self.dormant.first() else {
            return Step::Nothing;
        };
        let slot = slab.get(id);
        let kept = self.life_of(slot.life) + self.life * DORMANT_EXPIRIES;
        if self.now.saturating_sub(slot.seen) <= kept {
            return Step::Nothing;
        }
        self.dormant.unlink(slab, id);
        Step::Due(Due::Forgotten(id))
    }

    /// The longest hidden slot, taken out of its list.
    pub(super) fn pop_dormant(&mut self, slab: &mut Slab) -> Option<u32> {
        self.dormant.pop(slab)
    }

    fn life_of(&self, life: Life) -> u32 {
        match life {
            Life::Normal => self.life,
            Life::Long => self.life * LONG_EXPIRIES,
        }
    }
}

/// What looking at one slot came to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Step {
    /// Nothing waits.
    Nothing,
    /// It was updated meanwhile.
    Kept,
    /// Its time is over.
    Due(Due),
}
