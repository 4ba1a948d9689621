//! Instructions of the hot path, counted under callgrind and held below limits: the same count on a busy machine as on an idle
//! one, so `make test` can fail for it.
//!
//! A limit is the count that was measured last plus [`TOLERANCE`]. Whoever makes something cheaper lowers its count here in the
//! same commit; whoever must make something dearer raises it and says why there. `bench/gate` runs it and prints every count.
//!
//! What a count depends on, beside the code:
//! - the compiler: counts are those of the one in the workspace's `rust-version` or near it; a jump of several at once after
//!   an update of the compiler and nothing else means that all are to be taken anew;
//! - the processor's features, for memchr and the C library choose by them: but valgrind shows each processor that has AVX2
//!   the same one, so counts differ only on one without, or on another architecture, where [`TOLERANCE`] is wider;
//! - seeds of hash tables, which move a count by less than a thousandth.

#![expect(
    missing_docs,
    unused_qualifications,
    reason = "what the macros make of it"
)]

use std::hint::black_box;
use std::time::Instant;

use flightline::decode::dialect::Dialect;
use flightline::exporter::accept::{Coding, Format};
use flightline_bench::corpus::batching::Batching;
use flightline_bench::corpus::decoding::{Decoding, Watch};
use flightline_bench::corpus::scanning::Scanning;
use flightline_bench::corpus::series::{Order, Series};
use flightline_bench::corpus::{Length, Payload};
use gungraun::{
    Callgrind, EventKind, LibraryBenchmarkConfig, library_benchmark, library_benchmark_group, main,
};

/// Above the measured count, in percent. Five is more than an unrelated change moves by other inlining, and less than
/// a careless one costs; on other architectures only a blunder is seen.
const TOLERANCE: u64 = if cfg!(target_arch = "x86_64") { 5 } else { 60 };

/// Messages in one measurement of decode.
const MESSAGES: u32 = 100;

/// Series in one measurement of the table.
const SERIES: u32 = 1_000;

/// A limit for a count of instructions.
fn limit(measured: u64) -> LibraryBenchmarkConfig {
    let most = measured + measured * TOLERANCE / 100;
    let mut callgrind = Callgrind::default();
    callgrind.hard_limits([(EventKind::Ir, most)]);
    let mut config = LibraryBenchmarkConfig::default();
    config.tool(callgrind);
    config
}

// 100 lines.
#[library_benchmark]
#[bench::v1_150(args = (Scanning::new(Dialect::V1, Length::Usual)), config = limit(119_122))]
#[bench::v2_64(args = (Scanning::new(Dialect::V2, Length::Short)), config = limit(41_808))]
#[bench::v2_150(args = (Scanning::new(Dialect::V2, Length::Usual)), config = limit(119_122))]
#[bench::v2_1000(args = (Scanning::new(Dialect::V2, Length::Long)), config = limit(1_290_345))]
#[bench::v3_150(args = (Scanning::new(Dialect::V3, Length::Usual)), config = limit(118_718))]
fn scan(mut scanning: Scanning) -> Scanning {
    black_box(scanning.run());
    scanning
}

/// Decoding once before what is counted: tables and buffers are as they stay.
fn warm(payload: Payload, watch: Watch) -> Decoding {
    let mut decoding = Decoding::new(payload, MESSAGES, watch);
    decoding.run();
    decoding
}

// 100 messages.
#[library_benchmark(setup = warm)]
#[bench::line(args = (Payload::Line(Length::Usual), Watch::Nobody), config = limit(193_892))]
#[bench::line_watched(args = (Payload::Line(Length::Usual), Watch::Exporter), config = limit(441_631))]
#[bench::lines50(args = (Payload::Lines50, Watch::Nobody), config = limit(6_074_722))]
#[bench::sample_watched(args = (Payload::Sample, Watch::Exporter), config = limit(234_355))]
#[bench::sensor(args = (Payload::Sensor, Watch::Nobody), config = limit(714_615))]
#[bench::sensor_watched(args = (Payload::Sensor, Watch::Exporter), config = limit(836_844))]
#[bench::metrics(args = (Payload::Metrics, Watch::Nobody), config = limit(3_117_274))]
#[bench::metrics_watched(args = (Payload::Metrics, Watch::Exporter), config = limit(3_575_929))]
#[bench::health_watched(args = (Payload::Health, Watch::Exporter), config = limit(685_029))]
#[bench::lifecycle_watched(args = (Payload::Lifecycle, Watch::Exporter), config = limit(830_096))]
#[bench::point(args = (Payload::Point, Watch::Nobody), config = limit(771_680))]
fn decode(mut decoding: Decoding) -> Decoding {
    black_box(decoding.run());
    decoding
}

fn filled() -> Batching {
    let mut batching = Batching::new();
    // Buffers grow to their size.
    for _ in 0..3 {
        batching.run();
    }
    batching
}

// 1,000 messages.
#[library_benchmark]
#[bench::push_and_cut(args = (filled()), config = limit(387_892))]
fn batch(mut batching: Batching) -> Batching {
    black_box(batching.run());
    batching
}

/// A table that knows the series.
fn known(order: Order) -> Series {
    let mut series = Series::new(SERIES, order);
    series.observe();
    series
}

// 1,000 lines of one sample each, their scan included.
#[library_benchmark(setup = known)]
#[bench::rising(args = (Order::Rising), config = limit(1_564_418))]
#[bench::random(args = (Order::Random), config = limit(1_564_362))]
fn update(mut series: Series) -> Series {
    black_box(series.observe());
    series
}

// 1,000 series, and the own metrics: some 110 lines, each of which costs four times a series of the table.
#[library_benchmark]
#[bench::text(args = (known(Order::Rising), Format::Text), config = limit(910_877))]
#[bench::open_metrics(args = (known(Order::Rising), Format::OpenMetrics), config = limit(909_419))]
fn scrape(series: Series, format: Format) -> Series {
    let chunks = series
        .exporter
        .scrape(format, Coding::Identity, Instant::now());
    black_box(chunks.map(|chunk| chunk.len()).sum::<usize>());
    series
}

library_benchmark_group!(
    name = path,
    benchmarks = [scan, decode, batch, update, scrape]
);
main!(library_benchmark_groups = path);
