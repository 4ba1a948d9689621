//! Signs that the stream's history was damaged while we look at it: deletion, purge, another stream or consumer of the same
//! name. Pure: states come in, findings go out; JetStream then goes on with what it has, but never quietly.

use crate::bus::ConsumerState;

/// What was found.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Damage {
    /// The stream was deleted and made anew.
    StreamReplaced,
    /// The stream ends earlier than it did.
    StreamShortened {
        /// The last sequence before and now.
        from: u64,
        /// Now.
        to: u64,
    },
    /// Messages were removed before they were acknowledged.
    Purged {
        /// How many sequences at most.
        messages: u64,
    },
    /// The consumer was deleted and made anew, not by us.
    ConsumerReplaced,
    /// The consumer knows less of what was acknowledged than it did.
    AckFloorMovedBack {
        /// The floor before.
        from: u64,
        /// Now.
        to: u64,
    },
}

/// Remembers the last state.
#[derive(Debug, Default)]
pub(crate) struct Watch {
    last: Option<ConsumerState>,
}

impl Watch {
    /// Compares `state` with the last one.
    pub(crate) fn look(&mut self, state: ConsumerState) -> Option<Damage> {
        let damage = self.last.as_ref().and_then(|last| compare(last, &state));
        self.last = Some(state);
        damage
    }

    /// The first sequence that may not be acknowledged yet, as far as was seen: where a lost consumer has to start again.
    pub(crate) fn resume_at(&self) -> Option<u64> {
        self.last.as_ref().map(|last| last.ack_floor + 1)
    }

    /// Forgets the consumer's creation: it has just been made by us.
    pub(crate) fn forget(&mut self) {
        self.last = None;
    }
}

fn compare(last: &ConsumerState, now: &ConsumerState) -> Option<Damage> {
    if now.stream_created != last.stream_created {
        return Some(Damage::StreamReplaced);
    }
    if now.last_sequence < last.last_sequence {
        return Some(Damage::StreamShortened {
            from: last.last_sequence,
            to: now.last_sequence,
        });
    }
    if now.consumer_created != last.consumer_created {
        return Some(Damage::ConsumerReplaced);
    }
    // The stream's beginning jumped over messages that were neither acknowledged before nor can have been since. A limit of
    // the stream (age, bytes) that bites does the same, and is the same loss.
    let floor = last.ack_floor.max(now.ack_floor);
    if now.first_sequence > last.first_sequence && now.first_sequence > floor + 1 {
        return Some(Damage::Purged {
            messages: now.first_sequence - 1 - last.ack_floor.max(last.first_sequence - 1),
        });
    }
    if now.ack_floor < last.ack_floor {
        return Some(Damage::AckFloorMovedBack {
            from: last.ack_floor,
            to: now.ack_floor,
        });
    }
    None
}

#[cfg(test)]
mod tests {
    use super::{Damage, Watch};
    use crate::bus::ConsumerState;

    const STATE: ConsumerState = ConsumerState {
        stream_created: 1,
        consumer_created: 2,
        first_sequence: 1,
        last_sequence: 100,
        ack_floor: 50,
        pending: 40,
        ack_pending: 10,
    };

    fn after(now: ConsumerState) -> Option<Damage> {
        let mut watch = Watch::default();
        assert_eq!(watch.look(STATE), None);
        watch.look(now)
    }

    #[test]
    fn progress_is_no_damage() {
        assert_eq!(
            after(ConsumerState {
                last_sequence: 200,
                ack_floor: 180,
                first_sequence: 150,
                ..STATE
            }),
            None
        );
    }

    #[test]
    fn each_kind_of_damage_is_told() {
        assert_eq!(
            after(ConsumerState {
                stream_created: 9,
                ..STATE
            }),
            Some(Damage::StreamReplaced)
        );
        assert_eq!(
            after(ConsumerState {
                consumer_created: 9,
                ..STATE
            }),
            Some(Damage::ConsumerReplaced)
        );
        assert_eq!(
            after(ConsumerState {
                last_sequence: 10,
                ..STATE
            }),
            Some(Damage::StreamShortened { from: 100, to: 10 })
        );
        assert_eq!(
            after(ConsumerState {
                first_sequence: 81,
                ..STATE
            }),
            Some(Damage::Purged { messages: 30 })
        );
        assert_eq!(
            after(ConsumerState {
                ack_floor: 20,
                ..STATE
            }),
            Some(Damage::AckFloorMovedBack { from: 50, to: 20 })
        );
    }
}
