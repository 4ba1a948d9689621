//! Promise: in the steady state no message allocates, whatever it holds and whether or not the series table looks on, and no
//! series allocates when it is scraped. The whole path from the source's hands to the ack is measured by the program's own
//! test of that name; here is each shape on its own.

use std::hint::black_box;
use std::time::Instant;

use allocation_counter::measure;
use flightline::exporter::Exporter;
use flightline::exporter::accept::{Coding, Format};
use flightline_bench::corpus::batching::Batching;
use flightline_bench::corpus::decoding::{Decoding, Watch};
use flightline_bench::corpus::series::{Order, Series, exporter};
use flightline_bench::corpus::{Length, Payload};
use flightline_bench::targets::allocations::{self, Told};

/// Messages in one round.
const MESSAGES: u32 = 1_000;
/// A round ends with the cut of a batch, which may allocate: the list of its segments, and the share that gives the buffer back.
/// So many for a thousand messages are none for a message.
const PER_ROUND: u64 = 6;
/// A list of segments that grows by doubling to one for each message, where payloads travel by reference.
const GROWTH: u64 = 10;
/// Buffers of an answer: each chunk is one, and is given away.
const PER_CHUNK: u64 = 1;

#[test]
fn no_message_allocates_when_it_is_decoded() {
    for payload in Payload::ALL {
        for watch in [Watch::Nobody, Watch::Exporter] {
            let mut decoding = Decoding::new(payload, MESSAGES, watch);
            // Buffers and tables grow to their size.
            for _ in 0..3 {
                decoding.run();
            }
            let counted = measure(|| {
                decoding.run();
            });
            let allowed = match payload {
                Payload::Lines50 => PER_ROUND + GROWTH,
                Payload::Line(Length::Short | Length::Usual | Length::Long)
                | Payload::Sample
                | Payload::Sensor
                | Payload::Metrics
                | Payload::Health
                | Payload::Lifecycle
                | Payload::Point => PER_ROUND,
            };
            assert!(
                counted.count_total <= allowed,
                "{} allocations for {MESSAGES} messages of {}, {watch:?} looking on; {allowed} are the batch's",
                counted.count_total,
                payload.name(),
            );
        }
    }
}

#[test]
fn the_table_of_targets_counts_what_allocates_and_finds_nothing() {
    let told = allocations::measure(|work| measure(work).count_total).unwrap();
    assert_eq!(
        told,
        Told {
            scanner: 0,
            json: 0
        }
    );
    // The same way of counting sees what there is.
    let seen = allocations::measure(|work| {
        let count = measure(|| {
            work();
            black_box(Box::new(MESSAGES));
        });
        count.count_total
    });
    assert_eq!(
        seen.unwrap(),
        Told {
            scanner: 1,
            json: 1
        }
    );
}

#[test]
fn no_message_allocates_when_it_is_put_into_a_batch() {
    let mut batching = Batching::new();
    for _ in 0..3 {
        batching.run();
    }
    let counted = measure(|| {
        batching.run();
    });
    assert!(
        counted.count_total <= PER_ROUND,
        "{} allocations",
        counted.count_total
    );
}

#[test]
fn no_known_series_allocates_when_it_is_updated() {
    for order in [Order::Rising, Order::Random] {
        let mut series = Series::new(20_000, order);
        series.observe();
        let counted = measure(|| {
            series.observe();
        });
        assert_eq!(counted.count_total, 0, "{order}");
    }
}

/// How many chunks an answer has, and how many allocations it took.
fn scraped(exporter: &Exporter, format: Format) -> (u64, u64) {
    let mut chunks = 0;
    let counted = measure(|| {
        let answer = exporter.scrape(format, Coding::Identity, Instant::now());
        chunks = answer.map(|chunk| u64::from(!chunk.is_empty())).sum();
    });
    (chunks, counted.count_total)
}

#[test]
fn no_series_allocates_when_it_is_scraped() {
    for format in [Format::Text, Format::OpenMetrics] {
        let mut series = Series::new(20_000, Order::Rising);
        series.observe();
        // The program's own metrics are gathered by their registry, which allocates, with series or without.
        let (_, own) = scraped(&exporter(), format);
        let (chunks, all) = scraped(&series.exporter, format);
        assert!(chunks > 20, "{chunks} chunks");
        assert!(
            all <= own + chunks * PER_CHUNK,
            "{all} allocations for {chunks} chunks; {own} without series"
        );
    }
}
