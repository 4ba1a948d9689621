//! The thread that writes: queued records and orders in, whole lines out. The only one that waits for the output.

use std::io::Write as _;
use std::sync::atomic::Ordering;
use std::sync::{Arc, Condvar, Mutex, Weak};
use std::thread;
use std::time::Duration;

use time::OffsetDateTime;
use tokio::sync::{OwnedSemaphorePermit, mpsc};
use tracing::Level;

use super::output::{Broken, Output};
use super::record::Record;
use super::{Close, Losses, Orders, Shared, format};
use crate::config::LogFormat;

/// Records that one write takes together: enough that a flood costs few calls.
const BATCH: usize = 256;

/// What waits in the queue.
#[derive(Debug)]
pub(super) enum Entry {
    /// To be written.
    Record {
        record: Record,
        /// A line's share of the bytes that may wait, given back when it is out.
        place: Option<OwnedSemaphorePermit>,
    },
    /// There is an order.
    Look,
}

/// Whether the thread has ended.
#[derive(Debug, Default)]
pub(super) struct Ended {
    state: Mutex<State>,
    changed: Condvar,
}

#[derive(Debug, Default, PartialEq, Eq)]
enum State {
    #[default]
    Running,
    Ended,
}

impl Ended {
    /// Waits until it has, at most so long.
    pub(super) fn wait(&self, limit: Duration) {
        let state = self.state.lock().expect("nothing panics under this lock");
        let waited = self
            .changed
            .wait_timeout_while(state, limit, |state| *state == State::Running);
        drop(waited.expect("nothing panics under this lock"));
    }
}

/// Tells that the thread has ended, however it does.
struct Tell(Arc<Ended>);

impl Drop for Tell {
    fn drop(&mut self) {
        *self.0.state.lock().expect("nothing panics under this lock") = State::Ended;
        self.0.changed.notify_all();
    }
}

pub(super) struct Writer {
    queue: mpsc::Receiver<Entry>,
    /// Gone when every [`super::Log`] is.
    shared: Weak<Shared>,
    losses: Arc<Losses>,
    format: LogFormat,
    output: Output,
    mood: Mood,
    at: At,
}

/// Whether the output takes what is written.
#[derive(Debug, PartialEq, Eq)]
enum Mood {
    Well,
    /// It does not, and standard error was told so.
    Failing,
}

/// Where in the output the next byte falls.
#[derive(Debug, PartialEq, Eq)]
enum At {
    LineStart,
    /// Behind a piece of a record that could not be written to its end.
    Torn,
}

impl Writer {
    pub(super) fn new(
        queue: mpsc::Receiver<Entry>,
        shared: Weak<Shared>,
        losses: Arc<Losses>,
        format: LogFormat,
        output: Output,
    ) -> Self {
        Self {
            queue,
            shared,
            losses,
            format,
            output,
            mood: Mood::Well,
            at: At::LineStart,
        }
    }

    pub(super) fn start(self, ended: Arc<Ended>) -> std::io::Result<()> {
        let tell = Tell(ended);
        let thread = thread::Builder::new().name("log".to_owned());
        thread.spawn(move || {
            let _tell = tell;
            self.run();
        })?;
        Ok(())
    }

    fn run(mut self) {
        let mut entries = Vec::with_capacity(BATCH);
        let mut bytes = Vec::new();
        let mut closing = None;
        while self.queue.blocking_recv_many(&mut entries, BATCH) > 0 {
            closing = self.obey(&mut bytes).or(closing);
            let mut count = 0;
            let mut places = Vec::new();
            for entry in entries.drain(..) {
                if let Entry::Record { record, place } = entry {
                    format::write(&record, self.format, &mut bytes);
                    places.extend(place);
                    count += 1;
                }
            }
            self.write(&bytes, count);
            bytes.clear();
            self.tell_losses();
            if closing.is_some() && self.queue.is_empty() {
                return;
            }
        }
    }

    /// Does what was ordered since the last time; what there is to say of it goes to `bytes`.
    fn obey(&mut self, bytes: &mut Vec<u8>) -> Option<Close> {
        let shared = self.shared.upgrade()?;
        let Orders {
            format,
            output,
            reopen,
            close,
        } = std::mem::take(&mut *shared.orders());
        self.format = format.unwrap_or(self.format);
        if let Some(output) = output {
            self.output = output;
            self.begin();
        }
        if reopen.is_some() {
            match self.output.reopen() {
                Ok(()) => self.begin(),
                Err(error) => {
                    let text = format!("{error}; it goes on in the file that is open");
                    self.say(Level::ERROR, text, bytes);
                }
            }
        }
        close
    }

    fn say(&self, level: Level, text: String, bytes: &mut Vec<u8>) {
        let record = Record::own(OffsetDateTime::now_utc(), level, text);
        format::write(&record, self.format, bytes);
    }

    /// Another output has other troubles.
    fn begin(&mut self) {
        self.at = At::LineStart;
        self.mood = Mood::Well;
    }

    /// Says how many records were lost since the last time, as soon as there is room to say it.
    fn tell_losses(&mut self) {
        if self.mood == Mood::Failing {
            return;
        }
        let unsaid = self.losses.unsaid.swap(0, Ordering::Relaxed);
        if unsaid == 0 {
            return;
        }
        let mut bytes = Vec::new();
        let text = format!("{unsaid} log records were lost: the log's output did not take them");
        self.say(Level::WARN, text, &mut bytes);
        self.write(&bytes, 0);
        if self.mood == Mood::Failing {
            self.losses.unsaid.fetch_add(unsaid, Ordering::Relaxed);
        }
    }

    /// Writes `count` records.
    fn write(&mut self, bytes: &[u8], count: u64) {
        if bytes.is_empty() {
            return;
        }
        let begin: &[u8] = match self.at {
            At::LineStart => b"",
            At::Torn => b"\n",
        };
        let result = self.output.write(begin).and_then(|()| {
            self.at = At::LineStart;
            self.output.write(bytes)
        });
        match result {
            Ok(()) => self.mood = Mood::Well,
            Err(Broken { written, error }) => {
                let out = bytes.get(..written).unwrap_or_default();
                if !out.is_empty() && !out.ends_with(b"\n") {
                    self.at = At::Torn;
                }
                let lines = out.iter().filter(|byte| **byte == b'\n').count() as u64;
                self.losses.add(count.saturating_sub(lines));
                self.complain(&error);
            }
        }
    }

    /// Once until it works again: it may fail for each line.
    fn complain(&mut self, error: &std::io::Error) {
        if self.mood == Mood::Failing {
            return;
        }
        self.mood = Mood::Failing;
        let name = self.output.name();
        if writeln!(std::io::stderr(), "cannot log to {name}: {error}").is_err() {
            // There is nowhere left to say it; the count of losses stays.
        }
    }
}
