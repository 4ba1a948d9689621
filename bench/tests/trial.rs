//! Promise: a trial moves every message through real processes and a real server, and its record says exactly what became of them.

#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::path::PathBuf;
use std::time::Instant;

use async_nats::jetstream::consumer::PullConsumer;
use flightline_bench::jetstream;
use flightline_bench::program::floor::Floor;
use flightline_bench::program::product::Product;
use flightline_bench::program::{Program, Setting};
use flightline_bench::record::{Check, Count, Cpu, Record, Turn};
use flightline_bench::scenario::{Rate, Scenario, Shape, Source, Store, Switch};
use flightline_bench::trial::plan::{Incident, Plan};
use flightline_bench::trial::server::Choice;
use flightline_bench::trial::{Outcome, Rig};
use flightline_fixtures::process::Process;
use futures_util::StreamExt;

#[path = "built/product.rs"]
mod built;

const BENCH: &str = env!("CARGO_BIN_EXE_flightline-bench");

fn floor() -> Floor {
    Floor::new(PathBuf::from(BENCH))
}

fn product() -> Product {
    Product::new(built::product())
}

fn moved(rig: &mut Rig, program: &dyn Program, plan: &Plan) -> Record {
    let begun = Instant::now();
    let Outcome {
        record, first_line, ..
    } = rig.run(program, plan).unwrap();
    let taken = begun.elapsed();
    assert!(record.seconds > 0.0, "{record:?}");
    assert!(record.resident > 1 << 20, "{record:?}");
    assert!(first_line.as_nanos() > 0 && first_line < taken);
    // No process can have used more than all processors for as long as it took: one that was there before is not told as a whole.
    let most = taken.as_secs_f64() * f64::from(u32::try_from(record.machine.cores).unwrap());
    let Cpu {
        program,
        server,
        store,
        publisher,
    } = record.cpu;
    for cpu in [Some(program), server, store, Some(publisher)] {
        let cpu = cpu.unwrap();
        assert!((0.0..=most).contains(&cpu), "{record:?} in {taken:?}");
    }
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
            assert_eq!(record.incident, Incident::None);
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
        ..Plan::new(of(Source::Explicit, Shape::Line), 200_000)
    };
    let record = moved(&mut rig, &product(), &shared);
    assert_eq!(record.count, all(&shared, &record));
    assert_eq!(record.program.workers, 2);
    // 200,000 messages and as many acks are more than a tick of 10 ms to any server.
    assert!(record.cpu.server > Some(0.0) && record.cpu.store > Some(0.0));

    let killed = Plan {
        incident: Incident::KillOne { after_lines: 5_000 },
        ..shared
    };
    let record = moved(&mut rig, &product(), &killed);
    let count = record.count;
    assert_eq!((count.stored, count.lost, count.altered), (200_000, 0, 0));
    assert_eq!(record.incident, killed.incident, "it is known again by it");
}

#[test]
fn the_owner_of_a_partition_is_killed_and_another_takes_it_over() {
    let plan = Plan {
        workers: 2,
        incident: Incident::KillOne { after_lines: 5_000 },
        ..Plan::new(
            Scenario {
                subjects: 100,
                ..of(Source::Partitions(2), Shape::Line)
            },
            200_000,
        )
    };
    let count = moved(&mut rig(), &product(), &plan).count;
    assert_eq!((count.stored, count.lost, count.altered), (200_000, 0, 0));
}

#[test]
fn an_incident_that_never_came_fails_the_trial() {
    let plan = Plan {
        incident: Incident::KillOne {
            after_lines: 10_001,
        },
        ..Plan::new(of(Source::Explicit, Shape::Line), 10_000)
    };
    let said = rig().run(&product(), &plan).unwrap_err();
    assert!(
        format!("{said:#}").contains("move more messages"),
        "{said:#}"
    );
}

/// Leaves ten messages behind that it has read and not acknowledged.
#[derive(Debug)]
struct Careless(Floor);

impl Program for Careless {
    fn name(&self) -> &str {
        "careless"
    }

    fn version(&self) -> anyhow::Result<String> {
        self.0.version()
    }

    fn refuses(&self, scenario: &Scenario) -> Option<String> {
        self.0.refuses(scenario)
    }

    fn start(&self, setting: &Setting) -> anyhow::Result<Process> {
        self.0.start(setting)
    }

    fn ready(&self, setting: &Setting) -> bool {
        self.0.ready(setting)
    }

    fn stop(&self, worker: &mut Process, setting: &Setting) -> anyhow::Result<Option<u64>> {
        let dropped = self.0.stop(worker, setting)?;
        tokio::runtime::Runtime::new()?.block_on(take_ten(setting))?;
        Ok(dropped)
    }
}

async fn take_ten(setting: &Setting) -> anyhow::Result<()> {
    let name = format!("{}-more", setting.consumer);
    jetstream::shared(&setting.nats, &setting.stream, &name).await?;
    let context = async_nats::jetstream::new(async_nats::connect(&setting.nats).await?);
    let consumer: PullConsumer = context
        .get_consumer_from_stream(name, &setting.stream)
        .await?;
    let messages = consumer.fetch().max_messages(10).messages().await;
    let taken = messages.map_err(|error| anyhow::anyhow!(error))?.count();
    assert_eq!(taken.await, 10);
    Ok(())
}

#[test]
fn what_was_stored_and_never_acknowledged_fails_the_trial() {
    let plan = Plan::new(of(Source::Explicit, Shape::Line), 1_000);
    let said = rig().run(&Careless(floor()), &plan).unwrap_err();
    let said = format!("{said:#}");
    assert!(
        said.contains("-more: 990 messages not delivered, 10 not acknowledged"),
        "{said}"
    );
}

#[test]
fn trials_share_a_turn_only_if_they_are_told_to() {
    let mut rig = rig();
    let plan = Plan::new(of(Source::Core, Shape::Line), 1_000);
    let turn = rig.turn("a row");
    let mut run = |turn: &Turn| rig.run_in(turn, &floor(), &plan).unwrap().record;
    let (one, other) = (run(&turn), run(&turn));
    assert_eq!((&one.turn, &other.turn), (&turn, &turn));
    let alone = moved(&mut rig, &floor(), &plan);
    assert_ne!(alone.turn, turn);
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
