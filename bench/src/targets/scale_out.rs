//! Two workers on one durable consumer against one: nothing lost or doubled, and not slower.

use super::row::{Row, Target, Unit};
use super::{Bench, of_product, ratios};
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
            ratios(&turns),
        ),
        Row::new(
            "two workers on one consumer: lines lost or altered",
            Target::AtMost(0.0),
            Unit::Count,
            of_product(&turns, |record| record.count.lost + record.count.altered),
        ),
        Row::new(
            "two workers on one consumer: lines doubled",
            Target::AtMost(0.0),
            Unit::Count,
            of_product(&turns, |record| record.count.doubled),
        ),
    ])
}
