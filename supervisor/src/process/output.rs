//! Output: one pipe for both streams comes in, so that their order is kept; lines go out.

use std::collections::VecDeque;
use std::io;
use std::os::fd::OwnedFd;
use std::process::{Command, Stdio};
use std::sync::{Arc, Mutex, MutexGuard};

use tokio::io::AsyncReadExt as _;
use tokio::net::unix::pipe;
use tokio_util::task::AbortOnDropHandle;

use super::{LATE_READERS, Lines, TAIL_LIMIT};
use crate::log::lines::Splitter;
use crate::log::{Kind, Origin};

/// Read at once.
const CHUNK: usize = 8 * 1024;

/// Gives the command a pipe for both of its streams, and returns our end.
pub(super) fn attach(command: &mut Command) -> io::Result<pipe::Receiver> {
    let (ours, theirs) = io::pipe()?;
    command.stdout(Stdio::from(theirs.try_clone()?));
    command.stderr(Stdio::from(theirs));
    pipe::Receiver::from_owned_fd(OwnedFd::from(ours))
}

/// A pipe that is read, by a task that ends with this.
#[derive(Debug)]
pub(super) struct Capture {
    reader: AbortOnDropHandle<()>,
    printed: Arc<Mutex<Printed>>,
}

/// What was printed so far.
#[derive(Debug, Default)]
struct Printed {
    /// In bytes.
    length: u64,
    tail: Tail,
}

impl Capture {
    pub(super) fn start(pipe: pipe::Receiver, origin: Arc<Origin>, lines: &Arc<dyn Lines>) -> Self {
        let printed = Arc::default();
        let read = read(pipe, origin, Arc::clone(lines), Arc::clone(&printed));
        Self {
            reader: AbortOnDropHandle::new(tokio::spawn(read)),
            printed,
        }
    }

    /// Waits until nobody holds the pipe any more and every line was told.
    pub(super) async fn end(&mut self) {
        if let Err(error) = (&mut self.reader).await {
            tracing::error!("the reader of an output ended early: {error}");
        }
    }

    /// The end of what a check printed; of a job nothing is kept.
    pub(super) fn tail(&self) -> String {
        lock(&self.printed).tail.text()
    }

    /// How many bytes have come.
    pub(super) fn progress(&self) -> u64 {
        lock(&self.printed).length
    }
}

fn lock(printed: &Mutex<Printed>) -> MutexGuard<'_, Printed> {
    printed
        .lock()
        .expect("nothing that can panic runs under this lock")
}

async fn read(
    mut pipe: pipe::Receiver,
    origin: Arc<Origin>,
    lines: Arc<dyn Lines>,
    printed: Arc<Mutex<Printed>>,
) {
    let mut splitter = Splitter::new();
    let mut chunk = vec![0; CHUNK];
    loop {
        let read = match pipe.read(&mut chunk).await {
            Ok(read) => read,
            Err(error) => {
                tracing::error!("the output of {} cannot be read: {error}", origin.name);
                0
            }
        };
        let Some(mut rest) = chunk.get(..read).filter(|bytes| !bytes.is_empty()) else {
            break;
        };
        lock(&printed).add(rest, origin.kind);
        while let Some(piece) = splitter.next(&mut rest) {
            lines.line(&origin, &piece.shown()).await;
        }
    }
    if let Some(piece) = splitter.rest() {
        lines.line(&origin, &piece.shown()).await;
    }
}

impl Printed {
    fn add(&mut self, bytes: &[u8], kind: Kind) {
        self.length += bytes.len() as u64;
        match kind {
            Kind::Job => {}
            Kind::Check => self.tail.push(bytes),
        }
    }
}

/// The last [`TAIL_LIMIT`] bytes.
#[derive(Debug, Default)]
struct Tail {
    bytes: VecDeque<u8>,
}

impl Tail {
    fn push(&mut self, bytes: &[u8]) {
        self.bytes.extend(bytes);
        let over = self.bytes.len().saturating_sub(TAIL_LIMIT);
        self.bytes.drain(..over);
    }

    fn text(&self) -> String {
        let bytes: Vec<u8> = self.bytes.iter().copied().collect();
        // Where its beginning was cut off, a character may be, too.
        let cut = bytes
            .iter()
            .take(3)
            .take_while(|byte| **byte & 0xc0 == 0x80);
        let whole = bytes.get(cut.count()..).unwrap_or_default();
        String::from_utf8_lossy(whole).trim().to_owned()
    }
}

/// Pipes that somebody kept open after the end of a run.
#[derive(Debug, Default)]
pub(super) struct Late {
    captures: Mutex<Vec<(Arc<Origin>, Capture)>>,
}

impl Late {
    /// Goes on reading, beside the next runs.
    pub(super) fn keep(&self, origin: &Arc<Origin>, capture: Capture) {
        let mut captures = self
            .captures
            .lock()
            .expect("nothing that can panic runs under this lock");
        captures.retain(|(_, capture)| !capture.reader.is_finished());
        captures.push((Arc::clone(origin), capture));
        let of_this = |(other, _): &(Arc<Origin>, Capture)| other.name == origin.name;
        if captures.iter().filter(|late| of_this(late)).count() <= LATE_READERS {
            return;
        }
        if let Some(oldest) = captures.iter().position(of_this) {
            let (closed, _) = captures.remove(oldest);
            tracing::warn!(
                "{}: more than {LATE_READERS} runs left somebody behind who holds their output; that of {} is not read any more",
                closed.name,
                closed.pid
            );
        }
    }
}

#[cfg(test)]
mod tests;
