//! Bodies go in; what comes out together is what the scanner accepts of them, byte for byte but for timestamps.

use proptest::prelude::*;

use super::*;
use crate::decode::scan::TIMES;

const LONGEST: usize = 1024 * 1024;

/// What came out of one body.
struct Packed {
    messages: Vec<Message>,
    refusals: Refusals,
}

impl Packed {
    /// All lines, each with its newline.
    fn text(&self) -> String {
        let mut text = String::new();
        for message in &self.messages {
            text.push_str(std::str::from_utf8(&message.payload).unwrap());
            if !text.ends_with('\n') {
                text.push('\n');
            }
        }
        text
    }

    fn refused(&self) -> Vec<(usize, &str)> {
        let listed = self.refusals.listed().iter();
        listed
            .map(|listed| (listed.number, listed.original.as_str()))
            .collect()
    }
}

fn pack_into(body: &str, precision: Precision, longest: usize) -> Packed {
    let body = Bytes::copy_from_slice(body.as_bytes());
    let mut packer = Packer::new(body, Rules::of([]), precision, longest);
    let mut messages = Vec::new();
    loop {
        match packer.step() {
            Step::Message(message) => messages.push(message),
            Step::Nothing => {}
            Step::End => break,
        }
    }
    Packed {
        messages,
        refusals: packer.into_refusals(),
    }
}

fn pack(body: &str, precision: Precision) -> Packed {
    pack_into(body, precision, LONGEST)
}

#[test]
fn good_lines_pass_and_bad_ones_are_named_by_their_place() {
    let packed = pack(
        "a v=1 1\n# \"comment\n\nb v= 2\nc v=\"x\ny\" 3\r\nd\ne v=1",
        Precision::Nanos,
    );
    assert_eq!(packed.text(), "a v=1 1\nc v=\"x\ny\" 3\ne v=1\n");
    assert_eq!(packed.refused(), [(4, "b v= 2"), (7, "d")]);
    assert_eq!(packed.messages[0].lines, 3);
}

#[test]
fn a_body_of_nanoseconds_is_not_copied() {
    let body = Bytes::from("a v=1 1\nb v=1 2\nc v=1 3");
    let mut packer = Packer::new(body.clone(), Rules::of([]), Precision::Nanos, LONGEST);
    let Step::Message(message) = packer.step() else {
        panic!("a message");
    };
    assert_eq!(
        (message.payload.as_ptr(), message.payload.len()),
        (body.as_ptr(), body.len())
    );
    assert_eq!(packer.step(), Step::End);
}

#[test]
fn times_are_converted_and_those_out_of_range_refused() {
    let body = "a v=1 1502675000\nb v=1 -1\nc v=1\nd v=1 9223372037\ne,t=1-5 v=\"1 5\" 0\n";
    let packed = pack(body, Precision::Seconds);
    assert_eq!(
        packed.text(),
        "a v=1 1502675000000000000\nb v=1 -1000000000\nc v=1\ne,t=1-5 v=\"1 5\" 0\n"
    );
    assert_eq!(packed.refused(), [(4, "d v=1 9223372037")]);
    let (reason, _) = packed.refusals.reasons().next().unwrap();
    assert_eq!(reason, Reason::Value);
}

#[test]
fn messages_end_with_lines_and_stay_below_the_limits() {
    let line = format!("m,t={} v=1 1\n", "x".repeat(1_000));
    let packed = pack(&line.repeat(200), Precision::Nanos);
    assert!(packed.messages.len() > 3);
    for message in &packed.messages {
        assert!(message.payload.len() <= MESSAGE);
        assert!(message.payload.ends_with(b" 1\n"));
    }
    // A line of its own size gets a message of its own; one that no message holds is refused.
    let long = format!("m v=\"{}\" 1\n", "x".repeat(2 * MESSAGE));
    let packed = pack_into(
        &format!("a v=1 1\n{long}b v=1 1\n"),
        Precision::Nanos,
        LONGEST,
    );
    let lengths: Vec<_> = packed
        .messages
        .iter()
        .map(|message| message.payload.len())
        .collect();
    assert_eq!(lengths, [8, long.len(), 8]);
    let packed = pack_into(
        &format!("a v=1 1\n{long}b v=1 1\n"),
        Precision::Nanos,
        MESSAGE,
    );
    assert_eq!(packed.text(), "a v=1 1\nb v=1 1\n");
    assert_eq!(
        packed.refusals.reasons().collect::<Vec<_>>(),
        [(Reason::TooLarge, 1)]
    );
}

