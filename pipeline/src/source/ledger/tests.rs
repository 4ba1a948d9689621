//! The ledger alone, and against a model of an ack-all consumer.

use super::{Arrival, Counts, Due, Holes, Ledger, Taken};
use crate::delivery::Attempt;

/// Random histories against the model.
mod model;

fn first(number: u64) -> Arrival {
    Arrival {
        stream: number,
        consumer: number,
        time: stored(number),
        attempt: Attempt::First,
    }
}

fn again(stream: u64, consumer: u64) -> Arrival {
    Arrival {
        stream,
        consumer,
        time: stored(stream),
        attempt: Attempt::Again,
    }
}

/// When that message was stored.
fn stored(stream: u64) -> i64 {
    1_700_000_000_000_000_000 + stream.cast_signed()
}

/// What the server says of a stream that is whole.
fn counts(pending: u64, delivered: u64, floor: u64) -> Counts {
    Counts {
        pending,
        delivered,
        through: delivered,
        floor,
        holes: Holes::None,
    }
}

/// Takes the server's word as often as it takes.
fn confirm(ledger: &mut Ledger, pending: u64, delivered: u64, floor: u64) {
    for _ in 0..2 {
        if let Some(question) = ledger.asks() {
            ledger.confirm(question, counts(pending, delivered, floor));
        }
    }
}

/// A ledger of a new consumer with the first `count` messages in hand.
fn holding(count: u64) -> Ledger {
    let mut ledger = Ledger::default();
    confirm(&mut ledger, 0, 0, 0);
    for number in 1..=count {
        assert_eq!(ledger.deliver(first(number)), Taken::New);
    }
    ledger
}

fn due(ledger: &mut Ledger) -> Option<(u64, u64)> {
    ledger
        .due()
        .map(|Due { stream, consumer }| (stream, consumer))
}

#[test]
fn one_ack_covers_what_is_settled_from_the_front() {
    let mut ledger = holding(5);
    ledger.settle(2);
    ledger.settle(3);
    assert_eq!(due(&mut ledger), None, "the first is on its way");
    ledger.settle(1);
    assert_eq!(due(&mut ledger), Some((3, 3)));
    assert_eq!(due(&mut ledger), None);
    assert_eq!(
        (ledger.take_acked(), ledger.held(), ledger.len()),
        (3, 2, 2)
    );
}

#[test]
fn nothing_is_acked_before_the_server_was_asked() {
    let mut ledger = Ledger::default();
    ledger.deliver(again(7, 20));
    ledger.settle(7);
    assert_eq!(due(&mut ledger), None);
    confirm(&mut ledger, 2, 20, 5);
    assert_eq!(due(&mut ledger), None, "somebody had another one");
    ledger.deliver(again(6, 21));
    ledger.settle(6);
    confirm(&mut ledger, 2, 21, 5);
    assert_eq!(due(&mut ledger), Some((7, 20)));
}

#[test]
fn no_ack_passes_a_gap_until_what_is_missing_has_come() {
    let mut ledger = holding(3);
    ledger.deliver(first(5));
    (1..=3).chain([5]).for_each(|number| ledger.settle(number));
    assert_eq!(
        due(&mut ledger),
        Some((3, 3)),
        "up to the gap nothing is missing"
    );
    confirm(&mut ledger, 2, 5, 3);
    assert_eq!(due(&mut ledger), None);
    ledger.deliver(again(4, 6));
    ledger.settle(4);
    confirm(&mut ledger, 2, 6, 3);
    // Not with the redelivery's sequence, which would take the server's floor past later messages.
    assert_eq!(due(&mut ledger), Some((5, 5)));
}

#[test]
fn acks_name_rising_consumer_sequences_whatever_came_again_late() {
    // The last owner had 1 and 2; 3 is new and came before them.
    let mut ledger = Ledger::default();
    ledger.deliver(first(3));
    ledger.deliver(again(1, 4));
    ledger.deliver(again(2, 5));
    confirm(&mut ledger, 3, 5, 0);
    let mut named = Vec::new();
    for stream in 1..=3 {
        ledger.settle(stream);
        named.extend(due(&mut ledger));
    }
    assert_eq!(named, [(1, 1), (2, 2), (3, 3)]);
}

