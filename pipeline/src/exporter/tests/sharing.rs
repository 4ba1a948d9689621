//! A scrape and the path share the table: what changes between two chunks neither doubles nor hides a series.

use std::collections::BTreeMap;
use std::time::Duration;

use super::exposition;
use super::{EXPIRE, Rig, config, line};
use crate::exporter::accept::{Coding, Format};
use crate::exporter::render::{CHUNK_BYTES, CHUNK_SERIES};

fn fill(rig: &mut Rig, names: std::ops::Range<usize>) {
    rig.message(1);
    for name in names {
        line(
            &rig.exporter,
            format!("m,host=host-number-{name} x={name},y=1").as_bytes(),
        );
    }
}

#[test]
fn a_large_table_comes_in_bounded_chunks_with_each_family_in_one_piece() {
    let mut rig = Rig::new(&config());
    fill(&mut rig, 0..4_000);
    let chunks: Vec<Vec<u8>> = rig
        .exporter
        .scrape(Format::Text, Coding::Identity, rig.now)
        .collect();
    assert!(chunks.len() > 8_000 / CHUNK_SERIES);
    assert!(chunks.iter().all(|chunk| chunk.len() < CHUNK_BYTES + 1024));
    let text = String::from_utf8(chunks.concat()).unwrap();
    let shown = exposition::read(&text, Format::Text);
    assert_eq!(
        shown.keys().filter(|name| name.starts_with("m_")).count(),
        8_000
    );
}

#[test]
fn a_table_that_changes_during_a_scrape_gives_each_lasting_series_once() {
    let mut rig = Rig::new(&config());
    fill(&mut rig, 0..4_000);
    rig.pass(EXPIRE / 2);
    fill(&mut rig, 2_000..4_000);
    let mut scrape = rig
        .exporter
        .scrape(Format::OpenMetrics, Coding::Identity, rig.now);
    let mut text = Vec::new();
    for _ in 0..3 {
        text.extend(scrape.next().unwrap());
    }
    // Half of them end and are forgotten, some come back, others are new.
    rig.pass(EXPIRE / 2 + Duration::from_secs(2));
    for _ in 0..2_500 {
        rig.message(2);
    }
    fill(&mut rig, 0..500);
    rig.line(b"new,host=a x=1");
    text.extend(scrape.flatten());
    let shown = exposition::read(std::str::from_utf8(&text).unwrap(), Format::OpenMetrics);
    for name in 2_000..4_000 {
        assert!(
            shown.contains_key(&format!("m_x{{host=\"host-number-{name}\"}}")),
            "{name}"
        );
    }
    assert!(!shown.keys().any(|name| name.starts_with("new")));
    let after: BTreeMap<_, _> = rig.shown();
    assert_eq!(after.len(), 2 * 2_500 + 1);
}
