//! Signs that a stream's history was damaged while we look at it, or since somebody last did: deletion, purge, another stream or
//! consumer of the same name, lost acks, messages that nobody will get. Pure: states come in, findings go out; JetStream then goes
//! on with what it has, but never quietly.
//!
//! A server that has just changed its leader tells for a moment what it knew before. So all but another birth has to be seen in
//! two looks; until then the state before stays the one that is compared with.

use std::time::Duration;

use super::damage::{Damage, Kind, Toll};
use crate::bus::{ConsumerState, StreamState};

/// Where a deleted consumer starts again.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Resume {
    /// With everything: no consumer was seen before.
    Afresh,
    /// At the first sequence that may not be acknowledged yet, as far as was seen.
    At(u64, Cause),
    /// With everything: what was seen before was another history, and its sequences mean nothing in this one.
    AtTheBeginning(Damage),
}

/// Why a consumer is not there any more.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Cause {
    /// Somebody deleted it.
    Deleted(Damage),
    /// The server did, as it was told to when nobody asks the consumer for anything.
    Idle,
}

/// Remembers the last state.
#[derive(Debug, Default)]
pub(crate) struct Watch {
    last: Option<ConsumerState>,
    suspect: Option<Kind>,
    end: End,
    consumer: Consumer,
}

/// What is known of the consumer beside the last state.
#[derive(Debug, Default, Clone, Copy, PartialEq, Eq)]
enum Consumer {
    /// Nothing.
    #[default]
    Unknown,
    /// It was found in this stream.
    Found(StreamState),
    /// We made it in this stream, and have not seen it since: the last state is of the one before it.
    Made(StreamState),
    /// It was found or made in this stream, and is not there any more.
    Gone(StreamState),
}

/// Whether the message at the end of the last state is known to be the one that was there.
#[derive(Debug, Default, Clone, Copy, PartialEq, Eq)]
enum End {
    #[default]
    Seen,
    /// The stream may have been cut off before it, and have grown since.
    Doubtful,
}

impl Consumer {
    fn seen_in(self) -> Option<StreamState> {
        match self {
            Self::Unknown => None,
            Self::Found(stream) | Self::Made(stream) | Self::Gone(stream) => Some(stream),
        }
    }
}

impl Watch {
    /// Begins with what was seen before this process, or by another one, so long ago. A memory that could not be read before the consumer
    /// was made tells now what was made again.
    pub(crate) fn remember(&mut self, state: ConsumerState, since: Duration) -> Option<Damage> {
        self.end = End::Doubtful;
        self.suspect = None;
        self.last = Some(state);
        let Consumer::Made(stream) = self.consumer else {
            return None;
        };
        match self.resume(stream, since) {
            Resume::At(_, Cause::Deleted(damage)) | Resume::AtTheBeginning(damage) => Some(damage),
            Resume::At(_, Cause::Idle) | Resume::Afresh => None,
        }
    }

    /// The sequence whose message has to be asked for before `state` is looked at.
    pub(crate) fn asks(&self, state: &ConsumerState) -> Option<u64> {
        if matches!(self.consumer, Consumer::Made(_)) {
            return None;
        }
        let last = self.last.as_ref().filter(|_| self.end == End::Doubtful)?;
        let same = last.stream_created == state.stream_created;
        let there = (state.first_sequence..=state.last_sequence).contains(&last.last_sequence);
        (same && there).then_some(last.last_sequence)
    }

    /// Compares `state` with the last one; `stored_at` is when the message of [`Watch::asks`] was stored, if the stream has it.
    pub(crate) fn look(&mut self, state: ConsumerState, stored_at: Option<i64>) -> Option<Damage> {
        if let Consumer::Made(stream) = self.consumer {
            *self = Self {
                last: Some(state),
                consumer: Consumer::Found(stream),
                ..Self::default()
            };
            return None;
        }
        let last = self.last.as_ref();
        let rewritten = last.filter(|last| stored_at.is_some_and(|time| time != last.last_time));
        let rewritten = rewritten.map(|last| Damage {
            kind: Kind::StreamRewritten,
            from: last.last_sequence,
            to: state.last_sequence,
            messages: Toll::AtLeast(1),
        });
        let found = rewritten.or_else(|| compare(last?, &state));
        match found {
            Some(found) if self.suspect.is_none() && !is_birth(found.kind) => {
                self.suspect = Some(found.kind);
                if found.kind == Kind::StreamShortened {
                    self.end = End::Doubtful;
                }
                None
            }
            found => {
                self.suspect = None;
                self.end = End::Seen;
                self.last = Some(state);
                found
            }
        }
    }

    /// Whether another look is needed to be sure of something.
    pub(crate) fn suspects(&self) -> bool {
        self.suspect.is_some()
    }

    /// Where a consumer that is not there has to start in the stream as it is now; `since` the last state, so much time has passed.
    pub(crate) fn resume(&self, stream: StreamState, since: Duration) -> Resume {
        let damage = |kind, from, to| Damage {
            kind,
            from,
            to,
            messages: Toll::Unknown,
        };
        let Some(last) = &self.last else {
            return match self.consumer.seen_in() {
                None => Resume::Afresh,
                Some(before) if before.created == stream.created => {
                    Resume::AtTheBeginning(damage(Kind::ConsumerDeleted, 0, 1))
                }
                Some(before) => {
                    let (from, to) = (before.last_sequence, stream.last_sequence);
                    Resume::AtTheBeginning(damage(Kind::StreamReplaced, from, to))
                }
            };
        };
        if stream.created != last.stream_created {
            let (from, to) = (last.last_sequence, stream.last_sequence);
            return Resume::AtTheBeginning(damage(Kind::StreamReplaced, from, to));
        }
        if stream.last_sequence < last.ack_floor {
            let (from, to) = (last.last_sequence, stream.last_sequence);
            return Resume::AtTheBeginning(damage(Kind::StreamShortened, from, to));
        }
        let next = last.ack_floor + 1;
        if !last.idle_limit.is_zero() && since >= last.idle_limit {
            return Resume::At(next, Cause::Idle);
        }
        let deleted = damage(Kind::ConsumerDeleted, last.ack_floor, next);
        Resume::At(next, Cause::Deleted(deleted))
    }

