//! A part of what a scene sent, by the places of its messages: what is too much to be judged at once is judged window by window.

use std::ops::Range;

use flightline_fixtures::generator::Refused;

use crate::oracle::Oracle;

/// Some messages in a row.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Window {
    /// The places of its messages.
    pub(crate) places: Range<u64>,
    reach: Reach,
}

/// What a window has to answer for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Reach {
    /// Whatever there is.
    Everything,
    /// What has a number of its messages.
    Own,
}

impl Window {
    /// The only one.
    pub(crate) fn all(messages: u64) -> Self {
        Self {
            places: 0..messages,
            reach: Reach::Everything,
        }
    }

    /// Windows of `size` messages.
    pub(crate) fn split(messages: u64, size: u64) -> impl Iterator<Item = Self> {
        let starts = (0..messages).step_by(usize::try_from(size).expect("a window fits in memory"));
        starts.map(move |start| Self {
            places: start..messages.min(start + size),
            reach: Reach::Own,
        })
    }

    /// These places, counted from the window's first message.
    pub(crate) fn inside(&self, places: &Range<u64>) -> Range<u64> {
        let first = self.places.start;
        places.start.saturating_sub(first)..places.end.saturating_sub(first)
    }

    /// Whether this letter is one of its messages'.
    pub(crate) fn has(&self, letter: &Refused) -> bool {
        let Reach::Own = self.reach else {
            return true;
        };
        // One without a number is nobody's, and has to be found by somebody.
        let place = Oracle::place_of(&letter.payload).unwrap_or_default();
        self.places.contains(&place)
    }

    /// What holds of its points in `measurement`, as a condition of the store's query language.
    pub(crate) fn condition(&self, measurement: &str) -> Option<String> {
        let Reach::Own = self.reach else {
            return None;
        };
        Some(Oracle::condition(measurement, &self.places))
    }
}
