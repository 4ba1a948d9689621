//! Rates of the product over the floor's, in turn: the same scenario through the same server, clients and store.

use super::Bench;
use super::row::{Row, Target, Unit};
use crate::scenario::{Scenario, Shape, Source};
use crate::trial::plan::Plan;

/// Messages of a core trial: three seconds, roughly.
const CORE: u64 = 3_000_000;
/// Messages of 50 lines each.
const CORE_LINES50: u64 = 300_000;
/// Messages where each is acknowledged,
const EXPLICIT: u64 = 1_000_000;
/// and where one ack stands for many.
pub(super) const ACK_ALL: u64 = 2_000_000;

pub(super) fn core_line(bench: &mut Bench) -> anyhow::Result<Vec<Row>> {
    let plan = Plan::new(Scenario::default(), bench.messages(CORE));
    let turns = bench.turns(&plan)?;
    let rates = turns.spread(|pair| pair.product.lines_per_second());
    bench.saturation = rates.map(|rates| rates.median);
    Ok(vec![
        Row::new(
            "core, 150-byte lines: rate over the floor's",
            Target::AtLeast(0.90),
            Unit::Ratio,
            turns.ratios(),
        )
        .note(turns.note(String::new())),
        Row::new(
            "core, 150-byte lines: CPU a line beyond the floor's",
            Target::AtMost(150.0),
            Unit::Nanos,
            turns.more_ns(),
        ),
        turns.none_of(
            "core, 150-byte lines: messages dropped by the client",
            |record| record.count.dropped,
        ),
    ])
}

pub(super) fn core_lines50(bench: &mut Bench) -> anyhow::Result<Vec<Row>> {
    let scenario = Scenario {
        shape: Shape::Lines50,
        ..Scenario::default()
    };
    over_the_floor(
        bench,
        "core, 50 lines a message: rate over the floor's",
        0.80,
        Plan::new(scenario, bench.messages(CORE_LINES50)),
    )
}

pub(super) fn explicit(bench: &mut Bench) -> anyhow::Result<Vec<Row>> {
    let scenario = Scenario {
        source: Source::Explicit,
        ..Scenario::default()
    };
    over_the_floor(
        bench,
        "JetStream, an ack each: rate over the floor's",
        0.90,
        Plan::new(scenario, bench.messages(EXPLICIT)),
    )
}

pub(super) fn ack_all(bench: &mut Bench) -> anyhow::Result<Vec<Row>> {
    let scenario = Scenario {
        source: Source::Partitions(1),
        ..Scenario::default()
    };
    over_the_floor(
        bench,
        "JetStream, ack-all with one owner: rate over the floor's",
        0.90,
        Plan::new(scenario, bench.messages(ACK_ALL)),
    )
}

fn over_the_floor(
    bench: &mut Bench,
    what: &str,
    least: f64,
    plan: Plan,
) -> anyhow::Result<Vec<Row>> {
    let turns = bench.turns(&plan)?;
    let floor = turns.spread(|pair| pair.base.lines_per_second() / 1e3);
    let note = floor.map_or_else(String::new, |floor| {
        format!("the floor moves {:.0} k lines/s", floor.median)
    });
    Ok(vec![
        Row::new(what, Target::AtLeast(least), Unit::Ratio, turns.ratios()).note(turns.note(note)),
    ])
}
