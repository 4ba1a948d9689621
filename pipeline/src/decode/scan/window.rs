//! The marks of the next stretches of a payload come out, found in one go: a loop that does nothing else costs half of what the same
//! work costs between the steps of a walk.

use super::block::{STRETCH, Stretch};

/// Stretches at the start of a payload: enough for a message of one line, and not much too much for a caller who wants only one.
pub(super) const FIRST: usize = 4;

/// Stretches from then on: 16 KiB, so that hardly any line is cut by the window's end, and the masks stay in the nearest cache.
pub(super) const MORE: usize = 256;

/// The masks of some stretches in a row.
#[derive(Debug, Default)]
pub(super) struct Window {
    /// One bit a byte: whether something may end there. Behind the payload's end every bit is set.
    pub(super) masks: Vec<u64>,
    /// Whether a byte in it is beyond ASCII.
    pub(super) beyond_ascii: bool,
}

impl Window {
    /// The mask of that number.
    #[inline(always)]
    pub(super) fn mask(&self, slot: usize) -> u64 {
        self.masks.get(slot).copied().unwrap_or_default()
    }

    /// Finds the marks of the first `stretches` of `rest`.
    #[inline(never)]
    pub(super) fn fill(&mut self, rest: &[u8], stretches: usize) {
        let (whole, tail) = rest.as_chunks::<STRETCH>();
        let mut all = Stretch::new(&[0; STRETCH]);
        self.masks.clear();
        self.masks.extend(whole.iter().take(stretches).map(|bytes| {
            let stretch = Stretch::new(bytes);
            all = all.or(stretch);
            stretch.special()
        }));
        if whole.len() < stretches {
            // The last bytes are fewer than a stretch: looked at together with those before them, or alone.
            let stretch = match rest.last_chunk() {
                Some(bytes) => Stretch::new(bytes),
                None => {
                    let mut bytes = [0; STRETCH];
                    bytes[STRETCH - tail.len()..].copy_from_slice(tail);
                    Stretch::new(&bytes)
                }
            };
            all = all.or(stretch);
            let mask = if tail.is_empty() {
                0
            } else {
                stretch.special() >> (STRETCH - tail.len())
            };
            // Behind the end every place is a mark, and there are enough of them for any line.
            self.masks.push(mask | u64::MAX << tail.len());
            self.masks.push(u64::MAX);
        }
        self.beyond_ascii = all.beyond_ascii() != 0;
    }
}
