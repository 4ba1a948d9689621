//! Promise: a trial moves every message through real processes and a real server, and its record says exactly what became of them.

#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::path::PathBuf;
use std::process::Command;
use std::sync::OnceLock;

use flightline_bench::program::Program;
use flightline_bench::program::floor::Floor;
use flightline_bench::program::product::Product;
use flightline_bench::record::{Check, Count, Record};
use flightline_bench::scenario::{Rate, Scenario, Shape, Source, Store, Switch};
use flightline_bench::trial::plan::{Incident, Plan};
use flightline_bench::trial::server::Choice;
use flightline_bench::trial::{Outcome, Rig};

const BENCH: &str = env!("CARGO_BIN_EXE_flightline-bench");

fn floor() -> Floor {
    Floor::new(PathBuf::from(BENCH))
}

/// The product of the same profile. Tests of the whole workspace have just built it; those of this crate alone take the one that
/// is there, or build it.
fn product() -> Product {
    static BUILT: OnceLock<PathBuf> = OnceLock::new();
    let binary = BUILT.get_or_init(|| {
        let binary = PathBuf::from(BENCH).with_file_name("flightline");
        if !binary.is_file() {
            build();
        }
        binary
    });
    Product::new(binary.clone())
}

fn build() {
    let mut cargo = Command::new(env!("CARGO"));
    cargo.args(["build", "--locked", "--quiet", "--package", "flightline"]);
    if !cfg!(debug_assertions) {
        cargo.arg("--release");
    }
    // What cargo tells this test of its own package would make build scripts run again.
    for (name, _) in std::env::vars_os() {
        if name.to_string_lossy().starts_with("CARGO_PKG_") {
            cargo.env_remove(name);
        }
    }
    cargo.env_remove("CARGO_MANIFEST_DIR");
    assert!(cargo.status().unwrap().success(), "the product is built");
}

fn moved(rig: &mut Rig, program: &dyn Program, plan: &Plan) -> Record {
    let Outcome {
        record, first_line, ..
    } = rig.run(program, plan).unwrap();
    assert!(record.seconds > 0.0, "{record:?}");
    assert!(record.cpu.server.is_some() && record.resident > 1 << 20);
    assert!(first_line.as_nanos() > 0);
    record
}

/// What a count is when nothing went wrong. Core messages in this number fit into the client's queue, so none is dropped.
fn all(plan: &Plan, record: &Record) -> Count {
    let lines = match plan.scenario.shape {
        Shape::Lines50 => plan.messages * 50,
        Shape::Metrics => plan.messages * 4,
        Shape::Mix => plan.messages / 8 * 60,
        Shape::Line | Shape::Sensor | Shape::Sample => plan.messages,
    };
    Count {
        messages: plan.messages,
        lines,
        stored: lines,
        bytes: record.count.bytes,
        dropped: Some(0),
        ..Count::default()
    }
}

fn rig() -> Rig {
    Rig::start(BENCH.as_ref(), &Choice::Newest).unwrap()
}

fn of(source: Source, shape: Shape) -> Scenario {
    Scenario {
        source,
        shape,
        age_ms: 50,
        ..Scenario::default()
    }
}

#[test]
fn the_floor_and_the_product_move_every_line_of_core_and_of_a_stream() {
    let mut rig = rig();
    for source in [Source::Core, Source::Explicit] {
        let plan = Plan::new(of(source, Shape::Line), 20_000);
        for program in [&floor() as &dyn Program, &product()] {
            let record = moved(&mut rig, program, &plan);
            assert_eq!(record.count, all(&plan, &record), "{}", program.name());
            assert_eq!(record.count.bytes, 20_000 * 150);
            assert!(record.cpu.program > 0.0 && record.seconds < 60.0);
            assert_eq!(record.check, Check::Account);
        }
    }
}

#[test]
fn the_floor_acknowledges_many_messages_with_one_ack() {
    let plan = Plan::new(of(Source::Partitions(1), Shape::Line), 30_000);
    let record = moved(&mut rig(), &floor(), &plan);
    assert_eq!(record.count, all(&plan, &record));
}

#[test]
fn every_shape_is_accounted_for_whoever_writes_its_lines() {
    let mut rig = rig();
    for shape in Shape::ALL {
        let plan = Plan {
            check: Check::Account,
            ..Plan::new(
                Scenario {
                    subjects: 100,
                    exporter: Switch::On,
                    ..of(Source::Explicit, shape)
                },
                1_600,
            )
        };
        for program in [&floor() as &dyn Program, &product()] {
            let record = moved(&mut rig, program, &plan);
            assert_eq!(record.count, all(&plan, &record), "{shape}");
        }
    }
}

#[test]
fn lines_can_be_counted_where_an_account_would_weigh() {
    let plan = Plan::new(of(Source::Core, Shape::Lines50), 2_000);
    let record = moved(&mut rig(), &product(), &plan);
    assert_eq!(record.check, Check::Count);
    assert_eq!(record.count, all(&plan, &record));
}

#[test]
fn two_workers_share_a_consumer_and_one_may_be_killed() {
    let mut rig = rig();
    let shared = Plan {
        workers: 2,
        ..Plan::new(of(Source::Explicit, Shape::Line), 40_000)
    };
    let record = moved(&mut rig, &product(), &shared);
    assert_eq!(record.count, all(&shared, &record));
    assert_eq!(record.program.workers, 2);

    let killed = Plan {
        incident: Incident::KillOne { after_lines: 5_000 },
        ..shared
    };
    let count = moved(&mut rig, &product(), &killed).count;
    assert_eq!((count.stored, count.lost, count.altered), (40_000, 0, 0));
}

#[test]
fn latencies_are_told_where_a_rate_is_kept() {
    let scenario = Scenario {
        rate: Rate::PerSecond(5_000),
        ..of(Source::Core, Shape::Line)
    };
    let plan = Plan::new(scenario, 12_500);
    let record = moved(&mut rig(), &product(), &plan);
    assert_eq!(record.count, all(&plan, &record));
    let latency = record.latency.unwrap();
    // The batch's age lies between publish and stored for at least some.
    assert!(latency.max >= 25_000, "{latency:?}");
    assert!(latency.p50 <= latency.p99 && latency.p99 <= latency.max);
    assert!(record.seconds >= 2.4, "{}", record.seconds);
}

#[test]
fn real_stores_say_what_they_have() {
    let mut rig = rig();
    for store in [Store::Influxdb, Store::Victoria] {
        let scenario = Scenario {
            store,
            ..of(Source::Explicit, Shape::Line)
        };
        let plan = Plan::new(scenario, 20_000);
        let record = moved(&mut rig, &product(), &plan);
        assert_eq!(record.count, all(&plan, &record), "{scenario}");
        assert_eq!(record.check, Check::Store);
    }
}

#[test]
fn what_cannot_be_done_is_said() {
    let mut rig = rig();
    let partitions = Plan::new(of(Source::Partitions(4), Shape::Line), 10);
    let said = rig.run(&floor(), &partitions).unwrap_err();
    assert!(format!("{said:#}").contains("one owner"), "{said:#}");
    let counted = Plan {
        check: Check::Count,
        ..Plan::new(of(Source::Core, Shape::Sensor), 10)
    };
    let said = rig.run(&product(), &counted).unwrap_err();
    assert!(format!("{said:#}").contains("byte for byte"), "{said:#}");
    let absent = Product::new(PathBuf::from("no/such/flightline"));
    let plan = Plan::new(of(Source::Core, Shape::Line), 10);
    let said = rig.run(&absent, &plan).unwrap_err();
    assert!(format!("{said:#}").contains("no/such"), "{said:#}");
}
