//! Single steps of the path in this process, in nanoseconds, beside a pass over the same bytes that only looks for line ends: what
//! the machine can do at all.

use std::hint::black_box;
use std::time::Instant;

use anyhow::{Context, ensure};
use async_nats::Subject;
use flightline::batch::Body;
use flightline::decode::Decoder;
use flightline::decode::dialect::{Dialect, Rules};
use flightline::decode::observe::Nobody;
use flightline::decode::route::Router;
use flightline::decode::scan::Scanner;
use flightline::delivery::Delivery;
use flightline::exporter::Exporter;
use flightline::metrics::Metrics;

use super::Bench;
use super::row::{Row, Target, Unit};
use crate::corpus::{config, delivery, published};
use crate::medians::Spread;
use crate::payload::{newlines, subject};
use crate::scenario::Shape;

/// Different messages: more than a branch predictor learns by heart.
pub(super) const VARIANTS: u32 = 256;
/// Different series of samples.
const SERIES: u32 = 10_000;
/// Messages of one pass,
const MESSAGES: u32 = 400_000;
/// and passes, after one that is not told.
const PASSES: u32 = 9;

/// The rows of single steps.
///
/// # Errors
/// When a message is refused that should not be.
pub fn rows(_: &mut Bench) -> anyhow::Result<Vec<Row>> {
    let lines = deliveries(Shape::Line, VARIANTS);
    let memchr = passes(&lines, |delivery| newlines(&delivery.payload) == 0)?;
    let mut scanner = Scanner::new(Rules::of([Dialect::V2]));
    let scan = passes(&lines, |delivery| {
        let found = scanner.pass(&delivery.payload, 0).next();
        found.is_some_and(|found| found.line.is_ok())
    })?;
    let json = json()?;
    let on_top = on_top()?;
    let beside = |figure: Spread| match memchr {
        Some(least) => format!(
            "{:.1} times a pass that only looks for line ends",
            figure.median / least.median
        ),
        None => String::new(),
    };
    Ok(vec![
        Row::new(
            "scanner, 150-byte lines",
            Target::AtMost(60.0),
            Unit::Nanos,
            scan,
        )
        .note(scan.map(beside).unwrap_or_default()),
        Row::new(
            "JSON sensor object to line protocol",
            Target::AtMost(400.0),
            Unit::Nanos,
            json,
        ),
        Row::new(
            "series table: a single-field sample on top",
            Target::AtMost(120.0),
            Unit::Nanos,
            on_top,
        )
        .note(format!("{SERIES} series, in this process")),
    ])
}

/// Decode with the series table less decode without, pass by pass.
fn on_top() -> anyhow::Result<Option<Spread>> {
    let config = config(Shape::Sample)?;
    let exporter = Exporter::new(&config.exporter, &Metrics::new(), Instant::now());
    let router = Router::new(&config)?;
    let mut decoder = Decoder::new(&router);
    let mut body = Body::default();
    let mark = body.mark();
    let mut letters = Vec::new();
    let samples = deliveries(Shape::Sample, SERIES);
    let subject = Subject::from(subject(Shape::Sample));
    let route = router.route(&subject).context("no route")?;
    let mut without = Vec::new();
    let mut with = Vec::new();
    for _ in 0..=PASSES {
        without.push(pass(&samples, |delivery| {
            let lines = decoder.decode(delivery, &route, &mut body, &mut Nobody, &mut letters);
            body.rollback(mark);
            lines == 1
        })?);
        let now = Instant::now();
        let mut table = exporter.lock();
        with.push(pass(&samples, |delivery| {
            table.begin(&delivery.stamp, now);
            let lines = decoder.decode(delivery, &route, &mut body, &mut *table, &mut letters);
            body.rollback(mark);
            lines == 1
        })?);
    }
    // The first makes the series.
    let differences = with.iter().zip(&without).skip(1);
    Ok(Spread::of(
        differences.map(|(with, without)| with - without),
    ))
}

fn json() -> anyhow::Result<Option<Spread>> {
    passes(&deliveries(Shape::Sensor, VARIANTS), sensor_step()?)
}

/// Decodes a JSON sensor object into a body that is thrown away; says whether one line came of it.
///
/// # Errors
/// When the configuration of a trial is wrong.
pub(super) fn sensor_step() -> anyhow::Result<impl FnMut(&Delivery) -> bool> {
    let config = config(Shape::Sensor)?;
    let router = Router::new(&config)?;
    let mut decoder = Decoder::new(&router);
    let mut body = Body::default();
    let mark = body.mark();
    let mut letters = Vec::new();
    Ok(move |delivery: &Delivery| {
        let Some(route) = router.route(&delivery.subject) else {
            return false;
        };
        let lines = decoder.decode(delivery, &route, &mut body, &mut Nobody, &mut letters);
        body.rollback(mark);
        lines == 1
    })
}

/// Nanoseconds of `step` a message, in some passes.
fn passes(
    deliveries: &[Delivery],
    mut step: impl FnMut(&Delivery) -> bool,
) -> anyhow::Result<Option<Spread>> {
    pass(deliveries, &mut step)?;
    let times: anyhow::Result<Vec<f64>> =
        (0..PASSES).map(|_| pass(deliveries, &mut step)).collect();
    Ok(Spread::of(times?))
}

/// Nanoseconds of `step` a message. It says whether it has done with the message what it should.
fn pass(deliveries: &[Delivery], mut step: impl FnMut(&Delivery) -> bool) -> anyhow::Result<f64> {
    let start = Instant::now();
    let mut done = 0;
    for delivery in deliveries.iter().cycle().take(MESSAGES as usize) {
        done += u32::from(step(black_box(delivery)));
    }
    let taken = start.elapsed();
    ensure!(done == MESSAGES, "{done} of {MESSAGES} messages were taken");
    Ok(taken.as_secs_f64() * 1e9 / f64::from(MESSAGES))
}

/// Some messages of `shape`, each another.
pub(super) fn deliveries(shape: Shape, variants: u32) -> Vec<Delivery> {
    let subject = Subject::from(subject(shape));
    (0..variants)
        .map(|variant| delivery(&subject, published(shape, variant)))
        .collect()
}
