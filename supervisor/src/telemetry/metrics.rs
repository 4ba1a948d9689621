//! Values of jobs and what the supervisor counts come in; the text of a scrape goes out. No call waits for anything.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, OnceLock};
use std::time::Instant;

use flightline_contract::lifecycle::State;
use prometheus::{Registry, TextEncoder};

use super::builtin::{Builtin, Outcome};
use super::declared::{self, DeclareError, Declared, Pushed, Refusal, Unfit};
use super::maker::Maker;
use super::process::Process;
use crate::config::Metric;
use crate::event::{Code, Source, Wake};
use crate::log::Log;

/// So much of a value that is refused stands in the log.
const SHOWN_VALUE: usize = 64;

/// All metrics; clones are the same ones.
#[derive(Debug, Clone)]
pub struct Metrics {
    inner: Arc<Inner>,
}

#[derive(Debug)]
struct Inner {
    registry: Registry,
    builtin: Builtin,
    process: Process,
    log: OnceLock<Log>,
    declared: Mutex<Names>,
}

/// The declared metrics and every name under which they are pushed.
#[derive(Debug, Default)]
struct Names {
    metrics: Vec<Arc<Declared>>,
    by_name: HashMap<Arc<str>, Arc<Declared>>,
}

/// What became of all that was to be published, since the present publisher started.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct PublishCounts {
    /// Changes that arrived.
    pub done: u64,
    /// Changes for which there was no room any more.
    pub lost: u64,
    /// Changes that were refused for good.
    pub refused: u64,
    /// Results of checks and samples that were not published.
    pub dropped: u64,
    /// Changes that wait now.
    pub waiting: usize,
}

impl Default for Metrics {
    fn default() -> Self {
        Self::new()
    }
}

impl Metrics {
    /// All at zero, and none declared.
    pub fn new() -> Self {
        let make = Maker::default();
        let (builtin, process) = (Builtin::new(&make), Process::new(&make));
        let (registry, _) = make.finish();
        Self {
            inner: Arc::new(Inner {
                builtin,
                process,
                registry,
                log: OnceLock::new(),
                declared: Mutex::default(),
            }),
        }
    }

    /// Takes these metrics instead of those declared before; of several with one name the last. One that was declared exactly so keeps its value; of one that is not
    /// declared any more, nothing is left.
    ///
    /// # Errors
    /// [`DeclareError`]; then the old ones stay.
    pub fn declare(&self, metrics: &[Metric]) -> Result<(), DeclareError> {
        declared::validate_all(metrics)?;
        let mut names = self.declared();
        let mut next = Names::default();
        for (index, metric) in declared::in_force(metrics) {
            let known = names.metrics.iter().find(|known| known.metric == *metric);
            let declared = match known {
                Some(known) => Arc::clone(known),
                None => Arc::new(Declared::new(metric).map_err(|error| DeclareError::Wrong {
                    index,
                    reason: Unfit::Unshowable(error.to_string()),
                })?),
            };
            next.metrics.push(declared);
        }
        // A name that is shown belongs to its metric, even if another could be pushed as the same.
        for metric in &next.metrics {
            next.by_name
                .insert(Arc::clone(&metric.shown), Arc::clone(metric));
        }
        for metric in &next.metrics {
            next.by_name
                .entry(metric.pushed.as_str().into())
                .or_insert_with(|| Arc::clone(metric));
        }
        *names = next;
        Ok(())
    }

    /// Takes in a value for the metric that is pushed as `key`: its parts joined with `_`, with or without those that are empty.
    pub fn push(&self, key: &str, text: &str) -> Pushed {
        let now = Instant::now();
        let Some(metric) = self.declared().by_name.get(key).cloned() else {
            self.inner.builtin.value(Outcome::Unknown);
            return Pushed::Unknown;
        };
        match metric.push(text, now) {
            Ok(reported) => {
                self.inner.builtin.value(Outcome::Taken);
                Pushed::Taken(reported)
            }
            Err(refusal) => {
                self.inner.builtin.value(Outcome::Refused);
                if metric.may_complain(now) {
                    refused(&metric.shown, text, refusal);
                }
                Pushed::Refused(refusal)
            }
        }
    }

