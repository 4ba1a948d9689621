//! Ratios to the floor, kept from one commit to hold the next against. Records and a file come in; a verdict for each scenario
//! goes out. Ratios only: no figure of one machine is held against a figure of another.

use std::fmt;
use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};
use thiserror::Error;

use crate::medians::{self, MOST_NOISE, PRODUCT, Spread};
use crate::record::{Machine, Record};
use crate::scenario::Scenario;

/// What was once measured.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Baseline {
    /// The commit that was measured.
    pub commit: String,
    /// When its last trial began.
    pub at: String,
    /// Where.
    pub machine: Machine,
    /// Each scenario's ratio.
    pub rows: Vec<Row>,
}

/// One scenario's ratio.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Row {
    /// What was moved.
    pub scenario: Scenario,
    /// How many workers shared it.
    pub workers: u32,
    /// Lines a second over the floor's.
    pub ratio: Spread,
}

/// Why there is no baseline.
#[derive(Debug, Error)]
pub enum Error {
    /// It can't be read or written.
    #[error("{}: {source}", path.display())]
    File {
        /// Which file.
        path: PathBuf,
        /// What the system said.
        source: io::Error,
    },
    /// It is no baseline.
    #[error("{} is no baseline ({source}); write a new one with `report --save-baseline FILE`", path.display())]
    Form {
        /// Which file.
        path: PathBuf,
        /// Where it goes wrong.
        source: serde_json::Error,
    },
    /// The records hold nothing to keep.
    #[error(
        "no trial of {PRODUCT} at full rate with a floor in the same turn, in which neither lost lines: run `e2e --floor`"
    )]
    Empty,
}

impl Baseline {
    /// From the product's trials at full rate that have a floor beside them.
    ///
    /// # Errors
    /// When there are none.
    pub fn of(records: &[Record]) -> Result<Self, Error> {
        let rows = rows(records);
        let last = records
            .iter()
            .filter(|record| record.program.name == PRODUCT)
            .max_by_key(|record| medians::moment(record));
        let Some(last) = last.filter(|_| !rows.is_empty()) else {
            return Err(Error::Empty);
        };
        Ok(Self {
            commit: last.commit.clone(),
            at: last.at.clone(),
            machine: last.machine.clone(),
            rows,
        })
    }

    /// From a file.
    ///
    /// # Errors
    /// When it can't be read, or is no baseline.
    pub fn load(path: &Path) -> Result<Self, Error> {
        let text = fs::read(path).map_err(|source| Error::File {
            path: path.to_owned(),
            source,
        })?;
        serde_json::from_slice(&text).map_err(|source| Error::Form {
            path: path.to_owned(),
            source,
        })
    }

    /// Into a file.
    ///
    /// # Errors
    /// When it can't be written.
    pub fn save(&self, path: &Path) -> Result<(), Error> {
        let mut text = serde_json::to_string_pretty(self).expect("a baseline is plain data");
        text.push('\n');
        fs::write(path, text).map_err(|source| Error::File {
            path: path.to_owned(),
            source,
        })
    }
}

/// The least difference that is taken for one: turns of one run differ by about as much on a quiet machine.
pub const LEAST_NOISE: f64 = 0.05;

/// What became of one scenario.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Verdict {
    /// Within the noise.
    Held,
    /// Better by more than the noise.
    Better,
    /// Worse by more than the noise: a failure.
    Worse,
    /// Runs of one of the two differ so much that nothing can be said: a failure too, or noise would hide whatever became worse.
    TooNoisy,
    /// Not in the baseline.
    New,
    /// In the baseline, not among the records.
    Unmeasured,
}

/// One scenario, then and now.
#[derive(Debug, Clone, PartialEq)]
pub struct Change {
    /// What was moved.
    pub scenario: Scenario,
    /// How many workers shared it.
    pub workers: u32,
    /// The baseline's ratio.
    pub then: Option<Spread>,
    /// The records' ratio.
    pub now: Option<Spread>,
    /// What is taken for noise, as a part of the baseline's ratio.
    pub noise: f64,
    /// What follows.
    pub verdict: Verdict,
}

