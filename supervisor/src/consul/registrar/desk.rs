//! What the loop wants of one service is put here, its task takes all of it at once: the withdrawal first, then the newest wish.

use std::sync::Arc;

use tokio::sync::watch;
use tokio::time::Instant;

use super::Report;
use crate::config::Service;
use crate::event::WithdrawalId;

/// What is wanted of a service.
#[derive(Debug, Clone)]
pub enum Wish {
    /// That it is registered.
    Announce(Arc<Service>),
    /// That Consul hears how it is.
    Report {
        /// The service.
        service: Arc<Service>,
        /// How it is.
        report: Report,
        /// Since when that is known.
        at: Instant,
    },
}

impl Wish {
    /// Of which service.
    pub const fn service(&self) -> &Arc<Service> {
        match self {
            Self::Announce(service) | Self::Report { service, .. } => service,
        }
    }
}

/// What waits for a service's task.
#[derive(Debug, Default)]
pub struct Pending {
    /// The newest withdrawal, to be answered for all before it.
    pub withdrawal: Option<WithdrawalId>,
    /// What is wanted after them.
    pub wish: Option<Wish>,
}

impl Pending {
    /// The service is to go. What was wanted before is not wanted any more.
    pub fn withdraw(&mut self, withdrawal: WithdrawalId) {
        self.withdrawal = self.withdrawal.max(Some(withdrawal));
        self.wish = None;
    }

    /// In place of what was wanted before.
    pub fn wish(&mut self, wish: Wish) {
        self.wish = Some(wish);
    }

    fn is_empty(&self) -> bool {
        self.withdrawal.is_none() && self.wish.is_none()
    }
}

/// Where it is put: never more than one withdrawal and one wish.
#[derive(Debug)]
pub struct Desk {
    pending: watch::Sender<Pending>,
}

impl Default for Desk {
    fn default() -> Self {
        Self {
            pending: watch::Sender::new(Pending::default()),
        }
    }
}

impl Desk {
    /// Puts something on it.
    pub fn change(&self, change: impl FnOnce(&mut Pending)) {
        self.pending.send_modify(change);
    }

    /// Whether nothing is on it.
    pub fn is_clear(&self) -> bool {
        self.pending.borrow().is_empty()
    }

    /// Takes everything that is on it.
    pub fn clear(&self) -> Pending {
        let mut taken = Pending::default();
        self.pending.send_if_modified(|pending| {
            taken = std::mem::take(pending);
            false
        });
        taken
    }

    /// Waits until something is on it.
    pub async fn filled(&self) {
        self.until(|pending| !pending.is_empty()).await;
    }

    /// Waits until a withdrawal is on it.
    pub async fn withdrawal(&self) {
        self.until(|pending| pending.withdrawal.is_some()).await;
    }

    async fn until(&self, condition: impl FnMut(&Pending) -> bool) {
        let mut seen = self.pending.subscribe();
        seen.wait_for(condition)
            .await
            .expect("the sender lives in self");
    }
}
