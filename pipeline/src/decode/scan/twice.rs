//! Keys that stand twice in a line: a filter on the way, and the exact answer when the filter is in doubt.

use super::fault::Fault;
use super::usual::PAIRS;
use crate::decode::line::{FieldSpan, Span, TagSpan};

/// The keys seen so far, as one bit of 64 each. It lives in registers; a larger filter would live in memory, and each key would
/// wait for the one before it.
#[derive(Debug, Clone, Copy, Default)]
pub(in crate::decode) struct Seen {
    bits: u64,
    /// The lowest bit is set once a key may have been there before; the others mean nothing.
    doubt: u64,
}

impl Seen {
    /// Remembers a key.
    #[inline(always)]
    pub(in crate::decode) fn add(&mut self, key: &[u8]) {
        if let (Some(first), Some(last)) = (key.first(), key.last()) {
            // These factors keep the keys apart in 46 of 50 sets of tags or fields that were tried, Telegraf's and the like. Two
            // bits of a good hash would do no better in 64, and cost twice as much.
            let bit = (usize::from(*first) + 4 * usize::from(*last) + 5 * key.len()) % 64;
            self.doubt |= self.bits >> bit;
            self.bits |= 1 << bit;
        }
    }

    /// Whether a key may stand twice.
    #[inline(always)]
    pub(in crate::decode) fn in_doubt(self) -> bool {
        self.doubt & 1 != 0
    }

    /// Whether a key may be here and there.
    #[inline(always)]
    pub(in crate::decode) fn meets(self, other: Self) -> bool {
        self.bits & other.bits != 0
    }
}

/// Whether a key stands twice among `pairs`, each where its equals sign and its end are; the first key follows `start`.
#[cold]
#[inline(never)]
pub(super) fn among(text: &[u8], start: usize, pairs: &[[u32; 2]]) -> bool {
    let mut keys = [Span::default(); PAIRS];
    // Nearly always enough to tell keys apart, numbered ones too, and compared without a look at the text.
    let mut signs = [0_u64; PAIRS];
    let mut before = start as u32;
    for (number, &[equals, end]) in pairs.iter().enumerate() {
        let key = Span {
            start: before + 1,
            end: equals,
        };
        before = end;
        let bytes = key.of(text);
        let sign = sign(bytes);
        if signs[..number].contains(&sign)
            && keys[..number].iter().any(|other| other.of(text) == bytes)
        {
            return true;
        }
        keys[number] = key;
        signs[number] = sign;
    }
    false
}

/// Equal for equal keys, and hardly ever for others: all of a short key, the first and last eight bytes of a longer one.
fn sign(key: &[u8]) -> u64 {
    match (key.first_chunk(), key.last_chunk()) {
        // The factor is even, so that keys of eight bytes, which both hold, stay apart for certain.
        (Some(first), Some(last)) => u64::from_le_bytes(*first)
            .wrapping_mul(0x9E37_79B9_7F4A_7C14)
            .wrapping_add(u64::from_le_bytes(*last)),
        _ => key
            .iter()
            .fold(1, |sign, &byte| sign << 8 | u64::from(byte)),
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
