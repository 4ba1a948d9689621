//! What decode finds in a message comes in, updates of the series table go out: at once for JSON, several together for lines
//! ([`super::pending`]), always in the order they came.
//!
//! A sample replaces a newer one never: each series remembers the time of what it shows, and an older sample is refused
//! ([`Refusal::Older`]), so that redelivery and back-fill change nothing. A sample's time is its own, or its message's; a time
//! ahead of the message's counts as the message's, or one wrong clock would silence its series. Increases are added whatever
//! their time, once per message.

use std::hash::{BuildHasher, Hasher};

use flightline_contract::class::Class;
use flightline_contract::health::Health;
use flightline_contract::lifecycle::LifecycleChange;
use flightline_contract::metric::{Reading, Sample, Temporality};
use flightline_contract::value::{Labels as Pairs, Timestamp};
use smallvec::SmallVec;

use super::family::Kind;
use super::key::RawKey;
use super::name;
use super::number::number;
use super::pending::Origins;
use super::refusal::Refusal;
use super::slot::Life;
use super::table::{Described, Jobs, Owner, Scratch, Table};
use super::update::{Observations, Update};
use crate::decode::line::Line;
use crate::decode::observe::Observer;

/// What tells the raw keys of JSON payloads apart, and from a line's, whose second part is never empty.
#[derive(Debug, Clone, Copy)]
#[repr(u8)]
enum Form {
    Counter,
    Gauge,
    Histogram,
    Health,
    Transitions,
    Up,
}

impl Observer for Table {
    /// A line of line protocol: each number and boolean is the gauge `measurement_field`, or a counter if configuration says so.
    fn line(&mut self, line: &Line<'_>) {
        let time = self.sample_time(line.timestamp.map(Timestamp));
        let mut series_hash = self.hash.build_hasher();
        series_hash.write(line.series.of(line.text));
        let mut head = None;
        for field in line.fields {
            let Some(value) = number(field.kind, field.value.of(line.text)) else {
                continue;
            };
            if self.pending.is_full() {
                self.settle();
                head = None;
            }
            let key = field.key.of(line.text);
            let hash = RawKey::finish(series_hash.clone(), key);
            let head = *head.get_or_insert_with(|| self.pending.line(line, time));
            self.pending.sample(head, key, hash, value);
        }
    }

    /// A sample of a metric set, with what it means. Labels `service` and `instance` of its own
    /// become `exported_service` and `exported_instance`.
    fn sample(&mut self, service: &str, instance: &str, sample: &Sample<'_>, reading: Reading<'_>) {
        if !self.shows(Class::Metric) {
            return;
        }
        let (form, kind, update, help) = match reading {
            Reading::Counter { temporality, value } => {
                let update = match temporality {
                    Temporality::Cumulative => Update::Set(value),
                    Temporality::Delta => Update::Add(value),
                };
                (
                    Form::Counter,
                    Kind::Counter,
                    update,
                    "Counter of a metric set.",
                )
            }
            Reading::Gauge(value) => (
                Form::Gauge,
                Kind::Gauge,
                Update::Set(value),
                "Gauge of a metric set.",
            ),
            Reading::Histogram {
                temporality,
                buckets,
                sum,
                count,
            } => {
                let observations = Observations {
                    buckets,
                    sum,
                    count,
                };
                let update = match temporality {
                    Temporality::Cumulative => Update::SetHistogram(observations),
                    Temporality::Delta => Update::AddHistogram(observations),
                };
                (
                    Form::Histogram,
                    Kind::Histogram,
                    update,
                    "Histogram of a metric set.",
                )
            }
        };
        let time = self.sample_time(sample.time);
        let described = Described {
            kind,
            owner: Owner::Foreign,
            life: Life::Normal,
            help,
        };
        let parts = [service, instance, &sample.name];
        self.observe(form, &parts, &sample.labels, update, time, |scratch| {
            name::metric(&sample.name, &mut scratch.name)?;
            for (label, value) in &sample.labels.0 {
                scratch.labels.push(label, value)?;
            }
            scratch.labels.push_subject("service", service)?;
            scratch.labels.push_subject("instance", instance)?;
            Ok(described)
        });
    }

    /// The result of a check: 1 for its present status, 0 for the three others.
    fn health(&mut self, service: &str, instance: &str, health: &Health<'_>) {
        if !self.shows(Class::Health) {
            return;
        }
        let time = self.sample_time(health.time);
        let parts = [service, instance, &health.check];
        let update = Update::State(health.status);
        self.observe(
            Form::Health,
            &parts,
            &Pairs::default(),
            update,
            time,
            |scratch| {
                scratch.name.push_str("flightline_health_status");
                scratch.labels.push("service", service)?;
                scratch.labels.push("instance", instance)?;
                scratch.labels.push("check", &health.check)?;
                Ok(own(
                    Kind::State,
                    Life::Normal,
                    "1 for the present status of a check, 0 for the others.",
                ))
            },
        );
        // A check that still runs is a sign of life of the job behind it, which has the check's name if it has one.
        self.show_up(&[service, instance]);
        if self.jobs == Jobs::Named {
            self.show_up(&[service, instance, &health.check]);
        }
    }

