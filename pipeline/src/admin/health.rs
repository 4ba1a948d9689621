//! What the stages tell of themselves in, whether this worker should get work out.

use std::fmt;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, OnceLock, PoisonError};
use std::time::Duration;

use crate::ingest::outlet::Outlet;
use crate::ingest::room::Room;
use crate::pulse::Pulse;

/// Whether this worker should get work.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Readiness {
    /// Not yet, or not now: NATS is not reached.
    Connecting,
    /// NATS is reached, and refuses a subscription that messages come by.
    Refused {
        /// To which subject.
        subject: String,
    },
    /// NATS is reached, and has not said for a while what is asked of it.
    Unanswered {
        /// What was asked.
        what: String,
    },
    /// Yes.
    Ready,
    /// It holds more than the high-water mark.
    Overloaded {
        /// Bytes held.
        held: usize,
        /// The mark.
        high_water: usize,
    },
    /// The front has no room for more bodies.
    Full {
        /// Bytes of bodies under way.
        held: usize,
        /// The most that there may be.
        limit: usize,
    },
    /// So many requests to the front are under way as may be.
    Crowded {
        /// Requests under way.
        requests: usize,
    },
    /// NATS is reached, but what was written to the front was not acknowledged.
    Stalled,
    /// It ends.
    Draining,
}

impl Readiness {
    /// Whether this worker should get work.
    pub const fn is_ready(&self) -> bool {
        matches!(self, Self::Ready)
    }

    /// The word for `/status`.
    pub const fn as_str(&self) -> &'static str {
        match self {
            Self::Connecting => "connecting",
            Self::Refused { .. } => "refused",
            Self::Unanswered { .. } => "unanswered",
            Self::Ready => "ready",
            Self::Overloaded { .. } | Self::Full { .. } | Self::Crowded { .. } => "overloaded",
            Self::Stalled => "stalled",
            Self::Draining => "draining",
        }
    }

    /// When to ask again; `None` if it is ready.
    pub const fn retry_after(&self) -> Option<Duration> {
        match self {
            Self::Ready => None,
            Self::Connecting
            | Self::Refused { .. }
            | Self::Unanswered { .. }
            | Self::Overloaded { .. }
            | Self::Full { .. }
            | Self::Crowded { .. }
            | Self::Stalled => Some(Duration::from_secs(1)),
            // Its successor needs a moment.
            Self::Draining => Some(Duration::from_secs(5)),
        }
    }
}

impl fmt::Display for Readiness {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Connecting => f.write_str("connecting: NATS is not reached"),
            Self::Refused { subject } => write!(
                f,
                "refused: NATS does not let this worker subscribe to {}; allow it in the permissions of its user",
                subject.escape_debug()
            ),
            Self::Unanswered { what } => {
                write!(
                    f,
                    "unanswered: NATS does not tell about {what}; /status has the last error"
                )
            }
            Self::Ready => f.write_str("ready"),
            Self::Overloaded { held, high_water } => {
                write!(
                    f,
                    "overloaded: {held} bytes held, the high-water mark is {high_water}"
                )
            }
            Self::Full { held, limit } => write!(
                f,
                "overloaded: {held} bytes are under way to ingest, ingest.max_pending allows {limit}"
            ),
            Self::Crowded { requests } => write!(
                f,
                "overloaded: {requests} requests to ingest are under way, ingest.max_requests has no room for more"
            ),
            Self::Stalled => {
                f.write_str("stalled: the stream does not take what is written to ingest")
            }
            Self::Draining => f.write_str("draining: this worker ends"),
        }
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Phase {
    Connecting,
    Connected,
    Draining,
}

/// The state of this worker, shared by the stages that change it and the listener that tells it.
#[derive(Debug)]
pub struct Health {
    /// Of the task of decode and batch.
    pub path: Arc<Pulse>,
    open: AtomicBool,
    phase: Mutex<Phase>,
    refused: Mutex<Option<String>>,
    unanswered: Mutex<Option<String>>,
    fault: Mutex<Option<String>>,
    high_water: usize,
    held: AtomicUsize,
    overloaded: AtomicBool,
    front: OnceLock<Front>,
}

/// What readiness depends on where there is a write front.
#[derive(Debug)]
pub(crate) struct Front {
    /// For bodies.
    pub(crate) room: Arc<Room>,
    /// For requests.
    pub(crate) requests: Arc<Room>,
    /// The way to the stream.
    pub(crate) outlet: Arc<Outlet>,
}

impl Front {
    fn readiness(&self) -> Readiness {
        if self.room.is_full() {
            Readiness::Full {
                held: self.room.held(),
                limit: self.room.limit(),
            }
        } else if self.requests.is_full() {
            Readiness::Crowded {
                requests: self.requests.held(),
            }
        } else if self.outlet.is_open() {
            Readiness::Ready
        } else {
            Readiness::Stalled
        }
    }
}

impl Health {
    /// Not connected, and overloaded once `high_water` bytes are held.
    pub fn new(high_water: usize) -> Self {
        Self {
            path: Arc::default(),
            open: AtomicBool::new(false),
            phase: Mutex::new(Phase::Connecting),
            refused: Mutex::new(None),
            unanswered: Mutex::new(None),
            fault: Mutex::new(None),
            high_water,
            held: AtomicUsize::new(0),
            overloaded: AtomicBool::new(false),
            front: OnceLock::new(),
        }
    }

