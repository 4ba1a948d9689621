//! Metrics that are always there: ContainerPilot's three, and what the supervisor counts of itself. Names and labels stand here once.

use std::collections::{BTreeSet, HashSet};
use std::sync::{Arc, Mutex};

use flightline_contract::lifecycle::State;
use prometheus::{IntCounterVec, IntGauge, IntGaugeVec};

use super::maker::{Following, Maker};
use crate::event::{Code, Source, Wake};

/// Values of one label that comes from configurations; reloads may bring others for ever. Enough for any container.
const MAX_NAMES: usize = 512;
/// What stands for all others.
const OTHER: &str = "other";
/// The paths of the control socket; `{}` is any one segment.
const PATHS: [&str; 13] = [
    "/v3/environ",
    "/v3/env",
    "/v3/reload",
    "/v3/metric",
    "/v3/maintenance/enable",
    "/v3/maintenance/disable",
    "/v3/ping",
    "/v4/jobs",
    "/v4/jobs/{}",
    "/v4/jobs/{}/start",
    "/v4/jobs/{}/stop",
    "/v4/jobs/{}/restart",
    "/v4/jobs/{}/signal",
];

/// What became of a pushed value: the label `outcome`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Outcome {
    Taken,
    Unknown,
    Refused,
}

impl Outcome {
    const fn as_str(self) -> &'static str {
        match self {
            Self::Taken => "taken",
            Self::Unknown => "unknown",
            Self::Refused => "refused",
        }
    }
}

/// Passing instances, and those of them that no file names.
fn of_watches(make: &Maker) -> [IntGaugeVec; 2] {
    [
        make.gauges(
            "containerpilot_watch_instances",
            "Passing instances of each watched service.",
            &["service"],
        ),
        make.gauges(
            "flightline_supervisor_watch_left_out",
            "Passing instances of each watched service that its files leave out, since what they are called could be syntax.",
            &["service"],
        ),
    ]
}

/// Handles to all of them.
#[derive(Debug)]
pub(super) struct Builtin {
    events: IntCounterVec,
    event_sources: Names,
    control: IntCounterVec,
    watches: IntGaugeVec,
    left_out: IntGaugeVec,
    watched: Mutex<BTreeSet<String>>,
    jobs: IntGaugeVec,
    transitions: IntCounterVec,
    restarts: IntCounterVec,
    restarted: Names,
    wakes: IntCounterVec,
    values: IntCounterVec,
    pub(super) log_lost: Following,
    pub(super) published: Following,
    pub(super) publish_lost: Following,
    pub(super) publish_refused: Following,
    pub(super) publish_dropped: Following,
    pub(super) notes_skipped: Following,
    pub(super) publish_waiting: IntGauge,
}

impl Builtin {
    pub(super) fn new(make: &Maker) -> Self {
        let [watches, left_out] = of_watches(make);
        Self {
            events: make.counters(
                "containerpilot_events",
                "Events by code and source.",
                &["code", "source"],
            ),
            event_sources: Names::default(),
            control: make.counters(
                "containerpilot_control_http_requests",
                "Requests to the control socket by status and path.",
                &["code", "path"],
            ),
            watches,
            left_out,
            watched: Mutex::default(),
            jobs: make.gauges("flightline_supervisor_jobs", "Jobs by state.", &["state"]),
            transitions: make.counters(
                "flightline_supervisor_transitions_total",
                "Transitions of jobs and of the supervisor itself by the state they came to.",
                &["state"],
            ),
            restarts: make.counters(
                "flightline_supervisor_restarts_total",
                "Starts after an exit, by job.",
                &["job"],
            ),
            restarted: Names::default(),
            wakes: make.counters(
                "flightline_supervisor_wakes_total",
                "What woke the loop.",
                &["kind"],
            ),
            values: make.counters(
                "flightline_supervisor_metric_values_total",
                "Values that jobs pushed, by what became of them.",
                &["outcome"],
            ),
            log_lost: make.following(
                "flightline_supervisor_log_lost_records_total",
                "Log records that the log's output did not take.",
            ),
            published: make.following(
                "flightline_supervisor_publish_done_total",
                "Changes that reached NATS.",
            ),
            publish_lost: make.following(
                "flightline_supervisor_publish_lost_total",
                "Changes that were dropped because NATS was away for too long.",
            ),
            publish_refused: make.following(
                "flightline_supervisor_publish_refused_total",
                "Changes that NATS refused for good.",
            ),
            publish_dropped: make.following(
                "flightline_supervisor_publish_dropped_total",
                "Results of checks and samples that were refused, that are no numbers, or of which there are too many names.",
            ),
            notes_skipped: make.following(
                "flightline_supervisor_consul_notes_skipped_total",
                "Changes that were not kept in Consul because too many waited.",
            ),
            publish_waiting: make.gauge(
                "flightline_supervisor_publish_waiting",
                "Changes that wait for NATS.",
            ),
        }
    }

