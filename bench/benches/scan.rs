//! Wall clock of the scanner, for each dialect and length of line.

use std::hint::black_box;

use criterion::{Criterion, Throughput, criterion_group, criterion_main};
use flightline::decode::dialect::Dialect;
use flightline_bench::corpus::Length;
use flightline_bench::corpus::scanning::{LINES, Scanning};

fn scan(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("scan");
    group.throughput(Throughput::Elements(u64::from(LINES)));
    for dialect in Dialect::ALL {
        for length in Length::ALL {
            let mut scanning = Scanning::new(dialect, length);
            let name = format!("{dialect:?}/{}", length.bytes()).to_lowercase();
            group.bench_function(name, |bencher| bencher.iter(|| black_box(scanning.run())));
        }
    }
    group.finish();
}

criterion_group!(benches, scan);
criterion_main!(benches);
