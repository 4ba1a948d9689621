//! Successes and failures of a sink come in, permission to try goes out. After `THRESHOLD` failures in a row one batch probes at
//! a time and all others wait; the first success lets all go on. Nothing is lost: who waits keeps its batch. Probes go round: a batch
//! on which the store always fails would else keep those from it that it takes.

use std::sync::Mutex;
use std::time::Duration;

use tokio::sync::{MutexGuard, watch};
use tokio::time::Instant;

use super::retry::Backoff;

/// Failures in a row that open the breaker: enough that one restarting connection per batch in flight does not.
pub const THRESHOLD: u32 = 5;

/// Whether a sink takes data.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Mood {
    /// Every batch may try.
    Closed,
    /// One at a time probes.
    Open,
}

/// One sink's breaker.
#[derive(Debug)]
pub struct Breaker {
    backoff: Backoff,
    state: Mutex<State>,
    /// Who holds it probes; it is handed on in the order in which it was asked for.
    turn: tokio::sync::Mutex<()>,
    answered: watch::Sender<()>,
}

#[derive(Debug, Clone, Copy)]
struct State {
    failures: u32,
    /// When the next probe may start; only meaningful while open.
    next_probe: Instant,
}

impl State {
    fn mood(&self) -> Mood {
        if self.failures < THRESHOLD {
            Mood::Closed
        } else {
            Mood::Open
        }
    }
}

/// What one failure did.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum After {
    /// The breaker stays closed: the caller waits for so long by itself.
    Pause(Duration),
    /// This failure has opened it; the next [`Breaker::enter`] waits.
    Opened,
    /// It is open as before; the next [`Breaker::enter`] waits.
    StillOpen,
}

/// Permission for one try. Dropped without a word (a cancelled try), it makes room for the next probe and counts as nothing.
#[derive(Debug)]
#[must_use = "say how the try ended"]
pub struct Pass<'a> {
    breaker: &'a Breaker,
    /// Of a probe.
    _turn: Option<MutexGuard<'a, ()>>,
}

impl Breaker {
    /// A closed breaker whose probes are `backoff` apart.
    pub fn new(backoff: Backoff) -> Self {
        Self {
            backoff,
            state: Mutex::new(State {
                failures: 0,
                next_probe: Instant::now(),
            }),
            turn: tokio::sync::Mutex::new(()),
            answered: watch::channel(()).0,
        }
    }

    /// Whether it is open.
    pub fn mood(&self) -> Mood {
        self.lock().mood()
    }

    /// Waits until a try is permitted.
    pub async fn enter(&self) -> Pass<'_> {
        if self.mood() == Mood::Closed {
            return self.pass(None);
        }
        let turn = self.turn.lock().await;
        let mut answered = self.answered.subscribe();
        loop {
            let State {
                failures,
                next_probe,
            } = *self.lock();
            if failures < THRESHOLD {
                return self.pass(None);
            }
            if next_probe <= Instant::now() {
                return self.pass(Some(turn));
            }
            // The subscription is older than the look at the state, so no answer falls between the two.
            tokio::select! {
                _ = answered.changed() => {}
                () = tokio::time::sleep_until(next_probe) => {}
            }
        }
    }

    fn pass<'a>(&'a self, turn: Option<MutexGuard<'a, ()>>) -> Pass<'a> {
        Pass {
            breaker: self,
            _turn: turn,
        }
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, State> {
        self.state
            .lock()
            .expect("nothing that can panic runs under this lock")
    }
}

