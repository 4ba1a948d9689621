//! The exporter: what a sample costs on top when series are kept, and what a table of 200,000 series costs.

use std::process::Command;

use anyhow::{Context, ensure};

use super::Bench;
use super::row::{Row, Target, Unit};
use super::series::Told;
use crate::medians::Spread;
use crate::scenario::{Scenario, Shape, Source, Switch};
use crate::trial::plan::Plan;

/// Samples of a trial.
const MESSAGES: u64 = 2_000_000;

pub(super) fn on_top(bench: &mut Bench) -> anyhow::Result<Vec<Row>> {
    // From a stream: on core subjects at full rate either may lose samples, and what is lost costs nothing. One ack for many, so that
    // acks are as little as they can be of what is compared.
    let off = Scenario {
        source: Source::Partitions(1),
        shape: Shape::Sample,
        ..Scenario::default()
    };
    let on = Scenario {
        exporter: Switch::On,
        ..off
    };
    let messages = bench.messages(MESSAGES);
    let turns = bench.turns_against(&Plan::new(off, messages), &Plan::new(on, messages))?;
    Ok(vec![
        Row::new(
            "exporter on: CPU a single-field sample on top",
            Target::AtMost(120.0),
            Unit::Nanos,
            turns.more_ns(),
        )
        .note(turns.note(String::new())),
        turns.none_of("exporter on: lines lost", |record| Some(record.count.lost)),
    ])
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
