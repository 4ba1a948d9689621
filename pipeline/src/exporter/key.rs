//! Series as publishers write them: raw bytes in, the series' number out. Equality is by all bytes; hashes only find.

use std::hash::{BuildHasher, Hasher};

use foldhash::fast::RandomState;
use hashbrown::HashTable;

use super::slot::{NONE, Slab};

/// How many further spellings of one series are remembered (tags in another order, say); others are cleaned each time.
const MAX_ALIASES: usize = 3;
/// Marks a link that leads to an alias.
const ALIAS: u32 = 1 << 31;
/// The length of the head stands before the two parts.
const PREFIX: usize = 4;

/// The raw bytes that name a series, in two parts: line protocol's series and field key, or a sample's names and an empty part.
#[derive(Debug, Clone, Copy)]
pub(super) struct RawKey<'k> {
    pub(super) head: &'k [u8],
    pub(super) tail: &'k [u8],
}

impl<'k> RawKey<'k> {
    /// Reads back what [`RawKey::write`] wrote.
    fn read(stored: &'k [u8]) -> Self {
        let (length, rest) = stored
            .split_first_chunk::<PREFIX>()
            .expect("written by write");
        let (head, tail) = rest.split_at(u32::from_le_bytes(*length) as usize);
        Self { head, tail }
    }

    /// Bytes it takes when stored.
    pub(super) fn len(self) -> usize {
        PREFIX + self.head.len() + self.tail.len()
    }

    pub(super) fn write(self, out: &mut Vec<u8>) {
        let length = u32::try_from(self.head.len()).expect("spans and payloads are below 4 GiB");
        out.extend_from_slice(&length.to_le_bytes());
        out.extend_from_slice(self.head);
        out.extend_from_slice(self.tail);
    }

    /// Whether these bytes were written from it. None were into a slot that is free.
    pub(super) fn is(self, stored: &[u8]) -> bool {
        if stored.len() != self.len() {
            return false;
        }
        let other = RawKey::read(stored);
        other.head == self.head && other.tail == self.tail
    }

    /// The hash of the whole.
    pub(super) fn hash(self, state: &RandomState) -> u32 {
        let mut hasher = state.build_hasher();
        hasher.write(self.head);
        Self::finish(hasher, self.tail)
    }

    /// The hash of the whole, where `hasher` has taken the head already: a line's series is hashed once for all its fields.
    pub(super) fn finish(mut hasher: impl Hasher, tail: &[u8]) -> u32 {
        hasher.write(tail);
        fold(hasher.finish())
    }
}

/// Half of the hash is kept in the tables, so that they grow without touching a series.
#[expect(
    clippy::cast_possible_truncation,
    reason = "both halves are folded into one"
)]
pub(super) fn fold(hash: u64) -> u32 {
    (hash ^ (hash >> 32)) as u32
}

/// hashbrown takes the bucket from the low bits and a tag from the topmost: give it both.
fn spread(hash: u32) -> u64 {
    u64::from(hash) << 32 | u64::from(hash)
}

/// One entry of an index.
#[derive(Debug, Clone, Copy)]
struct Link {
    hash: u32,
    target: u32,
}

/// Bytes of an entry, with its share of what a hash table leaves empty.
pub(super) const LINK_COST: usize = 2 * (size_of::<Link>() + 1);

/// A hash table of numbers.
#[derive(Debug, Default)]
pub(super) struct Index(HashTable<Link>);

impl Index {
    /// The number that `is` recognises among those of that hash.
    pub(super) fn find(&self, hash: u32, mut is: impl FnMut(u32) -> bool) -> Option<u32> {
        self.0
            .find(spread(hash), |link| link.hash == hash && is(link.target))
            .map(|link| link.target)
    }

    pub(super) fn insert(&mut self, hash: u32, target: u32) {
        self.0
            .insert_unique(spread(hash), Link { hash, target }, |link| {
                spread(link.hash)
            });
    }

    pub(super) fn remove(&mut self, hash: u32, target: u32) {
        if let Ok(link) = self
            .0
            .find_entry(spread(hash), |link| link.target == target)
        {
            link.remove();
        }
    }
}

/// A further spelling of a series.
#[derive(Debug)]
struct Alias {
    raw: Box<[u8]>,
    slot: u32,
    next: u32,
}

/// Raw keys to series: one spelling is in the slot itself, a few more stand here.
#[derive(Debug)]
pub(super) struct Spellings {
    index: Index,
    aliases: Vec<Alias>,
    free: u32,
}

impl Spellings {
    pub(super) fn new() -> Self {
        Self {
            index: Index::default(),
            aliases: Vec::new(),
            free: NONE,
        }
    }

    /// The series of that key.
    pub(super) fn find(&self, slab: &Slab, hash: u32, key: RawKey<'_>) -> Option<u32> {
        let target = self.index.find(hash, |target| match self.alias(target) {
            Some(alias) => key.is(&alias.raw),
            None => key.is(slab.get(target).raw()),
        })?;
        Some(self.alias(target).map_or(target, |alias| alias.slot))
    }

    /// The slot whose own key may be one of that hash, without a look at it; `NONE` if only [`Spellings::find`] can tell.
    pub(super) fn guess(&self, hash: u32) -> u32 {
        match self.index.find(hash, |_| true) {
            Some(target) if target & ALIAS == 0 => target,
            Some(_) | None => NONE,
        }
    }

    /// The key that is stored in the slot `id` itself.
    pub(super) fn insert(&mut self, hash: u32, id: u32) {
        self.index.insert(hash, id);
    }

    /// Bytes of one more spelling; `None` if the series has enough.
    pub(super) fn room(&self, first: u32, key: RawKey<'_>) -> Option<usize> {
        let mut count = 0;
        let mut next = first;
        while next != NONE {
            count += 1;
            next = self.aliases[next as usize].next;
        }
        (count < MAX_ALIASES).then(|| Self::cost(key.len()))
    }

    /// Adds a spelling of the slot `id` in front of those that begin at `first`, and says where they begin now.
    pub(super) fn add(&mut self, hash: u32, key: RawKey<'_>, id: u32, first: u32) -> u32 {
        let mut raw = Vec::with_capacity(key.len());
        key.write(&mut raw);
        let alias = Alias {
            raw: raw.into(),
            slot: id,
            next: first,
        };
        let number = if self.free == NONE {
            self.aliases.push(alias);
            u32::try_from(self.aliases.len() - 1).expect("a few per series")
        } else {
            let number = self.free;
            let place = &mut self.aliases[number as usize];
            self.free = place.next;
            *place = alias;
            number
        };
        self.index.insert(hash, number | ALIAS);
        number
    }

    /// Forgets the slot `id`, whose own key is `raw` and whose further ones begin at `first`; says the bytes of the latter.
    pub(super) fn remove(&mut self, state: &RandomState, id: u32, raw: &[u8], first: u32) -> usize {
        self.index.remove(RawKey::read(raw).hash(state), id);
        let mut bytes = 0;
        let mut next = first;
        while next != NONE {
            let alias = &mut self.aliases[next as usize];
            let raw = std::mem::take(&mut alias.raw);
            let after = std::mem::replace(&mut alias.next, self.free);
            self.free = next;
            self.index
                .remove(RawKey::read(&raw).hash(state), next | ALIAS);
            bytes += Self::cost(raw.len());
            next = after;
        }
        bytes
    }

    fn cost(length: usize) -> usize {
        size_of::<Alias>() + LINK_COST + length
    }

    fn alias(&self, target: u32) -> Option<&Alias> {
        (target & ALIAS != 0).then(|| &self.aliases[(target & !ALIAS) as usize])
    }
}
