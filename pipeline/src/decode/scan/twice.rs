//! Keys that stand twice in a line: a filter on the way, and the exact answer when the filter is in doubt.

use super::fault::Fault;
use crate::decode::line::{FieldSpan, Span, TagSpan};

/// The keys seen so far, as two bits of 64 each. It lives in registers; a larger filter would live in memory, and each key would
/// wait for the one before it.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Seen {
    bits: u64,
    /// Not 0 once a key may have been there before.
    pub(super) doubt: u64,
}

impl Seen {
    /// Remembers a key of at least one byte.
    #[inline(always)]
    pub(super) fn add(&mut self, key: &[u8]) {
        let ends = match key {
            [first, .., last] => u64::from(*first) | u64::from(*last) << 8,
            [only] => u64::from(*only),
            [] => 0,
        };
        let mix = (ends | (key.len() as u64) << 16).wrapping_mul(0x9e37_79b9_7f4a_7c15);
        let bits = 1 << (mix >> 58) | 1 << (mix >> 52 & 63);
        self.doubt |= u64::from(self.bits & bits == bits);
        self.bits |= bits;
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
