//! Many bytes at a time: each test answers with a mask in which bit n stands for byte n.

use wide::u8x16;

/// Bytes in a [`Block`].
pub(in crate::decode) const SIZE: usize = 16;

/// Sixteen bytes.
#[derive(Debug, Clone, Copy)]
pub(in crate::decode) struct Block(u8x16);

impl Block {
    #[inline(always)]
    pub(in crate::decode) fn new(bytes: [u8; SIZE]) -> Self {
        Self(u8x16::from(bytes))
    }

    /// Bytes that may end or change a name: `=`, `\`, and all up to the comma.
    #[inline(always)]
    fn special(self) -> u32 {
        (self.at_most(b',') | self.is(b'=') | self.is(b'\\')).to_bitmask()
    }

    /// Bytes that end a stretch of a JSON string: `"`, `\`, and control characters.
    #[inline(always)]
    pub(in crate::decode) fn special_in_json(self) -> u32 {
        (self.at_most(0x1f) | self.is(b'"') | self.is(b'\\')).to_bitmask()
    }

    /// Bytes that are no decimal digits.
    #[inline(always)]
    pub(in crate::decode) fn no_digit(self) -> u32 {
        (!Self(self.0 - u8x16::splat(b'0')).at_most(9)).to_bitmask()
    }

    #[inline(always)]
    fn is(self, byte: u8) -> u8x16 {
        self.0.simd_eq(u8x16::splat(byte))
    }

    #[inline(always)]
    fn at_most(self, byte: u8) -> u8x16 {
        self.0.min(u8x16::splat(byte)).simd_eq(self.0)
    }
}

/// Bytes in a [`Stretch`].
pub(super) const STRETCH: usize = 4 * SIZE;

/// Sixty-four bytes: tested together, because none of the four tests has to wait for another.
#[derive(Debug, Clone, Copy)]
pub(super) struct Stretch([Block; 4]);

impl Stretch {
    #[inline(always)]
    pub(super) fn new(bytes: &[u8; STRETCH]) -> Self {
        let block = |n: usize| {
            let mut block = [0; SIZE];
            block.copy_from_slice(&bytes[n * SIZE..][..SIZE]);
            Block::new(block)
        };
        Self([block(0), block(1), block(2), block(3)])
    }

    /// Bytes that may end or change a name: `=`, `\`, and all up to the comma.
    #[inline(always)]
    pub(super) fn special(self) -> u64 {
        let [a, b, c, d] = self.0.map(|block| u64::from(block.special()));
        a | b << SIZE | c << (2 * SIZE) | d << (3 * SIZE)
    }

    /// All bits of both.
    #[inline(always)]
    pub(super) fn or(self, other: Self) -> Self {
        let ([a, b, c, d], [e, f, g, h]) = (self.0, other.0);
        Self([
            Block(a.0 | e.0),
            Block(b.0 | f.0),
            Block(c.0 | g.0),
            Block(d.0 | h.0),
        ])
    }

    /// Not 0 if a byte is beyond ASCII.
    #[inline(always)]
    pub(super) fn beyond_ascii(self) -> u32 {
        let [a, b, c, d] = self.0;
        (a.0 | b.0 | (c.0 | d.0)).to_bitmask()
    }
}

/// The number that eight decimal digits are.
#[inline(always)]
pub(in crate::decode) const fn number(digits: [u8; 8]) -> u64 {
    // Neighbours are joined in three steps: digits to pairs, pairs to fours, fours to the whole.
    let digits = u64::from_le_bytes(digits) & 0x0f0f_0f0f_0f0f_0f0f;
    let pairs = (digits * 10 + (digits >> 8)) & 0x00ff_00ff_00ff_00ff;
    let fours = (pairs * 100 + (pairs >> 16)) & 0x0000_ffff_0000_ffff;
    fours.wrapping_mul(10_000).wrapping_add(fours >> 32) & 0xffff_ffff
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn mask(bytes: &[u8], found: impl Fn(u8) -> bool) -> u64 {
        bytes
            .iter()
            .rev()
            .fold(0, |mask, byte| mask << 1 | u64::from(found(*byte)))
    }

    fn check(bytes: [u8; STRETCH]) {
        let stretch = Stretch::new(&bytes);
        assert_eq!(
            stretch.special(),
            mask(&bytes, |byte| byte <= b',' || byte == b'=' || byte == b'\\')
        );
        assert_eq!(stretch.beyond_ascii() != 0, !bytes.is_ascii());
        let block = *bytes.first_chunk().unwrap();
        assert_eq!(
            u64::from(Block::new(block).no_digit()),
            mask(&block, |byte| !byte.is_ascii_digit())
        );
        assert_eq!(
            u64::from(Block::new(block).special_in_json()),
            mask(&block, |byte| byte < b' ' || byte == b'"' || byte == b'\\')
        );
    }

    #[test]
    fn every_byte_has_its_class() {
        (0..=u8::MAX).for_each(|byte| check([byte; STRETCH]));
    }

    proptest! {
        #[test]
        fn every_place_has_its_bit(bytes in proptest::array::uniform32(any::<u8>()), swap in any::<bool>()) {
            let mut both = [if swap { b'x' } else { b'=' }; STRETCH];
            both[usize::from(swap) * 32..][..32].copy_from_slice(&bytes);
            check(both);
        }

        #[test]
        fn eight_digits_are_their_number(value in 0u64..100_000_000) {
            let digits = format!("{value:08}");
            prop_assert_eq!(number(digits.as_bytes().try_into().unwrap()), value);
        }
    }
}
