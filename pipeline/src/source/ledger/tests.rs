//! The ledger alone, and against a model of an ack-all consumer.

use super::{Arrival, Counts, Due, Ledger, Taken};
use crate::delivery::Attempt;

/// Random histories against the model.
mod model;

fn first(number: u64) -> Arrival {
    Arrival {
        stream: number,
        consumer: number,
        attempt: Attempt::First,
    }
}

fn again(stream: u64, consumer: u64) -> Arrival {
    Arrival {
        stream,
        consumer,
        attempt: Attempt::Again,
    }
}

/// Takes the server's word as often as it takes.
fn confirm(ledger: &mut Ledger, pending: u64, delivered: u64, floor: u64) {
    for _ in 0..2 {
        if let Some(question) = ledger.asks() {
            let counts = Counts {
                pending,
                delivered,
                floor,
            };
            ledger.confirm(question, counts);
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
    let counts = Counts {
        pending: 2,
        delivered: 2,
        floor: 0,
    };
    ledger.confirm(question, counts);
    ledger.confirm(question, counts);
    assert!(ledger.asks().is_some());
}

#[test]
fn what_somebody_else_acked_is_done_with() {
    let mut ledger = holding(3);
    ledger.give_back(1);
    let question = ledger
        .asks()
        .expect("it hangs on a message that is not here");
    ledger.confirm(
        question,
        Counts {
            pending: 1,
            delivered: 3,
            floor: 2,
        },
    );
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

#[test]
fn only_what_waits_longer_than_a_third_of_the_ack_wait_is_prolonged() {
    let streams = |due: Vec<Due>| due.into_iter().map(|due| due.stream).collect::<Vec<_>>();
    let mut ledger = holding(2);
    assert!(ledger.prolong().is_empty());
    ledger.deliver(first(3));
    ledger.settle(1);
    ledger.give_back(2);
    assert_eq!(
        streams(ledger.prolong()),
        [1],
        "what must come again is not prolonged"
    );
    assert_eq!(streams(ledger.prolong()), [1, 3]);
}
