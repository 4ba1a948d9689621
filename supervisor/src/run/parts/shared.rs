//! What the loop and the tasks of the control socket use at the same time.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use tokio::sync::mpsc;
use tracing::warn;

use crate::control;
use crate::control::variables::Variables;
use crate::event::{Values, Wake};
use crate::publish::{Drained, Publisher, sample};
use crate::telemetry::declared::Pushed;
use crate::telemetry::metrics::Metrics;

/// Clones share all of it.
#[derive(Debug, Clone)]
pub struct Shared {
    /// The counters.
    pub metrics: Metrics,
    /// What was set through the control socket.
    pub variables: Arc<Variables>,
    wakes: mpsc::Sender<Wake>,
    /// The one that publishes at present.
    outlet: Arc<Mutex<Option<Publisher>>>,
}

impl Shared {
    /// Nothing counted, set or published.
    pub fn new(wakes: mpsc::Sender<Wake>) -> Self {
        Self {
            metrics: Metrics::new(),
            variables: Arc::default(),
            wakes,
            outlet: Arc::default(),
        }
    }

    /// Who publishes at present.
    pub fn outlet(&self) -> MutexGuard<'_, Option<Publisher>> {
        self.outlet.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// What a control socket needs.
    pub fn deps(&self) -> control::Deps {
        let (values, counted) = (self.clone(), self.metrics.clone());
        control::Deps {
            wakes: self.wakes.clone(),
            variables: Arc::clone(&self.variables),
            metrics: Box::new(move |pushed| values.push(pushed)),
            counted: Box::new(move |path, status| counted.control_request(path, status)),
        }
    }

    /// Values that a job reports.
    fn push(&self, values: &Values) {
        for (key, text) in values {
            let Pushed::Taken(reported) = self.metrics.push(key, text) else {
                continue;
            };
            if let Some(publisher) = &*self.outlet() {
                publisher.metrics(sample::of(&reported));
            }
        }
    }
}

/// Says what did not reach NATS.
pub fn say_left(drained: Drained) {
    let Drained { changes, others } = drained;
    if changes > 0 || others > 0 {
        warn!("{changes} life-cycle changes and {others} other messages may not have reached NATS");
    }
}
