//! The write front: from clients that write bodies over HTTP to a stream that has acknowledged them, against a publisher that stores the
//! same messages itself. Nothing is read from the stream meanwhile, so that all CPU of the worker is the front's.

use super::row::{Row, Target, Unit};
use super::turns::Turns;
use super::{Bench, float};
use crate::medians::Spread;
use crate::record::{Latency, Record};
use crate::scenario::{Coding, Scenario, Shape, Source};
use crate::trial::plan::Plan;

/// Messages of 50 lines, a hundred of which are a body: 900 requests.
const MESSAGES: u64 = 90_000;
/// As many as keep server and front at work, and far fewer than there is room for.
const CLIENTS: u32 = 4;
/// HTTP, a look at each line and an answer before the next request cost no more than what the floor takes for all. Packed bodies have
/// no target: what inflating them costs is the clients' choice.
const RATE: Target = Target::AtLeast(0.50);

pub(super) fn rows(bench: &mut Bench) -> anyhow::Result<Vec<Row>> {
    let mut rows = Vec::new();
    for (coding, name, rate) in [
        (Coding::Identity, "write front", RATE),
        (Coding::Gzip, "write front, gzip", Target::Told),
    ] {
        rows.extend(of(bench, coding, name, rate)?);
    }
    Ok(rows)
}

fn of(bench: &mut Bench, coding: Coding, name: &str, rate: Target) -> anyhow::Result<Vec<Row>> {
    let source = Source::Front {
        clients: CLIENTS,
        coding,
    };
    let scenario = Scenario {
        source,
        shape: Shape::Lines50,
        ..Scenario::default()
    };
    let turns = bench.turns(&Plan::new(scenario, bench.messages(MESSAGES)))?;
    let told =
        |what: &str, unit, figure| Row::new(&format!("{name}: {what}"), Target::Told, unit, figure);
    Ok(vec![
        Row::new(
            &format!("{name}: rate over the floor's"),
            rate,
            Unit::Ratio,
            turns.ratios(),
        )
        .note(turns.note(rates(&turns))),
        told("CPU a line", Unit::Nanos, turns.more_ns()),
        told(
            "a request, p50",
            Unit::Millis,
            millis(&turns, |told| told.p50),
        ),
        told(
            "a request, p99",
            Unit::Millis,
            millis(&turns, |told| told.p99),
        ),
        told(
            "memory",
            Unit::Mebibytes,
            turns.spread(|pair| float(pair.product.resident) / f64::from(1 << 20)),
        ),
    ])
}

/// What both reach: thousands of lines and MiB a second.
fn rates(turns: &Turns) -> String {
    let said = |who: &str, rate: Option<Spread>, bytes: Option<Spread>| {
        let (rate, bytes) = (rate?.median / 1e3, bytes?.median);
        Some(format!("{who} {rate:.0} k lines/s, {bytes:.0} MiB/s"))
    };
    let mebibytes = |record: &Record| record.megabytes_per_second() * 1e6 / f64::from(1 << 20);
    let floor = said(
        "the floor stores",
        turns.spread(|pair| pair.base.lines_per_second()),
        turns.spread(|pair| mebibytes(&pair.base)),
    );
    let front = said(
        "the front",
        turns.spread(|pair| pair.product.lines_per_second()),
        turns.spread(|pair| mebibytes(&pair.product)),
    );
    [floor, front]
        .into_iter()
        .flatten()
        .collect::<Vec<_>>()
        .join("; ")
}

fn millis(turns: &Turns, part: fn(&Latency) -> u64) -> Option<Spread> {
    // A value that is no number counts as absent.
    turns.spread(|pair| {
        let latency = pair.product.latency.as_ref();
        latency.map_or(f64::NAN, |latency| float(part(latency)) / 1e3)
    })
}
