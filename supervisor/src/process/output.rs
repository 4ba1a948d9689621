//! Output: one pipe for both streams comes in, so that their order is kept; lines go out.

use std::collections::VecDeque;
use std::io;
use std::mem;
use std::os::fd::OwnedFd;
use std::process::{Command, Stdio};
use std::sync::{Arc, Mutex, MutexGuard};

use tokio::io::AsyncReadExt as _;
use tokio::net::unix::pipe;
use tokio_util::task::AbortOnDropHandle;

use super::{LATE_READERS, LINE_LIMIT, Lines, Origin, Purpose, TAIL_LIMIT};

/// Read at once.
const CHUNK: usize = 8 * 1024;
/// Stands at the end of a piece whose line goes on.
const GOES_ON: &str = "…";

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
    let mut splitter = Splitter::default();
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
        lock(&printed).add(rest, origin.purpose);
        while let Some(line) = splitter.next(&mut rest) {
            lines.line(&origin, &line).await;
        }
    }
    if let Some(line) = splitter.end() {
        lines.line(&origin, &line).await;
    }
}

impl Printed {
    fn add(&mut self, bytes: &[u8], purpose: Purpose) {
        self.length += bytes.len() as u64;
        match purpose {
            Purpose::Job => {}
            Purpose::Check => self.tail.push(bytes),
        }
    }
}

/// Cuts bytes into lines: at line feeds, and where a line would become longer than [`LINE_LIMIT`].
#[derive(Debug, Default)]
struct Splitter {
    held: Vec<u8>,
}

impl Splitter {
    /// Takes from `bytes` until a line is whole; `None` once they are used up.
    fn next(&mut self, bytes: &mut &[u8]) -> Option<Vec<u8>> {
        let room = LINE_LIMIT - self.held.len();
        let end = bytes.iter().take(room).position(|byte| *byte == b'\n');
        let (now, later) = bytes.split_at(end.unwrap_or(room.min(bytes.len())));
        self.held.extend_from_slice(now);
        *bytes = later;
        if let Some(later) = later.strip_prefix(b"\n") {
            *bytes = later;
            if self.held.last() == Some(&b'\r') {
                self.held.pop();
            }
            return Some(mem::take(&mut self.held));
        }
        if self.held.len() < LINE_LIMIT {
            return None;
        }
        let whole = self.held.len() - cut_character(&self.held);
        let rest = self.held.split_off(whole);
        let mut piece = mem::replace(&mut self.held, rest);
        piece.extend_from_slice(GOES_ON.as_bytes());
        Some(piece)
    }

    /// What came after the last line feed.
    fn end(&mut self) -> Option<Vec<u8>> {
        (!self.held.is_empty()).then(|| mem::take(&mut self.held))
    }
}

/// The length of the character that `bytes` end within; 0 if they end with a whole one, or are no text.
fn cut_character(bytes: &[u8]) -> usize {
    let tail = bytes.iter().rev().take(3);
    let Some(behind) = tail.clone().position(|byte| *byte >= 0xc0) else {
        return 0;
    };
    let needed = match tail.clone().nth(behind).copied().unwrap_or_default() {
        0xf0.. => 4,
        0xe0.. => 3,
        _ => 2,
    };
    if behind + 1 < needed { behind + 1 } else { 0 }
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
