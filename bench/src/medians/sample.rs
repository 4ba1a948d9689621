//! Made-up records for tests.

use crate::record::{Check, Count, Cpu, Latency, Machine, Program, Record, Turn};
use crate::scenario::{Rate, Scenario};
use crate::trial::plan::Incident;

/// A million lines of core subjects by the product, in so many seconds.
pub(crate) fn lines_in(seconds: f64) -> Record {
    Record {
        at: "2026-11-22T10:00:00Z".to_owned(),
        commit: "0123456789abcdef0123456789abcdef01234567".to_owned(),
        turn: Turn {
            run: "a run".to_owned(),
            row: "core line".to_owned(),
            number: 0,
        },
        machine: Machine {
            cpu: "A processor".to_owned(),
            cores: 2,
            memory: 1 << 34,
            kernel: "6.1".to_owned(),
            nats: "2.15.1".to_owned(),
        },
        program: Program {
            name: "flightline".to_owned(),
            version: "0.1.0".to_owned(),
            workers: 1,
        },
        scenario: Scenario::default(),
        incident: Incident::None,
        check: Check::Count,
        count: Count {
            messages: 1_000_000,
            lines: 1_000_000,
            bytes: 150_000_000,
            stored: 1_000_000,
            dropped: Some(0),
            ..Count::default()
        },
        seconds,
        cpu: Cpu {
            program: 0.8,
            server: Some(1.5),
            store: Some(0.1),
            publisher: 0.2,
        },
        resident: 20 << 20,
        latency: None,
    }
}

/// The same, so many minutes after ten: a turn a minute.
pub(crate) fn at_minute(mut record: Record, minute: u32) -> Record {
    record.turn.number = minute;
    record.at = format!("2026-11-22T{:02}:{:02}:00Z", 10 + minute / 60, minute % 60);
    record
}

/// The same by another program.
pub(crate) fn by(mut record: Record, name: &str) -> Record {
    name.clone_into(&mut record.program.name);
    record
}

/// The same with a kept rate and what it took.
pub(crate) fn paced(mut record: Record) -> Record {
    record.scenario.rate = Rate::PerSecond(100_000);
    record.latency = Some(Latency {
        p50: 6_000,
        p99: 14_000,
        p999: 21_000,
        max: 48_000,
    });
    record
}
