//! Each kind of damage is told, once and with its numbers; what a healthy server may show is none.

use proptest::prelude::*;

use super::*;

/// A consumer that nobody has looked at yet.
mod unseen;

fn state() -> ConsumerState {
    ConsumerState {
        stream_created: 1,
        consumer_created: 2,
        first_sequence: 1,
        last_sequence: 100,
        last_after: 100,
        messages: 100,
        last_time: 1_000,
        ack_floor: 50,
        pending: 40,
        ack_pending: 10,
        delivered_consumer: 60,
        delivered_stream: 60,
        ..ConsumerState::default()
    }
}

/// What is found of `now` after [`state`], in two looks.
fn after(now: &ConsumerState) -> Option<Damage> {
    let mut watch = Watch::default();
    assert_eq!(watch.look(state(), None), None);
    let first = watch.look(now.clone(), None);
    assert!(first.is_none() || !watch.suspects());
    first.or_else(|| watch.look(now.clone(), None))
}

#[test]
fn progress_is_no_damage() {
    let now = ConsumerState {
        last_sequence: 200,
        last_after: 203,
        messages: 51,
        ack_floor: 180,
        first_sequence: 150,
        pending: 12,
        ack_pending: 10,
        delivered_consumer: 190,
        delivered_stream: 190,
        ..state()
    };
    assert_eq!(after(&now), None);
}

#[test]
fn a_deleted_consumer_starts_where_it_was_only_in_the_same_history() {
    let mut watch = Watch::default();
    let stream = |created, last_sequence| StreamState {
        created,
        last_sequence,
    };
    let resume = |watch: &Watch, stream| watch.resume(stream, Duration::from_secs(60));
    assert_eq!(resume(&watch, stream(1, 120)), Resume::Afresh);
    watch.look(state(), None);
    assert!(matches!(
        resume(&watch, stream(1, 120)),
        Resume::At(
            51,
            Cause::Deleted(Damage {
                kind: Kind::ConsumerDeleted,
                ..
            })
        )
    ));
    assert!(matches!(
        resume(&watch, stream(9, 20)),
        Resume::AtTheBeginning(Damage {
            kind: Kind::StreamReplaced,
            from: 100,
            to: 20,
            ..
        })
    ));
    assert!(matches!(
        resume(&watch, stream(1, 40)),
        Resume::AtTheBeginning(Damage {
            kind: Kind::StreamShortened,
            from: 100,
            to: 40,
            ..
        })
    ));
}

#[test]
fn a_consumer_that_the_server_removed_as_told_is_no_damage() {
    let mut watch = Watch::default();
    watch.look(
        ConsumerState {
            idle_limit: Duration::from_secs(60),
            ..state()
        },
        None,
    );
    let stream = StreamState {
        created: 1,
        last_sequence: 100,
    };
    let after = |seconds| watch.resume(stream, Duration::from_secs(seconds));
    assert_eq!(after(60), Resume::At(51, Cause::Idle));
    assert!(matches!(after(59), Resume::At(51, Cause::Deleted(_))));
}

#[test]
fn each_kind_of_damage_is_told_with_its_numbers() {
    let at_least = |least| Toll::AtLeast(least);
    let cases = [
        (
            ConsumerState {
                stream_created: 9,
                ..state()
            },
            (Kind::StreamReplaced, 100, 100, Toll::Unknown),
        ),
        (
            ConsumerState {
                consumer_created: 2_000_000_000,
                ack_floor: 70,
                ..state()
            },
            (Kind::ConsumerReplaced, 50, 70, Toll::Unknown),
        ),
        (
            ConsumerState {
                last_sequence: 10,
                ..state()
            },
            (Kind::StreamShortened, 100, 10, at_least(90)),
        ),
        (
            ConsumerState {
                ack_floor: 20,
                ..state()
            },
            (Kind::AckFloorMovedBack, 50, 20, Toll::Unknown),
        ),
        (
            // All is purged, and the server moves the floor itself.
            ConsumerState {
                first_sequence: 101,
                messages: 0,
                ack_floor: 100,
                pending: 0,
                ack_pending: 0,
                ..state()
            },
            (Kind::MessagesRemoved, 51, 100, Toll::Between(40, 50)),
        ),
        (
            // The limits took what was delivered and not acked; the floor was left where it was.
            ConsumerState {
                first_sequence: 56,
                messages: 45,
                ..state()
            },
            (Kind::MessagesRemoved, 51, 55, Toll::Between(0, 5)),
        ),
        (
            // A purge by subject from the middle.
            ConsumerState {
                messages: 93,
                pending: 33,
                ..state()
            },
            (Kind::MessagesMissing, 61, 100, at_least(7)),
        ),
    ];
    for (now, (kind, from, to, messages)) in cases {
        let damage = Damage {
            kind,
            from,
            to,
            messages,
        };
        assert_eq!(after(&now), Some(damage), "{now:?}");
    }
}

