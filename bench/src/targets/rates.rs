//! Rates of the product over the floor's, in turn: the same scenario through the same server, clients and store.

use super::row::{Row, Target, Unit};
use super::{Bench, float, more_ns, of_product, ratios};
use crate::medians::Spread;
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
    let rates = Spread::of(turns.iter().map(|turn| turn.product.lines_per_second()));
    bench.saturation = rates.map(|rates| rates.median);
    let floor_dropped = Spread::of(turns.iter().map(|turn| float(turn.base.count.lost)));
    let note = floor_dropped.map_or_else(String::new, |lost| {
        format!("the floor lost {:.0}", lost.median)
    });
    Ok(vec![
        Row::new(
            "core, 150-byte lines: rate over the floor's",
            Target::AtLeast(0.90),
            Unit::Ratio,
            ratios(&turns),
        ),
        Row::new(
            "core, 150-byte lines: CPU a line beyond the floor's",
            Target::AtMost(150.0),
            Unit::Nanos,
            more_ns(&turns),
        ),
        Row::new(
            "core, 150-byte lines: messages dropped by the client",
            Target::AtMost(0.0),
            Unit::Count,
            of_product(&turns, |record| record.count.dropped),
        )
        .note(note),
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
    let floor = Spread::of(turns.iter().map(|turn| turn.base.lines_per_second() / 1e3));
    let note = floor.map_or_else(String::new, |floor| {
        format!("the floor moves {:.0} k lines/s", floor.median)
    });
    Ok(vec![
        Row::new(what, Target::AtLeast(least), Unit::Ratio, ratios(&turns)).note(note),
    ])
}
