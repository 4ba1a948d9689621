//! Bytes of standard input come in, lines go out, numbered. A thread of its own reads, never ahead of a limit, and never again once it is told
//! to stop: what it has read is then on its way, and what it has not read is still the writer's.

use std::fs::File;
use std::io::{self, ErrorKind, PipeReader, PipeWriter, Read as _};
use std::os::fd::AsFd as _;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread;

use bytes::Bytes;
use nix::errno::Errno;
use nix::poll::{PollFd, PollFlags, PollTimeout, poll};
use tokio::runtime::Handle;
use tokio::sync::{OwnedSemaphorePermit, Semaphore, mpsc};
use tokio_util::sync::CancellationToken;

/// Lines that were read and not yet sent. Those that were sent are limited by who sends.
const AHEAD: usize = 256;
/// Bytes of lines that were read and not yet acknowledged; a single line may be longer.
const HELD_BYTES: usize = 16 * 1024 * 1024;
/// Bytes of one read.
const READ: usize = 64 * 1024;

/// One line.
#[derive(Debug)]
pub(super) struct Line {
    /// The first is 1.
    pub(super) number: u64,
    pub(super) text: Text,
}

#[derive(Debug)]
pub(super) enum Text {
    /// Without its end.
    Whole(Bytes, Held),
    /// It has more bytes than the server takes.
    TooLong,
}

/// The room of a line, until it is dropped.
pub(super) type Held = OwnedSemaphorePermit;

/// How the input ended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum End {
    /// With the last line; or nothing has ended yet.
    Whole,
    /// It was told to stop, and a line had begun.
    InALine,
    /// It cannot be read.
    Broken(String),
}

/// Standard input.
#[derive(Debug)]
pub(super) struct Input {
    /// Its lines; closed at its end.
    pub(super) lines: mpsc::Receiver<Line>,
    shared: Arc<Shared>,
}

#[derive(Debug)]
struct Shared {
    read: AtomicU64,
    end: Mutex<End>,
}

impl Input {
    /// Reads lines of up to `longest` bytes until `stop`. To be called within a runtime.
    pub(super) fn open(longest: usize, stop: &CancellationToken) -> io::Result<Self> {
        let source = File::from(io::stdin().as_fd().try_clone_to_owned()?);
        let (stopped, writer) = io::pipe()?;
        tokio::spawn(close_at(stop.clone(), writer));
        let (sender, lines) = mpsc::channel(AHEAD);
        let shared = Arc::new(Shared {
            read: AtomicU64::new(0),
            end: Mutex::new(End::Whole),
        });
        let reader = Reader {
            source,
            stopped,
            room: Arc::new(Semaphore::new(HELD_BYTES)),
            runtime: Handle::current(),
            lines: sender,
            shared: Arc::clone(&shared),
        };
        // A thread that the runtime does not wait for: it may be in the middle of a read when all is over.
        thread::Builder::new()
            .name("stdin".to_owned())
            .spawn(move || reader.run(Cutter::new(longest)))?;
        Ok(Self { lines, shared })
    }

    /// Lines that were read.
    pub(super) fn read(&self) -> u64 {
        self.shared.read.load(Ordering::Acquire)
    }

    /// How it ended.
    pub(super) fn end(&self) -> End {
        let end = self.shared.end.lock();
        end.unwrap_or_else(PoisonError::into_inner).clone()
    }
}

/// The other end of the pipe sees that it is closed.
async fn close_at(stop: CancellationToken, writer: PipeWriter) {
    stop.cancelled().await;
    drop(writer);
}

/// Nobody takes lines any more.
struct Gone;

struct Reader {
    source: File,
    stopped: PipeReader,
    room: Arc<Semaphore>,
    runtime: Handle,
    lines: mpsc::Sender<Line>,
    shared: Arc<Shared>,
}

impl Reader {
    fn run(mut self, mut cutter: Cutter) {
        let end = self.read_all(&mut cutter).unwrap_or(End::Whole);
        *self
            .shared
            .end
            .lock()
            .unwrap_or_else(PoisonError::into_inner) = end;
    }

    fn read_all(&mut self, cutter: &mut Cutter) -> Result<End, Gone> {
        let mut chunk = vec![0; READ];
        loop {
            let read = match self.readable().and_then(|next| match next {
                Next::Stop => Ok(None),
                Next::Bytes => self.source.read(&mut chunk).map(Some),
            }) {
                Ok(Some(read)) => read,
                Ok(None) if cutter.is_within() => return Ok(End::InALine),
                Ok(None) => return Ok(End::Whole),
                Err(error)
                    if matches!(error.kind(), ErrorKind::Interrupted | ErrorKind::WouldBlock) =>
                {
                    continue;
                }
                Err(error) => return Ok(End::Broken(error.to_string())),
            };
            if read == 0 {
                if let Some(last) = cutter.finish() {
                    self.hand_over(last)?;
                }
                return Ok(End::Whole);
            }
            let mut rest = chunk.get(..read).unwrap_or_default();
            while let Some(line) = cutter.cut(&mut rest) {
                self.hand_over(line)?;
            }
        }
    }