#[test]
fn what_is_gone_in_the_second_look_is_no_damage_and_is_not_forgotten_before() {
    let mut watch = Watch::default();
    watch.look(state(), None);
    let behind = ConsumerState {
        last_sequence: 90,
        ack_floor: 40,
        ..state()
    };
    assert_eq!(watch.look(behind, None), None);
    assert!(watch.suspects());
    // The end is asked for, as the stream may have grown over it.
    assert_eq!(watch.asks(&state()), Some(100));
    assert_eq!(watch.look(state(), Some(1_000)), None);
    assert!(!watch.suspects());
}

#[test]
fn a_stream_that_was_cut_off_and_has_grown_since_is_known_by_its_time() {
    let mut watch = Watch::default();
    assert_eq!(watch.remember(state(), Duration::ZERO), None);
    let grown = ConsumerState {
        last_sequence: 300,
        last_after: 300,
        pending: 240,
        ..state()
    };
    assert_eq!(watch.asks(&grown), Some(100));
    assert_eq!(watch.look(grown.clone(), Some(2_000)), None);
    let found = watch
        .look(grown.clone(), Some(2_000))
        .map(|found| found.kind);
    assert_eq!(found, Some(Kind::StreamRewritten));
    assert_eq!(watch.asks(&grown), None);
}

#[test]
fn another_filter_has_other_messages_pending() {
    let now = ConsumerState {
        pending: 1,
        filters: vec!["a.>".to_owned()],
        ..state()
    };
    assert_eq!(after(&now), None);
}

