//! Programs and scenarios come in; each program moves each scenario, in turn, again and again; a table of ratios and an account of
//! what each lost, doubled or altered go out. A program that fails costs only its own trials.

use crate::program::Program;
use crate::record::{Check, Record};
use crate::scenario::Scenario;

/// What is told at the end.
pub mod answer;

/// What is compared.
#[derive(Debug, Clone)]
pub struct Plan {
    /// Each of them, one after another.
    pub scenarios: Vec<Scenario>,
    /// Trials of each program in each, beside the one in which every line is accounted for.
    pub runs: u32,
}

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
    /// Trials that count for the rate.
    pub rates: Vec<Record>,
    /// Trials in which every line was accounted for.
    pub accounts: Vec<Record>,
    /// What is missing from them.
    pub missing: Vec<Missing>,
}

/// Runs the plan: the accounts first, then A B C A B C, so that whatever changes on the machine meanwhile changes for all.
pub fn run(
    plan: &Plan,
    programs: &[Box<dyn Program>],
    mut trial: impl FnMut(&dyn Program, Scenario, Check) -> anyhow::Result<Record>,
) -> Outcome {
    let mut outcome = Outcome::default();
    for scenario in &plan.scenarios {
        let mut able: Vec<&dyn Program> = Vec::new();
        for program in programs {
            match program.refuses(scenario) {
                Some(why) => outcome
                    .missing
                    .push(missing(program.as_ref(), *scenario, why)),
                None => able.push(program.as_ref()),
            }
        }
        for turn in 0..=plan.runs {
            let check = if turn == 0 {
                Check::Account
            } else {
                Check::Count
            };
            able.retain(|program| match trial(*program, *scenario, check) {
                Ok(record) => {
                    match check {
                        Check::Account => outcome.accounts.push(record),
                        Check::Count | Check::Store => outcome.rates.push(record),
                    }
                    true
                }
                // It is not asked again: what failed once costs its time limit each time.
                Err(error) => {
                    outcome
                        .missing
                        .push(missing(*program, *scenario, format!("{error:#}")));
                    false
                }
            });
        }
    }
    outcome
}

fn missing(program: &dyn Program, scenario: Scenario, why: String) -> Missing {
    Missing {
        program: program.name().to_owned(),
        scenario: Some(scenario),
        why,
    }
}

#[cfg(test)]
mod tests;
