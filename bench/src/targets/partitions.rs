//! Partitions, each ack-all with one owner at a time, against explicit acks; then an owner is killed in the middle. What was stored
//! and not yet acknowledged is stored again: the same line with the same timestamp is the same point, so nothing is doubled by it
//! unless it is altered too.

use super::row::{Row, Target, Unit};
use super::{Bench, Who, float};
use crate::medians::Spread;
use crate::scenario::{Scenario, Source};
use crate::trial::plan::{Incident, Plan};

/// Messages in the stream.
const MESSAGES: u64 = 3_000_000;
/// Partitions, over two workers: one lane, for which the other worker stands by, and two for each.
const PARTITIONS: [u32; 2] = [1, 4];
/// Subjects to be partitioned.
const SUBJECTS: u32 = 1_000;

pub(super) fn rows(bench: &mut Bench) -> anyhow::Result<Vec<Row>> {
    let mut rows = Vec::new();
    for partitions in PARTITIONS {
        rows.extend(over_explicit_acks(bench, partitions)?);
    }
    Ok(rows)
}

fn over_explicit_acks(bench: &mut Bench, partitions: u32) -> anyhow::Result<Vec<Row>> {
    let explicit = Scenario {
        source: Source::Explicit,
        subjects: SUBJECTS,
        ..Scenario::default()
    };
    let partitioned = Scenario {
        source: Source::Partitions(partitions),
        ..explicit
    };
    let messages = bench.messages(MESSAGES);
    let two = |scenario, messages| Plan {
        workers: 2,
        ..Plan::new(scenario, messages)
    };
    // What partitioning has changed on the server is gone with it.
    bench.fresh_server()?;
    let turns = bench.turns_against(&two(explicit, messages / 3), &two(partitioned, messages))?;
    let killed = Plan {
        incident: Incident::KillOne {
            after_lines: messages / 4,
        },
        ..two(partitioned, messages)
    };
    let killed = bench.trial(Who::Product, &killed)?.record.count;
    bench.fresh_server()?;
    Ok(vec![
        Row::new(
            &format!("partitions = {partitions}, two workers: rate over explicit acks'"),
            Target::AtLeast(2.0),
            Unit::Ratio,
            turns.ratios(),
        )
        .note(turns.note(String::new())),
        turns.none_of(
            &format!("partitions = {partitions}, two workers: lines lost, doubled or altered"),
            |record| Some(record.count.lost + record.count.doubled + record.count.altered),
        ),
        Row::new(
            &format!("partitions = {partitions}, an owner killed: lines lost, or points doubled"),
            Target::AtMost(0.0),
            Unit::Count,
            Spread::of([float(killed.lost + killed.altered)]),
        )
        .note(format!(
            "{} lines written again as they were",
            killed.doubled
        )),
    ])
}
