//! What the loop wants registered comes in and never waits; for each service one task goes to Consul with the newest of it. What is
//! replaced before it was its turn is lost, except a withdrawal: `Wake::Withdrawn` answers it, or a newer one, within `WITHDRAW_LIMIT`.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard};
use std::time::Duration;

use tokio::sync::mpsc;
use tokio::time::{Instant, timeout};
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use super::client::Client;
use super::heartbeat::Heartbeat;
use super::notes::{Note, Notes};
pub use super::payload::CheckStatus;
use crate::config::Service;
use crate::event::{Wake, WithdrawalId};
use desk::{Desk, Pending, Wish};
use keeper::Keeper;

/// What waits for one service.
pub mod desk;
/// The task of one service.
pub mod keeper;

/// A withdrawal is answered by then, whatever Consul does: a call that is under way is given [`keeper::GRACE`] to end in order, and
/// what is left is for the withdrawal itself.
pub const WITHDRAW_LIMIT: Duration = Duration::from_secs(2);

/// What a check found.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Report {
    /// How the service is.
    pub status: CheckStatus,
    /// What is shown beside it; Consul keeps the first 4096 bytes.
    pub output: String,
}

impl Report {
    /// All is well, as a heartbeat says it.
    pub fn passing() -> Self {
        Self {
            status: CheckStatus::Passing,
            output: "ok".to_owned(),
        }
    }
}

/// The loop's handle to everything that is registered. Dropped, it ends its tasks once they have done what was withdrawn; nothing
/// else is deregistered.
#[derive(Debug)]
pub struct Registrar {
    wakes: mpsc::Sender<Wake>,
    shared: Option<Arc<Shared>>,
}

/// What the handle and its tasks share.
#[derive(Debug)]
pub(super) struct Shared {
    client: Client,
    wakes: mpsc::Sender<Wake>,
    desks: Mutex<HashMap<Arc<str>, Arc<Desk>>>,
    notes: Option<Arc<Notes>>,
    tasks: TaskTracker,
    closing: CancellationToken,
}

impl Registrar {
    /// Without a client nothing is registered, and everything is answered at once. Must be called within the runtime.
    pub fn start(client: Option<Client>, wakes: mpsc::Sender<Wake>) -> Self {
        let shared = client.map(|client| {
            let tasks = TaskTracker::new();
            let closing = CancellationToken::new();
            let notes = client.kv().map(|prefix| Arc::new(Notes::new(prefix)));
            if let Some(notes) = &notes {
                let notes = Arc::clone(notes);
                tasks.spawn(notes.write(client.clone(), closing.clone()));
            }
            Arc::new(Shared {
                client,
                wakes: wakes.clone(),
                desks: Mutex::default(),
                notes,
                tasks,
                closing,
            })
        });
        Self { wakes, shared }
    }

    /// Registers the service with its initial status, unless it is registered as it is; tried until it succeeds or is replaced.
    pub fn announce(&self, service: &Arc<Service>) {
        self.wish(Wish::Announce(Arc::clone(service)));
    }

    /// Says what a check found. The first pass registers the service, and so does one after Consul has forgotten it; other results
    /// are only for a service that is registered. A pass that did not get through is tried again while it is worth something, a
    /// fraction of the TTL.
    pub fn report(&self, service: &Arc<Service>, report: Report) {
        self.wish(Wish::Report {
            service: Arc::clone(service),
            report,
            at: Instant::now(),
        });
    }

    /// Deregisters the service, also one that never was registered. Answered with [`Wake::Withdrawn`] when Consul has done so, or
    /// could not be told in time; in the latter case it goes on being tried. Withdrawals that wait together have one answer, that of
    /// the newest.
    pub fn withdraw(&self, service: &Arc<Service>, withdrawal: WithdrawalId) {
        match &self.shared {
            Some(shared) => shared.post(&service.id, |pending| pending.withdraw(withdrawal)),
            None => {
                let (wakes, service) = (self.wakes.clone(), Arc::from(service.id.as_str()));
                // A task, because the mailbox may be full and its only reader is the caller.
                tokio::spawn(async move { answer(&wakes, service, withdrawal).await });
            }
        }
    }

    /// Keeps the latest change of an instance as a KV entry, if the configuration says where.
    pub fn note(&self, note: Note) {
        if let Some(notes) = self
            .shared
            .as_ref()
            .and_then(|shared| shared.notes.as_ref())
        {
            notes.add(note);
        }
    }

    /// Notes that were never written, because too many waited.
    pub fn notes_skipped(&self) -> u64 {
        let notes = self
            .shared
            .as_ref()
            .and_then(|shared| shared.notes.as_ref());
        notes.map_or(0, |notes| notes.skipped())
    }

    /// Reports the service as passing, now and every [`super::heartbeat::INTERVAL`], until the answer is dropped. Maintenance does
    /// not end it: who withdraws the service sees it come back with the next beat.
    pub fn heartbeat(&self, service: Arc<Service>) -> Heartbeat {
        Heartbeat::start(self.shared.clone(), service)
    }

    /// Ends: what was withdrawn or noted is still told Consul, as long as `limit` allows.
    pub async fn finish(self, limit: Duration) {
        if let Some(shared) = &self.shared {
            shared.closing.cancel();
            shared.tasks.close();
            if timeout(limit, shared.tasks.wait()).await.is_err() {
                tracing::info!("Consul was not told everything in time");
            }
        }
    }

    fn wish(&self, wish: Wish) {
        if let Some(shared) = &self.shared {
            shared.wish(wish);
        }
    }
}

impl Drop for Registrar {
    fn drop(&mut self) {
        if let Some(shared) = &self.shared {
            shared.closing.cancel();
        }
    }
}

impl Shared {
    pub(super) fn wish(self: &Arc<Self>, wish: Wish) {
        let service = Arc::clone(wish.service());
        self.post(&service.id, |pending| pending.wish(wish));
    }

    fn post(self: &Arc<Self>, id: &str, change: impl FnOnce(&mut Pending)) {
        let mut desks = self.desks();
        if let Some(desk) = desks.get(id) {
            desk.change(change);
            return;
        }
        if self.closing.is_cancelled() {
            return;
        }
        let id: Arc<str> = id.into();
        let desk = Arc::new(Desk::default());
        desk.change(change);
        desks.insert(Arc::clone(&id), Arc::clone(&desk));
        let keeper = Keeper::new(Arc::clone(&id), self.client.clone(), self.wakes.clone());
        let (shared, closing) = (Arc::downgrade(self), self.closing.clone());
        self.tasks.spawn(async move {
            // Taken away under the same lock under which things are put on it, so that nothing is put on a desk that nobody reads.
            let leave = |desk: &Desk| match shared.upgrade() {
                Some(shared) => {
                    let mut desks = shared.desks();
                    desk.is_clear() && desks.remove(&id).is_some()
                }
                None => desk.is_clear(),
            };
            keeper.run(&desk, &closing, leave).await;
        });
    }

    fn desks(&self) -> MutexGuard<'_, HashMap<Arc<str>, Arc<Desk>>> {
        self.desks
            .lock()
            .expect("nothing that can panic runs under this lock")
    }
}

/// Tells the loop that a service is withdrawn.
async fn answer(wakes: &mpsc::Sender<Wake>, service: Arc<str>, withdrawal: WithdrawalId) {
    let wake = Wake::Withdrawn {
        service,
        withdrawal,
    };
    if wakes.send(wake).await.is_err() {
        tracing::debug!("nobody waits for a withdrawal any more");
    }
}
