//! Two workers on one durable consumer against one: nothing lost or doubled, and not slower.

use super::Bench;
use super::row::{Row, Target, Unit};
use crate::scenario::{Scenario, Source};
use crate::trial::plan::Plan;

/// Messages in the stream.
const MESSAGES: u64 = 1_000_000;

pub(super) fn rows(bench: &mut Bench) -> anyhow::Result<Vec<Row>> {
    let scenario = Scenario {
        source: Source::Explicit,
        ..Scenario::default()
    };
    let one = Plan::new(scenario, bench.messages(MESSAGES));
    let two = Plan { workers: 2, ..one };
    let turns = bench.turns_against(&one, &two)?;
    Ok(vec![
        Row::new(
            "two workers on one consumer: rate over one's",
            Target::AtLeast(1.0),
            Unit::Ratio,
            turns.ratios(),
        )
        .note(turns.note(String::new())),
        turns.none_of(
            "two workers on one consumer: lines lost or altered",
            |record| Some(record.count.lost + record.count.altered),
        ),
        turns.none_of("two workers on one consumer: lines doubled", |record| {
            Some(record.count.doubled)
        }),
    ])
}