    /// The consumer was found, in a stream that was like this just before.
    pub(crate) fn found(&mut self, stream: StreamState) {
        if !matches!(self.consumer, Consumer::Made(_)) {
            self.consumer = Consumer::Found(stream);
        }
    }

    /// The consumer was not found in a look.
    pub(crate) fn misses(&mut self) {
        if let Some(stream) = self.consumer.seen_in() {
            self.consumer = Consumer::Gone(stream);
        }
    }

    /// Whether it was there, and is not any more.
    pub(crate) fn is_gone(&self) -> bool {
        matches!(self.consumer, Consumer::Gone(_))
    }

    /// The consumer has just been made by us. Until it is seen, what was seen of the one before tells where it starts, if it is deleted
    /// again.
    pub(crate) fn made(&mut self, stream: StreamState) {
        let of_this_history = |last: &ConsumerState| {
            last.stream_created == stream.created && last.ack_floor <= stream.last_sequence
        };
        *self = Self {
            last: self.last.take().filter(of_this_history),
            consumer: Consumer::Made(stream),
            ..Self::default()
        };
    }
}

/// Another birth is another history at once; everything else may be a server that has not caught up.
fn is_birth(kind: Kind) -> bool {
    matches!(kind, Kind::StreamReplaced | Kind::ConsumerReplaced)
}

fn compare(last: &ConsumerState, now: &ConsumerState) -> Option<Damage> {
    let moved = |kind, from, to| {
        Some(Damage {
            kind,
            from,
            to,
            messages: Toll::Unknown,
        })
    };
    if now.stream_created != last.stream_created {
        return moved(Kind::StreamReplaced, last.last_sequence, now.last_sequence);
    }
    if now.last_sequence < last.last_sequence {
        let messages = Toll::AtLeast(last.last_sequence - now.last_sequence);
        let shortened = moved(Kind::StreamShortened, last.last_sequence, now.last_sequence);
        return shortened.map(|damage| Damage { messages, ..damage });
    }
    if !now.is_born(last.consumer_created) {
        return moved(Kind::ConsumerReplaced, last.ack_floor, now.ack_floor);
    }
    if let Some(damage) = removed(last, now) {
        return Some(damage);
    }
    if now.ack_floor < last.ack_floor {
        return moved(Kind::AckFloorMovedBack, last.ack_floor, now.ack_floor);
    }
    None
}

/// What is pending grows by what is published and shrinks by what is delivered. If it has shrunk by more, messages were removed
/// that nobody will get. Redeliveries and what was published beside a filter only make the sum smaller, so that it is never too
/// large; what was delivered and removed before its ack cannot be told from what was acked.
fn removed(last: &ConsumerState, now: &ConsumerState) -> Option<Damage> {
    if now.filters != last.filters {
        // Other subjects are pending.
        return None;
    }
    let delivered = now
        .delivered_consumer
        .checked_sub(last.delivered_consumer)?;
    let takes_all = now.filters.is_empty();
    let published = if takes_all {
        now.last_sequence.saturating_sub(last.last_after)
    } else {
        0
    };
    let vanished = (last.pending + published).saturating_sub(now.pending.saturating_add(delivered));
    // nats-server 2.9 loses count of what is pending when a subject is purged; of what the stream has it does not.
    let gone = |state: &ConsumerState| state.last_sequence.saturating_sub(state.messages);
    let lost = vanished.min(gone(now).saturating_sub(gone(last)));
    let beginning_moved = now.first_sequence > last.first_sequence;
    // The first message there is lies behind one that was not acked: where the server lets the floor stand, it is a sign by itself.
    // A consumer with nothing un-acked may just not be told its floor (nats-server 2.9, before the first ack).
    let floor = last.ack_floor.max(now.ack_floor);
    let un_acked = last.ack_pending.min(now.ack_pending) > 0;
    let passed = takes_all && beginning_moved && un_acked && now.first_sequence > floor + 1;
    if lost == 0 && !passed {
        return None;
    }
    let first_open = last.ack_floor + 1;
    if beginning_moved && now.first_sequence > first_open && takes_all {
        // What the stream had was asked for by itself: behind a change of its leader it may be older than the rest.
        let published = now.last_after.saturating_sub(last.last_sequence);
        let open = last.pending + last.ack_pending + published;
        let passed_over = now.first_sequence - first_open.max(last.first_sequence);
        // A server that lets the floor stand may count as open what is gone.
        let most = if passed {
            passed_over
        } else {
            passed_over.min(open.saturating_sub(now.pending + now.ack_pending))
        };
        return Some(Damage {
            kind: Kind::MessagesRemoved,
            from: first_open,
            to: now.first_sequence - 1,
            messages: Toll::Between(lost, most.max(lost)),
        });
    }
    Some(Damage {
        kind: Kind::MessagesMissing,
        from: last.delivered_stream + 1,
        to: now.last_sequence,
        messages: Toll::AtLeast(lost),
    })
}

#[cfg(test)]
mod tests;
