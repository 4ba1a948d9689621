//! How many messages the client dropped because the worker was too slow. The client library counts what comes over the
//! connection and says nothing of what it throws away; the difference to what was handed to us, at a moment when its queues
//! are empty, is the loss. Exact once the queues have run dry; before that, what is certainly lost.

/// Empty moments that must agree: one message may be counted and not yet queued while we look.
const AGREE: usize = 4;

/// The account of one connection that carries nothing but our subscriptions.
#[derive(Debug, Default)]
pub(crate) struct Drops {
    received: u64,
    queue_limit: u64,
    missing: [u64; AGREE],
    looks: usize,
    reported: u64,
}

/// Whether the client's queues hold anything.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Queues {
    /// Nothing was there to take.
    Empty,
    /// Maybe.
    Busy,
}

impl Drops {
    /// For queues that hold at most `queue_limit` messages together.
    pub(crate) fn new(queue_limit: u64) -> Self {
        Self {
            queue_limit,
            ..Self::default()
        }
    }

    /// `count` more messages were handed to us.
    pub(crate) fn received(&mut self, count: u64) {
        self.received += count;
    }

    /// The connection has carried `messages_in` messages. Says how many more are known to be lost.
    pub(crate) fn look(&mut self, messages_in: u64, queues: Queues) -> u64 {
        let missing = messages_in.saturating_sub(self.received);
        let lost = match queues {
            Queues::Empty => {
                self.missing[self.looks % AGREE] = missing;
                self.looks += 1;
                if self.looks < AGREE {
                    0
                } else {
                    self.missing.into_iter().min().unwrap_or_default()
                }
            }
            Queues::Busy => missing.saturating_sub(self.queue_limit),
        };
        self.report(lost)
    }

    /// The last look, when the subscriptions have ended and all of their messages were taken.
    pub(crate) fn end(&mut self, messages_in: u64) -> u64 {
        self.report(messages_in.saturating_sub(self.received))
    }

    fn report(&mut self, lost: u64) -> u64 {
        let more = lost.saturating_sub(self.reported);
        self.reported += more;
        more
    }
}

#[cfg(test)]
mod tests {
    use super::{Drops, Queues};

    #[test]
    fn the_loss_is_exact_once_the_queues_are_dry() {
        let mut drops = Drops::new(100);
        drops.received(900);
        let seen: u64 = (0..4).map(|_| drops.look(1_000, Queues::Empty)).sum();
        assert_eq!(seen, 100);
        assert_eq!(drops.look(1_000, Queues::Empty), 0, "it is said once");
    }

    #[test]
    fn a_message_between_count_and_queue_is_not_a_loss() {
        let mut drops = Drops::new(100);
        for arrived in 0..50 {
            assert_eq!(
                drops.look(arrived + u64::from(arrived % 3 == 0), Queues::Empty),
                0
            );
            drops.received(1);
        }
    }

    #[test]
    fn at_the_end_all_that_is_missing_is_lost() {
        let mut drops = Drops::new(100);
        drops.received(900);
        assert_eq!(drops.look(1_050, Queues::Busy), 50);
        assert_eq!(drops.end(1_050), 100);
    }

    #[test]
    fn busy_queues_show_only_what_is_certain() {
        let mut drops = Drops::new(100);
        assert_eq!(drops.look(80, Queues::Busy), 0);
        assert_eq!(drops.look(150, Queues::Busy), 50);
        assert_eq!(drops.look(150, Queues::Busy), 0);
    }
}
