//! Allocations of single steps of the path, counted in a process of its own: whoever counts them takes the place of the program's
//! allocator, and what is timed must have that one.

use std::process::Command;

use anyhow::{Context, ensure};
use flightline::decode::dialect::{Dialect, Rules};
use flightline::decode::scan::Scanner;
use flightline::delivery::Delivery;
use serde::{Deserialize, Serialize};

use super::row::{Row, Target, Unit};
use super::steps::{VARIANTS, deliveries, sensor_step};
use super::{Bench, float};
use crate::medians::Spread;
use crate::scenario::Shape;

/// The program that counts, beside this one.
pub const PROGRAM: &str = "flightline-bench-allocations";
/// Lines of a count, each from a message of its own.
const LINES: usize = 100_000;

/// Allocations for all lines of a count.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Told {
    /// Of the scanner.
    pub scanner: u64,
    /// From a JSON sensor object to line protocol.
    pub json: u64,
}

pub(super) fn rows(bench: &mut Bench) -> anyhow::Result<Vec<Row>> {
    let program = bench.own.with_file_name(PROGRAM);
    let output = Command::new(&program).output().with_context(|| {
        format!(
            "start {}: build it (cargo build --package flightline-bench, with the same profile)",
            program.display()
        )
    })?;
    let errors = String::from_utf8_lossy(&output.stderr);
    ensure!(output.status.success(), "counting allocations: {errors}");
    let told: Told = serde_json::from_slice(&output.stdout).context("counts of allocations")?;
    let row = |what: &str, count| {
        let figure = Spread::of([float(count)]);
        let row = Row::new(what, Target::AtMost(0.0), Unit::Count, figure);
        row.note(format!("for {LINES} lines, after as many"))
    };
    Ok(vec![
        row("scanner: allocations", told.scanner),
        row("JSON sensor object: allocations", told.json),
    ])
}

/// Counts with `count`, which says how often the work that it does has allocated.
///
/// # Errors
/// When a message is refused that should not be.
pub fn measure(count: impl Fn(&mut dyn FnMut()) -> u64) -> anyhow::Result<Told> {
    let mut scanner = Scanner::new(Rules::of([Dialect::V2]));
    let scanned = steady(&count, &deliveries(Shape::Line, VARIANTS), |delivery| {
        let found = scanner.pass(&delivery.payload, 0).next();
        found.is_some_and(|found| found.line.is_ok())
    })?;
    let sensors = deliveries(Shape::Sensor, VARIANTS);
    let json = steady(&count, &sensors, sensor_step()?)?;
    Ok(Told {
        scanner: scanned,
        json,
    })
}

/// Allocations of `step` once its buffers have grown to their size. It says whether it has done with the message what it should.
fn steady(
    count: impl Fn(&mut dyn FnMut()) -> u64,
    deliveries: &[Delivery],
    mut step: impl FnMut(&Delivery) -> bool,
) -> anyhow::Result<u64> {
    let mut done = 0;
    let mut pass = || {
        for delivery in deliveries.iter().cycle().take(LINES) {
            done += usize::from(step(delivery));
        }
    };
    pass();
    let counted = count(&mut pass);
    ensure!(
        done == 2 * LINES,
        "{done} of {} lines were taken",
        2 * LINES
    );
    Ok(counted)
}
