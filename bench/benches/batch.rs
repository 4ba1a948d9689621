//! Wall clock of the batch: a thousand messages of one line each are put in, and it is cut.

use std::hint::black_box;

use criterion::{Criterion, Throughput, criterion_group, criterion_main};
use flightline_bench::corpus::batching::{Batching, MESSAGES};

fn batch(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("batch");
    group.throughput(Throughput::Elements(u64::from(MESSAGES)));
    let mut batching = Batching::new();
    group.bench_function("push and cut", |bencher| {
        bencher.iter(|| black_box(batching.run()));
    });
    group.finish();
}

criterion_group!(benches, batch);
criterion_main!(benches);
