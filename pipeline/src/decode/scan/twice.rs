//! Keys that stand twice in a line: a filter on the way, and the exact answer when the filter is in doubt.

use super::fault::Fault;
use crate::decode::line::{FieldSpan, Span, TagSpan};

/// The keys seen so far, as one bit of 256 each.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Seen([u64; 4]);

/// What a [`Seen`] says of the keys it was shown.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Doubt {
    /// All are different.
    None,
    /// Two may be equal.
    Some,
}

impl Seen {
    /// Remembers a key of at least one byte, and tells whether one like it was there before.
    #[inline(always)]
    pub(super) fn add(&mut self, key: &[u8]) -> Doubt {
        let (first, last) = match key {
            [first, .., last] => (*first, *last),
            [only] => (*only, *only),
            [] => (0, 0),
        };
        let mix = (u32::from(first) << 16 ^ u32::from(last) << 8 ^ (key.len() as u32 & 0xff))
            .wrapping_mul(0x9e37_79b1);
        let word = &mut self.0[(mix >> 30) as usize];
        let bit = 1 << (mix >> 24 & 63);
        let doubt = if *word & bit == 0 {
            Doubt::None
        } else {
            Doubt::Some
        };
        *word |= bit;
        doubt
    }
}

/// More keys than this are sorted: a quadratic search is faster only for a few, and a line may have tens of thousands.
const FEW: usize = 16;

/// The place of a tag key that stands twice.
#[cold]
pub(super) fn tags(
    text: &[u8],
    tags: &[TagSpan],
    order: &mut Vec<Span>,
) -> Result<(), (usize, Fault)> {
    refuse(text, tags.iter().map(|tag| tag.key), order, Fault::TagTwice)
}

/// The place of a field key that stands twice.
#[cold]
pub(super) fn fields(
    text: &[u8],
    fields: &[FieldSpan],
    order: &mut Vec<Span>,
) -> Result<(), (usize, Fault)> {
    refuse(
        text,
        fields.iter().map(|field| field.key),
        order,
        Fault::FieldTwice,
    )
}

/// The place of a field key that is a tag's key as well; both are known to be without doubles.
#[cold]
pub(super) fn both(
    text: &[u8],
    tags: &[TagSpan],
    fields: &[FieldSpan],
    order: &mut Vec<Span>,
) -> Result<(), (usize, Fault)> {
    let keys = tags
        .iter()
        .map(|tag| tag.key)
        .chain(fields.iter().map(|field| field.key));
    refuse(text, keys, order, Fault::TagAndField)
}

fn refuse(
    text: &[u8],
    keys: impl Iterator<Item = Span> + Clone,
    order: &mut Vec<Span>,
    fault: Fault,
) -> Result<(), (usize, Fault)> {
    order.clear();
    order.extend(keys);
    let second = if order.len() <= FEW {
        (1..order.len())
            .find(|&at| {
                order[..at]
                    .iter()
                    .any(|key| key.of(text) == order[at].of(text))
            })
            .map(|at| order[at])
    } else {
        order.sort_unstable_by(|a, b| a.of(text).cmp(b.of(text)).then(a.start.cmp(&b.start)));
        order
            .windows(2)
            .find(|pair| pair[0].of(text) == pair[1].of(text))
            .map(|pair| pair[1])
    };
    match second {
        Some(key) => Err((key.start as usize, fault)),
        None => Ok(()),
    }
}
