//! How much a template may take: a configuration must neither hang the supervisor, nor take its memory, nor end its stack. All are far
//! above what a configuration needs.

use super::Fault;

/// Bytes of a source.
pub const LONGEST_SOURCE: usize = 1 << 20;

/// Bytes of the rendered text, and of any text on the way.
pub const LONGEST_TEXT: usize = 4 << 20;

/// Elements of a list, and rounds of a loop.
pub const LONGEST_LIST: usize = 100_000;

/// Conditions, loops and parentheses inside of each other in a source.
pub const DEEPEST_SOURCE: usize = 100;

/// The same while rendering, where calls of templates count too: each takes some hundred bytes of stack.
pub const DEEPEST_RUN: usize = 300;

/// Bytes of a compiled regular expression; the slowest take time in proportion to it for each byte of the subject.
pub const LARGEST_PATTERN: usize = 1 << 18;

/// What one rendering may do: a byte made or looked at costs 1. About a tenth of a second; the slowest regular
/// expressions make some seconds of it.
pub const MOST_WORK: u64 = 16 << 20;

/// What is left of [`MOST_WORK`].
#[derive(Debug)]
pub(super) struct Work {
    left: u64,
}

impl Work {
    pub(super) fn new() -> Self {
        Self { left: MOST_WORK }
    }

    pub(super) fn spend(&mut self, amount: usize) -> Result<(), Fault> {
        match self.left.checked_sub(amount as u64) {
            Some(left) => {
                self.left = left;
                Ok(())
            }
            None => Err(Fault::cured(
                "the template does too much",
                "look for loops inside of loops",
            )),
        }
    }
}

/// A text that is made piece by piece and takes no more than [`LONGEST_TEXT`]. What comes after that is dropped, and so is all of it in
/// the end: [`Bounded::finish`] says so.
#[derive(Debug, Default)]
pub(super) struct Bounded {
    text: String,
    room: Room,
}

/// Whether all has fitted so far.
#[derive(Debug, Default, Clone, Copy, PartialEq, Eq)]
pub(super) enum Room {
    #[default]
    Left,
    Gone,
}

impl Bounded {
    pub(super) fn push(&mut self, text: &str) {
        self.repeat(text, 1);
    }

    pub(super) fn push_char(&mut self, character: char) {
        self.push(character.encode_utf8(&mut [0; 4]));
    }

    /// Nothing is allocated for what does not fit.
    pub(super) fn repeat(&mut self, text: &str, times: usize) {
        let length = text.len().saturating_mul(times);
        if self.room == Room::Gone || length > LONGEST_TEXT - self.text.len() {
            self.room = Room::Gone;
            return;
        }
        for _ in 0..times {
            self.text.push_str(text);
        }
    }

    /// As if something too long had been pushed.
    pub(super) fn fill(&mut self) {
        self.room = Room::Gone;
    }

    pub(super) fn room(&self) -> Room {
        self.room
    }

    pub(super) fn finish(self) -> Result<String, Fault> {
        match self.room {
            Room::Left => Ok(self.text),
            Room::Gone => Err(too_long()),
        }
    }
}

/// A text reached [`LONGEST_TEXT`].
pub(super) fn too_long() -> Fault {
    Fault::new(format!(
        "a text is longer than {} MiB",
        LONGEST_TEXT / (1 << 20)
    ))
}

/// A list reached [`LONGEST_LIST`].
pub(super) fn too_many() -> Fault {
    Fault::new(format!("more than {LONGEST_LIST} elements"))
}
