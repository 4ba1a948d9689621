//! All records come in; those that the report shows go out: one commit, one machine, and for the trend every commit of that machine.

use super::{Error, Shown};
use crate::medians::{self, PRODUCT, Spread};
use crate::record::Record;
use crate::scenario::Scenario;

/// One scenario's ratio at one commit.
#[derive(Debug, Clone, PartialEq)]
pub struct Step {
    /// The commit, as recorded.
    pub commit: String,
    /// What was moved.
    pub scenario: Scenario,
    /// How many workers shared it.
    pub workers: u32,
    /// Lines a second over the floor's.
    pub ratio: Spread,
}

/// The newest commit's records, or those of the commit that begins with `commit`.
///
/// # Errors
/// When there are none.
pub fn of(records: &[Record], commit: Option<&str>) -> Result<Shown, Error> {
    let asked = records
        .iter()
        .filter(|record| commit.is_none_or(|commit| record.commit.starts_with(commit)));
    let Some(newest) = asked.max_by_key(|record| medians::moment(record)) else {
        return Err(Error::Empty {
            of: commit.map(str::to_owned),
        });
    };
    let (here, elsewhere): (Vec<_>, Vec<_>) = records
        .iter()
        .cloned()
        .partition(|record| record.machine == newest.machine);
    let commits = commits(&here);
    Ok(Shown {
        trend: commits
            .iter()
            .flat_map(|commit| steps(&here, commit))
            .collect(),
        records: here
            .into_iter()
            .filter(|record| record.commit == newest.commit)
            .collect(),
        elsewhere: elsewhere.len(),
    })
}

/// In the order in which they were first measured.
fn commits(records: &[Record]) -> Vec<String> {
    let mut by_time: Vec<&Record> = records.iter().collect();
    by_time.sort_by_key(|record| medians::moment(record));
    let mut commits = Vec::new();
    for record in by_time {
        if !commits.contains(&record.commit) {
            commits.push(record.commit.clone());
        }
    }
    commits
}

fn steps(records: &[Record], commit: &str) -> Vec<Step> {
    let of_commit: Vec<Record> = records
        .iter()
        .filter(|record| record.commit == commit)
        .cloned()
        .collect();
    let rated = medians::whole(&of_commit);
    let groups = medians::groups(&rated);
    let rated = groups
        .iter()
        .filter(|group| group.program.name == PRODUCT && group.at_full_rate());
    rated
        .filter_map(|group| {
            Some(Step {
                commit: commit.to_owned(),
                scenario: group.scenario,
                workers: group.program.workers,
                ratio: group.ratio()?,
            })
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::medians::FLOOR;
    use crate::medians::sample::{at_minute, by, lines_in};

    fn of_commit(commit: &str, minute: u32) -> Vec<Record> {
        let both = [by(lines_in(1.0), FLOOR), lines_in(2.0)];
        let committed = both.map(|mut record| {
            commit.clone_into(&mut record.commit);
            at_minute(record, minute)
        });
        committed.to_vec()
    }

    #[test]
    fn the_newest_commit_is_shown_and_the_trend_goes_from_the_oldest_on() {
        let records = [of_commit("new", 30), of_commit("old", 0)].concat();
        let shown = of(&records, None).unwrap();
        assert!(shown.records.iter().all(|record| record.commit == "new"));
        let commits: Vec<&str> = shown
            .trend
            .iter()
            .map(|step| step.commit.as_str())
            .collect();
        assert_eq!(commits, ["old", "new"]);
    }

    #[test]
    fn a_commit_can_be_asked_for_by_its_beginning_and_another_machine_is_counted_only() {
        let mut elsewhere = lines_in(1.0);
        elsewhere.machine.cores = 64;
        let records = [of_commit("old", 0), of_commit("new", 30), vec![elsewhere]].concat();
        let shown = of(&records, Some("ol")).unwrap();
        assert_eq!((shown.records.len(), shown.elsewhere), (2, 1));
        assert!(matches!(
            of(&records, Some("none")),
            Err(Error::Empty { of: Some(_) })
        ));
    }
}
