//! Bodies come in as they are counted, the one behind which only the last, unfilled batches came goes out. Those wait for their age
//! however fast a program is, so a rate ends before them.

use std::collections::VecDeque;

/// A moment, and how many lines had come by then.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Mark {
    /// Lines.
    pub lines: u64,
    /// Nanoseconds since the Unix epoch.
    pub at: u64,
}

/// The latest bodies.
#[derive(Debug)]
pub struct Tail {
    most: u64,
    marks: VecDeque<Mark>,
}

impl Tail {
    /// Of at most `most` lines in batches that are not full.
    pub fn new(most: u64) -> Self {
        Self {
            most,
            marks: VecDeque::new(),
        }
    }

    /// More has come.
    pub fn push(&mut self, mark: Mark) {
        self.marks.push_back(mark);
        while let Some(front) = self.marks.front()
            && front.lines + self.most < mark.lines
        {
            self.marks.pop_front();
        }
    }

    /// The first body behind which no more than the tail has come so far.
    pub fn begins(&self) -> Option<Mark> {
        self.marks.front().copied()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn mark(lines: u64) -> Mark {
        Mark { lines, at: lines }
    }

    #[test]
    fn the_tail_begins_behind_the_last_batch_that_was_full() {
        let mut tail = Tail::new(5_000);
        for full in 1..=7 {
            tail.push(mark(full * 5_000));
        }
        tail.push(mark(35_001));
        assert_eq!(tail.begins(), Some(mark(35_000)));
        let mut even = Tail::new(5_000);
        (1..=7).for_each(|full| even.push(mark(full * 5_000)));
        assert_eq!(even.begins(), Some(mark(30_000)), "there may have been one");
    }

    #[test]
    fn what_is_all_tail_begins_at_once() {
        let mut tail = Tail::new(5_000);
        assert_eq!(tail.begins(), None);
        tail.push(mark(10));
        tail.push(mark(20));
        assert_eq!(tail.begins(), Some(mark(10)));
    }
}
