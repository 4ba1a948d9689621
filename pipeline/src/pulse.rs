//! The turns of a task come in, how long the present one lasts goes out. A task that waits has no turn: it is well however long it waits for a
//! slow store. One that never comes back from a turn is not, and nobody else sees that.

use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::task::{Context, Poll};
use std::time::{Duration, Instant};

/// What a task leaves behind: two additions a turn, and no look at a clock.
#[derive(Debug, Default)]
pub struct Pulse {
    /// Twice the turns that ended, and one more while one lasts.
    count: AtomicU64,
    ended: AtomicBool,
}

impl Pulse {
    /// `work`, with its turns counted.
    pub fn of(self: Arc<Self>, work: impl Future<Output = ()> + Send + 'static) -> Felt {
        Felt {
            work: Box::pin(work),
            pulse: self,
        }
    }

    /// Whether the task has ended, in whatever way.
    pub fn has_ended(&self) -> bool {
        self.ended.load(Ordering::Acquire)
    }
}

/// A task with a pulse.
pub struct Felt {
    work: Pin<Box<dyn Future<Output = ()> + Send>>,
    pulse: Arc<Pulse>,
}

impl std::fmt::Debug for Felt {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Felt")
            .field("pulse", &self.pulse)
            .finish_non_exhaustive()
    }
}

impl Future for Felt {
    type Output = ();

    fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<()> {
        self.pulse.count.fetch_add(1, Ordering::Relaxed);
        let turn = self.work.as_mut().poll(context);
        self.pulse.count.fetch_add(1, Ordering::Relaxed);
        turn
    }
}

impl Drop for Felt {
    fn drop(&mut self) {
        self.pulse.ended.store(true, Ordering::Release);
    }
}

/// Looks at a pulse now and then.
#[derive(Debug)]
pub struct Finger {
    seen: u64,
    since: Instant,
}

impl Finger {
    /// Nothing was felt before `now`.
    pub fn new(now: Instant) -> Self {
        Self {
            seen: 0,
            since: now,
        }
    }

    /// For how long the present turn has lasted at least; nothing between two.
    pub fn turn(&mut self, pulse: &Pulse, now: Instant) -> Duration {
        let count = pulse.count.load(Ordering::Relaxed);
        if count.is_multiple_of(2) || count != self.seen {
            (self.seen, self.since) = (count, now);
        }
        now.saturating_duration_since(self.since)
    }
}

#[cfg(test)]
mod tests {
    use std::task::Waker;

    use super::*;

    #[test]
    fn a_turn_that_lasts_is_felt_and_one_that_ended_is_not() {
        let pulse = Arc::new(Pulse::default());
        let start = Instant::now();
        let at = move |seconds| start + Duration::from_secs(seconds);
        let mut finger = Finger::new(start);
        let (inside, seen) = (Arc::clone(&pulse), Arc::new(std::sync::Mutex::new(None)));
        let told = Arc::clone(&seen);
        let mut task = Box::pin(Arc::clone(&pulse).of(async move {
            // As who looks from outside while the turn lasts.
            let first = finger.turn(&inside, at(1));
            let later = finger.turn(&inside, at(9));
            *told.lock().unwrap() = Some((first, later));
            std::future::pending::<()>().await;
        }));
        let mut context = Context::from_waker(Waker::noop());
        assert!(task.as_mut().poll(&mut context).is_pending());
        let felt = seen.lock().unwrap().take();
        assert_eq!(felt, Some((Duration::ZERO, Duration::from_secs(8))));
        let mut finger = Finger::new(start);
        finger.turn(&pulse, at(1));
        assert_eq!(finger.turn(&pulse, at(100)), Duration::ZERO);
        assert!(!pulse.has_ended());
        drop(task);
        assert!(pulse.has_ended());
    }
}
