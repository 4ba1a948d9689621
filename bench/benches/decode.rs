//! Wall clock of decode for each kind of message, with the series table looking on and without. Each message is counted once,
//! whatever it holds.

use std::hint::black_box;

use criterion::{Criterion, Throughput, criterion_group, criterion_main};
use flightline_bench::corpus::Payload;
use flightline_bench::corpus::decoding::{Decoding, Watch};

/// As many as the path decodes under one lock of the table.
const MESSAGES: u32 = 256;

fn decode(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("decode");
    group.throughput(Throughput::Elements(u64::from(MESSAGES)));
    for payload in Payload::ALL {
        for (watch, beside) in [(Watch::Nobody, "alone"), (Watch::Exporter, "exporter")] {
            let mut decoding = Decoding::new(payload, MESSAGES, watch);
            decoding.run();
            let name = format!("{}/{beside}", payload.name());
            group.bench_function(name, |bencher| bencher.iter(|| black_box(decoding.run())));
        }
    }
    group.finish();
}

criterion_group!(benches, decode);
criterion_main!(benches);
