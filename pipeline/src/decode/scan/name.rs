//! The end of a measurement, tag key, tag value or field key: eight bytes at a time, then by table.

use super::fault::Fault;
use super::word::{self, Word};

/// Why a name ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Stop {
    /// `,`
    Comma,
    /// `=`
    Equals,
    /// A space.
    Space,
    /// `\n`, or the input's end.
    End,
}

/// What a byte is within a name.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Class {
    Plain,
    Escape,
    Comma,
    Equals,
    Space,
    LineFeed,
    Tab,
    Nul,
}

const CLASSES: [Class; 256] = {
    let mut table = [Class::Plain; 256];
    table[b'\\' as usize] = Class::Escape;
    table[b',' as usize] = Class::Comma;
    table[b'=' as usize] = Class::Equals;
    table[b' ' as usize] = Class::Space;
    table[b'\n' as usize] = Class::LineFeed;
    table[b'\t' as usize] = Class::Tab;
    table[0] = Class::Nul;
    table
};

/// What the names of one line are read with.
#[derive(Debug, Clone, Copy)]
pub(super) struct Names<'a> {
    /// The line and all that follows it.
    pub(super) text: &'a [u8],
    /// Whether a tab is a byte like others.
    pub(super) tab: Tab,
    /// All bytes seen so far, joined by OR: without a top bit in it the names are ASCII. It may have bytes of the next line
    /// in it, so it says "perhaps not".
    pub(super) seen: u64,
}

/// Whether a tab may stand within a name.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Tab {
    Allowed,
    Refused,
}

impl Names<'_> {
    /// Where the name that goes on at `at` ends, and why.
    ///
    /// A backslash takes the next byte with it. Stores agree on that except before a delimiter: there InfluxDB 1 looks one
    /// byte back only, InfluxDB 3 counts backslashes, so a pair of them before a delimiter is refused.
    #[inline(always)]
    pub(super) fn end(&mut self, mut at: usize) -> Result<(usize, Stop), (usize, Fault)> {
        loop {
            while let Some(word) = word::load(self.text, at) {
                self.seen |= word;
                let found = special(word);
                if found != 0 {
                    at += word::index(found);
                    break;
                }
                at += word::SIZE;
            }
            let Some(&byte) = self.text.get(at) else {
                return Ok((at, Stop::End));
            };
            match CLASSES[usize::from(byte)] {
                Class::Comma => return Ok((at, Stop::Comma)),
                Class::Equals => return Ok((at, Stop::Equals)),
                Class::Space => return Ok((at, Stop::Space)),
                Class::LineFeed => return Ok((at, Stop::End)),
                Class::Plain => {
                    self.seen |= u64::from(byte);
                    at += 1;
                }
                Class::Escape => at = self.escaped(at)?,
                Class::Tab if self.tab == Tab::Allowed => at += 1,
                Class::Tab | Class::Nul => return Err((at, Fault::Blank)),
            }
        }
    }

    /// What follows the backslash at `at` and what it escapes.
    #[cold]
    fn escaped(&mut self, at: usize) -> Result<usize, (usize, Fault)> {
        let ends = |at: usize| matches!(self.text.get(at), None | Some(b',' | b'=' | b' ' | b'\n' | b'\r'));
        match self.text.get(at + 1) {
            None | Some(b'\n' | b'\r') => Err((at, Fault::Backslash)),
            Some(b'\\') if ends(at + 2) => Err((at, Fault::Backslash)),
            Some(b'\\' | b',' | b'=' | b' ') => Ok(at + 2),
            // Not an escape: the backslash stands for itself, and what follows is looked at like any other byte.
            Some(_) => Ok(at + 1),
        }
    }
}

/// The bytes that [`CLASSES`] must look at: all up to the comma, which most names have none of, `=` and `\`.
#[inline(always)]
const fn special(word: Word) -> Word {
    word::below(word, b',' + 1) | word::equal(word, b'=') | word::equal(word, b'\\')
}
