//! The exporter: what a sample costs on top when series are kept, and what a table of 200,000 series costs.

use std::process::Command;

use anyhow::{Context, ensure};

use super::row::{Row, Target, Unit};
use super::series::Told;
use super::{Bench, more_ns};
use crate::medians::Spread;
use crate::scenario::{Scenario, Shape, Switch};
use crate::trial::plan::Plan;

/// Samples of a trial.
const MESSAGES: u64 = 2_000_000;

pub(super) fn on_top(bench: &mut Bench) -> anyhow::Result<Vec<Row>> {
    let off = Scenario {
        shape: Shape::Sample,
        ..Scenario::default()
    };
    let on = Scenario {
        exporter: Switch::On,
        ..off
    };
    let messages = bench.messages(MESSAGES);
    let turns = bench.turns_against(&Plan::new(off, messages), &Plan::new(on, messages))?;
    Ok(vec![Row::new(
        "exporter on: CPU a single-field sample on top",
        Target::AtMost(120.0),
        Unit::Nanos,
        more_ns(&turns),
    )])
}

pub(super) fn table(bench: &mut Bench) -> anyhow::Result<Vec<Row>> {
    let mut told: Vec<Told> = Vec::new();
    for _ in 0..bench.runs {
        let output = Command::new(&bench.own).arg("series").output()?;
        let errors = String::from_utf8_lossy(&output.stderr);
        ensure!(output.status.success(), "the series table: {errors}");
        told.push(serde_json::from_slice(&output.stdout).context("figures of the series table")?);
    }
    let of = |part: fn(&Told) -> f64| Spread::of(told.iter().map(part));
    Ok(vec![
        Row::new(
            "200,000 series: a scrape",
            Target::AtMost(40.0),
            Unit::Millis,
            of(|told| told.scrape_ms),
        ),
        Row::new(
            "200,000 series: bytes a series beside its labels",
            Target::AtMost(300.0),
            Unit::Bytes,
            of(|told| told.bytes_per_series - told.label_bytes_per_series),
        ),
    ])
}