/// All of them.
#[derive(Debug, Clone, PartialEq)]
pub struct Comparison {
    /// The commit of the baseline.
    pub commit: String,
    /// What differs between the two machines; ratios are compared nevertheless.
    pub machine: Vec<String>,
    /// Each scenario.
    pub changes: Vec<Change>,
}

impl Comparison {
    /// Whether no scenario is worse, as far as can be said of each.
    pub fn holds(&self) -> bool {
        self.changes.iter().all(|change| match change.verdict {
            Verdict::Held | Verdict::Better | Verdict::New | Verdict::Unmeasured => true,
            Verdict::Worse | Verdict::TooNoisy => false,
        })
    }
}

/// Holds records against a baseline.
pub fn compare(baseline: &Baseline, records: &[Record]) -> Comparison {
    let now = rows(records);
    let known = baseline.rows.iter().map(|then| {
        let found = now.iter().find(|now| alike(then, now));
        change(
            then.scenario,
            then.workers,
            Some(then.ratio),
            found.map(|row| row.ratio),
        )
    });
    let new = now
        .iter()
        .filter(|now| !baseline.rows.iter().any(|then| alike(then, now)));
    let new = new.map(|row| change(row.scenario, row.workers, None, Some(row.ratio)));
    let machine = records
        .last()
        .map(|record| differences(&baseline.machine, &record.machine));
    Comparison {
        commit: baseline.commit.clone(),
        machine: machine.unwrap_or_default(),
        changes: known.chain(new).collect(),
    }
}

/// The larger of the two spreads, and never less than what a quiet machine gives.
fn change(scenario: Scenario, workers: u32, then: Option<Spread>, now: Option<Spread>) -> Change {
    let of = |spread: Option<Spread>| spread.map_or(0.0, |spread| spread.noise());
    let noise = LEAST_NOISE.max(of(then)).max(of(now));
    let verdict = match (then, now) {
        (Some(then), Some(now)) if noise > MOST_NOISE => beyond_noise(then, now),
        (Some(then), Some(now)) if now.median < then.median * (1.0 - noise) => Verdict::Worse,
        (Some(then), Some(now)) if now.median > then.median * (1.0 + noise) => Verdict::Better,
        (Some(_), Some(_)) => Verdict::Held,
        (None, _) => Verdict::New,
        (Some(_), None) => Verdict::Unmeasured,
    };
    Change {
        scenario,
        workers,
        then,
        now,
        noise,
        verdict,
    }
}

/// What noise says nothing about: all runs are better than all runs were, or worse.
fn beyond_noise(then: Spread, now: Spread) -> Verdict {
    if now.low >= then.high {
        Verdict::Better
    } else if now.high < then.low {
        Verdict::Worse
    } else {
        Verdict::TooNoisy
    }
}

fn rows(records: &[Record]) -> Vec<Row> {
    let rated = medians::whole(records);
    let groups = medians::groups(&rated);
    let kept = groups
        .iter()
        .filter(|group| group.program.name == PRODUCT && group.at_full_rate());
    kept.filter_map(|group| {
        Some(Row {
            scenario: group.scenario,
            workers: group.program.workers,
            ratio: group.ratio()?.rounded(),
        })
    })
    .collect()
}

fn alike(one: &Row, other: &Row) -> bool {
    one.scenario == other.scenario && one.workers == other.workers
}

fn differences(then: &Machine, now: &Machine) -> Vec<String> {
    let pairs = [
        ("processor", then.cpu.clone(), now.cpu.clone()),
        ("cores", then.cores.to_string(), now.cores.to_string()),
        ("kernel", then.kernel.clone(), now.kernel.clone()),
        ("nats-server", then.nats.clone(), now.nats.clone()),
    ];
    let differing = pairs.into_iter().filter(|(_, then, now)| then != now);
    differing
        .map(|(what, then, now)| format!("{what}: {then} then, {now} now"))
        .collect()
}

impl fmt::Display for Verdict {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Held => "held",
            Self::Better => "better",
            Self::Worse => "WORSE",
            Self::TooNoisy => "TOO NOISY",
            Self::New => "new",
            Self::Unmeasured => "not measured",
        })
    }
}

/// As text.
mod text;
#[cfg(test)]
mod tests;