    pub(super) fn event(&self, code: Code, source: &Source) {
        let source = match code {
            // Its text was the source in ContainerPilot: a series for each.
            Code::Error => "",
            _ => self.event_sources.bounded(source.as_str()),
        };
        self.events.with_label_values(&[code.label(), source]).inc();
    }

    pub(super) fn control_request(&self, path: &str, status: u16) {
        let known = PATHS.iter().find(|known| is_path(known, path));
        let path = known.copied().unwrap_or(OTHER);
        let code = status.to_string();
        self.control.with_label_values(&[&*code, path]).inc();
    }

    pub(super) fn watch_instances(&self, service: &str, count: usize, left_out: usize) {
        let mut watched = self.watched.lock().expect("nothing panics under this lock");
        watched.insert(service.to_owned());
        for (gauge, count) in [(&self.watches, count), (&self.left_out, left_out)] {
            let count = i64::try_from(count).unwrap_or(i64::MAX);
            gauge.with_label_values(&[service]).set(count);
        }
    }

    /// A service that was not watched until now has no instances yet; one that is not among these is forgotten.
    pub(super) fn watched(&self, services: &BTreeSet<&str>) {
        let mut watched = self.watched.lock().expect("nothing panics under this lock");
        watched.retain(|service| {
            let stays = services.contains(service.as_str());
            for gauge in [&self.watches, &self.left_out] {
                if !stays && let Err(error) = gauge.remove_label_values(&[service]) {
                    tracing::debug!(%error, "no instances of {service} were shown");
                }
            }
            stays
        });
        for service in services {
            if watched.insert((*service).to_owned()) {
                for gauge in [&self.watches, &self.left_out] {
                    gauge.with_label_values(&[service]).set(0);
                }
            }
        }
    }

    pub(super) fn jobs(&self, states: impl Iterator<Item = State>) {
        let mut counts = [0; State::ALL.len()];
        for state in states {
            let places = State::ALL.iter().zip(&mut counts);
            for (_, count) in places.filter(|(known, _)| **known == state) {
                *count += 1;
            }
        }
        for (state, count) in State::ALL.iter().zip(counts) {
            self.jobs.with_label_values(&[state.as_str()]).set(count);
        }
    }

    pub(super) fn transition(&self, to: State) {
        self.transitions.with_label_values(&[to.as_str()]).inc();
    }

    pub(super) fn restart(&self, job: &str) {
        let job = self.restarted.bounded(job);
        self.restarts.with_label_values(&[job]).inc();
    }

    pub(super) fn wake(&self, wake: &Wake) {
        let kind = match wake {
            Wake::Exited { .. } => "exited",
            Wake::Checked { .. } => "checked",
            Wake::Ready { .. } => "ready",
            Wake::Watch { .. } => "watch",
            Wake::Withdrawn { .. } => "withdrawn",
            Wake::Signal(_) => "signal",
            Wake::Prepared { .. } => "prepared",
            Wake::Turn { .. } => "turn",
            Wake::Control { .. } => "control",
        };
        self.wakes.with_label_values(&[kind]).inc();
    }

    pub(super) fn value(&self, outcome: Outcome) {
        self.values.with_label_values(&[outcome.as_str()]).inc();
    }
}

fn is_path(known: &str, path: &str) -> bool {
    let mut segments = path.split('/');
    let fits = known.split('/').all(|known| {
        let segment = segments.next();
        segment.is_some_and(|segment| known == "{}" || known == segment)
    });
    fits && segments.next().is_none()
}

/// The names that a label has had so far.
#[derive(Debug, Default)]
struct Names(Mutex<HashSet<Arc<str>>>);

impl Names {
    /// `name` while there is room for it, then [`OTHER`].
    fn bounded<'n>(&self, name: &'n str) -> &'n str {
        let mut names = self.0.lock().expect("nothing panics under this lock");
        if names.contains(name) {
            return name;
        }
        if names.len() >= MAX_NAMES {
            return OTHER;
        }
        names.insert(name.into());
        name
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_known_paths_are_labels() {
        for path in ["/v3/ping", "/v4/jobs/app", "/v4/jobs/app/restart"] {
            assert!(PATHS.iter().any(|known| is_path(known, path)), "{path}");
        }
        for path in [
            "/",
            "/v3",
            "/v3/ping/",
            "/v4/jobs/app/eat",
            "/v4/jobs/app/stop/x",
        ] {
            assert!(!PATHS.iter().any(|known| is_path(known, path)), "{path}");
        }
    }
}