    fn readable(&self) -> io::Result<Next> {
        let mut fds = [
            PollFd::new(self.stopped.as_fd(), PollFlags::POLLIN),
            PollFd::new(self.source.as_fd(), PollFlags::POLLIN),
        ];
        match poll(&mut fds, PollTimeout::NONE) {
            Ok(_) if fds[0].any() == Some(true) => Ok(Next::Stop),
            Ok(_) => Ok(Next::Bytes),
            Err(Errno::EINTR) => Err(ErrorKind::Interrupted.into()),
            Err(error) => Err(error.into()),
        }
    }

    /// Waits for room: nothing is read meanwhile.
    fn hand_over(&self, cut: Cut) -> Result<(), Gone> {
        let number = self.shared.read.fetch_add(1, Ordering::AcqRel) + 1;
        let text = match cut {
            Cut::TooLong => Text::TooLong,
            Cut::Line(line) => {
                let bytes = u32::try_from(line.len().clamp(1, HELD_BYTES)).unwrap_or(u32::MAX);
                let room = Arc::clone(&self.room).acquire_many_owned(bytes);
                let held = self.runtime.block_on(room).map_err(|_| Gone)?;
                Text::Whole(line, held)
            }
        };
        let line = Line { number, text };
        self.lines.blocking_send(line).map_err(|_| Gone)
    }
}

enum Next {
    Stop,
    Bytes,
}

/// Cuts bytes into lines.
#[derive(Debug)]
struct Cutter {
    longest: usize,
    begun: Vec<u8>,
    state: State,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum State {
    /// At the beginning of a line.
    Between,
    /// In a line.
    Within,
    /// In a line that is too long already: the rest is not kept.
    Beyond,
}

#[derive(Debug, PartialEq, Eq)]
enum Cut {
    Line(Bytes),
    TooLong,
}

impl Cutter {
    fn new(longest: usize) -> Self {
        Self {
            longest,
            begun: Vec::new(),
            state: State::Between,
        }
    }

    /// Whether a line has begun.
    fn is_within(&self) -> bool {
        self.state != State::Between
    }

    /// The next line that ends in `bytes`, which are then those behind it; nothing when all of them are taken.
    fn cut(&mut self, bytes: &mut &[u8]) -> Option<Cut> {
        if bytes.is_empty() {
            return None;
        }
        let end = memchr::memchr(b'\n', bytes);
        let (part, rest) = bytes.split_at(end.unwrap_or(bytes.len()));
        *bytes = rest.get(1..).unwrap_or_default();
        if self.state == State::Beyond || self.begun.len() + part.len() > self.longest {
            self.begun.clear();
            self.state = State::Beyond;
        } else {
            self.begun.extend_from_slice(part);
            self.state = State::Within;
        }
        end.and_then(|_| self.finish())
    }

    /// The line that has begun: at the end of the input it needs no end of its own.
    fn finish(&mut self) -> Option<Cut> {
        match std::mem::replace(&mut self.state, State::Between) {
            State::Between => None,
            State::Within => Some(Cut::Line(std::mem::take(&mut self.begun).into())),
            State::Beyond => Some(Cut::TooLong),
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn cut(chunks: &[&[u8]], longest: usize) -> Vec<Cut> {
        let mut cutter = Cutter::new(longest);
        let mut found = Vec::new();
        for mut chunk in chunks.iter().copied() {
            found.extend(std::iter::from_fn(|| cutter.cut(&mut chunk)));
        }
        found.extend(cutter.finish());
        found
    }

    fn line(text: &str) -> Cut {
        Cut::Line(Bytes::copy_from_slice(text.as_bytes()))
    }

    #[test]
    fn the_last_line_needs_no_end_and_an_empty_one_is_a_line() {
        assert_eq!(cut(&[b"a\n\nb"], 9), [line("a"), line(""), line("b")]);
        assert_eq!(cut(&[b"a\n"], 9), [line("a")]);
        assert_eq!(cut(&[b""], 9), []);
    }

    #[test]
    fn a_line_that_is_too_long_costs_no_other() {
        let cuts = cut(&[b"ab\nabc", b"d", b"efghijk\nabc\n"], 3);
        assert_eq!(cuts, [line("ab"), Cut::TooLong, line("abc")]);
    }

    proptest! {
        #[test]
        fn lines_are_those_of_the_text_however_it_comes(
            lines in prop::collection::vec("[a-z\\r ]{0,8}", 0..20),
            sizes in prop::collection::vec(1_usize..9, 1..40),
            longest in 1_usize..10,
        ) {
            let text = lines.iter().map(|line| format!("{line}\n")).collect::<String>();
            let mut rest = text.as_bytes();
            let mut chunks = Vec::new();
            for size in sizes.iter().cycle() {
                if rest.is_empty() {
                    break;
                }
                let (chunk, behind) = rest.split_at((*size).min(rest.len()));
                chunks.push(chunk);
                rest = behind;
            }
            let expected: Vec<_> = lines.iter().map(|text| {
                if text.len() > longest { Cut::TooLong } else { line(text) }
            }).collect();
            prop_assert_eq!(cut(&chunks, longest), expected);
        }
    }
}