#[test]
fn a_message_given_back_holds_acks_until_it_comes_again() {
    let mut ledger = holding(3);
    ledger.settle(1);
    ledger.give_back(2);
    ledger.settle(3);
    assert_eq!(due(&mut ledger), Some((1, 1)));
    assert_eq!(ledger.deliver(again(2, 4)), Taken::New);
    assert_eq!(due(&mut ledger), None);
    ledger.settle(2);
    assert_eq!(due(&mut ledger), Some((3, 3)));
}

#[test]
fn what_is_in_hand_is_not_taken_again() {
    let mut ledger = holding(2);
    ledger.settle(1);
    assert_eq!(ledger.deliver(again(1, 3)), Taken::Again);
    assert_eq!(ledger.deliver(again(2, 4)), Taken::Again);
    assert_eq!(due(&mut ledger), Some((1, 1)));
}

#[test]
fn an_answer_from_before_a_new_session_says_nothing() {
    let mut ledger = holding(2);
    ledger.doubt();
    let question = ledger.asks().unwrap();
    ledger.doubt();
    ledger.confirm(question, counts(2, 2, 0));
    ledger.confirm(question, counts(2, 2, 0));
    assert!(ledger.asks().is_some());
}

#[test]
fn what_somebody_else_acked_is_done_with() {
    let mut ledger = holding(3);
    ledger.give_back(1);
    let question = ledger
        .asks()
        .expect("it hangs on a message that is not here");
    ledger.confirm(question, counts(1, 3, 2));
    ledger.settle(2);
    ledger.settle(3);
    assert_eq!(due(&mut ledger), Some((3, 3)));
    assert_eq!(
        (ledger.len(), ledger.held(), ledger.take_acked()),
        (0, 0, 2)
    );
}

#[test]
fn messages_removed_from_the_stream_do_not_hold_acks_for_ever() {
    let mut ledger = holding(3);
    ledger.doubt();
    (1..=3).for_each(|number| ledger.settle(number));
    due(&mut ledger);
    for number in 4..=6 {
        ledger.deliver(first(number));
    }
    ledger.deliver(first(8));
    [4, 5, 6, 8]
        .into_iter()
        .for_each(|number| ledger.settle(number));
    due(&mut ledger);
    // The server knows only of one of the four that are in hand.
    confirm(&mut ledger, 1, 8, 3);
    ledger.deliver(again(8, 9));
    ledger.settle(8);
    confirm(&mut ledger, 1, 9, 3);
    assert_eq!(due(&mut ledger).map(|(stream, _)| stream), Some(8));
}

/// What is to be prolonged now, asked for one by one.
fn prolonged(ledger: &mut Ledger) -> Vec<u64> {
    let period = ledger.end_period();
    let mut streams = vec![0];
    while let Some(due) = ledger
        .waiting(period, streams[streams.len() - 1], 1)
        .first()
    {
        streams.push(due.stream);
    }
    streams.split_off(1)
}

#[test]
fn only_what_waits_longer_than_a_third_of_the_ack_wait_is_prolonged() {
    let mut ledger = holding(2);
    assert!(prolonged(&mut ledger).is_empty());
    ledger.deliver(first(3));
    ledger.settle(1);
    ledger.give_back(2);
    assert_eq!(
        prolonged(&mut ledger),
        [1],
        "what must come again is not prolonged"
    );
    assert_eq!(prolonged(&mut ledger), [1, 3]);
}

#[test]
fn a_doubt_ends_while_messages_flow() {
    let mut ledger = holding(3);
    // The fourth is lost on the way, and comes again. From now on there are always ten under way that the server has counted.
    ledger.deliver(first(5));
    ledger.deliver(again(4, 6));
    let (mut here, mut delivered) = (6, 6);
    for _ in 0..20 {
        let question = ledger.asks().expect("it is in doubt");
        delivered += 10;
        // No ack goes out behind the gap: what has been delivered is pending, one sequence less than deliveries.
        ledger.confirm(question, counts(delivered - 1, delivered, 0));
        while here < delivered {
            here += 1;
            let (stream, consumer) = (here - 1, here);
            ledger.deliver(Arrival {
                consumer,
                ..first(stream)
            });
        }
        if ledger.asks().is_none() {
            return;
        }
    }
    panic!("the doubt goes on for ever");
}

