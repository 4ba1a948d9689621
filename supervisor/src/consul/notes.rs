//! Life-cycle changes come in and never wait; each goes out as the KV entry `<prefix>/<service>/<instance>`, in their order, tried
//! until it is written. Where more wait than `LIMIT`, the oldest that a newer one of its instance replaces is lost first, then the
//! oldest.

use std::collections::VecDeque;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard};
use std::time::Duration;

use bytes::Bytes;
use http::StatusCode;
use tokio::sync::Notify;
use tokio::time::sleep;
use tokio_util::sync::CancellationToken;

use super::client::Client;
use super::error::{CallError, Remedy};
use super::path::Target;
use super::trouble::Trouble;

/// Changes that wait while Consul is away: some minutes of a container whose jobs all crash.
pub const LIMIT: usize = 256;
/// The largest value that Consul takes.
pub const VALUE_LIMIT: usize = 512 * 1024;
/// For one entry: a look and a write.
const WRITE_LIMIT: Duration = Duration::from_secs(5);
/// Between a failure and the next try, at first; doubled each time.
const PAUSE: Duration = Duration::from_millis(500);
/// The longest pause.
const PAUSE_LONGEST: Duration = Duration::from_secs(5);
/// The pause after a refusal: somebody has to do something first.
const PAUSE_REFUSED: Duration = Duration::from_secs(30);

/// One change.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Note {
    /// Of which service.
    pub service: Arc<str>,
    /// Of which instance of it.
    pub instance: Arc<str>,
    /// What is written.
    pub change: Bytes,
}

/// The changes that wait.
#[derive(Debug)]
pub struct Notes {
    prefix: Box<str>,
    queue: Mutex<Queue>,
    added: Notify,
    skipped: AtomicU64,
}

#[derive(Debug, Default)]
struct Queue {
    next: u64,
    waiting: VecDeque<(u64, Note)>,
}

/// What became of a note that was put into the queue.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Room {
    Enough,
    /// Another one had to go.
    Made,
}

impl Queue {
    fn add(&mut self, note: Note) -> Room {
        self.waiting.push_back((self.next, note));
        self.next += 1;
        if self.waiting.len() <= LIMIT {
            return Room::Enough;
        }
        let replaced = (0..self.waiting.len()).find(|&index| self.is_replaced(index));
        self.waiting.remove(replaced.unwrap_or_default());
        Room::Made
    }

    fn is_replaced(&self, index: usize) -> bool {
        let mut later = self.waiting.iter().skip(index);
        let Some((_, note)) = later.next() else {
            return false;
        };
        later.any(|(_, other)| other.service == note.service && other.instance == note.instance)
    }

    /// The note `number` is dealt with. It may have been skipped meanwhile.
    fn done(&mut self, number: u64) {
        if self
            .waiting
            .front()
            .is_some_and(|(first, _)| *first == number)
        {
            self.waiting.pop_front();
        }
    }
}

impl Notes {
    /// Below `prefix`, which has no `/` at its ends.
    pub fn new(prefix: &str) -> Self {
        Self {
            prefix: prefix.into(),
            queue: Mutex::default(),
            added: Notify::new(),
            skipped: AtomicU64::new(0),
        }
    }

    /// Puts a change into the queue.
    pub fn add(&self, note: Note) {
        if note.change.len() > VALUE_LIMIT {
            let (service, instance) = (&note.service, &note.instance);
            tracing::warn!(
                "a change of {service}/{instance} is longer than {VALUE_LIMIT} bytes and not kept in Consul"
            );
            self.skip();
        } else if self.queue().add(note) == Room::Made {
            self.skip();
        }
        self.added.notify_one();
    }

    /// Changes that were never written.
    pub fn skipped(&self) -> u64 {
        self.skipped.load(Ordering::Relaxed)
    }

    fn skip(&self) {
        self.skipped.fetch_add(1, Ordering::Relaxed);
    }

