//! What a JetStream message's reply subject tells. Two forms, by nats-server's rule:
//! `$JS.ACK.<stream>.<consumer>.<delivered>.<stream seq>.<consumer seq>.<time>.<pending>` and, since 2.4 with domains,
//! `$JS.ACK.<domain>.<account>.<stream>.<consumer>.<delivered>.<stream seq>.<consumer seq>.<time>.<pending>.<random>`.

use std::num::NonZeroU64;

use crate::delivery::{Attempt, Stamp};

/// The parts that matter here.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Reply {
    /// Where and when the message entered its stream, and whether this is a redelivery.
    pub(crate) stamp: Stamp,
    /// Messages the server still holds for the consumer.
    pub(crate) pending: u64,
}

/// Tokens before the stream's name in the longer form.
const LONG_PREFIX: usize = 2;

/// Reads a reply subject; `None` if it is none of JetStream's.
pub(crate) fn parse(reply: &str) -> Option<Reply> {
    let rest = reply.strip_prefix("$JS.ACK.")?;
    let skip = match rest.bytes().filter(|byte| *byte == b'.').count() + 1 {
        7 => 0,
        9.. => LONG_PREFIX,
        _ => return None,
    };
    let mut tokens = rest.split('.').skip(skip + 2);
    let delivered: u64 = tokens.next()?.parse().ok()?;
    let sequence: u64 = tokens.next()?.parse().ok()?;
    let time = tokens.nth(1)?.parse().ok()?;
    let pending = tokens.next()?.parse().ok()?;
    let attempt = if delivered > 1 {
        Attempt::Again
    } else {
        Attempt::First
    };
    Some(Reply {
        stamp: Stamp {
            time,
            sequence: NonZeroU64::new(sequence),
            attempt,
        },
        pending,
    })
}

#[cfg(test)]
mod tests {
    use super::parse;
    use crate::delivery::Attempt;

    #[test]
    fn both_forms_are_read() {
        let short = parse("$JS.ACK.TELEMETRY.flightline.1.42.7.1700000000000000000.9").unwrap();
        assert_eq!(short.stamp.sequence.unwrap().get(), 42);
        assert_eq!(short.stamp.time, 1_700_000_000_000_000_000);
        assert_eq!((short.stamp.attempt, short.pending), (Attempt::First, 9));
        let long =
            parse("$JS.ACK._.ACC.TELEMETRY.flightline.3.42.7.1700000000000000000.9.rnd").unwrap();
        assert_eq!(
            (long.stamp.sequence, long.pending),
            (short.stamp.sequence, 9)
        );
        assert_eq!(long.stamp.attempt, Attempt::Again);
    }

    #[test]
    fn anything_else_is_not_a_reply_of_jetstream() {
        for other in [
            "",
            "_INBOX.x.y",
            "$JS.ACK.",
            "$JS.ACK.a.b.c.d",
            "$JS.ACK.a.b.x.1.1.1.1",
        ] {
            assert_eq!(parse(other), None, "{other}");
        }
    }
}