/// A server with one consumer, as far as its counts go.
#[derive(Debug, Clone)]
struct Server {
    /// Whether each message from sequence 1 on is the consumer's, and where it is.
    messages: Vec<(Subject, Place)>,
    deliveries: u64,
    filtered: bool,
    retention: Retention,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Subject {
    Ours,
    Others,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Place {
    Pending,
    Delivered,
    Acked,
    Removed,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Retention {
    Limits,
    WorkQueue,
}

#[derive(Debug, Clone, Copy)]
enum Act {
    Publish(bool),
    Deliver,
    Redeliver,
    /// The nth un-acked message.
    Ack(usize),
    /// Limits take acked messages from the beginning.
    Expire,
    Look,
}

fn act() -> impl Strategy<Value = Act> {
    prop_oneof![
        4 => any::<bool>().prop_map(Act::Publish),
        4 => Just(Act::Deliver),
        1 => Just(Act::Redeliver),
        4 => (0_usize..8).prop_map(Act::Ack),
        1 => Just(Act::Expire),
        2 => Just(Act::Look),
    ]
}

impl Server {
    fn ours(&self) -> impl Iterator<Item = (usize, Place)> + '_ {
        let takes = |subject| !self.filtered || subject == Subject::Ours;
        let all = self.messages.iter().enumerate();
        all.filter(move |(_, (subject, _))| takes(*subject))
            .map(|(at, (_, place))| (at, *place))
    }

    fn first_of(&self, place: Place) -> Option<usize> {
        self.ours()
            .find(|(_, found)| *found == place)
            .map(|(at, _)| at)
    }

    fn act(&mut self, act: Act) {
        match act {
            Act::Publish(true) => self.messages.push((Subject::Ours, Place::Pending)),
            Act::Publish(false) => self.messages.push((Subject::Others, Place::Pending)),
            Act::Deliver => {
                if let Some(at) = self.first_of(Place::Pending) {
                    self.messages[at].1 = Place::Delivered;
                    self.deliveries += 1;
                }
            }
            Act::Redeliver => {
                self.deliveries += u64::from(self.first_of(Place::Delivered).is_some());
            }
            Act::Ack(nth) => {
                let open = self.ours().filter(|(_, place)| *place == Place::Delivered);
                if let Some((at, _)) = open.collect::<Vec<_>>().get(nth) {
                    self.messages[*at].1 = match self.retention {
                        Retention::Limits => Place::Acked,
                        Retention::WorkQueue => Place::Removed,
                    };
                }
            }
            Act::Expire => {
                for (_, place) in &mut self.messages {
                    match place {
                        Place::Acked => *place = Place::Removed,
                        Place::Removed => {}
                        Place::Pending | Place::Delivered => break,
                    }
                }
            }
            Act::Look => {}
        }
    }

    fn state(&self) -> ConsumerState {
        let count = |wanted| self.ours().filter(|(_, place)| *place == wanted).count() as u64;
        let last = self.messages.len() as u64;
        let there = |(_, place): &(Subject, Place)| *place != Place::Removed;
        let messages = self
            .messages
            .iter()
            .filter(|message| there(message))
            .count() as u64;
        let first = self.messages.iter().position(there);
        let open = |(_, place): &(usize, Place)| matches!(place, Place::Pending | Place::Delivered);
        let done = self.ours().take_while(|message| !open(message)).last();
        let delivered = self
            .ours()
            .filter(|(_, place)| *place != Place::Pending)
            .last();
        ConsumerState {
            stream_created: 1,
            consumer_created: 1,
            first_sequence: first.map_or(last + 1, |at| at as u64 + 1),
            last_sequence: last,
            last_after: last,
            messages,
            ack_floor: done.map_or(0, |(at, _)| at as u64 + 1),
            pending: count(Place::Pending),
            ack_pending: count(Place::Delivered),
            delivered_consumer: self.deliveries,
            delivered_stream: delivered.map_or(0, |(at, _)| at as u64 + 1),
            filters: if self.filtered {
                vec!["ours".to_owned()]
            } else {
                Vec::new()
            },
            ..ConsumerState::default()
        }
    }
}

fn server() -> impl Strategy<Value = Server> {
    (any::<bool>(), any::<bool>()).prop_map(|(filtered, queue)| Server {
        messages: Vec::new(),
        deliveries: 0,
        filtered,
        retention: if queue {
            Retention::WorkQueue
        } else {
            Retention::Limits
        },
    })
}

proptest! {
    #[test]
    fn publishing_delivering_acking_and_expiring_never_pass_for_damage(
        mut server in server(),
        acts in prop::collection::vec(act(), 0..200),
    ) {
        let mut watch = Watch::default();
        for act in acts {
            server.act(act);
            if matches!(act, Act::Look) {
                prop_assert_eq!(watch.look(server.state(), None), None);
                prop_assert!(!watch.suspects(), "{:?}", server.state());
            }
        }
    }

    #[test]
    fn what_is_removed_before_it_was_delivered_is_counted_and_never_too_high(
        mut server in server(),
        before in prop::collection::vec(act(), 0..100),
        picks in prop::collection::vec(any::<bool>(), 100),
        after in prop::collection::vec(act(), 0..20),
    ) {
        before.into_iter().for_each(|act| server.act(act));
        let mut watch = Watch::default();
        watch.look(server.state(), None);
        let pending: Vec<_> = server.ours().filter(|(_, place)| *place == Place::Pending).collect();
        let gone: Vec<_> = pending.iter().zip(&picks).filter(|(_, gone)| **gone).collect();
        let removed = gone.len() as u64;
        for ((at, _), _) in gone {
            server.messages[*at].1 = Place::Removed;
        }
        let quiet = after.is_empty();
        for act in after {
            server.act(act);
        }
        let now = server.state();
        watch.look(now.clone(), None);
        let least = match watch.look(now, None).map(|found| found.messages) {
            None => 0,
            Some(Toll::AtLeast(least) | Toll::Between(least, _)) => least,
            Some(Toll::Unknown) => u64::MAX,
        };
        prop_assert!(least <= removed, "{least} of {removed}");
        prop_assert!(!quiet || least == removed, "{least} of {removed}");
    }
}

#[test]
fn a_consumer_whose_birth_is_remembered_a_little_later_is_the_same_one() {
    let now = ConsumerState {
        consumer_created: state().consumer_created + 1_000_000,
        ..state()
    };
    assert_eq!(after(&now), None);
}
