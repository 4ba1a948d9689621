//! What is remembered of a consumer and its stream beyond this process: where it is kept, and that it is replaced only by what was
//! seen after it. A value of a NATS bucket, which all workers share and which outlives every container, or a file, which also
//! outlives the server's disk.

use std::io;
use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime};

use serde::{Deserialize, Serialize};
use tracing::warn;

use crate::bus::{Bucket, Bus, Cell, ConsumerState, EnsureError, Written};
use crate::config::{JetStream, Remember};

/// The only format there is: a mark of another one is not read.
const FORMAT: u32 = 1;
/// A mark is a few hundred bytes; what is far larger is none.
const LONGEST: usize = 64 << 10;

/// What was seen last.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Mark {
    format: u32,
    /// By the clock of the worker that saw it, in seconds since the Unix epoch.
    seen: u64,
    /// What it saw.
    pub(crate) state: ConsumerState,
}

/// A mark and which replacement of it was read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Read {
    /// `None`: nothing was kept yet, or nothing that can be read.
    pub(crate) mark: Option<Mark>,
    /// 0 for none, and for a file.
    pub(crate) revision: u64,
}

/// What is remembered cannot be read or written now.
#[derive(Debug, thiserror::Error)]
pub(crate) enum MarkError {
    #[error(transparent)]
    Server(#[from] EnsureError),
    #[error("{path}: {error}")]
    File { path: String, error: io::Error },
}

impl Mark {
    pub(crate) fn of(state: ConsumerState, now: SystemTime) -> Self {
        Self {
            format: FORMAT,
            seen: seconds(now),
            state,
        }
    }

    /// How long ago it was seen; clocks of two machines may disagree.
    pub(crate) fn age(&self, now: SystemTime) -> Duration {
        Duration::from_secs(seconds(now).saturating_sub(self.seen))
    }

    fn parse(bytes: &[u8]) -> Option<Self> {
        if bytes.is_empty() || bytes.len() > LONGEST {
            return None;
        }
        match serde_json::from_slice::<Self>(bytes) {
            Ok(mark) if mark.format == FORMAT => Some(mark),
            Ok(mark) => {
                warn!(
                    format = mark.format,
                    "what is remembered of the stream was written by another version; begun anew"
                );
                None
            }
            Err(error) => {
                warn!(%error, "what is remembered of the stream cannot be read; begun anew");
                None
            }
        }
    }

    fn bytes(&self) -> Vec<u8> {
        serde_json::to_vec(self).unwrap_or_default()
    }

    /// Whether it was seen before `other`, as far as the same consumer tells. Files have no compare-and-swap.
    fn is_behind(&self, other: &Self) -> bool {
        let (ours, theirs) = (&self.state, &other.state);
        let same =
            ours.stream_created == theirs.stream_created && ours.is_born(theirs.consumer_created);
        let place = |state: &ConsumerState| (state.last_sequence, state.delivered_consumer);
        same && place(ours) < place(theirs) && self.seen <= other.seen
    }
}

fn seconds(time: SystemTime) -> u64 {
    let since = time.duration_since(SystemTime::UNIX_EPOCH);
    since.map_or(0, |since| since.as_secs())
}

/// A value of a stream's bucket.
#[derive(Debug)]
pub(crate) struct Place {
    bus: Bus,
    stream: String,
    key: String,
    /// Once it was found.
    cell: Option<Cell>,
}

/// Where a mark is kept.
#[derive(Debug)]
pub(crate) enum Keeper {
    /// With this process.
    Nowhere,
    /// A value beside the stream.
    Server(Box<Place>),
    /// A file.
    File(PathBuf),
}

impl Keeper {
    /// As `config` has it.
    pub(crate) fn of(bus: &Bus, config: &JetStream) -> Self {
        let JetStream {
            stream, consumer, ..
        } = config;
        match &config.remember {
            Remember::Nowhere => Self::Nowhere,
            Remember::Nats => Self::Server(Box::new(Place {
                bus: bus.clone(),
                stream: stream.clone(),
                key: consumer.clone(),
                cell: None,
            })),
            // Neither name has a slash.
            Remember::Folder(folder) => {
                Self::File(folder.join(format!("{stream}.{consumer}.json")))
            }
        }
    }

    /// Whether what is read has to be the last that was written.
    pub(crate) fn counts_revisions(&self) -> bool {
        matches!(self, Self::Server(_))
    }