    /// Something happened.
    pub fn event(&self, code: Code, source: &Source) {
        self.inner.builtin.event(code, source);
    }

    /// The control socket answered a request for `path` with `status`.
    pub fn control_request(&self, path: &str, status: u16) {
        self.inner.builtin.control_request(path, status);
    }

    /// So many instances of a watched service pass, and so many of those are in none of its files.
    pub fn watch_instances(&self, service: &str, count: usize, left_out: usize) {
        self.inner.builtin.watch_instances(service, count, left_out);
    }

    /// The watch of a service was made anew: it has seen nothing yet.
    pub fn watch_anew(&self, service: &str) {
        self.inner.builtin.watch_instances(service, 0, 0);
    }

    /// Only these services are watched from now on. One that was not until now has no instances yet.
    pub fn watched<'s>(&self, services: impl Iterator<Item = &'s str>) {
        self.inner.builtin.watched(&services.collect());
    }

    /// The state of every job.
    pub fn jobs(&self, states: impl Iterator<Item = State>) {
        self.inner.builtin.jobs(states);
    }

    /// A job came to a state.
    pub fn transition(&self, to: State) {
        self.inner.builtin.transition(to);
    }

    /// A job was started again after an exit.
    pub fn restart(&self, job: &str) {
        self.inner.builtin.restart(job);
    }

    /// The loop was woken.
    pub fn wake(&self, wake: &Wake) {
        self.inner.builtin.wake(wake);
    }

    /// How the present publisher stands. What an earlier one counted stays counted.
    pub fn publish(&self, counts: PublishCounts) {
        let builtin = &self.inner.builtin;
        builtin.published.at(counts.done);
        builtin.publish_lost.at(counts.lost);
        builtin.publish_refused.at(counts.refused);
        builtin.publish_dropped.at(counts.dropped);
        let waiting = i64::try_from(counts.waiting).unwrap_or(i64::MAX);
        builtin.publish_waiting.set(waiting);
    }

    /// Another publisher, or none: the next counts begin at zero. The last ones of the old publisher are to be told before.
    pub fn publish_restarted(&self) {
        let builtin = &self.inner.builtin;
        for counter in [
            &builtin.published,
            &builtin.publish_lost,
            &builtin.publish_refused,
            &builtin.publish_dropped,
        ] {
            counter.restarted();
        }
        builtin.publish_waiting.set(0);
    }

    /// So many changes were not kept in Consul, since its present registrar started.
    pub fn notes_skipped(&self, total: u64) {
        self.inner.builtin.notes_skipped.at(total);
    }

    /// Another registrar: the next count begins at zero. The last one of the old registrar is to be told before.
    pub fn registrar_restarted(&self) {
        self.inner.builtin.notes_skipped.restarted();
    }

    /// The log whose losses are shown; the first one stays.
    pub fn watch_log(&self, log: Log) {
        if self.inner.log.set(log).is_err() {
            tracing::debug!("the losses of another log are shown already");
        }
    }

    /// What `/metrics` shows: text 0.0.4.
    pub fn render(&self) -> String {
        let now = Instant::now();
        let Inner {
            registry,
            builtin,
            process,
            log,
            ..
        } = &*self.inner;
        process.look();
        if let Some(log) = log.get() {
            builtin.log_lost.rises(log.lost());
        }
        let mut families = registry.gather();
        let metrics = self.declared().metrics.clone();
        families.extend(metrics.iter().flat_map(|metric| metric.collect(now)));
        families.sort_by(|left, right| left.name().cmp(right.name()));
        let mut text = String::new();
        if let Err(error) = TextEncoder::new().encode_utf8(&families, &mut text) {
            // What is written so far is whole families.
            tracing::error!(%error, "telemetry: a metric cannot be shown");
        }
        text
    }

    fn declared(&self) -> MutexGuard<'_, Names> {
        self.inner
            .declared
            .lock()
            .expect("nothing that can panic runs under this lock")
    }
}

fn refused(name: &str, text: &str, refusal: Refusal) {
    let value: String = text.chars().take(SHOWN_VALUE).collect();
    tracing::error!("metric {name} got {value:?}: {refusal}");
}

#[cfg(test)]
mod tests;
