//! What the server says of streams comes in, whether one takes our changes goes out. Pure. A stream that was there is not given up for a
//! server that is only starting, or cannot reach the others: what is not stored then would be missing for ever.

use std::time::Duration;

use tokio::time::Instant;

use super::answer::Taker;

/// Between two questions while all is well: a stream that is made meanwhile misses no more than so long.
const ASK_AGAIN: Duration = Duration::from_secs(30);
/// So long what is believed outlives answers that do not confirm it.
const DOUBT: Duration = Duration::from_secs(30);

/// What was heard.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Hint {
    /// JetStream said so.
    Says(Taker),
    /// There is no JetStream to be asked.
    NoJetStream,
    /// We may not ask, or may not hear the answer.
    Denied,
}

/// What is believed.
#[derive(Debug, Default)]
pub struct Belief {
    taker: Option<Taker>,
    asked: Option<(Instant, u64)>,
    doubted: Option<Instant>,
}

impl Belief {
    /// Who takes our changes, unless it has to be asked: it is not known, the answer is old, or of another connection.
    pub fn holds(&self, connection: u64, now: Instant) -> Option<&Taker> {
        let (at, on) = self.asked?;
        let fresh = on == connection && now.duration_since(at) < ASK_AGAIN;
        self.taker.as_ref().filter(|_| fresh)
    }

    /// A stream took a change.
    pub fn stored(&mut self, stream: &str, connection: u64, now: Instant) {
        if self
            .taker
            .as_ref()
            .is_none_or(|taker| *taker == Taker::Unknown)
        {
            self.asked = Some((now, connection));
        }
        self.taker = Some(Taker::Stream(stream.to_owned()));
        self.doubted = None;
    }

    /// It is to be asked again before the next change.
    pub fn doubt(&mut self) {
        self.asked = None;
    }

    /// Who takes our changes after `hint`; nothing: it is to be asked again.
    pub fn hear(&mut self, hint: Hint, connection: u64, now: Instant) -> Option<&Taker> {
        let patient = now.duration_since(*self.doubted.get_or_insert(now)) < DOUBT;
        let had_stream = matches!(self.taker, Some(Taker::Stream(_)));
        let taker = match hint {
            Hint::Says(Taker::Unknown) if patient && self.taker.is_none() => return None,
            Hint::Says(Taker::Unknown) | Hint::NoJetStream if patient && had_stream => return None,
            Hint::Says(Taker::Unknown) if self.taker == Some(Taker::Nobody) => Taker::Nobody,
            Hint::Says(taker) => taker,
            Hint::NoJetStream => Taker::Nobody,
            Hint::Denied => Taker::Unknown,
        };
        self.doubted = None;
        self.asked = Some((now, connection));
        Some(self.taker.insert(taker))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn stream() -> Taker {
        Taker::Stream("S".to_owned())
    }

    #[test]
    fn what_the_server_says_is_believed_for_a_while_and_on_one_connection() {
        let start = Instant::now();
        let mut belief = Belief::default();
        assert_eq!(belief.holds(1, start), None);
        assert_eq!(
            belief.hear(Hint::Says(Taker::Nobody), 1, start),
            Some(&Taker::Nobody)
        );
        assert_eq!(belief.holds(1, start), Some(&Taker::Nobody));
        assert_eq!(belief.holds(2, start), None);
        assert_eq!(belief.holds(1, start + ASK_AGAIN), None);
        belief.doubt();
        assert_eq!(belief.holds(1, start), None);
    }

    #[test]
    fn a_stream_is_not_given_up_for_a_moment_without_jetstream() {
        let start = Instant::now();
        for hint in [Hint::NoJetStream, Hint::Says(Taker::Unknown)] {
            let mut belief = Belief::default();
            belief.hear(Hint::Says(stream()), 1, start);
            assert_eq!(belief.hear(hint.clone(), 2, start), None);
            let later = start + DOUBT / 2;
            assert_eq!(belief.hear(Hint::Says(stream()), 2, later), Some(&stream()));
            assert_eq!(belief.hear(hint.clone(), 3, start + DOUBT), None);
            assert!(
                belief
                    .hear(hint, 3, start + 2 * DOUBT)
                    .is_some_and(|taker| *taker != stream())
            );
            // What the server knows is believed at once.
            belief.hear(Hint::Says(stream()), 1, start);
            assert_eq!(
                belief.hear(Hint::Says(Taker::Nobody), 1, start),
                Some(&Taker::Nobody)
            );
        }
    }

    #[test]
    fn who_may_not_ask_learns_of_a_stream_by_its_acks() {
        let start = Instant::now();
        let mut belief = Belief::default();
        assert_eq!(belief.hear(Hint::Denied, 1, start), Some(&Taker::Unknown));
        belief.stored("S", 1, start);
        assert_eq!(belief.holds(1, start), Some(&stream()));
    }

    #[test]
    fn silence_is_waited_out_before_anything_is_sent() {
        let start = Instant::now();
        let mut belief = Belief::default();
        let silent = Hint::Says(Taker::Unknown);
        assert_eq!(belief.hear(silent.clone(), 1, start), None);
        assert_eq!(belief.hear(silent, 1, start + DOUBT), Some(&Taker::Unknown));
    }
}
