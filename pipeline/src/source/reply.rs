//! What a JetStream message's reply subject tells. Two forms, by nats-server's rule:
//! `$JS.ACK.<stream>.<consumer>.<delivered>.<stream seq>.<consumer seq>.<time>.<pending>` and, since 2.4 with domains,
//! `$JS.ACK.<domain>.<account>.<stream>.<consumer>.<delivered>.<stream seq>.<consumer seq>.<time>.<pending>.<random>`.

use std::num::NonZeroU64;

use async_nats::Subject;
use memchr::{memchr, memchr_iter};

use super::ledger::Due;
use crate::delivery::{Attempt, Stamp};

/// The parts that matter here.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Reply {
    /// Where and when the message entered its stream, and whether this is a redelivery.
    pub(crate) stamp: Stamp,
    /// The number of the delivery among all of the consumer.
    pub(crate) consumer: u64,
    /// Messages the server still holds for the consumer.
    pub(crate) pending: u64,
}

/// What is the same in all replies of one consumer: acks are addressed to messages by it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Form {
    /// Up to the number of deliveries.
    head: String,
    /// Tokens behind the pending messages, with their dots.
    tail: String,
}

impl Form {
    /// As in `reply`; `None` if it is none of JetStream's.
    pub(crate) fn of(reply: &str) -> Option<Self> {
        let behind = numbers(reply.as_bytes())?.len();
        let (head, rest) = reply.split_at_checked(reply.len() - behind)?;
        let tail: String = rest
            .split('.')
            .skip(NUMBERS)
            .flat_map(|token| [".", token])
            .collect();
        Some(Self {
            head: head.to_owned(),
            tail,
        })
    }

    /// Where an ack of the message goes. The server reads nothing but the sequences (nats-server 2.12.1, server/consumer.go,
    /// `ackReplyInfo`).
    pub(crate) fn subject(&self, due: Due) -> Subject {
        let Self { head, tail } = self;
        let Due { stream, consumer } = due;
        Subject::from(format!("{head}1.{stream}.{consumer}.0.0{tail}"))
    }
}

const PREFIX: &str = "$JS.ACK.";
/// Deliveries, stream sequence, consumer sequence, time, pending.
const NUMBERS: usize = 5;

/// From this delivery on a message goes alone (`path/alone.rs`): so many restarts within one ack wait each are rare, and what it costs
/// is time only.
const OFTEN: u64 = 5;

/// Tokens before the stream's name in the longer form.
const LONG_PREFIX: usize = 2;

/// Reads a reply subject; `None` if it is none of JetStream's.
pub(crate) fn parse(reply: &str) -> Option<Reply> {
    let mut numbers = Numbers(numbers(reply.as_bytes())?);
    let delivered = numbers.next()?;
    let sequence = numbers.next()?;
    let consumer = numbers.next()?;
    let time = i64::try_from(numbers.next()?).ok()?;
    let pending = numbers.next()?;
    let attempt = match delivered {
        OFTEN.. => Attempt::Often,
        2.. => Attempt::Again,
        _ => Attempt::First,
    };
    Some(Reply {
        stamp: Stamp {
            time,
            sequence: NonZeroU64::new(sequence),
            attempt,
        },
        consumer,
        pending,
    })
}

/// What stands behind the consumer's name.
fn numbers(reply: &[u8]) -> Option<&[u8]> {
    let mut rest = reply.strip_prefix(PREFIX.as_bytes())?;
    let skip = match memchr_iter(b'.', rest).count() + 1 {
        7 => 2,
        9.. => 2 + LONG_PREFIX,
        _ => return None,
    };
    for _ in 0..skip {
        rest = &rest[memchr(b'.', rest)? + 1..];
    }
    Some(rest)
}

/// Numbers between dots. This is read for every message: the library's splitting and parsing of text takes three times as long.
struct Numbers<'r>(&'r [u8]);

impl Numbers<'_> {
    fn next(&mut self) -> Option<u64> {
        let mut number: u64 = 0;
        let mut digits = 0;
        for (index, byte) in self.0.iter().enumerate() {
            match byte {
                b'0'..=b'9' => {
                    let digit = u64::from(byte - b'0');
                    number = number.checked_mul(10)?.checked_add(digit)?;
                    digits += 1;
                }
                b'.' => {
                    self.0 = &self.0[index + 1..];
                    return (digits > 0).then_some(number);
                }
                _ => return None,
            }
        }
        self.0 = &[];
        (digits > 0).then_some(number)
    }
}

#[cfg(test)]
mod tests {
    use super::{Due, Form, parse};
    use crate::delivery::Attempt;

    #[test]
    fn both_forms_are_read() {
        let short = parse("$JS.ACK.TELEMETRY.flightline.1.42.7.1700000000000000000.9").unwrap();
        assert_eq!(short.stamp.sequence.unwrap().get(), 42);
        assert_eq!(short.stamp.time, 1_700_000_000_000_000_000);
        assert_eq!((short.stamp.attempt, short.pending), (Attempt::First, 9));
        assert_eq!(short.consumer, 7);
        let long =
            parse("$JS.ACK._.ACC.TELEMETRY.flightline.3.42.7.1700000000000000000.9.rnd").unwrap();
        assert_eq!(
            (long.stamp.sequence, long.pending),
            (short.stamp.sequence, 9)
        );
        assert_eq!(long.stamp.attempt, Attempt::Again);
        let often = parse("$JS.ACK.TELEMETRY.flightline.5.42.7.1700000000000000000.9").unwrap();
        assert_eq!(often.stamp.attempt, Attempt::Often);
    }

    #[test]
    fn an_ack_is_addressed_in_the_form_of_the_reply() {
        for (reply, ack) in [
            ("$JS.ACK.T.c.1.42.7.17.9", "$JS.ACK.T.c.1.50.8.0.0"),
            (
                "$JS.ACK._.A.T.c.3.42.7.17.9.rnd",
                "$JS.ACK._.A.T.c.1.50.8.0.0.rnd",
            ),
        ] {
            let (stream, consumer) = (50, 8);
            let subject = Form::of(reply).unwrap().subject(Due { stream, consumer });
            assert_eq!(subject.as_str(), ack);
            let read = parse(&subject).unwrap();
            assert_eq!((read.stamp.sequence.unwrap().get(), read.consumer), (50, 8));
        }
        assert_eq!(Form::of("_INBOX.x.y"), None);
    }

    #[test]
    fn anything_else_is_not_a_reply_of_jetstream() {
        for other in [
            "",
            "_INBOX.x.y",
            "$JS.ACK.",
            "$JS.ACK.a.b.c.d",
            "$JS.ACK.a.b.x.1.1.1.1",
            "$JS.ACK.a.b.1.1.1.1.",
            "$JS.ACK.a.b.1..1.1.1",
            "$JS.ACK.a.b.1.1.1.1.99999999999999999999",
        ] {
            assert_eq!(parse(other), None, "{other}");
        }
    }
}
