//! From publish, as scheduled, to stored, at half the rate that the product reaches. Open loop: a message that could not be sent in
//! time is late all the same.

use anyhow::bail;

use super::row::{Row, Target, Unit};
use super::{Bench, Length, Who, float};
use crate::medians::Spread;
use crate::record::Latency;
use crate::scenario::{Rate, Scenario};
use crate::trial::plan::Plan;

/// The age at which a batch is cut.
const AGE_MS: u32 = 10;
/// Messages to find the rate with, if no row before did.
const MESSAGES: u64 = 1_500_000;
/// So often at most.
const TRIES: u32 = 5;
/// How long messages are published.
const SECONDS: u64 = 15;

pub(super) fn rows(bench: &mut Bench) -> anyhow::Result<Vec<Row>> {
    let saturation = match bench.saturation {
        Some(rate) => rate,
        None => saturation(bench)?,
    };
    let rate = half(saturation);
    let scenario = Scenario {
        rate: Rate::PerSecond(rate),
        age_ms: AGE_MS,
        ..Scenario::default()
    };
    let seconds = match bench.length {
        Length::Short => SECONDS / 3,
        Length::Full => SECONDS,
    };
    let plan = Plan::new(scenario, u64::from(rate) * seconds);
    let mut latencies = Vec::new();
    let mut lost = Vec::new();
    for _ in 0..bench.runs {
        let record = bench.trial(Who::Product, &plan)?.record;
        latencies.extend(record.latency);
        lost.push(float(record.count.lost));
    }
    let millis = |part: fn(&Latency) -> u64| {
        Spread::of(latencies.iter().map(|latency| float(part(latency)) / 1e3))
    };
    let note = format!("at {rate} lines/s");
    Ok(vec![
        Row::new(
            "latency at half the saturation rate, age 10 ms: p99",
            Target::AtMost(25.0),
            Unit::Millis,
            millis(|latency| latency.p99),
        )
        .note(note),
        Row::new(
            "its p99.9",
            Target::Told,
            Unit::Millis,
            millis(|latency| latency.p999),
        ),
        // What never came is in no percentile.
        Row::new(
            "latency: lines lost at that rate",
            Target::AtMost(0.0),
            Unit::Count,
            Spread::of(lost),
        ),
    ])
}

/// The rate of a trial in which every line arrived.
fn saturation(bench: &mut Bench) -> anyhow::Result<f64> {
    let plan = Plan::new(Scenario::default(), bench.messages(MESSAGES));
    for _ in 0..TRIES {
        let record = bench.trial(Who::Product, &plan)?.record;
        if record.is_whole() {
            return Ok(record.lines_per_second());
        }
    }
    bail!(
        "at full rate lines were lost in each of {TRIES} trials: there is no rate to take half of"
    )
}

/// In steps of a thousand: a rate that differs from run to run would make each a scenario of its own.
#[expect(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "rates are far below four billion, and positive"
)]
fn half(rate: f64) -> u32 {
    ((rate / 2e3).floor().max(1.0) as u32) * 1_000
}
