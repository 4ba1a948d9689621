//! Programs and scenarios come in; each program moves each scenario, in turn, again and again; a table of ratios and an account of
//! what each lost, doubled or altered go out. A program that fails costs only its own trials.

use crate::discard::figures::Alteration;
use crate::medians;
use crate::program::Program;
use crate::record::{Check, Record};
use crate::scenario::Scenario;
use crate::trial;
use crate::trial::plan::Plan;

/// What is told at the end.
pub mod answer;

/// A program that could not be measured, and why.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Missing {
    /// `vector`, ...
    pub program: String,
    /// In which scenario; none if in all.
    pub scenario: Option<Scenario>,
    /// Why.
    pub why: String,
}

/// All that came of it.
#[derive(Debug, Clone, Default)]
pub struct Outcome {
    /// The trials.
    pub records: Vec<Record>,
    /// Of each program that altered lines, the first.
    pub altered: Vec<(String, Alteration)>,
    /// What is missing from them.
    pub missing: Vec<Missing>,
}

/// Moves every plan `runs` times through every program: A B C A B C, so that whatever changes on the machine meanwhile changes for
/// all. Where lines are only counted, because knowing each would slow the store, one more turn before accounts for every line.
/// `trial` is told the number of the turn.
pub fn run(
    plans: &[Plan],
    runs: u32,
    programs: &[Box<dyn Program>],
    mut trial: impl FnMut(usize, &dyn Program, &Plan) -> anyhow::Result<trial::Outcome>,
) -> Outcome {
    let mut outcome = Outcome::default();
    let mut number = 0;
    for plan in plans {
        let mut able: Vec<&dyn Program> = Vec::new();
        for program in programs {
            match program.refuses(&plan.scenario) {
                Some(why) => outcome.miss(program.as_ref(), plan, why),
                None => able.push(program.as_ref()),
            }
        }
        for turn in turns(plan, runs) {
            able.retain(|program| match trial(number, *program, &turn) {
                Ok(moved) => {
                    outcome.add(moved);
                    true
                }
                // It is not asked again: what failed once costs its time limit each time.
                Err(error) => {
                    outcome.miss(*program, plan, format!("{error:#}"));
                    false
                }
            });
            number += 1;
        }
    }
    outcome
}

fn turns(plan: &Plan, runs: u32) -> Vec<Plan> {
    let mut turns = vec![*plan; runs as usize];
    if plan.check == Check::Count {
        let account = Plan {
            check: Check::Account,
            ..*plan
        };
        turns.insert(0, account);
    }
    turns
}

impl Outcome {
    fn add(&mut self, moved: trial::Outcome) {
        let program = &moved.record.program.name;
        let known = self.altered.iter().any(|(known, _)| known == program);
        let altered = moved.first_altered.filter(|_| !known);
        self.altered
            .extend(altered.map(|altered| (program.clone(), altered)));
        self.records.push(moved.record);
    }

    fn miss(&mut self, program: &dyn Program, plan: &Plan, why: String) {
        self.missing.push(Missing {
            program: program.name().to_owned(),
            scenario: Some(plan.scenario),
            why,
        });
    }

    /// Trials that count for the rate.
    pub fn rates(&self) -> Vec<Record> {
        medians::rated(&self.records)
    }

    /// Trials in which what became of the lines is known for sure.
    pub fn accounts(&self) -> Vec<Record> {
        let sure = |record: &&Record| record.check != Check::Count;
        self.records.iter().filter(sure).cloned().collect()
    }
}

#[cfg(test)]
mod tests;
