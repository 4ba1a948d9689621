//! A table of 200,000 series is filled through decode, and scraped; how long that takes and how much memory the table has is told.
//! In a process of its own: memory that something else has left would be taken for the table's.

use std::time::Instant;

use anyhow::ensure;
use async_nats::Subject;
use flightline::batch::Body;
use flightline::decode::Decoder;
use flightline::decode::observe::Nobody;
use flightline::decode::route::Router;
use flightline::exporter::Exporter;
use flightline::exporter::accept::{Coding, Format};
use flightline::metrics::Metrics;
use serde::{Deserialize, Serialize};

use crate::corpus::{STAMP, config, delivery, published};
use crate::medians::Spread;
use crate::payload::subject;
use crate::proc;
use crate::scenario::Shape;

/// Series.
const SERIES: u32 = 200_000;
/// Scrapes, of which the median is told.
const SCRAPES: u32 = 9;

/// What is told.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct Told {
    /// One scrape as text, not compressed.
    pub scrape_ms: f64,
    /// Memory that the process has more than before, for each series.
    pub bytes_per_series: f64,
    /// Name and labels of a series, as they are shown.
    pub label_bytes_per_series: f64,
}

/// Fills the table and scrapes it.
///
/// # Errors
/// When the series are not all in it.
pub fn measure() -> anyhow::Result<Told> {
    let config = config(Shape::Sample)?;
    let metrics = Metrics::new();
    let exporter = Exporter::new(&config.exporter, &metrics, Instant::now());
    let router = Router::new(&config)?;
    let mut decoder = Decoder::new(&router);
    let mut body = Body::default();
    let mark = body.mark();
    let mut letters = Vec::new();
    let subject = Subject::from(subject(Shape::Sample));
    let mut feed = |variant, table: Option<&mut _>| -> anyhow::Result<()> {
        let delivery = delivery(&subject, published(Shape::Sample, variant));
        let route = router.route(&delivery.subject);
        let route = route.expect("the subject is one of the contract's");
        let lines = match table {
            Some(table) => decoder.decode(&delivery, &route, &mut body, table, &mut letters),
            None => decoder.decode(&delivery, &route, &mut body, &mut Nobody, &mut letters),
        };
        body.rollback(mark);
        ensure!(lines == 1, "series {variant} was refused");
        Ok(())
    };
    // What decode itself needs is there before.
    feed(0, None)?;
    let before = proc::own_memory()?;
    for variant in 0..SERIES {
        let mut table = exporter.lock();
        table.begin(&STAMP, Instant::now());
        feed(variant, Some(&mut *table))?;
    }
    let after = proc::own_memory()?;
    let held = exporter.lock().counts().series;
    ensure!(
        u32::try_from(held) == Ok(SERIES),
        "the table holds {held} series"
    );

    let mut times = Vec::new();
    let mut labels = 0;
    for _ in 0..SCRAPES {
        let start = Instant::now();
        let chunks: Vec<Vec<u8>> = exporter
            .scrape(Format::Text, Coding::Identity, start)
            .collect();
        times.push(start.elapsed().as_secs_f64() * 1e3);
        labels = label_bytes(&chunks.concat());
    }
    let each = |bytes: u64| super::float(bytes) / f64::from(SERIES);
    Ok(Told {
        scrape_ms: Spread::of(times).map_or(f64::NAN, |times| times.median),
        bytes_per_series: each(after.saturating_sub(before)),
        label_bytes_per_series: each(labels),
    })
}

/// Names and labels of all series that are not the program's own.
fn label_bytes(text: &[u8]) -> u64 {
    text.split(|byte| *byte == b'\n')
        .filter(|line| line.starts_with(b"node_load"))
        .filter_map(|line| memchr::memrchr(b' ', line))
        .map(|end| end as u64)
        .sum()
}
