//! Signs that the stream's history was damaged while we look at it: deletion, purge, another stream or consumer of the same
//! name. Pure: states come in, findings go out; JetStream then goes on with what it has, but never quietly.

use crate::bus::{ConsumerState, StreamState};

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

/// Where a deleted consumer starts again.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Resume {
    /// With everything: no consumer was seen before.
    Afresh,
    /// At the first sequence that may not be acknowledged yet, as far as was seen.
    At(u64),
    /// With everything: what was seen before was another history, and its sequences mean nothing in this one.
    AtTheBeginning(Damage),
}

/// How much of its stream a consumer takes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(crate) enum Reach {
    /// All of it.
    #[default]
    All,
    /// Some subjects: its ack floor stays behind when nothing comes on them.
    Part,
}

/// Remembers the last state.
#[derive(Debug, Default)]
pub(crate) struct Watch {
    reach: Reach,
    last: Option<ConsumerState>,
}

impl Watch {
    /// Of a consumer that takes so much.
    pub(crate) fn of(reach: Reach) -> Self {
        Self { reach, last: None }
    }

    /// Compares `state` with the last one.
    pub(crate) fn look(&mut self, state: ConsumerState) -> Option<Damage> {
        let damage = self.last.as_ref().and_then(|last| compare(last, &state));
        let nothing_open = |last: &ConsumerState| last.pending + last.ack_pending == 0;
        // What was removed then was nobody's.
        let harmless = matches!(damage, Some(Damage::Purged { .. }))
            && self.reach == Reach::Part
            && self.last.as_ref().is_some_and(nothing_open);
        let damage = damage.filter(|_| !harmless);
        self.last = Some(state);
        damage
    }

    /// Where a consumer that was deleted has to start in the stream as it is now.
    pub(crate) fn resume(&self, stream: StreamState) -> Resume {
        let Some(last) = &self.last else {
            return Resume::Afresh;
        };
        if stream.created != last.stream_created {
            return Resume::AtTheBeginning(Damage::StreamReplaced);
        }
        if stream.last_sequence < last.ack_floor {
            let (from, to) = (last.last_sequence, stream.last_sequence);
            return Resume::AtTheBeginning(Damage::StreamShortened { from, to });
        }
        Resume::At(last.ack_floor + 1)
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
    use super::{Damage, Reach, Resume, Watch};
    use crate::bus::{ConsumerState, StreamState};

    const STATE: ConsumerState = ConsumerState {
        stream_created: 1,
        consumer_created: 2,
        first_sequence: 1,
        last_sequence: 100,
        ack_floor: 50,
        pending: 40,
        ack_pending: 10,
        delivered_consumer: 60,
        delivered_stream: 60,
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
    fn a_deleted_consumer_starts_where_it_was_only_in_the_same_history() {
        let mut watch = Watch::default();
        let same = StreamState {
            created: 1,
            last_sequence: 120,
        };
        assert_eq!(watch.resume(same), Resume::Afresh);
        watch.look(STATE);
        assert_eq!(watch.resume(same), Resume::At(51));
        let replaced = StreamState {
            created: 9,
            last_sequence: 20,
        };
        assert_eq!(
            watch.resume(replaced),
            Resume::AtTheBeginning(Damage::StreamReplaced)
        );
        let restored = StreamState {
            created: 1,
            last_sequence: 40,
        };
        assert_eq!(
            watch.resume(restored),
            Resume::AtTheBeginning(Damage::StreamShortened { from: 100, to: 40 })
        );
    }

    #[test]
    fn what_is_removed_beside_a_consumer_that_has_nothing_open_is_no_damage() {
        let quiet = ConsumerState {
            pending: 0,
            ack_pending: 0,
            ..STATE
        };
        for (reach, told) in [(Reach::All, true), (Reach::Part, false)] {
            let mut watch = Watch::of(reach);
            watch.look(quiet.clone());
            let damage = watch.look(ConsumerState {
                first_sequence: 81,
                ..quiet.clone()
            });
            assert_eq!(damage.is_some(), told, "{reach:?}");
        }
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