#[test]
fn nonsense_without_end_is_worked_off_in_turns() {
    let body = Bytes::from("x\n".repeat(TURN + TURN / 2));
    let mut packer = Packer::new(body, Rules::of([]), Precision::Nanos, LONGEST);
    assert_eq!(packer.step(), Step::Nothing);
    assert_eq!(packer.step(), Step::Nothing);
    assert_eq!(packer.step(), Step::End);
    assert_eq!(packer.into_refusals().total(), TURN + TURN / 2);
}

/// A line before its timestamp, good or bad, and what would mislead a search for digits.
fn head() -> impl Strategy<Value = &'static str> {
    prop::sample::select(vec![
        "m v=1",
        "m,t=1-5 v=2i",
        "m,t=é v=\"a 12\"",
        "m v=\"x\ny 7\"",
        "m v=-1",
        "bad",
        "m v=",
        "m\\ 1 v=1e-5",
    ])
}

fn unit() -> impl Strategy<Value = (Precision, i64)> {
    prop::sample::select(vec![
        (Precision::Nanos, 1),
        (Precision::Micros, 1_000),
        (Precision::Millis, 1_000_000),
        (Precision::Seconds, 1_000_000_000),
        (Precision::Minutes, 60_000_000_000),
        (Precision::Hours, 3_600_000_000_000),
    ])
}

fn time() -> impl Strategy<Value = Option<i64>> {
    prop_oneof![
        Just(None),
        TIMES.prop_map(Some),
        (-10_000_000_000..10_000_000_000_i64).prop_map(Some),
    ]
}

proptest! {
    #[test]
    fn converting_is_multiplying_and_touches_nothing_else(
        lines in prop::collection::vec((head(), time(), prop::sample::select(vec!["\n", "\r\n", " \n", "\n\n", "\n#1\n"])), 0..20),
        (precision, factor) in unit(),
        ends in any::<bool>(),
    ) {
        let (mut body, mut expected, mut refused) = (String::new(), String::new(), 0);
        for (head, time, end) in &lines {
            body.push_str(head);
            if let Some(time) = time {
                body.push_str(&format!(" {time}"));
            }
            body.push_str(end);
            let nanos = time.map(|time| time.checked_mul(factor).filter(|nanos| TIMES.contains(nanos)));
            match nanos {
                _ if *head == "bad" || *head == "m v=" => refused += 1,
                None => expected.push_str(&format!("{head}\n")),
                Some(Some(nanos)) => expected.push_str(&format!("{head} {nanos}\n")),
                Some(None) => refused += 1,
            }
        }
        if !ends {
            body.truncate(body.trim_end().len());
        }
        let packed = pack(&body, precision);
        prop_assert_eq!(packed.text(), expected);
        prop_assert_eq!(packed.refusals.total(), refused);
        let counted: u64 = packed.messages.iter().map(|message| message.lines).sum();
        prop_assert_eq!(usize::try_from(counted).unwrap() + refused, lines.len());
    }

    #[test]
    fn nothing_that_anybody_sends_is_lost_between_messages_and_refusals(
        body in "[a-c,= \"\\\\1\n\r#-]{0,400}",
        (precision, _) in unit(),
        longest in 16..200_usize,
    ) {
        let packed = pack_into(&body, precision, longest);
        let whole = pack(&body, precision);
        let lines = |packed: &Packed| packed.messages.iter().map(|message| message.lines).sum::<u64>();
        let total = |packed: &Packed| usize::try_from(lines(packed)).unwrap() + packed.refusals.total();
        prop_assert_eq!(total(&packed), total(&whole));
        for message in &packed.messages {
            prop_assert!(message.payload.len() <= longest);
            // What is passed on is what the path takes, whole.
            let again = pack(std::str::from_utf8(&message.payload).unwrap(), Precision::Nanos);
            prop_assert_eq!(lines(&again), message.lines);
            prop_assert_eq!(again.refusals.total(), 0);
        }
    }
}
