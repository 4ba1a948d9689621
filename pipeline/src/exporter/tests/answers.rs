//! The answer as a scraper gets it.

use std::io::Read;

use flate2::read::GzDecoder;

use super::{Rig, config};
use crate::exporter::accept::{Coding, Format};

#[test]
fn a_compressed_answer_is_the_plain_one() {
    let mut rig = Rig::new(&config());
    for number in 0..5_000 {
        rig.line(format!("m,host=h{number} x={number}").as_bytes());
    }
    // The own metrics are brought up to date by a scrape.
    rig.text(Format::Text);
    for format in [Format::Text, Format::OpenMetrics] {
        let chunks: Vec<Vec<u8>> = rig.exporter.scrape(format, Coding::Gzip, rig.now).collect();
        assert!(chunks.len() > 1 && chunks.iter().all(|chunk| !chunk.is_empty()));
        let mut text = String::new();
        GzDecoder::new(&*chunks.concat())
            .read_to_string(&mut text)
            .unwrap();
        assert_eq!(text, rig.text(format));
    }
}

#[test]
fn own_metrics_come_first_in_both_formats() {
    let rig = Rig::new(&config());
    for format in [Format::Text, Format::OpenMetrics] {
        let text = rig.text(format);
        assert!(text.starts_with("# HELP flightline_"), "{text}");
        assert!(
            text.contains("flightline_acked_messages_total 0\n"),
            "{text}"
        );
        assert!(
            text.contains("flightline_batch_lines_bucket{le=\"+Inf\"} 0\n"),
            "{text}"
        );
    }
}