    /// A transition of a supervised job: counted once, and whether the job serves now.
    fn transition(&mut self, service: &str, instance: &str, transition: &LifecycleChange<'_>) {
        if !self.shows(Class::Lifecycle) {
            return;
        }
        let time = self.sample_time(transition.time);
        let (from, to) = (transition.from.as_str(), transition.to.as_str());
        let job = transition.job.as_deref();
        if job.is_some() {
            self.jobs = Jobs::Named;
        }
        let mut parts: SmallVec<[&str; 5]> = SmallVec::from_slice(&[service, instance, from, to]);
        parts.extend(job);
        let none = Pairs::default();
        self.observe(
            Form::Transitions,
            &parts,
            &none,
            Update::Add(1.0),
            time,
            |scratch| {
                scratch
                    .name
                    .push_str("flightline_lifecycle_transitions_total");
                scratch.labels.push("service", service)?;
                scratch.labels.push("instance", instance)?;
                scratch.labels.push("from", from)?;
                scratch.labels.push("to", to)?;
                scratch.label_job(job)?;
                Ok(own(
                    Kind::Counter,
                    Life::Long,
                    "Transitions of supervised jobs.",
                ))
            },
        );
        let up = Update::Set(if transition.to.is_up() { 1.0 } else { 0.0 });
        let mut parts: SmallVec<[&str; 3]> = SmallVec::from_slice(&[service, instance]);
        parts.extend(job);
        self.observe(Form::Up, &parts, &none, up, time, |scratch| {
            scratch.name.push_str("flightline_up");
            scratch.labels.push("service", service)?;
            scratch.labels.push("instance", instance)?;
            scratch.label_job(job)?;
            Ok(own(
                Kind::Gauge,
                Life::Long,
                "1 while a supervised job serves.",
            ))
        });
    }
}

impl Table {
    /// Shows whether a job serves for longer, where that is known.
    fn show_up(&mut self, parts: &[&str]) {
        let none = Pairs::default();
        self.with_key(Form::Up, parts, &none, |table, key, hash, _| {
            if let Some(id) = table.find(hash, key) {
                table.show(id);
            }
        });
    }

    fn sample_time(&self, own: Option<Timestamp>) -> i64 {
        let message = self.message.time;
        own.map_or(message, |time| time.0.min(message))
    }

    fn observe(
        &mut self,
        form: Form,
        parts: &[&str],
        pairs: &Pairs<'_>,
        update: Update<'_>,
        time: i64,
        describe: impl FnOnce(&mut Scratch) -> Result<Described, Refusal>,
    ) {
        self.with_key(form, parts, pairs, |table, key, hash, scratch| {
            let outcome = match table.find(hash, key) {
                Some(id) => table.update(id, update, time),
                None => {
                    scratch.name.clear();
                    scratch.labels.clear();
                    describe(scratch).and_then(|described| {
                        table.meet(key, hash, scratch, described, update, time)
                    })
                }
            };
            table.note(outcome);
        });
    }

    /// Calls `then` with the raw key of JSON: each part with its length before it, so that no two lists of parts are the same bytes.
    fn with_key(
        &mut self,
        form: Form,
        parts: &[&str],
        pairs: &Pairs<'_>,
        then: impl FnOnce(&mut Self, RawKey<'_>, u32, &mut Scratch),
    ) {
        // A line that came before may be of the same series.
        self.settle();
        let mut scratch = std::mem::take(&mut self.scratch);
        let mut bytes = std::mem::take(&mut scratch.key);
        bytes.clear();
        bytes.push(form as u8);
        let pairs = pairs
            .0
            .iter()
            .flat_map(|(name, value)| [name.as_str(), value.as_str()]);
        for part in parts.iter().copied().chain(pairs) {
            let length = u32::try_from(part.len()).unwrap_or(u32::MAX);
            bytes.extend_from_slice(&length.to_le_bytes());
            bytes.extend_from_slice(part.as_bytes());
        }
        let key = RawKey {
            head: &bytes,
            tail: b"",
        };
        let hash = key.hash(&self.hash);
        then(self, key, hash, &mut scratch);
        scratch.key = bytes;
        self.scratch = scratch;
    }
}

impl Scratch {
    /// The supervisor's own changes name no job.
    fn label_job(&mut self, job: Option<&str>) -> Result<(), Refusal> {
        job.map_or(Ok(()), |job| self.labels.push("job", job))
    }

    /// Name and labels of a field of a line.
    pub(super) fn describe_field(
        &mut self,
        line: Origins<'_>,
        field: &[u8],
    ) -> Result<(), Refusal> {
        self.raw.clear();
        name::unescape(line.measurement.of(line.text), &mut self.raw);
        self.raw.push(b'_');
        name::unescape(field, &mut self.raw);
        self.name.clear();
        name::metric(name::utf8(&self.raw)?, &mut self.name)?;
        self.labels.clear();
        for tag in line.tags {
            self.raw.clear();
            name::unescape(tag.key.of(line.text), &mut self.raw);
            let split = self.raw.len();
            name::unescape(tag.value.of(line.text), &mut self.raw);
            let (key, value) = self.raw.split_at(split);
            self.labels.push(name::utf8(key)?, name::utf8(value)?)?;
        }
        Ok(())
    }
}

fn own(kind: Kind, life: Life, help: &'static str) -> Described {
    Described {
        kind,
        owner: Owner::Own,
        life,
        help,
    }
}