    /// Every listener is open.
    pub fn opened(&self) {
        self.open.store(true, Ordering::Relaxed);
    }

    /// Whether every listener is open.
    pub fn is_open(&self) -> bool {
        self.open.load(Ordering::Relaxed)
    }

    /// NATS is reached. Changes nothing once it drains.
    pub fn connected(&self) {
        self.change(Phase::Connected);
    }

    /// NATS is not reached any more. Changes nothing once it drains.
    pub fn disconnected(&self) {
        self.change(Phase::Connecting);
    }

    /// The end has begun; there is no way back.
    pub fn draining(&self) {
        self.change(Phase::Draining);
    }

    /// Says which subject that messages come by the server lets nobody here subscribe to, if any.
    pub fn refused(&self, subject: Option<String>) {
        *self.refused.lock().unwrap_or_else(PoisonError::into_inner) = subject;
    }

    /// Says what NATS was asked for and has not told for a while, if anything.
    pub fn unanswered(&self, what: Option<String>) {
        *self
            .unanswered
            .lock()
            .unwrap_or_else(PoisonError::into_inner) = what;
    }

    /// Says how many bytes the worker holds. Over the mark it is overloaded, and stays so until a quarter of it is free again:
    /// a load balancer is not to see it flicker.
    pub fn held(&self, bytes: usize) {
        self.held.store(bytes, Ordering::Relaxed);
        if bytes >= self.high_water {
            self.overloaded.store(true, Ordering::Relaxed);
        } else if bytes <= self.high_water - self.high_water / 4 {
            self.overloaded.store(false, Ordering::Relaxed);
        }
    }

    /// There is a write front: with no room in it, or its way to the stream closed, the worker takes nothing.
    pub(crate) fn front(&self, front: Front) {
        self.front.get_or_init(|| front);
    }

    /// Something broke that this process cannot mend: `/healthz` fails from now on with the first such reason.
    pub fn broke(&self, reason: impl Into<String>) {
        let mut fault = self.fault.lock().unwrap_or_else(PoisonError::into_inner);
        fault.get_or_insert_with(|| reason.into());
    }

    /// What broke, if anything.
    pub fn fault(&self) -> Option<String> {
        self.fault
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .clone()
    }

    /// Whether this worker should get work.
    pub fn readiness(&self) -> Readiness {
        let phase = *self.phase.lock().unwrap_or_else(PoisonError::into_inner);
        let refused = self.refused.lock();
        let refused = refused.unwrap_or_else(PoisonError::into_inner).clone();
        let unanswered = self.unanswered.lock();
        let unanswered = unanswered.unwrap_or_else(PoisonError::into_inner).clone();
        if let (Phase::Connected, Some(what)) = (phase, unanswered) {
            return Readiness::Unanswered { what };
        }
        match (phase, refused) {
            (Phase::Draining, _) => Readiness::Draining,
            (Phase::Connecting, _) => Readiness::Connecting,
            (Phase::Connected, Some(subject)) => Readiness::Refused { subject },
            (Phase::Connected, None) if self.overloaded.load(Ordering::Relaxed) => {
                Readiness::Overloaded {
                    held: self.held.load(Ordering::Relaxed),
                    high_water: self.high_water,
                }
            }
            (Phase::Connected, None) => {
                let front = self.front.get();
                front.map_or(Readiness::Ready, Front::readiness)
            }
        }
    }

    fn change(&self, to: Phase) {
        let mut phase = self.phase.lock().unwrap_or_else(PoisonError::into_inner);
        if *phase != Phase::Draining {
            *phase = to;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn overload_ends_only_when_a_quarter_is_free_again() {
        let health = Health::new(1000);
        health.connected();
        health.held(999);
        assert_eq!(health.readiness(), Readiness::Ready);
        health.held(1000);
        assert_eq!(health.readiness().as_str(), "overloaded");
        health.held(800);
        assert_eq!(health.readiness().as_str(), "overloaded");
        health.held(750);
        assert_eq!(health.readiness(), Readiness::Ready);
    }

    #[test]
    fn who_may_not_hear_is_not_ready_and_says_which_subject() {
        let health = Health::new(1000);
        health.connected();
        health.refused(Some("telemetry.>\n".to_owned()));
        let said = health.readiness();
        assert!(said.retry_after().is_some());
        assert!(said.to_string().contains("subscribe to telemetry.>\\n;"));
        health.refused(None);
        assert_eq!(health.readiness(), Readiness::Ready);
    }

    #[test]
    fn there_is_no_way_back_from_draining() {
        let health = Health::new(1000);
        assert_eq!(health.readiness(), Readiness::Connecting);
        health.draining();
        health.connected();
        assert_eq!(health.readiness(), Readiness::Draining);
    }

    #[test]
    fn the_first_fault_is_the_one_told() {
        let health = Health::new(1000);
        assert_eq!(health.fault(), None);
        health.broke("first");
        health.broke("second");
        assert_eq!(health.fault(), Some("first".to_owned()));
    }
}
