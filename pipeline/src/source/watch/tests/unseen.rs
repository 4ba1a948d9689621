//! A consumer that is deleted before it was looked at is damage, too; one that we have just made is not compared with the one before it.

use super::*;

const HOUR: Duration = Duration::from_secs(3_600);

fn stream(created: i64, last_sequence: u64) -> StreamState {
    StreamState {
        created,
        last_sequence,
    }
}

fn deleted(from: u64) -> Damage {
    Damage {
        kind: Kind::ConsumerDeleted,
        from,
        to: from + 1,
        messages: Toll::Unknown,
    }
}

#[test]
fn a_consumer_that_was_found_or_made_and_is_gone_before_a_look_was_deleted() {
    for ensured in [Watch::found, Watch::made] {
        let mut watch = Watch::default();
        ensured(&mut watch, stream(1, 100));
        let again = watch.resume(stream(1, 120), HOUR);
        assert_eq!(again, Resume::AtTheBeginning(deleted(0)));
        let replaced = watch.resume(stream(9, 3), HOUR);
        assert!(matches!(
            replaced,
            Resume::AtTheBeginning(Damage {
                kind: Kind::StreamReplaced,
                from: 100,
                to: 3,
                ..
            })
        ));
    }
}

#[test]
fn a_consumer_that_was_made_again_and_deleted_again_starts_where_the_first_was() {
    let mut watch = Watch::default();
    watch.look(state(), None);
    watch.made(stream(1, 120));
    let again = watch.resume(stream(1, 130), HOUR);
    assert_eq!(again, Resume::At(51, Cause::Deleted(deleted(50))));
    // In another stream, the first one's acks mean nothing.
    watch.made(stream(9, 5));
    let again = watch.resume(stream(9, 6), HOUR);
    assert_eq!(again, Resume::AtTheBeginning(deleted(0)));
}

#[test]
fn what_we_made_is_no_damage_when_it_is_seen() {
    let mut watch = Watch::default();
    watch.look(state(), None);
    watch.made(stream(1, 100));
    let new = ConsumerState {
        consumer_created: 2_000_000_000,
        ack_floor: 0,
        delivered_consumer: 0,
        ..state()
    };
    assert_eq!(
        (watch.asks(&new), watch.look(new.clone(), None)),
        (None, None)
    );
    assert!(!watch.suspects());
    let other = ConsumerState {
        consumer_created: 4_000_000_000,
        ..new
    };
    let replaced = watch.look(other, None).map(|damage| damage.kind);
    assert_eq!(replaced, Some(Kind::ConsumerReplaced), "not by us");
}

#[test]
fn a_memory_that_is_read_late_tells_what_was_made_again() {
    let mut watch = Watch::default();
    watch.made(stream(1, 120));
    assert_eq!(watch.remember(state(), HOUR), Some(deleted(50)));
    assert_eq!(watch.look(state(), None), None, "said once");

    let idle = ConsumerState {
        idle_limit: HOUR,
        ..state()
    };
    let mut watch = Watch::default();
    watch.made(stream(1, 120));
    assert_eq!(watch.remember(idle, HOUR), None);
}

#[test]
fn only_a_consumer_that_was_there_can_be_missed() {
    let mut watch = Watch::default();
    watch.misses();
    assert!(!watch.is_gone(), "it is not made yet");
    for ensured in [Watch::found, Watch::made] {
        ensured(&mut watch, stream(1, 100));
        assert!(!watch.is_gone());
        watch.misses();
        assert!(watch.is_gone());
    }
}
