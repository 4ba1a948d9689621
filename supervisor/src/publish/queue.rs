//! All that waits to be published, and which of it is next. Pure: time is handed in. Changes go first, and one that has to be sent again
//! pauses before that; results and samples, of which only the latest is kept, do not wait for it.

use std::collections::BTreeMap;
use std::time::Duration;

use flightline_contract::health::Health;
use flightline_contract::lifecycle::LifecycleChange;
use flightline_contract::metric::Sample;
use flightline_contract::value::Text;
use tokio::time::Instant;

use super::beat::Beats;
use super::ring::{Ring, Settled, Tally};

/// Results that wait, one of each check, and samples, one of each series: more than a machine has. What is of one beyond is lost.
const NAMES: usize = 1024;
/// Before a change is sent again, doubled each time.
const FIRST_PAUSE: Duration = Duration::from_millis(100);
/// The longest such pause: a reader without a stream is sent the change again each time.
const LONGEST_PAUSE: Duration = Duration::from_secs(30);
/// The same at the end, when there is a deadline.
const LAST_PAUSE: Duration = Duration::from_millis(500);

/// What is to be done next.
#[derive(Debug)]
pub enum Next {
    /// Send this; it must be settled.
    Change(LifecycleChange<'static>),
    /// Send the latest result of each check; see [`Queue::landed`].
    Health(Vec<Health<'static>>),
    /// Send the latest sample of each series; see [`Queue::landed`].
    Samples(Vec<Sample<'static>>),
    /// Nothing until then, unless something new comes.
    At(Instant),
    /// Nothing until something new comes.
    Idle,
    /// Nothing any more.
    End,
}

/// Whether more will come.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Phase {
    Open,
    Ending,
}

/// What samples replace each other: name and labels, these in the order of their names. The quantiles of a summary differ in nothing else.
type Series = (Text<'static>, Vec<(Text<'static>, Text<'static>)>);

/// What waits.
#[derive(Debug)]
pub struct Queue {
    changes: Ring<LifecycleChange<'static>>,
    pause: Option<Pause>,
    beats: Beats,
    health: BTreeMap<String, Health<'static>>,
    samples: BTreeMap<Series, Sample<'static>>,
    /// Results or samples that are on their way.
    flying: usize,
    dropped: u64,
    phase: Phase,
}

/// How long the oldest change pauses.
#[derive(Debug, Clone, Copy)]
struct Pause {
    until: Instant,
    length: Duration,
}

impl Queue {
    /// Nothing yet. `ring` changes may wait; results that say the same are `beat` apart.
    pub fn new(ring: usize, beat: Duration) -> Self {
        Self {
            changes: Ring::new(ring),
            pause: None,
            beats: Beats::new(beat),
            health: BTreeMap::new(),
            samples: BTreeMap::new(),
            flying: 0,
            dropped: 0,
            phase: Phase::Open,
        }
    }

    /// Other limits. Where less room is left than is taken, the oldest changes are lost.
    pub fn resize(&mut self, ring: usize, beat: Duration) {
        self.changes.resize(ring);
        self.beats.set(beat);
    }

    /// A change.
    pub fn change(&mut self, change: LifecycleChange<'static>) {
        self.changes.push(change);
    }

    /// A result, which is taken if it is due.
    pub fn health(&mut self, health: Health<'static>, now: Instant) {
        if !self.beats.is_due(&health.check, health.status, now) {
            return;
        }
        let check = health.check.to_string();
        self.dropped += insert(&mut self.health, check, health);
    }

    /// A sample.
    pub fn sample(&mut self, sample: Sample<'static>) {
        if sample.reading().is_err() {
            self.dropped += 1;
            return;
        }
        self.dropped += insert(&mut self.samples, series(&sample), sample);
    }

    /// No more will come: what waits is sent without long pauses.
    pub fn end(&mut self) {
        self.phase = Phase::Ending;
        self.pause = None;
    }

    /// What is to be done next.
    pub fn next(&mut self, now: Instant) -> Next {
        let paused = self.pause.filter(|pause| now < pause.until);
        if paused.is_none()
            && let Some(change) = self.changes.take()
        {
            return Next::Change(change);
        }
        if !self.health.is_empty() {
            let health = std::mem::take(&mut self.health);
            self.flying = health.len();
            return Next::Health(health.into_values().collect());
        }
        if !self.samples.is_empty() {
            let samples = std::mem::take(&mut self.samples);
            self.flying = samples.len();
            return Next::Samples(samples.into_values().collect());
        }
        match (paused, self.phase) {
            (Some(pause), _) if self.changes.left() > 0 => Next::At(pause.until),
            (_, Phase::Ending) => Next::End,
            (_, Phase::Open) => Next::Idle,
        }
    }

    /// What became of the change that was sent.
    pub fn settle(&mut self, settled: Settled<LifecycleChange<'static>>, now: Instant) {
        self.pause = match &settled {
            Settled::Delivered | Settled::Refused => None,
            Settled::Again(_) => {
                let longest = match self.phase {
                    Phase::Open => LONGEST_PAUSE,
                    Phase::Ending => LAST_PAUSE,
                };
                let doubled = self.pause.map_or(FIRST_PAUSE, |pause| pause.length * 2);
                let length = doubled.min(longest);
                let until = now + length;
                Some(Pause { until, length })
            }
        };
        self.changes.settle(settled);
    }

    /// There is a new connection: nothing of the old one's troubles need be waited out.
    pub fn reconnected(&mut self) {
        self.pause = None;
    }

    /// The results or samples that were taken are no longer on their way; so many of them were refused.
    pub fn landed(&mut self, refused: usize) {
        self.flying = 0;
        self.dropped += u64::try_from(refused).unwrap_or(u64::MAX);
    }

    /// Results that could not be sent wait again, but for those of which there is a newer one.
    pub fn keep_health(&mut self, health: Vec<Health<'static>>) {
        for health in health {
            let check = health.check.to_string();
            if !self.health.contains_key(&check) {
                self.dropped += insert(&mut self.health, check, health);
            }
        }
    }

    /// The same of samples.
    pub fn keep_samples(&mut self, samples: Vec<Sample<'static>>) {
        for sample in samples {
            let series = series(&sample);
            if !self.samples.contains_key(&series) {
                self.dropped += insert(&mut self.samples, series, sample);
            }
        }
    }

    /// Changes that wait, and results and samples that do, with what is on its way.
    pub fn left(&self) -> (usize, usize) {
        (
            self.changes.left(),
            self.health.len() + self.samples.len() + self.flying,
        )
    }

    /// What became of changes that wait no longer.
    pub fn tally(&self) -> Tally {
        self.changes.tally()
    }

    /// Results and samples that were not published, nor replaced by newer ones.
    pub fn dropped(&self) -> u64 {
        self.dropped
    }
}

fn series(sample: &Sample<'static>) -> Series {
    let mut labels = sample.labels.0.to_vec();
    labels.sort_unstable();
    (sample.name.clone(), labels)
}

/// How many were lost by it: none, or the one for which there is no room.
fn insert<K: Ord, T>(waiting: &mut BTreeMap<K, T>, key: K, item: T) -> u64 {
    if waiting.len() >= NAMES && !waiting.contains_key(&key) {
        return 1;
    }
    waiting.insert(key, item);
    0
}

#[cfg(test)]
mod tests;
