//! Lines of one field each come in from a generated payload, a series table is brought up to date by them: what the benches of
//! the exporter share. Nothing is lost: no limit of the table is below what is fed.

use std::fmt;
use std::time::Instant;

use bytes::Bytes;
use flightline::config;
use flightline::decode::dialect::{Dialect, Rules};
use flightline::decode::observe::Observer;
use flightline::decode::scan::Scanner;
use flightline::exporter::Exporter;
use flightline::metrics::Metrics;
use flightline_contract::class::Class;

use crate::corpus;
use crate::scenario::Shape;

/// Lines between two looks at the clock, as the path's chunks of messages have it.
const CHUNK: u32 = 256;

/// In which order series are updated.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Order {
    /// As they were made: publishers in turn.
    Rising,
    /// Mixed, the same way each time.
    Random,
}

impl fmt::Display for Order {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Rising => "rising",
            Self::Random => "random",
        })
    }
}

/// A table, and one sample for each of its series.
#[derive(Debug)]
pub struct Series {
    /// The table.
    pub exporter: Exporter,
    payload: Bytes,
    scanner: Scanner,
}

impl Series {
    /// A table that has had a sample of each of `count` series, in the order of their numbers, and another of each in that order.
    pub fn new(count: u32, order: Order) -> Self {
        let exporter = exporter();
        let mut numbers: Vec<u32> = (0..count).collect();
        let mut scanner = Scanner::new(Rules::of([Dialect::V2]));
        observe(&exporter, &mut scanner, &payload(&numbers));
        if order == Order::Random {
            fastrand::Rng::with_seed(u64::from(count)).shuffle(&mut numbers);
        }
        Self {
            exporter,
            payload: payload(&numbers),
            scanner,
        }
    }

    /// Reads every line and does nothing with it: how many there are.
    pub fn scan(&mut self) -> u32 {
        let mut lines = 0;
        let mut pass = self.scanner.pass(&self.payload, 0);
        while let Some(found) = pass.next() {
            lines += u32::from(found.line.is_ok());
        }
        lines
    }

    /// Brings every series up to date, each line as a message of its own: how many there are.
    pub fn observe(&mut self) -> u32 {
        observe(&self.exporter, &mut self.scanner, &self.payload)
    }
}

/// A table with room for a million series.
///
/// # Panics
/// When what a trial tells the product is wrong, which the trials would say first.
pub fn exporter() -> Exporter {
    let config = config::Exporter {
        classes: Class::ALL.to_vec(),
        max_series: 1_000_000,
        max_bytes: 1 << 30,
        ..corpus::config(Shape::Sample)
            .expect("what a trial tells the product is right")
            .exporter
    };
    Exporter::new(&config, &Metrics::new(), Instant::now())
}

fn payload(numbers: &[u32]) -> Bytes {
    let lines = numbers
        .iter()
        .map(|&number| corpus::published(Shape::Sample, number));
    Bytes::from(lines.collect::<Vec<_>>().join(&b'\n'))
}

fn observe(exporter: &Exporter, scanner: &mut Scanner, payload: &Bytes) -> u32 {
    let mut lines = 0;
    let mut pass = scanner.pass(payload, 0);
    let stamp = corpus::STAMP;
    let mut more = true;
    while more {
        let now = Instant::now();
        let mut table = exporter.lock();
        for _ in 0..CHUNK {
            let Some(found) = pass.next() else {
                more = false;
                break;
            };
            if let Ok(good) = found.line {
                table.begin(&stamp, now);
                table.line(&pass.line(&good));
                lines += 1;
            }
        }
    }
    // Nothing is left to the next run.
    exporter.lock().counts();
    lines
}
