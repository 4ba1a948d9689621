//! The chunks of a scrape in, a response body out. One chunk at a time, and the runtime gets its turn between two of them.

use std::convert::Infallible;
use std::pin::Pin;
use std::task::{Context, Poll};

use bytes::Bytes;
use http_body::{Body, Frame};
use tokio::sync::OwnedSemaphorePermit;

use crate::exporter::scrape::Scrape;

/// The body of one scrape; holds its place among those allowed at once.
#[derive(Debug)]
pub(super) struct Answer {
    scrape: Scrape,
    turn: Turn,
    _permit: OwnedSemaphorePermit,
}

/// Whose turn it is. A client on the same machine reads as fast as we write, so the socket alone would never make us wait.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Turn {
    Ours,
    Others,
}

impl Answer {
    pub(super) fn new(scrape: Scrape, permit: OwnedSemaphorePermit) -> Self {
        Self {
            scrape,
            turn: Turn::Ours,
            _permit: permit,
        }
    }
}

impl Body for Answer {
    type Data = Bytes;
    type Error = Infallible;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Infallible>>> {
        if self.turn == Turn::Others {
            self.turn = Turn::Ours;
            context.waker().wake_by_ref();
            return Poll::Pending;
        }
        self.turn = Turn::Others;
        Poll::Ready(
            self.scrape
                .next()
                .map(|chunk| Ok(Frame::data(Bytes::from(chunk)))),
        )
    }
}
