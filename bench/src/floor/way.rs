//! Bodies come in, go to the store, a few at a time, and come back once they are stored. A body that is stored leaves its place to
//! the next, whatever is still under way before it, as in the product's sink. A store that refuses is an error: the floor has no
//! second try.

use std::sync::Arc;

use flightline::sink::client::{Client, Coding};
use futures_util::StreamExt;
use futures_util::stream::FuturesUnordered;
use tokio::task::{JoinError, JoinHandle};

use super::FloorError;
use super::batch::Body;

/// A body that is stored, and the how manieth it was.
#[derive(Debug)]
pub(super) struct Stored {
    pub(super) number: u64,
    pub(super) body: Body,
}

/// What became of a body.
pub(super) type Sent = Result<Result<Stored, FloorError>, JoinError>;

/// What is under way.
pub(super) struct Way {
    client: Arc<Client>,
    in_flight: usize,
    sent: u64,
    under_way: FuturesUnordered<JoinHandle<Result<Stored, FloorError>>>,
}

impl Way {
    pub(super) fn new(client: Client, in_flight: usize) -> Self {
        Self {
            client: Arc::new(client),
            in_flight,
            sent: 0,
            under_way: FuturesUnordered::new(),
        }
    }

    pub(super) fn is_full(&self) -> bool {
        self.under_way.len() >= self.in_flight
    }

    pub(super) fn send(&mut self, body: Body) {
        let client = Arc::clone(&self.client);
        let number = self.sent;
        self.sent += 1;
        self.under_way.push(tokio::spawn(async move {
            post(&client, &body).await?;
            Ok(Stored { number, body })
        }));
    }

    /// The next that is stored; `None` if none is under way. Cancelling it loses nothing.
    pub(super) async fn next(&mut self) -> Option<Sent> {
        self.under_way.next().await
    }
}

async fn post(client: &Client, body: &Body) -> Result<(), FloorError> {
    let answer = client.post(body.segments.clone(), Coding::Plain).await;
    let answer = answer.map_err(|failure| FloorError::Store(failure.to_string()))?;
    if answer.status.is_success() {
        Ok(())
    } else {
        Err(FloorError::Store(answer.status.to_string()))
    }
}
