//! What is to be said comes in, messages go out: payload, headers, no longer than named limits.

use async_nats::HeaderMap;
use async_nats::header::NATS_MESSAGE_ID;
use bytes::Bytes;
use flightline_contract::encoding::{CONTENT_TYPE, Encoding};
use flightline_contract::health::Health;
use flightline_contract::lifecycle::LifecycleChange;
use flightline_contract::metric::{MetricSet, Sample};
use flightline_contract::value::Text;
use serde::Serialize;

/// The longest output of a check that is published: as much as the pipeline stores, and as Consul shows.
pub const OUTPUT_LIMIT: usize = 4096;
/// The longest cause of a change: it names an event, an exit or a command.
pub const CAUSE_LIMIT: usize = 1024;
/// The largest set of samples: far below what any server takes, so that one message delays no change for long.
const SET_LIMIT: usize = 64 * 1024;
/// For `{"samples":[` and `]}`, with room to spare.
const SET_FRAME: usize = 16;

/// Headers and payload.
#[derive(Debug, Clone)]
pub struct Message {
    /// What it says of the payload, and who it is.
    pub headers: HeaderMap,
    /// JSON.
    pub payload: Bytes,
}

impl Message {
    fn of(value: &impl Serialize) -> Result<Self, serde_json::Error> {
        let mut headers = HeaderMap::new();
        headers.insert(CONTENT_TYPE, Encoding::Json.content_type());
        Ok(Self {
            headers,
            payload: serde_json::to_vec(value)?.into(),
        })
    }
}

/// The id under which a stream knows a change: what is sent twice is stored once.
pub fn id(instance: &str, process: &str, change: &LifecycleChange<'_>) -> String {
    format!("{instance}-{process}-{}", change.sequence)
}

/// A change with its id.
///
/// # Errors
/// When it cannot be written as JSON.
pub fn of_change(change: &LifecycleChange<'_>, id: &str) -> Result<Message, serde_json::Error> {
    let mut message = Message::of(change)?;
    message.headers.insert(NATS_MESSAGE_ID, id);
    Ok(message)
}

/// A result.
///
/// # Errors
/// When it cannot be written as JSON.
pub fn of_health(health: &Health<'_>) -> Result<Message, serde_json::Error> {
    Message::of(health)
}

/// Sets of samples, each no larger than the server takes. One that is larger alone is a set alone, which the server will refuse.
///
/// # Errors
/// When a sample cannot be written as JSON.
pub fn of_samples(
    samples: Vec<Sample<'static>>,
    max_payload: usize,
) -> Result<Vec<Message>, serde_json::Error> {
    // Headers count in what the server takes.
    let limit = SET_LIMIT.min(max_payload / 2);
    let mut sets: Vec<Vec<Sample<'static>>> = Vec::new();
    let mut length = 0_usize;
    for sample in samples {
        let own = serde_json::to_vec(&sample)?.len() + 1;
        match sets.last_mut() {
            Some(set) if length + own <= limit => {
                length += own;
                set.push(sample);
            }
            _ => {
                length = SET_FRAME + own;
                sets.push(vec![sample]);
            }
        }
    }
    let write = |samples| {
        Message::of(&MetricSet {
            time: None,
            samples,
        })
    };
    sets.into_iter().map(write).collect()
}

/// No longer than `limit` bytes, cut between characters.
pub fn cut(text: &mut Text<'static>, limit: usize) {
    if text.len() > limit {
        let end = text.floor_char_boundary(limit);
        *text = Text::from(text.get(..end).unwrap_or_default().to_owned());
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use flightline_contract::metric::Kind;
    use flightline_contract::value::Labels;
    use proptest::prelude::*;

    fn gauge(name: String) -> Sample<'static> {
        Sample {
            name: name.into(),
            kind: Kind::Gauge,
            temporality: None,
            labels: Labels::default(),
            time: None,
            value: Some(1.0),
            buckets: Default::default(),
            sum: None,
            count: None,
        }
    }

    proptest! {
        #[test]
        fn text_is_cut_between_characters(text in any::<String>(), limit in 0..64_usize) {
            let mut short = Text::from(text.clone());
            cut(&mut short, limit);
            prop_assert!(short.len() <= limit && text.starts_with(short.as_str()));
            prop_assert!(text.len() <= limit || short.len() + 4 > limit);
        }

        #[test]
        fn sets_keep_every_sample_in_order_and_stay_small(
            names in prop::collection::vec("[a-z]{1,80}", 0..50), max_payload in 256..4096_usize,
        ) {
            let samples: Vec<_> = names.iter().cloned().map(gauge).collect();
            let mut read = Vec::new();
            for message in of_samples(samples, max_payload).unwrap() {
                let set: MetricSet<'_> = serde_json::from_slice(&message.payload).unwrap();
                prop_assert!(set.samples.len() == 1 || message.payload.len() <= max_payload / 2);
                read.extend(set.samples.iter().map(|sample| sample.name.to_string()));
            }
            prop_assert_eq!(read, names);
        }
    }
}
