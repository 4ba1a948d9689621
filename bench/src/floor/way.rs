//! Bodies come in, go to the store, a few at a time, and come back once they are stored and acknowledged. A store that refuses is
//! an error: the floor has no second try.

use std::sync::Arc;

use flightline::bus::Bus;
use flightline::sink::client::{Client, Coding};
use futures_util::StreamExt;
use futures_util::stream::FuturesOrdered;
use tokio::task::{JoinError, JoinHandle};

use super::batch::Body;
use super::{Acks, FloorError};

/// A body on its way, and what became of it.
pub(super) type Sent = Result<Result<Body, FloorError>, JoinError>;

/// What is under way.
pub(super) struct Way {
    bus: Bus,
    client: Arc<Client>,
    in_flight: usize,
    acks: Option<Acks>,
    /// In the order in which they were sent: an ack for all before may not overtake one of those.
    under_way: FuturesOrdered<JoinHandle<Result<Body, FloorError>>>,
}

impl Way {
    pub(super) fn new(bus: Bus, client: Client, in_flight: usize, acks: Option<Acks>) -> Self {
        Self {
            bus,
            client: Arc::new(client),
            in_flight,
            acks,
            under_way: FuturesOrdered::new(),
        }
    }

    pub(super) fn is_full(&self) -> bool {
        self.under_way.len() >= self.in_flight
    }

    pub(super) fn send(&mut self, body: Body) {
        let client = Arc::clone(&self.client);
        let bus = (self.acks == Some(Acks::Each)).then(|| self.bus.clone());
        self.under_way
            .push_back(tokio::spawn(async move { post(&client, body, bus).await }));
    }

    /// The next that has been sent; `None` if none is under way. Cancelling it loses nothing.
    pub(super) async fn next(&mut self) -> Option<Sent> {
        self.under_way.next().await
    }

    /// The rest of a body's way: where one ack stands for many messages, it is sent here, in order.
    pub(super) async fn acknowledge_in_order(&self, sent: Sent) -> Result<Body, FloorError> {
        let body = sent.map_err(|error| FloorError::Store(error.to_string()))??;
        if self.acks == Some(Acks::Last)
            && let Some(last) = body.acks.last()
        {
            self.bus.ack(last.clone()).await?;
        }
        Ok(body)
    }
}

/// Posts a body; acknowledges each of its messages over `bus`, if it is given.
async fn post(client: &Client, mut body: Body, bus: Option<Bus>) -> Result<Body, FloorError> {
    let answer = client.post(body.segments.clone(), Coding::Plain).await;
    let answer = answer.map_err(|failure| FloorError::Store(failure.to_string()))?;
    if !answer.status.is_success() {
        return Err(FloorError::Store(answer.status.to_string()));
    }
    if let Some(bus) = bus {
        for reply in body.acks.drain(..) {
            bus.ack(reply).await?;
        }
    }
    Ok(body)
}
