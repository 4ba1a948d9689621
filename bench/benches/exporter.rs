//! Wall clock of the series table: samples in as lines, in the order of the series and at random; a scrape out. What a sample
//! costs on top of its scan is `observed` less `scanned` of the same lines.

use std::hint::black_box;
use std::time::Instant;

use criterion::{Criterion, Throughput, criterion_group, criterion_main};
use flightline::exporter::accept::{Coding, Format};
use flightline_bench::corpus::series::{Order, Series};

/// The program's allocator, for where it puts series counts.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

/// As many series as the target says, and so few that the table stays in the cache.
const SERIES: [u32; 3] = [1_000, 20_000, 200_000];

fn update(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("series/update");
    for count in SERIES {
        for order in [Order::Rising, Order::Random] {
            let mut series = Series::new(count, order);
            series.observe();
            group.throughput(Throughput::Elements(u64::from(count)));
            group.bench_function(format!("scanned/{order}/{count}"), |bencher| {
                bencher.iter(|| black_box(series.scan()));
            });
            group.bench_function(format!("observed/{order}/{count}"), |bencher| {
                bencher.iter(|| black_box(series.observe()));
            });
        }
    }
    group.finish();
}

fn scrape(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("series/scrape");
    group.throughput(Throughput::Elements(200_000));
    let mut series = Series::new(200_000, Order::Random);
    series.observe();
    let formats = [("text", Format::Text), ("openmetrics", Format::OpenMetrics)];
    for (name, format) in formats {
        group.bench_function(name, |bencher| {
            bencher.iter(|| {
                let chunks = series
                    .exporter
                    .scrape(format, Coding::Identity, Instant::now());
                black_box(chunks.map(|chunk| chunk.len()).sum::<usize>())
            });
        });
    }
    group.finish();
}

criterion_group! {
    name = benches;
    config = Criterion::default().sample_size(20);
    targets = update, scrape
}
criterion_main!(benches);
