//! Several subscriptions in, their messages out as one stream. In turn, so that a busy one does not starve the others; nothing is
//! lost, the order within each is kept.
//!
//! The usual combinator keeps its members in a set that allocates for each item; with a handful of subscriptions asking each of
//! them is cheaper than finding out which one is ready.

use std::pin::Pin;
use std::task::{Context, Poll};

use futures_util::Stream;

/// The streams that have not ended.
#[derive(Debug)]
pub struct Merged<S> {
    members: Vec<S>,
    turn: usize,
}

impl<S> Merged<S> {
    /// All of `members`.
    pub fn new(members: Vec<S>) -> Self {
        Self { members, turn: 0 }
    }

    /// Each member that has not ended.
    pub fn iter_mut(&mut self) -> impl Iterator<Item = &mut S> {
        self.members.iter_mut()
    }
}

impl<S: Stream + Unpin> Stream for Merged<S> {
    type Item = S::Item;

    fn poll_next(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Option<S::Item>> {
        let mut idle = 0;
        while idle < self.members.len() {
            let turn = self.turn % self.members.len();
            match Pin::new(&mut self.members[turn]).poll_next(context) {
                Poll::Ready(Some(item)) => {
                    self.turn = turn + 1;
                    return Poll::Ready(Some(item));
                }
                Poll::Ready(None) => {
                    self.members.remove(turn);
                    self.turn = turn;
                }
                Poll::Pending => {
                    self.turn = turn + 1;
                    idle += 1;
                }
            }
        }
        if self.members.is_empty() {
            Poll::Ready(None)
        } else {
            Poll::Pending
        }
    }
}

#[cfg(test)]
mod tests {
    use std::task::Waker;

    use futures_util::StreamExt;
    use futures_util::stream::{iter, pending};

    use super::*;

    #[test]
    fn members_take_turns_and_the_end_is_that_of_the_last() {
        let members = vec![iter(vec![1, 2, 3]), iter(vec![10]), iter(vec![])];
        let all: Vec<i32> = futures_util::FutureExt::now_or_never(Merged::new(members).collect())
            .expect("nothing waits");
        assert_eq!(all, [1, 10, 2, 3]);
    }

    #[test]
    fn a_member_that_waits_holds_nobody_up() {
        let mut merged = Merged::new(vec![
            pending().boxed(),
            iter(vec![1, 2]).boxed(),
            pending().boxed(),
        ]);
        let mut context = Context::from_waker(Waker::noop());
        let mut poll = || merged.poll_next_unpin(&mut context);
        assert_eq!(poll(), Poll::Ready(Some(1)));
        assert_eq!(poll(), Poll::Ready(Some(2)));
        assert_eq!(poll(), Poll::Pending, "the others may still come");
    }
}