    /// What is kept.
    pub(crate) async fn read(&mut self) -> Result<Read, MarkError> {
        match self {
            Self::Nowhere => Ok(Read {
                mark: None,
                revision: 0,
            }),
            Self::Server(place) => {
                let Place {
                    bus,
                    stream,
                    key,
                    cell,
                } = &mut **place;
                let found = match cell.take() {
                    Some(found) => found,
                    None => bus.cell(Bucket::History, stream, key).await?,
                };
                let (value, revision) = found.read().await?;
                // After an error the bucket is looked for again: it may be gone.
                *cell = Some(found);
                Ok(Read {
                    mark: Mark::parse(&value),
                    revision,
                })
            }
            Self::File(path) => {
                let value = match tokio::fs::read(&*path).await {
                    Err(error) if error.kind() == io::ErrorKind::NotFound => Vec::new(),
                    read => read.map_err(|error| file(path, error))?,
                };
                Ok(Read {
                    mark: Mark::parse(&value),
                    revision: 0,
                })
            }
        }
    }

    /// Puts `mark` in the place of what was read.
    pub(crate) async fn write(&mut self, mark: &Mark, read: &Read) -> Result<Written, MarkError> {
        match self {
            Self::Nowhere => Ok(Written::Yes(0)),
            Self::Server(place) => match &place.cell {
                Some(cell) => Ok(cell.write(mark.bytes().into(), read.revision).await?),
                None => Ok(Written::No),
            },
            Self::File(path) => {
                if read
                    .mark
                    .as_ref()
                    .is_some_and(|there| mark.is_behind(there))
                {
                    return Ok(Written::No);
                }
                let replaced = replace(path.clone(), mark.bytes());
                replaced.await.map_err(|error| file(path, error))?;
                Ok(Written::Yes(0))
            }
        }
    }
}

/// Whole or not at all, also when the machine stops meanwhile.
async fn replace(path: PathBuf, bytes: Vec<u8>) -> io::Result<()> {
    let written = tokio::task::spawn_blocking(move || {
        if let Some(folder) = path.parent() {
            std::fs::create_dir_all(folder)?;
        }
        // Two workers that share the folder do not write into one file.
        let aside = path.with_extension(format!("{}.tmp", std::process::id()));
        let mut new = std::fs::File::create(&aside)?;
        io::Write::write_all(&mut new, &bytes)?;
        new.sync_all()?;
        std::fs::rename(&aside, &path)
    });
    written
        .await
        .unwrap_or_else(|error| Err(io::Error::other(error)))
}

fn file(path: &Path, error: io::Error) -> MarkError {
    MarkError::File {
        path: path.display().to_string(),
        error,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn mark(last_sequence: u64, seen: u64) -> Mark {
        Mark {
            format: FORMAT,
            seen,
            state: ConsumerState {
                last_sequence,
                ..ConsumerState::default()
            },
        }
    }

    #[tokio::test]
    async fn a_file_gives_back_what_was_written_and_never_goes_back() {
        let folder = tempfile::tempdir().unwrap();
        let mut keeper = Keeper::File(folder.path().join("new").join("T.c.json"));
        let nothing = keeper.read().await.unwrap();
        assert_eq!(nothing.mark, None);
        let newest = keeper.write(&mark(7, 70), &nothing).await.unwrap();
        assert_eq!(newest, Written::Yes(0));
        let there = keeper.read().await.unwrap();
        assert_eq!(there.mark, Some(mark(7, 70)));
        // Another worker saw this before, and comes late.
        let late = keeper.write(&mark(5, 60), &there).await.unwrap();
        assert_eq!(late, Written::No);
        // The stream itself has gone back.
        let back = keeper.write(&mark(5, 80), &there).await.unwrap();
        assert_eq!(back, Written::Yes(0));
        assert_eq!(keeper.read().await.unwrap().mark, Some(mark(5, 80)));
        let files = std::fs::read_dir(folder.path().join("new")).unwrap();
        assert_eq!(files.count(), 1, "nothing is left beside it");
    }

    #[test]
    fn what_is_no_mark_is_none() {
        let good = mark(7, 70).bytes();
        assert_eq!(Mark::parse(&good), Some(mark(7, 70)));
        let other = String::from_utf8(good).unwrap();
        let other = other.replace("\"format\":1", "\"format\":2");
        for bytes in [other.as_bytes(), b"", b"{}", b"null", &[b'['; LONGEST + 1]] {
            assert_eq!(Mark::parse(bytes), None);
        }
    }
}
