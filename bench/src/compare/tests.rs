//! The order of trials, and what is said when a program can't do, or fails.

use std::cell::RefCell;
use std::time::Duration;

use anyhow::bail;
use flightline_fixtures::process::Process;

use super::*;
use crate::discard::figures::Alteration;
use crate::medians::sample::{by, lines_in};
use crate::program::Setting;
use crate::scenario::{Shape, Source};
use crate::trial;

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

fn plans(scenarios: &[Scenario]) -> Vec<Plan> {
    scenarios
        .iter()
        .map(|scenario| Plan::new(*scenario, 1_000))
        .collect()
}

fn moved(number: usize, program: &dyn Program, plan: &Plan, seconds: f64) -> trial::Outcome {
    let mut record = by(lines_in(seconds), program.name());
    record.scenario = plan.scenario;
    record.check = plan.check;
    record.turn.number = u32::try_from(number).unwrap();
    trial::Outcome {
        record,
        first_line: Duration::ZERO,
        first_altered: None,
    }
}

#[test]
fn programs_move_in_turn_and_lines_that_were_only_counted_are_accounted_for_once_more() {
    let many = Scenario {
        shape: Shape::Lines50,
        ..Scenario::default()
    };
    let order = RefCell::new(Vec::new());
    let outcome = run(&plans(&[many]), 2, &programs(), |number, program, plan| {
        order
            .borrow_mut()
            .push((program.name().to_owned(), plan.check));
        Ok(moved(number, program, plan, 1.0))
    });
    let order = order.into_inner();
    let names: Vec<&str> = order.iter().map(|(name, _)| name.as_str()).collect();
    assert_eq!(names, ["floor", "flightline", "vector"].repeat(3));
    assert!(order[..3].iter().all(|(_, check)| *check == Check::Account));
    assert!(order[3..].iter().all(|(_, check)| *check == Check::Count));
    assert_eq!((outcome.accounts().len(), outcome.rates().len()), (3, 6));
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
    let mut asked = 0;
    let outcome = run(
        &plans(&[sensors, explicit]),
        3,
        &programs(),
        |number, program, plan| {
            asked += u32::from(program.name() == "vector");
            if program.name() == "vector" && asked == 2 {
                bail!("it went away");
            }
            Ok(moved(number, program, plan, 1.0))
        },
    );
    let said = outcome.to_string();
    for line in [
        "not measured: vector in `core sensor`: no JSON",
        "not measured: vector in `jetstream explicit line`: it went away",
    ] {
        assert!(said.contains(line), "{said}");
    }
    assert_eq!(asked, 2, "it is not asked again");
    assert_eq!(outcome.records.len(), 3 * 2 + 3 * 2 + 1);
}

#[test]
fn the_table_says_how_much_faster_and_what_was_lost() {
    let outcome = run(
        &plans(&[Scenario::default()]),
        2,
        &programs(),
        |number, program, plan| {
            let seconds = match program.name() {
                "floor" => 1.0,
                "flightline" => 1.25,
                _ => 5.0,
            };
            let mut moved = moved(number, program, plan, seconds);
            if program.name() == "vector" {
                moved.record.count.lost = 410_000;
                moved.record.count.altered = 3;
                moved.first_altered = Some(Alteration {
                    sent: "a v=12.30".to_owned(),
                    stored: "a v=12.3".to_owned(),
                });
            }
            Ok(moved)
        },
    );
    let said = outcome.to_string();
    for part in [
        "4.00 × as fast",
        "0.80 (0.80 to 0.80)",
        "820000 (41.0 %)",
        "sent    a v=12.30",
        "stored  a v=12.3",
    ] {
        assert!(said.contains(part), "{part}: {said}");
    }
}
