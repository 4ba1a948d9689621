//! A server that somebody else runs: what is theirs is looked for before anything is done there, and what is ours is removed at the
//! end. Subjects and stream have names of their own, so that both are empty but for an earlier trial's.

use anyhow::{Context, bail};

use super::server::Server;
use crate::jetstream::{self, AdminError};
use crate::payload::{Traffic, subject};
use crate::program::{CONSUMER, STREAM};
use crate::scenario::Shape;

/// What to do about it.
const CURE: &str =
    "leave --nats out, so that a server of its own is started, or name one that nobody else uses";

/// Where the product keeps dead letters by default: it makes the stream when it starts, also in a trial that has none.
const LETTERS: &str = "DEADLETTER";
/// What that captures.
const LETTER_SUBJECTS: &str = "deadletter.>";

/// What is to be removed at the end.
#[derive(Debug)]
pub(super) struct Guest {
    url: String,
    letters: Letters,
}

/// Who made the stream of dead letters.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Letters {
    /// It was there before.
    Theirs,
    /// Whatever is there later is a trial's.
    Ours,
}

impl Guest {
    /// Looks around, and removes what a trial that was killed has left.
    ///
    /// # Errors
    /// When a stream of somebody else has our name or would capture our messages, or somebody would be sent them.
    pub(super) async fn enter(server: &Server) -> anyhow::Result<Self> {
        let url = server.url();
        remove(url).await?;
        for pattern in Traffic::patterns(Shape::Mix) {
            if let Some(stream) = jetstream::capturing(url, &pattern).await? {
                bail!("{url}: stream {stream} captures {pattern}, which trials publish to: {CURE}");
            }
        }
        for shape in Shape::ALL {
            let free = server.wait_unsubscribed(&subject(shape));
            free.with_context(|| format!("{url}: {CURE}"))?;
        }
        let letters = match jetstream::capturing(url, LETTER_SUBJECTS).await? {
            Some(_) => Letters::Theirs,
            None => Letters::Ours,
        };
        Ok(Self {
            url: url.to_owned(),
            letters,
        })
    }

    /// Removes what trials have made.
    ///
    /// # Errors
    /// What the server says.
    pub(super) async fn leave(&self) -> Result<(), AdminError> {
        remove(&self.url).await?;
        match self.letters {
            Letters::Theirs => Ok(()),
            // One with letters in it may have become somebody's meanwhile.
            Letters::Ours => jetstream::no_empty_stream(&self.url, LETTERS).await,
        }
    }
}

async fn remove(url: &str) -> Result<(), AdminError> {
    jetstream::no_stream(url, STREAM).await?;
    jetstream::no_buckets(url, &format!("lanes-{STREAM}-{CONSUMER}")).await
}
