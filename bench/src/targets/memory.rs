//! The product's largest resident memory while its store hangs and a full stream waits behind it.

use super::row::{Row, Target, Unit};
use super::{Bench, Who, float};
use crate::discard::figures::Stall;
use crate::medians::Spread;
use crate::scenario::{Scenario, Source};
use crate::trial::plan::{Incident, Plan};

/// Messages in the stream.
const MESSAGES: u64 = 900_000;
/// The store hangs from so many lines on: the path is at full speed by then.
const AFTER_LINES: u64 = 50_000;
/// For so long, in a short table too: buffers fill in the first seconds, and what leaks shows in the last.
const SECONDS: u64 = 60;

pub(super) fn rows(bench: &mut Bench) -> anyhow::Result<Vec<Row>> {
    let scenario = Scenario {
        source: Source::Explicit,
        ..Scenario::default()
    };
    let stall = Stall {
        after_lines: AFTER_LINES,
        seconds: SECONDS,
    };
    let plan = Plan {
        incident: Incident::Stall(stall),
        ..Plan::new(scenario, bench.messages(MESSAGES))
    };
    let record = bench.trial(Who::Product, &plan)?.record;
    let resident = float(record.resident) / f64::from(1 << 20);
    let what = format!("memory at saturation, store stalled for {SECONDS} s (JetStream)");
    Ok(vec![
        Row::new(
            &what,
            Target::AtMost(64.0),
            Unit::Mebibytes,
            Spread::of([resident]),
        )
        .note("the largest of one run".to_owned()),
        Row::new(
            "lines lost by that",
            Target::AtMost(0.0),
            Unit::Count,
            Spread::of([float(record.count.lost)]),
        ),
    ])
}
