//! Records come in; medians, spreads and ratios to the floor go out. A trial is divided by the floor's trial of its own turn, so that
//! both saw the same machine in the same mood and moved the same; a trial without one has no ratio.

use std::fmt;

use serde::{Deserialize, Serialize};
use time::OffsetDateTime;
use time::format_description::well_known::Rfc3339;

use crate::record::{Check, Program, Record};
use crate::scenario::{Rate, Scenario, Switch};
use crate::trial::plan::{Incident, Plan};

/// The name of the program that everything is divided by.
pub const FLOOR: &str = "floor";

/// The name of what is measured here.
pub const PRODUCT: &str = "flightline";

/// More noise than this part of a figure would excuse anything: what is so noisy says nothing but that it should be measured again.
pub const MOST_NOISE: f64 = 0.15;

/// The median of some runs, and how far apart they were.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Spread {
    /// Half of all runs gave less.
    pub median: f64,
    /// The least.
    pub low: f64,
    /// The most.
    pub high: f64,
    /// How many.
    pub runs: usize,
}

/// All trials of one program in one scenario.
#[derive(Debug, Clone)]
pub struct Group<'a> {
    /// What was moved.
    pub scenario: Scenario,
    /// What moved it; the version is that of its last trial.
    pub program: Program,
    /// The trials, in the order they were made.
    pub records: Vec<&'a Record>,
    /// Lines a second over the floor's, trial by trial; none for the floor itself and for trials without one.
    pub ratios: Vec<f64>,
}

impl Spread {
    /// Of some values; none of none. Values that are no numbers count as absent.
    pub fn of(values: impl IntoIterator<Item = f64>) -> Option<Self> {
        let mut sorted: Vec<f64> = values
            .into_iter()
            .filter(|value| value.is_finite())
            .collect();
        sorted.sort_by(f64::total_cmp);
        let (low, high) = (*sorted.first()?, *sorted.last()?);
        let middle = sorted.len() / 2;
        let median = if sorted.len() % 2 == 1 {
            sorted[middle]
        } else {
            f64::midpoint(sorted[middle - 1], sorted[middle])
        };
        Some(Self {
            median,
            low,
            high,
            runs: sorted.len(),
        })
    }

    /// To four digits after the point: more would be noise, in a file that people compare.
    #[must_use]
    pub fn rounded(self) -> Self {
        let round = |value: f64| (value * 1e4).round() / 1e4;
        Self {
            median: round(self.median),
            low: round(self.low),
            high: round(self.high),
            runs: self.runs,
        }
    }

    /// Half of the way from the least to the most.
    pub fn half_range(&self) -> f64 {
        (self.high - self.low) / 2.0
    }

    /// That as a part of the median.
    pub fn noise(&self) -> f64 {
        if self.half_range() == 0.0 {
            return 0.0;
        }
        (self.half_range() / self.median).abs()
    }
}

impl fmt::Display for Spread {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "{:.2} ({:.2} to {:.2}, {} run",
            self.median, self.low, self.high, self.runs
        )?;
        f.write_str(if self.runs == 1 { ")" } else { "s)" })
    }
}

impl Group<'_> {
    /// The ratio to the floor.
    pub fn ratio(&self) -> Option<Spread> {
        Spread::of(self.ratios.iter().copied())
    }

    /// Whatever else a trial gives.
    pub fn spread(&self, value: impl Fn(&Record) -> f64) -> Option<Spread> {
        Spread::of(self.records.iter().map(|record| value(record)))
    }

    /// Whether its rate says anything: a paced publisher sets it otherwise.
    pub fn at_full_rate(&self) -> bool {
        self.scenario.rate == Rate::Full
    }

    /// The program with its workers, where it had more than one.
    pub fn label(&self) -> String {
        match self.program.workers {
            0 | 1 => self.program.name.clone(),
            workers => format!("{} × {workers}", self.program.name),
        }
    }
}

/// Trials that count for rates. Those in which the store hung or a worker was killed don't; and a store that knows each line of large
/// messages is slower, so those have turns of their own, which count for what became of the lines only.
pub fn rated(records: &[Record]) -> Vec<Record> {
    let slowed = |record: &Record| {
        record.check == Check::Account && Plan::new(record.scenario, 1).check == Check::Count
    };
    let rated = records
        .iter()
        .filter(|record| record.incident == Incident::None && !slowed(record));
    rated.cloned().collect()
}

/// Those of them that moved every line. Peers may lose what they like, and are told what they lost; but a floor that lost lines is no
/// limit, and a product that did has no rate to hold against another.
pub fn whole(records: &[Record]) -> Vec<Record> {
    let ours = |record: &Record| [FLOOR, PRODUCT].contains(&record.program.name.as_str());
    let whole = rated(records).into_iter();
    whole
        .filter(|record| record.is_whole() || !ours(record))
        .collect()
}

/// Records by scenario and program: scenarios as they first appear; the floor first in each, then the product, then the peers
/// by name.
pub fn groups(records: &[Record]) -> Vec<Group<'_>> {
    let mut groups: Vec<Group<'_>> = Vec::new();
    for record in records {
        let known = groups.iter().position(|group| same(group, record));
        let at = known.unwrap_or_else(|| {
            groups.push(Group {
                scenario: record.scenario,
                program: record.program.clone(),
                records: Vec::new(),
                ratios: Vec::new(),
            });
            groups.len() - 1
        });
        groups[at]
            .program
            .version
            .clone_from(&record.program.version);
        groups[at].records.push(record);
        groups[at].ratios.extend(ratio(record, records));
    }
    let mut scenarios: Vec<Scenario> = Vec::new();
    for group in &groups {
        if !scenarios.contains(&group.scenario) {
            scenarios.push(group.scenario);
        }
    }
    groups.sort_by_cached_key(|group| {
        let scenario = scenarios.iter().position(|known| *known == group.scenario);
        let name = group.program.name.clone();
        (scenario, rank(&name), name, group.program.workers)
    });
    groups
}

/// Lines a second of one trial over the floor's of the same turn.
pub fn ratio(record: &Record, among: &[Record]) -> Option<f64> {
    if record.program.name == FLOOR {
        return None;
    }
    let floor = among.iter().find(|floor| {
        floor.program.name == FLOOR
            && floor.turn == record.turn
            && floor.machine == record.machine
            && floor.check == record.check
            && floor.count.messages == record.count.messages
            && floor.program.workers == record.program.workers
            && plain(floor.scenario) == plain(record.scenario)
    })?;
    let ratio = record.lines_per_second() / floor.lines_per_second();
    ratio.is_finite().then_some(ratio)
}

/// The moment a trial began; none if the record does not say it as it should.
pub fn moment(record: &Record) -> Option<OffsetDateTime> {
    OffsetDateTime::parse(&record.at, &Rfc3339).ok()
}

/// The floor keeps no series: its trial stands for the scenario with and without an exporter.
fn plain(scenario: Scenario) -> Scenario {
    Scenario {
        exporter: Switch::Off,
        ..scenario
    }
}

fn same(group: &Group<'_>, record: &Record) -> bool {
    group.scenario == record.scenario
        && group.program.name == record.program.name
        && group.program.workers == record.program.workers
}

fn rank(name: &str) -> usize {
    [FLOOR, PRODUCT]
        .iter()
        .position(|known| *known == name)
        .unwrap_or(2)
}

#[cfg(test)]
pub(crate) mod sample;
#[cfg(test)]
mod tests;
