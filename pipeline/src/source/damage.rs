//! What can have happened to a stream or its consumer behind our back: its kind, between which sequences, how many messages. One
//! finding goes to the metrics, the log and `/status`, always with what to do.

use std::collections::VecDeque;
use std::sync::{Mutex, PoisonError};
use std::time::SystemTime;

use serde::Serialize;
use tracing::error;

use crate::metrics::Metrics;

/// The most findings that `/status` shows; the oldest go first.
const SHOWN: usize = 32;

/// The values of the label `kind` of `flightline_history_damage_total`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Kind {
    /// The stream was deleted and made anew.
    StreamReplaced,
    /// The stream ends earlier than it did.
    StreamShortened,
    /// A sequence has another message than it had.
    StreamRewritten,
    /// The stream's beginning moved past messages that were not acknowledged: a purge, or a limit.
    MessagesRemoved,
    /// Messages were taken out of the middle before they were delivered.
    MessagesMissing,
    /// The consumer was deleted; we made it again.
    ConsumerDeleted,
    /// The consumer was deleted and made anew, not by us.
    ConsumerReplaced,
    /// The consumer knows less of what was acknowledged than it did.
    AckFloorMovedBack,
    /// What we remember of all this is older than what we wrote.
    MemoryMovedBack,
}

impl Kind {
    /// Every kind.
    pub const ALL: [Self; 9] = [
        Self::StreamReplaced,
        Self::StreamShortened,
        Self::StreamRewritten,
        Self::MessagesRemoved,
        Self::MessagesMissing,
        Self::ConsumerDeleted,
        Self::ConsumerReplaced,
        Self::AckFloorMovedBack,
        Self::MemoryMovedBack,
    ];

    /// Whether sequences have other messages now than they had.
    pub(crate) const fn ends_era(self) -> bool {
        match self {
            Self::StreamReplaced | Self::StreamShortened | Self::StreamRewritten => true,
            Self::MessagesRemoved
            | Self::MessagesMissing
            | Self::ConsumerDeleted
            | Self::ConsumerReplaced
            | Self::AckFloorMovedBack
            | Self::MemoryMovedBack => false,
        }
    }

    /// The label value.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::StreamReplaced => "stream_replaced",
            Self::StreamShortened => "stream_shortened",
            Self::StreamRewritten => "stream_rewritten",
            Self::MessagesRemoved => "messages_removed",
            Self::MessagesMissing => "messages_missing",
            Self::ConsumerDeleted => "consumer_deleted",
            Self::ConsumerReplaced => "consumer_replaced",
            Self::AckFloorMovedBack => "ack_floor_moved_back",
            Self::MemoryMovedBack => "memory_moved_back",
        }
    }

    /// What happened, and what to do about it.
    pub const fn advice(self) -> &'static str {
        match self {
            Self::StreamReplaced => {
                "the stream was deleted and made anew: what it held and nobody had stored is gone; find out who did it, and publish \
                 again what is still at its source"
            }
            Self::StreamShortened => {
                "the stream lost its end and uses its sequences again (restored from a copy, or a server that had not synced): publish \
                 again what came after the new end; set sync_interval: always, or more replicas"
            }
            Self::StreamRewritten => {
                "the stream has another message under a sequence than it had (it lost its end and has grown since): publish again what \
                 came before; set sync_interval: always, or more replicas"
            }
            Self::MessagesRemoved => {
                "messages were removed from the stream's beginning before they were acknowledged (a purge, or max_age, max_bytes or \
                 max_msgs): give the stream room for the longest outage"
            }
            Self::MessagesMissing => {
                "messages were removed from the stream before they were delivered (a purge by subject, a delete, a limit per subject, a \
                 damaged store): look at the server's log and the stream's limits"
            }
            Self::ConsumerDeleted => {
                "the durable consumer was deleted; it is made again from the last ack seen: what comes twice changes nothing"
            }
            Self::ConsumerReplaced => {
                "somebody else made the durable consumer anew: where it starts later than the last ack, delete it, and it is made again \
                 from there; where it starts earlier, what comes twice changes nothing"
            }
            Self::AckFloorMovedBack => {
                "the consumer forgot acks (restored, or a server that had not synced): messages come again, which changes nothing"
            }
            Self::MemoryMovedBack => {
                "what is remembered of the stream's history was rolled back or deleted with its bucket: the server's other streams may \
                 have been, too; look at the server's log"
            }
        }
    }
}