impl Pass<'_> {
    /// The server has answered with a verdict, which closes the breaker. Returns how it was before.
    pub fn succeeded(self) -> Mood {
        let mut state = self.breaker.lock();
        let before = state.mood();
        state.failures = 0;
        self.breaker.answered.send_replace(());
        before
    }

    /// The try failed for the `own`th time in a row for its batch; `wish` is the server's `Retry-After`.
    pub fn failed(self, own: u32, wish: Option<Duration>, random: f64) -> After {
        let breaker = self.breaker;
        let mut state = breaker.lock();
        let before = state.mood();
        state.failures = state.failures.saturating_add(1);
        if state.mood() == Mood::Closed {
            return After::Pause(breaker.backoff.pause_obeying(own, wish, random));
        }
        let pause = breaker.backoff.pause_obeying(state.failures, wish, random);
        // Late failures of tries that began before it opened must not bring the next probe forward.
        state.next_probe = state.next_probe.max(Instant::now() + pause);
        match before {
            Mood::Closed => After::Opened,
            Mood::Open => After::StillOpen,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::sync::Arc;
    use std::sync::atomic::{AtomicUsize, Ordering};

    const MAX: Duration = Duration::from_secs(10);

    fn breaker() -> Arc<Breaker> {
        Arc::new(Breaker::new(Backoff::new(MAX)))
    }

    async fn open(breaker: &Breaker) {
        for n in 1..=THRESHOLD {
            let after = breaker.enter().await.failed(n, None, 1.0);
            assert_eq!(after == After::Opened, n == THRESHOLD);
        }
        assert_eq!(breaker.mood(), Mood::Open);
    }

    #[tokio::test(start_paused = true)]
    async fn one_success_forgets_the_failures() {
        let breaker = breaker();
        for n in 1..THRESHOLD {
            assert!(matches!(
                breaker.enter().await.failed(n, None, 1.0),
                After::Pause(_)
            ));
        }
        assert_eq!(breaker.enter().await.succeeded(), Mood::Closed);
        assert!(matches!(
            breaker.enter().await.failed(1, None, 1.0),
            After::Pause(_)
        ));
    }

    #[tokio::test(start_paused = true)]
    async fn while_open_only_one_probes_and_after_a_pause() {
        let breaker = breaker();
        open(&breaker).await;
        let opened = Instant::now();
        let trying = Arc::new(AtomicUsize::new(0));
        let mut tasks = tokio::task::JoinSet::new();
        for _ in 0..8 {
            let (breaker, trying) = (Arc::clone(&breaker), Arc::clone(&trying));
            tasks.spawn(async move {
                loop {
                    let pass = breaker.enter().await;
                    if breaker.mood() == Mood::Closed {
                        pass.succeeded();
                        return;
                    }
                    assert_eq!(
                        trying.fetch_add(1, Ordering::SeqCst),
                        0,
                        "two probes at once"
                    );
                    assert!(opened.elapsed() >= MAX / 100);
                    tokio::time::sleep(Duration::from_secs(1)).await;
                    trying.fetch_sub(1, Ordering::SeqCst);
                    if opened.elapsed() < Duration::from_secs(60) {
                        assert_eq!(pass.failed(1, None, 1.0), After::StillOpen);
                    } else {
                        assert_eq!(pass.succeeded(), Mood::Open);
                        return;
                    }
                }
            });
        }
        while let Some(ended) = tasks.join_next().await {
            ended.unwrap();
        }
        assert_eq!(breaker.mood(), Mood::Closed);
    }

    #[tokio::test(start_paused = true)]
    async fn while_open_every_batch_gets_its_turn() {
        let breaker = breaker();
        open(&breaker).await;
        let mut tasks = tokio::task::JoinSet::new();
        // One batch that always fails and comes back at once, and one that the store takes.
        let failing = Arc::clone(&breaker);
        tasks.spawn(async move {
            let mut own = 0;
            while failing.mood() == Mood::Open {
                own += 1;
                failing.enter().await.failed(own, None, 1.0);
            }
        });
        tokio::task::yield_now().await;
        tasks.spawn(async move {
            assert_eq!(breaker.enter().await.succeeded(), Mood::Open);
        });
        let ended = async { while tasks.join_next().await.is_some() {} };
        tokio::time::timeout(10 * MAX, ended).await.unwrap();
    }

    #[tokio::test(start_paused = true)]
    async fn a_cancelled_probe_makes_room_for_the_next() {
        let breaker = breaker();
        open(&breaker).await;
        drop(breaker.enter().await);
        let pass = tokio::time::timeout(MAX, breaker.enter()).await.unwrap();
        pass.succeeded();
    }

    #[tokio::test(start_paused = true)]
    async fn retry_after_holds_the_next_probe_back() {
        let breaker = breaker();
        open(&breaker).await;
        let wish = Duration::from_secs(45);
        assert_eq!(
            breaker.enter().await.failed(1, Some(wish), 1.0),
            After::StillOpen
        );
        let before = Instant::now();
        breaker.enter().await.succeeded();
        assert!(before.elapsed() >= wish);
    }
}