    fn queue(&self) -> MutexGuard<'_, Queue> {
        self.queue
            .lock()
            .expect("nothing that can panic runs under this lock")
    }

    /// Writes them one by one until it is closing; then each once more, up to the first that fails.
    pub async fn write(self: Arc<Self>, client: Client, closing: CancellationToken) {
        let mut trouble = Trouble::default();
        let mut pause = PAUSE;
        loop {
            let Some((number, note)) = self.first() else {
                tokio::select! {
                    biased;
                    () = self.added.notified() => continue,
                    () = closing.cancelled() => return,
                }
            };
            let path = self.path(&note);
            let written = client.keep(&path, note.change, WRITE_LIMIT).await;
            let Err(error) = written else {
                trouble.settle(format_args!("Consul takes life-cycle changes again"));
                pause = PAUSE;
                self.queue().done(number);
                continue;
            };
            trouble.tell(format_args!("{} is not written", path.as_str()), &error);
            if never(&error) {
                self.skip();
                self.queue().done(number);
                continue;
            }
            if closing.is_cancelled() {
                return;
            }
            let wait = match error.remedy() {
                Remedy::Retry => pause,
                Remedy::Register | Remedy::Correct => PAUSE_REFUSED,
            };
            pause = (pause * 2).min(PAUSE_LONGEST);
            tokio::select! {
                () = sleep(wait) => {}
                () = closing.cancelled() => {}
            }
        }
    }

    fn first(&self) -> Option<(u64, Note)> {
        self.queue().waiting.front().cloned()
    }

    fn path(&self, note: &Note) -> Target {
        let target = Target::new("/v1/kv").parts(&self.prefix);
        target.part(&note.service).part(&note.instance)
    }
}

/// Whether this very entry can never be written, so that those behind it need not wait.
const fn never(error: &CallError) -> bool {
    matches!(
        error,
        CallError::Refused {
            status: StatusCode::BAD_REQUEST
                | StatusCode::PAYLOAD_TOO_LARGE
                | StatusCode::URI_TOO_LONG
                | StatusCode::MOVED_PERMANENTLY,
            ..
        }
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    fn note(instance: &str, change: u64) -> Note {
        Note {
            service: "app".into(),
            instance: instance.into(),
            change: Bytes::from(change.to_string()),
        }
    }

    fn waiting(queue: &Queue) -> Vec<String> {
        let waiting = queue.waiting.iter();
        waiting
            .map(|(_, note)| {
                let change = std::str::from_utf8(&note.change).unwrap();
                format!("{}={change}", note.instance)
            })
            .collect()
    }

    #[test]
    fn the_last_change_of_each_instance_survives_a_full_queue() {
        let mut queue = Queue::default();
        assert_eq!(queue.add(note("quiet", 0)), Room::Enough);
        for change in 1..LIMIT as u64 {
            assert_eq!(queue.add(note("loud", change)), Room::Enough);
        }
        assert_eq!(queue.add(note("loud", 9999)), Room::Made);
        let left = waiting(&queue);
        assert_eq!(left.len(), LIMIT);
        assert_eq!(left[..2], ["quiet=0", "loud=2"]);
        assert_eq!(left[LIMIT - 1], "loud=9999");
    }

    #[test]
    fn the_oldest_goes_when_none_is_replaced() {
        let mut queue = Queue::default();
        for change in 0..=LIMIT as u64 {
            queue.add(note(&format!("i{change}"), change));
        }
        assert_eq!(waiting(&queue)[0], "i1=1");
    }

    #[test]
    fn a_note_that_was_skipped_while_it_was_written_takes_no_other_with_it() {
        let mut queue = Queue::default();
        queue.add(note("a", 1));
        queue.add(note("b", 2));
        queue.done(0);
        queue.done(0);
        assert_eq!(waiting(&queue), ["b=2"]);
    }

    #[test]
    fn an_entry_lies_below_the_prefix() {
        let notes = Notes::new("a/b c");
        let path = notes.path(&note("x/y", 1));
        assert_eq!(path.as_str(), "/v1/kv/a/b%20c/app/x%2Fy");
    }

    #[test]
    fn what_is_too_long_is_counted_and_holds_up_nothing() {
        let notes = Notes::new("p");
        notes.add(Note {
            change: Bytes::from(vec![0; VALUE_LIMIT + 1]),
            ..note("a", 1)
        });
        assert!(notes.first().is_none());
        assert_eq!(notes.skipped(), 1);
    }
}