#[test]
fn another_message_of_the_same_number_is_not_taken_for_the_one_in_hand() {
    let mut ledger = holding(3);
    let stranger = Arrival {
        time: stored(2) + 1,
        ..first(2)
    };
    assert_eq!(ledger.deliver(stranger), Taken::Stranger);
    assert_eq!(ledger.deliver(first(2)), Taken::Again);
}

#[test]
fn what_was_forgotten_comes_as_new_and_old_questions_say_nothing() {
    let mut ledger = holding(3);
    ledger.doubt();
    let question = ledger.asks().unwrap();
    ledger.forget();
    assert_eq!((ledger.len(), ledger.held()), (0, 0));
    ledger.confirm(question, counts(0, 3, 0));
    assert_eq!(ledger.deliver(first(1)), Taken::New);
    ledger.settle(1);
    assert_eq!(due(&mut ledger), None);
}

#[test]
fn generations_that_mix_do_not_make_consumer_sequences_underflow() {
    let mut ledger = Ledger::default();
    for (stream, consumer) in [(1, 5), (2, 1), (3, 1), (4, 1)] {
        ledger.deliver(Arrival {
            consumer,
            ..first(stream)
        });
    }
    let question = ledger.asks().unwrap();
    ledger.nothing_is_missing(question, counts(4, 5, 0));
    assert_eq!(ledger.asks(), None);
}

#[test]
fn counts_of_a_stream_with_holes_set_no_ack_free() {
    let mut ledger = holding(3);
    ledger.doubt();
    // The second was lost on the way, the third is purged and pending no more: as many are pending as are in hand.
    ledger.deliver(first(5));
    (1..=5).for_each(|number| ledger.settle(number));
    due(&mut ledger);
    let holes = Counts {
        holes: Holes::Some,
        ..counts(1, 5, 3)
    };
    for _ in 0..4 {
        let question = ledger.asks().expect("still in doubt");
        ledger.confirm(question, holes);
    }
    assert_eq!(due(&mut ledger), None);
    assert_eq!(ledger.first_unknown(1, 5), Some(4));
}

#[test]
fn what_is_neither_stored_nor_in_hand_is_found() {
    let mut ledger = holding(4);
    ledger.settle(1);
    due(&mut ledger);
    ledger.deliver(first(7));
    assert_eq!(ledger.first_unknown(0, 4), None, "one stored, three here");
    assert_eq!(ledger.first_unknown(0, 9), Some(5));
    assert_eq!(ledger.first_unknown(6, 9), Some(6));
    assert_eq!(ledger.first_unknown(7, 9), Some(8));
}

#[test]
fn a_message_that_was_given_up_and_is_gone_holds_no_ack() {
    let mut ledger = holding(3);
    ledger.give_back(1);
    ledger.settle(2);
    let question = ledger.asks().expect("it hangs on a message");
    assert_eq!(ledger.first_returned(question), Some(1));
    ledger.is_gone(question, 1);
    assert_eq!(due(&mut ledger), Some((2, 2)));
    assert_eq!(ledger.asks(), None);
}

#[test]
fn what_is_gone_and_pending_for_ever_is_acked_behind_the_last_message() {
    let mut ledger = holding(2);
    ledger.doubt();
    // 3 to 5 were delivered to somebody else, and are purged.
    let purged = Counts {
        holes: Holes::Some,
        ..counts(5, 5, 0)
    };
    let question = ledger.asks().unwrap();
    ledger.confirm(question, purged);
    ledger.nothing_is_missing(question, purged);
    ledger.settle(1);
    assert_eq!(due(&mut ledger), Some((1, 1)));
    ledger.settle(2);
    assert_eq!(due(&mut ledger), Some((5, 5)));
}

#[test]
fn an_old_question_asks_for_nothing_that_was_given_up() {
    let mut ledger = holding(3);
    ledger.give_back(1);
    let question = ledger.asks().expect("it hangs on a message");
    ledger.doubt();
    assert_eq!(ledger.first_returned(question), None);
}
