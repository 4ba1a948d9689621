//! What the account notices.

use super::*;
use crate::payload::clock::Clock;
use crate::scenario::Shape;

fn traffic(shape: Shape, messages: u64) -> Traffic {
    let mut traffic = Traffic {
        shape,
        subjects: 1,
        messages,
        clock: Clock::unpaced(1),
    };
    traffic.clock = Clock::unpaced(traffic.most_lines());
    traffic
}

/// All messages as a program that passes them on would write them.
fn body(traffic: Traffic) -> Vec<u8> {
    let payloads = Payloads::new(traffic);
    let mut body = Vec::new();
    for message in 0..traffic.messages {
        payloads.payload(message, &mut body);
        if body.last() != Some(&b'\n') {
            body.push(b'\n');
        }
    }
    body
}

fn told(traffic: Traffic, check: Check, frames: &[Bytes]) -> Figures {
    let mut account = Account::new(traffic, check, None, 0);
    account.body(frames, 1);
    account.figures()
}

fn told_of(traffic: Traffic, check: Check, body: Vec<u8>) -> Figures {
    told(traffic, check, &[Bytes::from(body)])
}

#[test]
fn all_lines_of_every_shape_are_known_whatever_frames_they_come_in() {
    for shape in Shape::ALL {
        let traffic = traffic(shape, 64);
        let whole = Bytes::from(body(traffic));
        let sum = Payloads::new(traffic).sum();
        for size in [1, 7, 150, 4_096, usize::MAX] {
            let frames: Vec<Bytes> = whole
                .chunks(size)
                .map(|chunk| whole.slice_ref(chunk))
                .collect();
            let figures = told(traffic, Check::Account, &frames);
            assert_eq!(figures.stored, sum.lines, "{shape} in {size}");
            assert_eq!(
                (figures.doubled, figures.altered, figures.strange),
                (0, 0, 0)
            );
        }
    }
}

#[test]
fn a_lost_a_doubled_and_an_altered_line_are_each_noticed() {
    let traffic = traffic(Shape::Line, 1_000);
    let whole = body(traffic);
    let line = 151;

    let lost = [&whole[..5 * line], &whole[6 * line..]].concat();
    let figures = told_of(traffic, Check::Account, lost);
    assert_eq!((figures.stored, figures.doubled), (999, 0));

    let doubled = [&whole[..], &whole[..line]].concat();
    let figures = told_of(traffic, Check::Account, doubled);
    assert_eq!((figures.stored, figures.doubled), (1_000, 1));

    let mut altered = whole.clone();
    altered[5 * line + 1] ^= 1;
    let figures = told_of(traffic, Check::Account, altered);
    assert_eq!((figures.stored, figures.altered), (1_000, 1));

    // One lost and another doubled: only a count would be right.
    let both = [&whole[line..], &whole[line..2 * line]].concat();
    let figures = told_of(traffic, Check::Account, both);
    assert_eq!((figures.lines, figures.stored), (1_000, 999));
}

#[test]
fn a_repeat_in_other_bytes_is_altered_and_one_as_it_was_is_not() {
    let traffic = traffic(Shape::Line, 1_000);
    let whole = body(traffic);
    let line = 151;
    let mut repeat = whole[5 * line..6 * line].to_vec();
    let figures = told_of(traffic, Check::Account, [&whole[..], &repeat].concat());
    assert_eq!((figures.doubled, figures.altered), (1, 0));
    repeat[1] ^= 1;
    let figures = told_of(traffic, Check::Account, [&whole[..], &repeat].concat());
    assert_eq!(
        (figures.stored, figures.doubled, figures.altered),
        (1_000, 1, 1)
    );
}

#[test]
fn a_line_that_nobody_published_is_strange() {
    let traffic = traffic(Shape::Line, 10);
    for other in [
        "cpu v=1",
        "cpu v=1 1700000000000000010",
        "cpu v=1 1699999999999999999",
        "x",
    ] {
        let figures = told_of(traffic, Check::Account, other.as_bytes().to_vec());
        assert_eq!((figures.stored, figures.strange), (0, 1), "{other}");
    }
}

#[test]
fn counting_sees_an_altered_line_in_the_sum() {
    let traffic = traffic(Shape::Lines50, 20);
    let sum = Payloads::new(traffic).sum();
    let figures = told_of(traffic, Check::Count, body(traffic));
    assert_eq!((figures.lines, figures.checksum), (1_000, sum.checksum));
    let mut altered = body(traffic);
    altered[3] ^= 1;
    let figures = told_of(traffic, Check::Count, altered);
    assert_eq!(figures.lines, 1_000);
    assert_ne!(figures.checksum, sum.checksum);
}

#[test]
fn latency_is_told_from_the_timestamp_and_not_of_the_warm_up() {
    let traffic = Traffic {
        clock: Clock {
            base: 1_700_000_000_000_000_000,
            step: 1_000_000,
        },
        ..traffic(Shape::Line, 100)
    };
    let mut account = Account::new(traffic, Check::Account, Some(traffic.clock.time(50)), 0);
    account.body(&[Bytes::from(body(traffic))], traffic.clock.time(100));
    let latency = account.figures().latency.unwrap();
    assert_eq!(account.figures().stored, 100);
    // 50 ms for the first one that counts, to three digits.
    assert!((50_000..50_100).contains(&latency.max), "{latency:?}");
    assert!((24_900..26_100).contains(&latency.p50), "{latency:?}");
}

#[test]
fn the_first_altered_line_is_shown_as_it_was_sent_and_as_it_came() {
    let traffic = traffic(Shape::Lines50, 2);
    let mut body = body(traffic);
    let line = 151;
    let sent = String::from_utf8(body[53 * line..54 * line - 1].to_vec()).unwrap();
    body[53 * line] = b'C';
    body[57 * line] = b'C';
    let mut account = Account::new(traffic, Check::Account, None, 0);
    account.body(&[Bytes::from(body)], 1);
    let altered = account.first_altered().unwrap();
    assert_eq!(altered.sent, sent);
    assert_eq!(altered.stored, sent.replacen('c', "C", 1));
    assert_eq!(account.figures().altered, 2);
}
