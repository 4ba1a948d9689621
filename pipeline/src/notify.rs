//! How a worker stands comes in, what its service manager is told of it goes out: ready, stopping, a status, and signs of life for as long as
//! the path makes progress.
//!
//! A worker that waits for NATS has started as it should: it is ready as soon as its listeners are open, and its status says what it waits for.
//! A sign of life means that the runtime runs and that the path's task comes back from each of its turns; how slow a store is does not count.

use std::sync::Arc;
use std::time::{Duration, Instant};

use flightline_link::notify::{Manager, Said};
use tracing::{debug, error};

use crate::admin::health::{Health, Readiness};
use crate::pulse::Finger;

/// Between two looks; a tenth of what the watchdog wants, if that is less.
const LOOK: Duration = Duration::from_millis(100);
/// Between two statuses: the bytes in one that is overloaded change with every look.
const STATUS: Duration = Duration::from_secs(1);
/// What an end takes beside the drain: the last answers of the listeners, the last acks, the log.
const FAREWELL: Duration = Duration::from_secs(10);

/// Tells the manager that the environment names, if there is one, until dropped. To be called within a runtime.
pub fn start(health: &Arc<Health>, drain: Duration) {
    match Manager::of_environment() {
        Ok(Some(manager)) => {
            tokio::spawn(run(manager, Arc::clone(health), drain + FAREWELL));
        }
        Ok(None) => {}
        Err(error) => {
            error!(%error, "the service manager of NOTIFY_SOCKET cannot be told anything")
        }
    }
}

async fn run(manager: Manager, health: Arc<Health>, end: Duration) {
    let watchdog = manager.watchdog();
    let start = Instant::now();
    let mut speaker = Speaker::new(watchdog, end);
    let mut finger = Finger::new(start);
    let period = watchdog.map_or(LOOK, |watchdog| LOOK.min(watchdog / 10));
    let mut looks = tokio::time::interval(period.max(Duration::from_millis(1)));
    loop {
        looks.tick().await;
        let now = Instant::now();
        let view = View {
            open: health.is_open(),
            readiness: health.readiness(),
            path: if health.path.has_ended() {
                Path::Ended
            } else {
                Path::Turns(finger.turn(&health.path, now))
            },
        };
        if let Err(error) = manager.tell(&speaker.step(&view, now)).await {
            debug!(%error, "the service manager does not listen");
        }
    }
}

/// How a worker stands.
#[derive(Debug, Clone)]
struct View {
    /// Whether its listeners are open.
    open: bool,
    readiness: Readiness,
    path: Path,
}

/// How the path's task is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Path {
    /// Its present turn has lasted so long; nothing while it waits, or before it has begun.
    Turns(Duration),
    /// There is none any more.
    Ended,
}

impl View {
    /// Whether the path makes progress, to who looks each `period`. When all of it ends it may, too.
    fn is_alive(&self, period: Duration) -> bool {
        match self.path {
            Path::Turns(turn) => turn < period,
            Path::Ended => self.readiness == Readiness::Draining,
        }
    }
}

/// What was said, and what is to be said next.
#[derive(Debug)]
struct Speaker {
    /// Between two signs of life: half of what the manager wants.
    beat: Option<Duration>,
    end: Duration,
    stage: Stage,
    beaten: Option<Instant>,
    status: Option<(String, Instant)>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Stage {
    Starting,
    Ready,
    Stopping,
}

impl Speaker {
    fn new(watchdog: Option<Duration>, end: Duration) -> Self {
        Self {
            beat: watchdog.map(|watchdog| watchdog / 2),
            end,
            stage: Stage::Starting,
            beaten: None,
            status: None,
        }
    }

    fn step(&mut self, view: &View, now: Instant) -> Vec<Said> {
        let mut said = Vec::new();
        if self.stage == Stage::Starting && view.open {
            self.stage = Stage::Ready;
            said.push(Said::Ready);
        }
        if self.stage != Stage::Stopping && view.readiness == Readiness::Draining {
            self.stage = Stage::Stopping;
            said.push(Said::Stopping { within: self.end });
        }
        let status = view.readiness.to_string();
        let is_due = |(last, at): &(String, Instant)| {
            *last != status && now.saturating_duration_since(*at) >= STATUS
        };
        if self.status.as_ref().is_none_or(is_due) {
            said.push(Said::Status(status.clone()));
            self.status = Some((status, now));
        }
        if let Some(beat) = self.beat
            && self
                .beaten
                .is_none_or(|last| now.saturating_duration_since(last) >= beat)
            && view.is_alive(beat)
        {
            self.beaten = Some(now);
            said.push(Said::Alive);
        }
        said
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SECOND: Duration = Duration::from_secs(1);

    fn view(readiness: Readiness) -> View {
        View {
            open: true,
            readiness,
            path: Path::Turns(Duration::ZERO),
        }
    }

    fn status(readiness: &Readiness) -> Said {
        Said::Status(readiness.to_string())
    }

    #[test]
    fn who_waits_for_nats_is_ready_once_and_says_what_it_waits_for() {
        let start = Instant::now();
        let mut speaker = Speaker::new(None, SECOND);
        let connecting = view(Readiness::Connecting);
        let closed = View {
            open: false,
            ..connecting.clone()
        };
        let waits = status(&Readiness::Connecting);
        assert_eq!(speaker.step(&closed, start), [waits]);
        assert_eq!(speaker.step(&connecting, start), [Said::Ready]);
        assert_eq!(speaker.step(&connecting, start + SECOND), []);
        let ready = view(Readiness::Ready);
        let now = start + SECOND;
        assert_eq!(speaker.step(&ready, now), [status(&Readiness::Ready)]);
    }

    #[test]
    fn statuses_that_change_with_every_look_are_told_once_a_second() {
        let start = Instant::now();
        let mut speaker = Speaker::new(None, SECOND);
        let at = |held| {
            view(Readiness::Overloaded {
                held,
                high_water: 1,
            })
        };
        speaker.step(&at(1), start);
        assert_eq!(speaker.step(&at(2), start + SECOND / 2), []);
        assert_eq!(speaker.step(&at(3), start + SECOND).len(), 1);
    }

    #[test]
    fn signs_of_life_come_at_half_the_time_and_stop_with_the_path() {
        let start = Instant::now();
        let mut speaker = Speaker::new(Some(2 * SECOND), SECOND);
        let well = view(Readiness::Ready);
        let mut beats = |view: &View, millis: u64| {
            let now = start + Duration::from_millis(millis);
            speaker.step(view, now).contains(&Said::Alive)
        };
        assert!(beats(&well, 0));
        assert!(!beats(&well, 900));
        assert!(beats(&well, 1000));
        let stuck = View {
            path: Path::Turns(SECOND),
            ..well.clone()
        };
        assert!(!beats(&stuck, 2000));
        let gone = View {
            path: Path::Ended,
            ..well.clone()
        };
        assert!(!beats(&gone, 3000));
        let ending = View {
            path: Path::Ended,
            ..view(Readiness::Draining)
        };
        assert!(beats(&ending, 4000));
    }

    #[test]
    fn the_end_is_told_once_with_the_time_that_it_may_take() {
        let start = Instant::now();
        let mut speaker = Speaker::new(None, 7 * SECOND);
        speaker.step(&view(Readiness::Ready), start);
        let ending = view(Readiness::Draining);
        let said = speaker.step(&ending, start + SECOND);
        let within = 7 * SECOND;
        assert_eq!(
            said,
            [Said::Stopping { within }, status(&Readiness::Draining)]
        );
        assert_eq!(speaker.step(&ending, start + 2 * SECOND), []);
    }
}