/// One finding.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Damage {
    /// What it is.
    pub kind: Kind,
    /// The sequence (or, of a memory, the revision) it was about before.
    pub from: u64,
    /// And now.
    pub to: u64,
    /// How many messages are concerned.
    pub messages: Toll,
}

/// How many messages a damage concerns, as far as counts tell.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Toll {
    /// Nobody can know.
    Unknown,
    /// So many, and perhaps more.
    AtLeast(u64),
    /// Not less, and not more.
    Between(u64, u64),
}

impl Toll {
    fn at_least(self) -> Option<u64> {
        match self {
            Self::Unknown => None,
            Self::AtLeast(least) | Self::Between(least, _) => Some(least),
        }
    }

    fn at_most(self) -> Option<u64> {
        match self {
            Self::Unknown | Self::AtLeast(_) => None,
            Self::Between(_, most) => Some(most),
        }
    }
}

/// One finding as `/status` shows it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct DamageStatus {
    /// Seconds since the Unix epoch.
    pub time: u64,
    /// [`Kind::as_str`].
    pub kind: &'static str,
    /// The stream.
    pub stream: String,
    /// The durable consumer.
    pub consumer: String,
    /// See [`Damage::from`].
    pub from: u64,
    /// See [`Damage::to`].
    pub to: u64,
    /// How many messages at least, if that can be known.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub at_least: Option<u64>,
    /// How many messages at most, if that can be known.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub at_most: Option<u64>,
    /// [`Kind::advice`].
    pub advice: &'static str,
}

/// The last findings, kept for `/status`.
#[derive(Debug, Default)]
pub struct Findings(Mutex<VecDeque<DamageStatus>>);

impl Findings {
    fn record(&self, found: DamageStatus) {
        let mut all = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if all.len() == SHOWN {
            all.pop_front();
        }
        all.push_back(found);
    }

    /// The oldest first.
    pub fn all(&self) -> Vec<DamageStatus> {
        let all = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        all.iter().cloned().collect()
    }
}

/// Says what was found, everywhere where it is looked for.
pub(crate) fn tell(metrics: &Metrics, stream: &str, consumer: &str, damage: Damage) {
    let Damage { kind, from, to, .. } = damage;
    let (at_least, at_most) = (damage.messages.at_least(), damage.messages.at_most());
    metrics
        .history_damage
        .with_label_values(&[kind.as_str()])
        .inc();
    error!(
        stream,
        consumer,
        kind = kind.as_str(),
        from,
        to,
        at_least,
        at_most,
        "the stream's history is damaged: {}",
        kind.advice()
    );
    let since = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH);
    metrics.damage.record(DamageStatus {
        time: since.map_or(0, |since| since.as_secs()),
        kind: kind.as_str(),
        stream: stream.to_owned(),
        consumer: consumer.to_owned(),
        from,
        to,
        at_least,
        at_most,
        advice: kind.advice(),
    });
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_found_is_counted_by_kind_and_shown_and_only_so_much_is_kept() {
        let metrics = Metrics::new();
        for number in 0..SHOWN as u64 + 1 {
            let damage = Damage {
                kind: Kind::MessagesRemoved,
                from: number,
                to: number + 1,
                messages: Toll::Between(1, 2),
            };
            tell(&metrics, "T", "c", damage);
        }
        let shown = metrics.damage.all();
        assert_eq!((shown.len(), shown[0].from), (SHOWN, 1));
        assert_eq!((shown[0].at_least, shown[0].at_most), (Some(1), Some(2)));
        assert_eq!(metrics.history_damage_sum(), SHOWN as u64 + 1);
    }
}
