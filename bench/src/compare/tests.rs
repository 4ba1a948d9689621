//! The order of trials, and what is said when a program can't do, or fails.

use std::cell::RefCell;

use anyhow::bail;
use flightline_fixtures::process::Process;

use super::*;
use crate::medians::sample::{by, lines_in};
use crate::program::Setting;
use crate::scenario::{Shape, Source};

#[derive(Debug)]
struct Named(&'static str);

impl Program for Named {
    fn name(&self) -> &str {
        self.0
    }

    fn version(&self) -> anyhow::Result<String> {
        Ok("1.0".to_owned())
    }

    fn refuses(&self, scenario: &Scenario) -> Option<String> {
        (self.0 == "vector" && scenario.shape == Shape::Sensor).then(|| "no JSON".to_owned())
    }

    fn start(&self, _: &Setting) -> anyhow::Result<Process> {
        bail!("nothing is started here")
    }

    fn ready(&self, _: &Setting) -> bool {
        true
    }
}

fn programs() -> Vec<Box<dyn Program>> {
    ["floor", "flightline", "vector"]
        .map(|name| Box::new(Named(name)) as Box<dyn Program>)
        .into()
}

fn plan(scenarios: &[Scenario]) -> Plan {
    Plan {
        scenarios: scenarios.to_vec(),
        runs: 2,
    }
}

fn record(program: &dyn Program, scenario: Scenario, seconds: f64) -> Record {
    let mut record = by(lines_in(seconds), program.name());
    record.scenario = scenario;
    record
}

#[test]
fn programs_move_in_turn_and_each_is_accounted_for_once() {
    let order = RefCell::new(Vec::new());
    let outcome = run(
        &plan(&[Scenario::default()]),
        &programs(),
        |program, scenario, check| {
            order.borrow_mut().push((program.name().to_owned(), check));
            Ok(record(program, scenario, 1.0))
        },
    );
    let names: Vec<String> = order
        .borrow()
        .iter()
        .map(|(name, _)| name.clone())
        .collect();
    assert_eq!(names, ["floor", "flightline", "vector"].repeat(3));
    assert_eq!((outcome.accounts.len(), outcome.rates.len()), (3, 6));
    assert!(
        order.borrow()[..3]
            .iter()
            .all(|(_, check)| *check == Check::Account)
    );
}

#[test]
fn a_program_that_cannot_or_fails_is_said_and_costs_no_other() {
    let sensors = Scenario {
        shape: Shape::Sensor,
        ..Scenario::default()
    };
    let explicit = Scenario {
        source: Source::Explicit,
        ..Scenario::default()
    };
    let outcome = run(
        &plan(&[sensors, explicit]),
        &programs(),
        |program, scenario, check| {
            if program.name() == "vector" && check == Check::Count {
                bail!("it went away");
            }
            Ok(record(program, scenario, 1.0))
        },
    );
    let said = outcome.to_string();
    assert!(
        said.contains("not measured: vector in `core sensor`: no JSON"),
        "{said}"
    );
    assert!(
        said.contains("not measured: vector in `jetstream explicit line`: it went away"),
        "{said}"
    );
    assert_eq!(
        said.matches("it went away").count(),
        1,
        "it is not asked again"
    );
    assert_eq!(outcome.rates.len(), 8);
}

#[test]
fn the_table_says_how_much_faster_and_what_was_lost() {
    let outcome = run(
        &plan(&[Scenario::default()]),
        &programs(),
        |program, scenario, _| {
            let seconds = match program.name() {
                "floor" => 1.0,
                "flightline" => 1.25,
                _ => 5.0,
            };
            let mut record = record(program, scenario, seconds);
            if program.name() == "vector" {
                record.count.lost = 410_000;
                record.count.altered = 3;
            }
            Ok(record)
        },
    );
    let said = outcome.to_string();
    assert!(said.contains("4.00 × as fast"), "{said}");
    assert!(said.contains("0.80 (0.80 to 0.80)"), "{said}");
    assert!(said.contains("410000 (41.0 %)"), "{said}");
}
