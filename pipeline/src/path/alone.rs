//! A message that was delivered too often comes in; whether it may be decoded once more, with nothing beside it, goes out.
//!
//! A delivery that was never acked tells that a worker died, or lost its connection for longer than the ack wait, while it had the message;
//! a slow or absent store does not bring one about, since the server is told meanwhile that the message is worked on. Hundreds of innocent
//! messages are in the same hands at such a death, so the count alone convicts nobody. From `reply::OFTEN` deliveries on a message goes
//! alone: before it is decoded its number is written down where a death does not reach, and struck out as soon as it is decoded. Who is
//! found written down `DEATHS` times has had its worker die that often while nothing else was decoded, and is not decoded again.

use std::collections::BTreeMap;
use std::sync::Arc;

use bytes::Bytes;
use tokio::sync::Mutex;
use tracing::warn;

use crate::bus::{Bucket, Bus, Cell, EnsureError, Written};
use crate::delivery::Stamp;

/// Deaths of workers with a message alone before it is dead-lettered: one or two may be an operator's.
const DEATHS: u32 = 3;
/// Messages written down at once: one for each worker, and those left behind by workers that died elsewhere. The first in order lose.
const WRITTEN_DOWN: usize = 256;
/// Tries to write while other workers do.
const TRIES: usize = 16;

/// What is written down: for each message how often a worker began with it alone, and did not come to the end.
type Roll = BTreeMap<String, u32>;

/// Whether a message may be decoded.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Admission {
    /// Alone.
    Alone,
    /// So many workers have died of it.
    Refused(u32),
}

/// Where messages are written down: one value that the server keeps.
#[derive(Debug, Clone)]
pub struct Alone {
    bus: Bus,
    stream: String,
    consumer: String,
    /// As they were seen last. Thousands may go alone one after the other, and looking them up takes longer than writing them.
    notes: Arc<Mutex<Option<Notes>>>,
}

/// The value and what it was at a revision.
#[derive(Debug)]
struct Notes {
    cell: Cell,
    roll: Roll,
    revision: u64,
}

impl Notes {
    async fn look(cell: Cell) -> Result<Self, EnsureError> {
        let (value, revision) = cell.read().await?;
        let roll = read(&value);
        Ok(Self {
            cell,
            roll,
            revision,
        })
    }
}

impl Alone {
    /// For the messages that `consumer` delivers of `stream`.
    pub fn new(bus: Bus, stream: &str, consumer: &str) -> Self {
        Self {
            bus,
            stream: stream.to_owned(),
            consumer: consumer.to_owned(),
            notes: Arc::default(),
        }
    }

    /// Writes the message down, unless too many have died of it. If that can't be done, it is decoded all the same: a store of notes
    /// that is away must not stop the path.
    pub(super) async fn enter(&self, stamp: &Stamp) -> Admission {
        let entered = self.change(|roll| enter(roll, id(stamp))).await;
        entered.unwrap_or_else(|error| {
            warn!(%error, "a message that was delivered often cannot be written down");
            Admission::Alone
        })
    }

    /// Strikes it out: it is decoded, or kept as a letter.
    pub(super) async fn leave(&self, stamp: &Stamp) {
        let left = self.change(|roll| {
            roll.remove(&id(stamp));
        });
        if let Err(error) = left.await {
            warn!(%error, "a message that was delivered often cannot be struck out");
        }
    }

    async fn change<T>(&self, change: impl Fn(&mut Roll) -> T) -> Result<T, EnsureError> {
        let key = format!("alone-{}", self.consumer);
        let mut kept = self.notes.lock().await;
        // Taken out of it: after an error they are looked up again.
        let mut remembered = kept.take();
        for _ in 0..TRIES {
            let (notes, seen) = match remembered.take() {
                Some(notes) => (notes, Seen::Before),
                None => {
                    let cell = self.bus.cell(Bucket::Lanes, &self.stream, &key).await?;
                    (Notes::look(cell).await?, Seen::Now)
                }
            };
            let mut roll = notes.roll.clone();
            let outcome = change(&mut roll);
            if roll == notes.roll {
                match seen {
                    // What another worker has changed since may change it.
                    Seen::Before => continue,
                    Seen::Now => {
                        *kept = Some(notes);
                        return Ok(outcome);
                    }
                }
            }
            if let Written::Yes(revision) = notes.cell.write(write(&roll), notes.revision).await? {
                *kept = Some(Notes {
                    roll,
                    revision,
                    ..notes
                });
                return Ok(outcome);
            }
        }
        Err(EnsureError::Unavailable {
            what: key,
            reason: "others write all the time".to_owned(),
        })
    }
}

/// When the notes were looked at.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Seen {
    /// For an earlier change.
    Before,
    /// For this one.
    Now,
}

/// Another stream of the same name counts from 1 again, at other times.
fn id(stamp: &Stamp) -> String {
    let sequence = stamp.sequence.map_or(0, u64::from);
    format!("{sequence}@{}", stamp.time)
}

fn enter(roll: &mut Roll, id: String) -> Admission {
    while roll.len() >= WRITTEN_DOWN && !roll.contains_key(&id) {
        roll.pop_first();
    }
    let begun = roll.entry(id).or_default();
    if *begun >= DEATHS {
        return Admission::Refused(*begun);
    }
    *begun += 1;
    Admission::Alone
}

/// What is no roll is an empty one.
fn read(value: &Bytes) -> Roll {
    serde_json::from_slice(value).unwrap_or_default()
}

fn write(roll: &Roll) -> Bytes {
    Bytes::from(serde_json::to_vec(roll).unwrap_or_default())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn three_deaths_alone_convict_and_an_orderly_end_forgets() {
        let mut roll = Roll::new();
        let (bad, good) = ("7@1".to_owned(), "8@1".to_owned());
        for _ in 0..DEATHS {
            assert_eq!(enter(&mut roll, good.clone()), Admission::Alone);
            roll.remove(&good);
            assert_eq!(enter(&mut roll, bad.clone()), Admission::Alone);
            roll = read(&write(&roll));
        }
        assert_eq!(enter(&mut roll, bad), Admission::Refused(DEATHS));
        assert_eq!(enter(&mut roll, good), Admission::Alone);
    }

    #[test]
    fn the_roll_is_bounded_and_anything_is_read() {
        let mut roll = Roll::new();
        for number in 0..2 * WRITTEN_DOWN {
            enter(&mut roll, format!("{number}@1"));
        }
        assert_eq!(roll.len(), WRITTEN_DOWN);
        for junk in ["", "x", "[]", "{\"a\":-1}"] {
            assert_eq!(read(&Bytes::from(junk)), Roll::new());
        }
    }
}
