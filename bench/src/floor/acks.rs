//! What is stored comes in, acknowledgements go out, from one task beside the bodies' way as in the product: a store that waits for
//! the next body does not wait for the acks of the last one.

use std::collections::BTreeMap;

use async_nats::Subject;
use flightline::bus::{Bus, BusError};
use tokio::sync::mpsc;
use tokio::task::JoinHandle;

use super::FloorError;

/// Bodies whose messages wait to be acknowledged: more than a consumer's limit of un-acked messages lets there be.
const WAITING: usize = 64;

/// How messages of a stream are acknowledged.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Acks {
    /// Each.
    Each,
    /// The last of a batch, for all before it.
    Last,
}

/// The task that acknowledges, and what it is not told yet.
#[derive(Debug)]
pub(super) struct Acknowledger {
    order: Order,
    to: mpsc::Sender<Vec<Subject>>,
    spare: mpsc::Receiver<Vec<Subject>>,
    task: JoinHandle<Result<(), BusError>>,
}

impl Acknowledger {
    pub(super) fn new(bus: Bus, acks: Acks) -> Self {
        let (to, from) = mpsc::channel(WAITING);
        let (back, spare) = mpsc::channel(WAITING);
        Self {
            order: Order::new(acks),
            to,
            spare,
            task: tokio::spawn(tell(bus, from, back)),
        }
    }

    /// Body `number` is stored: its messages are `acks`.
    pub(super) async fn stored(
        &mut self,
        number: u64,
        acks: Vec<Subject>,
    ) -> Result<(), FloorError> {
        self.order.stored(number, acks);
        while let Some(acks) = self.order.next() {
            if self.to.send(acks).await.is_err() {
                return Err(FloorError::AcksEnded);
            }
        }
        Ok(())
    }

    /// An empty list with room in it.
    pub(super) fn spare(&mut self) -> Option<Vec<Subject>> {
        self.spare.try_recv().ok()
    }

    /// Returns when all that it was told is on its way to the server.
    pub(super) async fn finish(self) -> Result<(), FloorError> {
        drop(self.to);
        match self.task.await {
            Ok(told) => Ok(told?),
            Err(_) => Err(FloorError::AcksEnded),
        }
    }
}

async fn tell(
    bus: Bus,
    mut from: mpsc::Receiver<Vec<Subject>>,
    back: mpsc::Sender<Vec<Subject>>,
) -> Result<(), BusError> {
    while let Some(mut acks) = from.recv().await {
        for reply in acks.drain(..) {
            bus.ack(reply).await?;
        }
        // With enough spare lists around it is simply dropped.
        back.try_send(acks).ok();
    }
    Ok(())
}

/// Which acks may go out. One that stands for all before it may not overtake a body that is still under way.
#[derive(Debug)]
struct Order {
    acks: Acks,
    next: u64,
    stored: BTreeMap<u64, Vec<Subject>>,
}

impl Order {
    fn new(acks: Acks) -> Self {
        Self {
            acks,
            next: 0,
            stored: BTreeMap::new(),
        }
    }

    fn stored(&mut self, number: u64, mut acks: Vec<Subject>) {
        if self.acks == Acks::Last {
            let others = acks.len().saturating_sub(1);
            acks.drain(..others);
        }
        self.stored.insert(number, acks);
    }

    fn next(&mut self) -> Option<Vec<Subject>> {
        match self.acks {
            Acks::Each => self.stored.pop_first().map(|(_, acks)| acks),
            Acks::Last => {
                let acks = self.stored.remove(&self.next)?;
                self.next += 1;
                Some(acks)
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn acks(names: &[&'static str]) -> Vec<Subject> {
        names.iter().map(|name| Subject::from(*name)).collect()
    }

    #[test]
    fn an_ack_for_all_before_it_waits_for_the_bodies_before_it() {
        let mut order = Order::new(Acks::Last);
        order.stored(1, acks(&["c", "d"]));
        assert_eq!(order.next(), None);
        order.stored(0, acks(&["a", "b"]));
        assert_eq!(order.next(), Some(acks(&["b"])));
        assert_eq!(order.next(), Some(acks(&["d"])));
        assert_eq!(order.next(), None);
    }

    #[test]
    fn acks_of_single_messages_wait_for_nothing() {
        let mut order = Order::new(Acks::Each);
        order.stored(1, acks(&["c", "d"]));
        assert_eq!(order.next(), Some(acks(&["c", "d"])));
        assert_eq!(order.next(), None);
    }
}
