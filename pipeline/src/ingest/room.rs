//! How much the front may hold at once: bytes of bodies, and requests. Who finds no room is told to come again; nobody waits for it.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};

use prometheus::IntGauge;

/// The room for bodies under way, in bytes; or for requests, each of which takes one.
#[derive(Debug)]
pub struct Room {
    limit: usize,
    held: AtomicUsize,
    /// Somebody found no room, and it was not three quarters empty since.
    turned_away: AtomicBool,
    gauge: IntGauge,
}

/// No room is left.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Full;

impl Room {
    /// An empty one; `gauge` shows how much is taken.
    pub(super) fn new(limit: usize, gauge: IntGauge) -> Self {
        Self {
            limit,
            held: AtomicUsize::new(0),
            turned_away: AtomicBool::new(false),
            gauge,
        }
    }

    /// How much is taken.
    pub fn held(&self) -> usize {
        self.held.load(Ordering::Relaxed)
    }

    /// How much can be taken.
    pub fn limit(&self) -> usize {
        self.limit
    }

    /// Whether nobody should come now: somebody found no room, and less than a quarter has become free since. A load balancer is
    /// not to see it flicker.
    pub fn is_full(&self) -> bool {
        self.turned_away.load(Ordering::Relaxed) && {
            let full = self.held() > self.limit.saturating_sub((self.limit / 4).max(1));
            if !full {
                self.turned_away.store(false, Ordering::Relaxed);
            }
            full
        }
    }

    /// A place that takes nothing yet.
    pub(super) fn place(self: &Arc<Self>) -> Place {
        Place {
            room: Arc::clone(self),
            taken: 0,
        }
    }

    fn take(&self, more: usize) -> Result<(), Full> {
        let taken = self
            .held
            .fetch_update(Ordering::Relaxed, Ordering::Relaxed, |held| {
                held.checked_add(more).filter(|sum| *sum <= self.limit)
            });
        if taken.is_err() {
            self.turned_away.store(true, Ordering::Relaxed);
            return Err(Full);
        }
        self.gauge.add(i64::try_from(more).unwrap_or(i64::MAX));
        Ok(())
    }

    fn give_back(&self, taken: usize) {
        self.held.fetch_sub(taken, Ordering::Relaxed);
        self.gauge.sub(i64::try_from(taken).unwrap_or(i64::MAX));
    }
}

/// What one body or request takes of the room, until it is dropped.
#[derive(Debug)]
pub(super) struct Place {
    room: Arc<Room>,
    taken: usize,
}

impl Place {
    /// Takes as much more as makes `all` together; less than it has changes nothing.
    pub(super) fn grow_to(&mut self, all: usize) -> Result<(), Full> {
        if all > self.taken {
            self.room.take(all - self.taken)?;
            self.taken = all;
        }
        Ok(())
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        self.room.give_back(self.taken);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn room(limit: usize) -> Arc<Room> {
        Arc::new(Room::new(limit, IntGauge::new("held", "held").unwrap()))
    }

    #[test]
    fn what_is_taken_is_given_back_and_never_more_than_there_is() {
        let room = room(100);
        let mut place = room.place();
        assert_eq!(place.grow_to(60), Ok(()));
        assert_eq!(place.grow_to(50), Ok(()));
        assert_eq!((room.held(), room.gauge.get()), (60, 60));
        assert_eq!(room.place().grow_to(41), Err(Full));
        assert_eq!(room.place().grow_to(usize::MAX), Err(Full));
        assert_eq!(place.grow_to(100), Ok(()));
        drop(place);
        assert_eq!((room.held(), room.gauge.get()), (0, 0));
    }

    #[test]
    fn it_is_full_from_the_first_who_was_turned_away_until_a_quarter_is_free() {
        let room = room(100);
        let mut place = room.place();
        place.grow_to(70).unwrap();
        let mut other = room.place();
        other.grow_to(30).unwrap();
        assert!(!room.is_full(), "nobody was turned away");
        assert_eq!(room.place().grow_to(1), Err(Full));
        assert!(room.is_full());
        drop(other);
        assert!(!room.is_full());
        // One who is too large for what is free does not keep the others out.
        assert_eq!(room.place().grow_to(31), Err(Full));
        assert!(!room.is_full());
    }
}
