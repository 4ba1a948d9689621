//! Eight bytes at a time: loads, and tests whose lowest set bit is exact. What lies above the first hit may be wrong.

/// Eight bytes, the first one lowest.
pub(super) type Word = u64;

/// Bytes in a [`Word`].
pub(super) const SIZE: usize = 8;

const ONES: Word = 0x0101_0101_0101_0101;
const TOPS: Word = 0x8080_8080_8080_8080;

/// The word at `at`, if the text is long enough.
#[inline(always)]
pub(super) fn load(text: &[u8], at: usize) -> Option<Word> {
    text.get(at..)?.first_chunk().map(|bytes| Word::from_le_bytes(*bytes))
}

/// The index of the first byte that a test found.
#[inline(always)]
pub(super) const fn index(found: Word) -> usize {
    (found.trailing_zeros() / 8) as usize
}

/// The first byte that is less than `limit`, which is at most 128.
#[inline(always)]
pub(super) const fn below(word: Word, limit: u8) -> Word {
    word.wrapping_sub(ONES * limit as Word) & !word & TOPS
}

/// The first byte that is `byte`.
#[inline(always)]
pub(super) const fn equal(word: Word, byte: u8) -> Word {
    below(word ^ (ONES * byte as Word), 1)
}

/// The first byte that is no decimal digit.
#[inline(always)]
pub(super) const fn no_digit(word: Word) -> Word {
    let digits = word ^ (ONES * b'0' as Word);
    (digits.wrapping_add(ONES * (0x80 - 10)) | digits) & TOPS
}

/// The number that eight decimal digits are.
#[inline(always)]
pub(super) const fn number(word: Word) -> u64 {
    // Neighbours are joined in three steps: digits to pairs, pairs to fours, fours to the whole.
    let digits = word ^ (ONES * b'0' as Word);
    let pairs = (digits.wrapping_mul(10).wrapping_add(digits >> 8)) & 0x00ff_00ff_00ff_00ff;
    let fours = (pairs.wrapping_mul(100).wrapping_add(pairs >> 16)) & 0x0000_ffff_0000_ffff;
    fours.wrapping_mul(10_000).wrapping_add(fours >> 32) & 0xffff_ffff
}

/// True if any byte of the word is not ASCII.
#[inline(always)]
pub(super) const fn beyond_ascii(word: Word) -> bool {
    word & TOPS != 0
}
