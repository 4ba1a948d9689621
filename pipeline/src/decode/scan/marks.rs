//! The places where something may end: found sixty-four bytes at a time, taken one by one.
//!
//! Why not from name to name: where a name ends would have to be known before the search for the next one can start, and that
//! chain of waits, not the work, is what a line would cost.

use super::block::{STRETCH, Stretch};
use super::fault::Fault;

/// The bytes that end a name. The input's end counts as a newline.
const STOPS: [bool; 256] = {
    let mut table = [false; 256];
    table[b',' as usize] = true;
    table[b'=' as usize] = true;
    table[b' ' as usize] = true;
    table[b'\n' as usize] = true;
    table
};

/// Whether a tab may stand within a name.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Tab {
    Allowed,
    Refused,
}

/// The marks of one line.
#[derive(Debug)]
pub(super) struct Marks<'a> {
    /// The line and all that follows it.
    pub(super) text: &'a [u8],
    tab: Tab,
    /// Not 0 once a byte beyond ASCII has been seen. That byte may belong to the next line.
    pub(super) beyond_ascii: u32,
    /// The place that the lowest bit of `mask` stands for.
    base: usize,
    /// The marks that have not been taken. Behind the text's end every bit is set.
    mask: u64,
}

impl<'a> Marks<'a> {
    #[inline(always)]
    pub(super) fn new(text: &'a [u8], tab: Tab) -> Self {
        let mut marks = Self {
            text,
            tab,
            beyond_ascii: 0,
            base: 0,
            mask: 0,
        };
        marks.load();
        marks
    }

    #[inline(always)]
    fn load(&mut self) {
        let (mask, beyond_ascii) = match self.text.get(self.base..).and_then(<[u8]>::first_chunk) {
            Some(bytes) => look(Stretch::new(bytes)),
            None => look_last(self.text, self.base),
        };
        self.mask = mask;
        self.beyond_ascii |= beyond_ascii;
    }

    /// Takes the next mark: its place, and the byte there, a newline at the input's end.
    #[inline(always)]
    pub(super) fn next(&mut self) -> (usize, u8) {
        while self.mask == 0 {
            self.base += STRETCH;
            self.load();
        }
        let at = self.base + self.mask.trailing_zeros() as usize;
        self.mask &= self.mask - 1;
        (at, self.text.get(at).copied().unwrap_or(b'\n'))
    }

    /// Drops the marks before `at`.
    #[inline(always)]
    pub(super) fn seek(&mut self, at: usize) {
        if at - self.base < STRETCH {
            self.mask &= u64::MAX << (at - self.base);
        } else {
            self.base = at;
            self.load();
        }
    }

    /// Where the present name ends, and which byte ends it: one of [`STOPS`].
    #[inline(always)]
    pub(super) fn name(&mut self) -> Result<(usize, u8), (usize, Fault)> {
        loop {
            let (at, byte) = self.next();
            if STOPS[usize::from(byte)] {
                return Ok((at, byte));
            }
            // Seldom, so the search may start anew.
            self.base = pass(self.text, self.tab, at, byte)?;
            self.load();
        }
    }
}

/// The marks of a stretch, and whether it has a byte beyond ASCII.
#[inline(always)]
fn look(stretch: Stretch) -> (u64, u32) {
    (stretch.special(), stretch.beyond_ascii())
}

/// The last bytes are fewer than a stretch: looked at together with those before them, or with newlines behind them.
#[inline(never)]
fn look_last(text: &[u8], base: usize) -> (u64, u32) {
    let rest = text.len().saturating_sub(base);
    let (mask, beyond_ascii) = match text.last_chunk() {
        Some(bytes) => {
            let (mask, beyond_ascii) = look(Stretch::new(bytes));
            // All of them is no shift that there is; then no byte is left.
            (
                if rest == 0 {
                    0
                } else {
                    mask >> (STRETCH - rest)
                },
                beyond_ascii,
            )
        }
        None => {
            let mut bytes = [b'\n'; STRETCH];
            bytes[..rest].copy_from_slice(&text[text.len() - rest..]);
            look(Stretch::new(&bytes))
        }
    };
    (mask | u64::MAX << rest, beyond_ascii)
}

/// Where the name goes on behind the byte at `at`, which ends no name.
///
/// A backslash takes the next byte with it. Stores agree on that except before a delimiter: there InfluxDB 1 looks one byte back
/// only, InfluxDB 3 counts backslashes, so a pair of them before a delimiter is refused.
#[cold]
#[inline(never)]
fn pass(text: &[u8], tab: Tab, at: usize, byte: u8) -> Result<usize, (usize, Fault)> {
    let ends = |at: usize| {
        matches!(
            text.get(at),
            None | Some(b',' | b'=' | b' ' | b'\n' | b'\r')
        )
    };
    match (byte, text.get(at + 1)) {
        (0, _) => Err((at, Fault::Blank)),
        (b'\t', _) if tab == Tab::Refused => Err((at, Fault::Blank)),
        (b'\\', None | Some(b'\n' | b'\r')) => Err((at, Fault::Backslash)),
        (b'\\', Some(b'\\')) if ends(at + 2) => Err((at, Fault::Backslash)),
        (b'\\', Some(b'\\' | b',' | b'=' | b' ')) => Ok(at + 2),
        // A backslash that escapes nothing stands for itself, and what follows is looked at like any other byte.
        _ => Ok(at + 1),
    }
}
