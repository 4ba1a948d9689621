//! A lane's tickets, and what becomes of them when its consumer is another one.

use super::*;
use crate::delivery::Attempt;
use crate::source::ledger::Holes;

fn arrival(number: u64) -> Arrival {
    Arrival {
        stream: number,
        consumer: number,
        time: 1_700_000_000_000_000_000,
        attempt: Attempt::First,
    }
}

/// A consumer that has delivered so many.
fn state(stream_created: i64, delivered: u64) -> ConsumerState {
    ConsumerState {
        stream_created,
        consumer_created: stream_created,
        first_sequence: 1,
        last_sequence: 100,
        ack_floor: 0,
        pending: 0,
        ack_pending: delivered,
        delivered_consumer: delivered,
        delivered_stream: delivered,
        ..ConsumerState::default()
    }
}

fn agree(lane: &Lane, delivered: u64) {
    for _ in 0..2 {
        let Some(question) = lane.asks() else { return };
        let counts = Counts {
            pending: delivered,
            delivered,
            through: delivered,
            floor: 0,
            holes: Holes::None,
        };
        lane.confirm(question, counts);
    }
}

fn sound() -> Arc<Lane> {
    let lane = Arc::new(Lane::default());
    assert_eq!(lane.begin(&state(1, 0)), Begun::On);
    agree(&lane, 0);
    lane
}

const REPLY: &str = "$JS.ACK.T.c.1.1.1.1700000000000000000.9";

/// The first so many messages.
fn take(lane: &Arc<Lane>, count: u64) -> Vec<Ticket> {
    let ticket = |number| match lane.deliver(arrival(number), REPLY) {
        Delivered::New(ticket) => ticket,
        other => panic!("{number} is {other:?}"),
    };
    (1..=count).map(ticket).collect()
}

/// They are stored; the ack that this brings.
fn store(lane: &Lane, tickets: Vec<Ticket>) -> Option<String> {
    let mut subject = None;
    for ticket in tickets {
        let (_, claim) = ticket.used().unwrap();
        let (ack, _) = lane.settle(claim.generation, &[claim.stream]);
        subject = ack.or(subject);
    }
    subject.map(|subject| subject.to_string())
}

#[test]
fn a_dropped_ticket_holds_every_later_ack() {
    let lane = sound();
    let mut tickets = take(&lane, 3);
    drop(tickets.remove(1));
    let subject = store(&lane, tickets);
    assert_eq!(subject.unwrap(), "$JS.ACK.T.c.1.1.1.0.0");
    assert_eq!(lane.held(), 0);
    assert!(
        lane.asks().is_some(),
        "only the server knows when it comes again"
    );
}

#[test]
fn tickets_of_a_replaced_stream_settle_and_give_back_nothing() {
    let lane = sound();
    let mut old = take(&lane, 3);
    assert_eq!(lane.begin(&state(2, 0)), Begun::Anew);
    assert_eq!(lane.take_forgotten(), 3);
    agree(&lane, 0);
    let new = take(&lane, 3);
    drop(old.pop());
    assert_eq!(store(&lane, old), None);
    assert_eq!(lane.held(), 3);
    assert_eq!(store(&lane, new).unwrap(), "$JS.ACK.T.c.1.3.3.0.0");
}

#[test]
fn a_consumer_whose_birth_is_told_a_little_later_after_a_restart_is_the_one_in_hand() {
    let lane = sound();
    let tickets = take(&lane, 3);
    let restarted = ConsumerState {
        consumer_created: 1 + 400_000,
        ..state(1, 3)
    };
    assert_eq!(lane.begin(&restarted), Begun::On);
    agree(&lane, 3);
    assert!(store(&lane, tickets).is_some());
    let another = ConsumerState {
        consumer_created: 1 + 400_000_000,
        ..state(1, 3)
    };
    assert_eq!(lane.begin(&another), Begun::Anew);
}

#[test]
fn a_server_that_has_forgotten_deliveries_is_another_one() {
    for now in [
        state(1, 2),
        ConsumerState {
            last_sequence: 2,
            ..state(1, 3)
        },
    ] {
        let lane = sound();
        let tickets = take(&lane, 3);
        assert_eq!(lane.begin(&state(1, 3)), Begun::On);
        assert_eq!(lane.begin(&now), Begun::Anew);
        assert_eq!(store(&lane, tickets), None);
    }
}

#[test]
fn a_stranger_under_a_known_number_ends_the_ledger_and_no_ack_goes_out() {
    let lane = sound();
    let tickets = take(&lane, 3);
    let stranger = Arrival {
        time: 1,
        ..arrival(2)
    };
    assert!(matches!(lane.deliver(stranger, REPLY), Delivered::Stranger));
    assert_eq!(store(&lane, tickets), None);
    assert_eq!((lane.held(), lane.in_hand()), (0, 0));
    assert_eq!(lane.take_forgotten(), 4, "with the stranger");
}

#[test]
fn between_sessions_nothing_is_acked() {
    let lane = sound();
    let tickets = take(&lane, 3);
    lane.pause();
    assert_eq!(store(&lane, tickets), None);
    lane.begin(&state(1, 3));
    agree(&lane, 3);
    assert_eq!(lane.due().0.unwrap().as_str(), "$JS.ACK.T.c.1.3.3.0.0");
}
