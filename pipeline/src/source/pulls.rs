//! What is open between us and the server, in bytes: when to ask for more, how much, and in which words. Pure; counts are our own,
//! because a lost decrement in the client library's count was seen to stall a stream for half a minute.

use std::time::Duration;

use async_nats::{Message, StatusCode};
use bytes::Bytes;

/// How long a pull stays open at the server. Short enough that one the network lost is soon forgotten there.
const EXPIRES: Duration = Duration::from_secs(10);
/// How often the server says that a pull is open.
const HEARTBEAT: Duration = Duration::from_millis(400);
/// The shortest subject and reply: no message counts less, so that bytes end a pull before messages do.
const SMALLEST_MESSAGE: usize = 32;
/// The status description with which nats-server ends a pull whose bytes do not suffice for the next message.
const MAX_BYTES: &str = "Message Size Exceeds MaxBytes";
/// The header with the bytes a pull has left when it ends.
const PENDING_BYTES: &str = "Nats-Pending-Bytes";

/// A pull asks for a quarter of the budget, so that three are open while one is refilled.
const SHARE: usize = 4;
/// No pull is smaller: a request costs the server more than a message.
const SMALLEST: usize = 64 * 1024;
/// Subject, reply and headers that the server counts on top of a payload, generously.
const OVERHEAD: usize = 64 * 1024;

/// The account of open pulls.
#[derive(Debug)]
pub struct Pulls {
    budget: usize,
    /// What a pull asks for that is to get any message: grows while even that does not suffice, as when the server's limit
    /// was lowered behind a larger message.
    largest: usize,
    open: usize,
    progress: Progress,
}

/// Whether the pull at the head can get anything at all.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Progress {
    /// Nothing has come since the last pull was asked for.
    Asked,
    /// Messages have come since.
    Moving,
    /// The next message is larger than a pull: one that takes any message is needed.
    TooSmall,
}

/// What a status on the pull inbox was.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Told {
    /// A heartbeat, or the end of a pull: the account has it.
    Understood,
    /// Something else: the server does not serve the pull.
    Refused,
}

/// The request for a pull of `bytes`.
pub fn request(bytes: usize) -> Bytes {
    Bytes::from(format!(
        r#"{{"batch":{},"max_bytes":{bytes},"expires":{},"idle_heartbeat":{}}}"#,
        bytes / SMALLEST_MESSAGE,
        EXPIRES.as_nanos(),
        HEARTBEAT.as_nanos(),
    ))
}

impl Pulls {
    /// For at most `budget` bytes ahead of decode, from a server that takes payloads up to `max_payload`.
    pub fn new(budget: usize, max_payload: usize) -> Self {
        Self {
            budget,
            largest: max_payload + OVERHEAD,
            open: 0,
            progress: Progress::Moving,
        }
    }

    /// The bytes to ask for now, if any, while `held` bytes wait here.
    pub fn next(&mut self, held: usize) -> Option<usize> {
        let size = (self.budget / SHARE).max(SMALLEST);
        if self.progress == Progress::TooSmall {
            // Beyond the budget if need be, but only while nothing else is open or held.
            if self.open > 0 || held > 0 {
                return None;
            }
            self.open = size.max(self.largest);
            self.progress = Progress::Asked;
            return Some(self.open);
        }
        if self.open + held + size > self.budget.max(size) {
            return None;
        }
        self.open += size;
        self.progress = Progress::Asked;
        Some(size)
    }

    /// A message of `bytes` (as the server counts: subject, reply, headers, payload) has come.
    pub fn arrived(&mut self, bytes: usize) {
        self.open = self.open.saturating_sub(bytes);
        self.progress = Progress::Moving;
    }

    /// A pull has ended with `left` bytes unused.
    pub fn ended(&mut self, left: usize) {
        self.open = self.open.saturating_sub(left);
    }

    /// A pull has ended because the next message does not fit into what is left of it.
    pub fn ended_full(&mut self, left: usize) {
        self.ended(left);
        if self.progress == Progress::Asked && left >= (self.budget / SHARE).max(SMALLEST) {
            self.progress = Progress::TooSmall;
            if left >= self.largest {
                self.largest = self.largest.saturating_mul(2);
            }
        }
    }

    /// A status has come on the pull inbox; whether it is one that pulls end with, or a heartbeat.
    pub fn told(&mut self, status: StatusCode, message: &Message) -> Told {
        let left = message
            .headers
            .as_ref()
            .and_then(|headers| headers.get(PENDING_BYTES))
            .and_then(|bytes| bytes.as_str().parse().ok());
        match (status, left) {
            (StatusCode::IDLE_HEARTBEAT, _) => {}
            (_, Some(left)) if message.description.as_deref() == Some(MAX_BYTES) => {
                self.ended_full(left);
            }
            // Time-outs and completed batches.
            (_, Some(left)) => self.ended(left),
            _ => return Told::Refused,
        }
        Told::Understood
    }

    /// Whether something should come: a message, a heartbeat or a status.
    pub fn expects(&self) -> bool {
        self.open > 0
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::{OVERHEAD, Pulls};

    const MIB: usize = 1 << 20;

    #[test]
    fn pulls_overlap_up_to_the_budget() {
        let mut pulls = Pulls::new(4 * MIB, MIB);
        let asked: Vec<_> = std::iter::from_fn(|| pulls.next(0)).collect();
        assert_eq!(asked, [MIB; 4]);
        pulls.arrived(MIB);
        assert_eq!(pulls.next(MIB), None, "what is held counts");
        assert_eq!(pulls.next(0), Some(MIB));
    }

    #[test]
    fn a_message_larger_than_a_pull_gets_one_of_its_own() {
        let mut pulls = Pulls::new(4 * 64 * 1024, MIB);
        while pulls.next(0).is_some() {}
        for _ in 0..4 {
            pulls.ended_full(64 * 1024);
        }
        assert_eq!(pulls.next(0), Some(MIB + OVERHEAD));
        assert_eq!(pulls.next(0), None, "only one at a time");
        pulls.arrived(MIB);
        pulls.ended_full(OVERHEAD);
        assert_eq!(
            pulls.next(0),
            Some(64 * 1024),
            "and small ones again afterwards"
        );
    }

    #[test]
    fn a_message_larger_than_the_servers_limit_is_asked_for_in_ever_larger_pulls() {
        let mut pulls = Pulls::new(4 * 64 * 1024, 1024);
        let mut asked = 0;
        while asked < 8 * MIB {
            asked = pulls.next(0).expect("it goes on");
            while pulls.next(0).is_some() {}
            pulls.ended_full(asked);
            pulls.ended(usize::MAX);
        }
    }

    proptest! {
        #[test]
        fn never_more_than_the_budget_and_never_stuck(
            sizes in prop::collection::vec(1_usize..200_000, 1..300),
            budget in 64_usize * 1024..8 * MIB,
        ) {
            let mut pulls = Pulls::new(budget, MIB);
            let mut held = 0;
            for size in sizes {
                let mut open = 0;
                while let Some(asked) = pulls.next(held) {
                    open += asked;
                    prop_assert!(pulls.open + held <= budget.max(64 * 1024).max(MIB + OVERHEAD));
                }
                if held > 0 && open == 0 {
                    held = 0;
                }
                pulls.arrived(size);
                held += size;
            }
            pulls.ended(usize::MAX);
            prop_assert!(pulls.next(0).is_some());
        }
    }
}
