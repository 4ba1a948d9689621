//! Moments of arrival in, stamps out: strictly increasing and apart, so that lines without a timestamp do not overwrite each other
//! in the store. Pure; the clock is read once for many messages, because reading it costs as much as half of decode.

/// Nanoseconds between two messages that came together: lines of one message are a nanosecond apart, so that so many of them fit.
/// At almost four million messages a second stamps would begin to run ahead of the clock; no connection carries that.
const APART: i64 = 256;

/// The stamps of one connection's messages.
#[derive(Debug, Default)]
pub(crate) struct Arrivals {
    next: i64,
}

impl Arrivals {
    /// Messages come in at `now`, nanoseconds since the epoch; the clock may have been set back since the last call.
    pub(crate) fn at(&mut self, now: i64) {
        self.next = self.next.max(now);
    }

    /// The stamp of the next message.
    pub(crate) fn stamp(&mut self) -> i64 {
        let stamp = self.next;
        self.next += APART;
        stamp
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn messages_that_come_together_are_told_apart() {
        let mut arrivals = Arrivals::default();
        arrivals.at(1_000_000);
        assert_eq!(arrivals.stamp(), 1_000_000);
        assert_eq!(arrivals.stamp(), 1_000_256);
        arrivals.at(1_000_300);
        assert_eq!(
            arrivals.stamp(),
            1_000_512,
            "the one before reaches to here"
        );
        arrivals.at(2_000_000);
        assert_eq!(arrivals.stamp(), 2_000_000);
    }

    #[test]
    fn a_clock_that_was_set_back_repeats_no_stamp() {
        let mut arrivals = Arrivals::default();
        arrivals.at(5_000_000);
        let before = arrivals.stamp();
        arrivals.at(1_000_000);
        assert!(arrivals.stamp() > before);
    }
}
