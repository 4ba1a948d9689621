//! From the start of the process to the first line in the store, with a server and a stream that are there; and how large the file
//! is that is started.

use super::row::{Row, Target, Unit};
use super::{Bench, Who, float};
use crate::medians::Spread;
use crate::scenario::{Scenario, Source};
use crate::trial::plan::Plan;

/// Messages in the stream: enough for a few batches.
const MESSAGES: u64 = 20_000;
/// The age at which a batch is cut: the default would be most of the figure if batches did not fill.
const AGE_MS: u32 = 10;

pub(super) fn rows(bench: &mut Bench) -> anyhow::Result<Vec<Row>> {
    let scenario = Scenario {
        source: Source::Explicit,
        age_ms: AGE_MS,
        ..Scenario::default()
    };
    let plan = Plan::new(scenario, MESSAGES);
    let mut firsts = Vec::new();
    for _ in 0..bench.runs {
        let first = bench.trial(Who::Product, &plan)?.first_line;
        firsts.push(first.as_secs_f64() * 1e3);
    }
    let binary = bench.product.binary();
    let size = float(std::fs::metadata(binary)?.len()) / f64::from(1 << 20);
    Ok(vec![
        Row::new(
            "start to the first stored line",
            Target::AtMost(100.0),
            Unit::Millis,
            Spread::of(firsts),
        ),
        Row::new(
            "the program's file",
            Target::AtMost(20.0),
            Unit::Mebibytes,
            Spread::of([size]),
        ),
    ])
}
