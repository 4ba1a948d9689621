//! Promise: a trial of a write front writes every body through it and tells what that took; it fails if a request is not answered 204,
//! or what was answered is not in the stream, each line once, in the very messages that the floor publishes.

#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::path::PathBuf;

use flightline_bench::program::floor::Floor;
use flightline_bench::program::product::Product;
use flightline_bench::program::{Door, Program, Setting};
use flightline_bench::record::{Check, Count};
use flightline_bench::scenario::{Coding, Scenario, Shape, Source};
use flightline_bench::trial::Rig;
use flightline_bench::trial::plan::Plan;
use flightline_bench::trial::server::Choice;
use flightline_fixtures::process::Process;

#[path = "built/product.rs"]
mod built;

const BENCH: &str = env!("CARGO_BIN_EXE_flightline-bench");
/// Seven bodies, of which the last is not full.
const LINES: u64 = 31_000;

fn rig() -> Rig {
    Rig::start(BENCH.as_ref(), &Choice::Newest).unwrap()
}

fn floor() -> Floor {
    Floor::new(PathBuf::from(BENCH))
}

fn product() -> Product {
    Product::new(built::product())
}

fn plan(coding: Coding, shape: Shape, messages: u64) -> Plan {
    let source = Source::Front { clients: 3, coding };
    Plan::new(
        Scenario {
            source,
            shape,
            ..Scenario::default()
        },
        messages,
    )
}

#[test]
fn the_floor_and_the_front_store_every_line_of_plain_and_packed_bodies() {
    let mut rig = rig();
    for (coding, shape, messages) in [
        (Coding::Identity, Shape::Line, LINES),
        (Coding::Gzip, Shape::Lines50, LINES / 50),
    ] {
        let plan = plan(coding, shape, messages);
        let turn = rig.turn("a row");
        let [floor, front] = [&floor() as &dyn Program, &product()]
            .map(|program| rig.run_in(&turn, program, &plan).unwrap().record);
        for record in [&floor, &front] {
            let all = Count {
                messages,
                lines: LINES,
                stored: LINES,
                bytes: record.count.bytes,
                dropped: Some(0),
                ..Count::default()
            };
            assert_eq!(record.count, all, "{}", record.program.name);
            assert_eq!(record.check, Check::Account);
            assert!(record.seconds > 0.0 && record.seconds < 60.0, "{record:?}");
        }
        assert_eq!(floor.count.bytes, front.count.bytes);
        // There is no program at the floor, and nobody asks it for anything.
        assert_eq!((floor.cpu.program, floor.resident), (0.0, 0));
        assert_eq!(floor.latency, None);
        assert!(front.cpu.program > 0.0 && front.resident > 1 << 20);
        let latency = front.latency.unwrap();
        assert!(latency.p50 > 0 && latency.p50 <= latency.p99 && latency.p99 <= latency.max);
    }
}

/// The product, but that clients write somewhere else.
#[derive(Debug)]
struct Elsewhere(Product, fn(&Setting) -> String);

impl Program for Elsewhere {
    fn name(&self) -> &str {
        "elsewhere"
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

    fn door(&self, setting: &Setting) -> anyhow::Result<Door> {
        Ok(Door::Http((self.1)(setting)))
    }
}

fn failed(door: fn(&Setting) -> String, lines: u64) -> String {
    let plan = plan(Coding::Identity, Shape::Line, lines);
    let said = rig().run(&Elsewhere(product(), door), &plan).unwrap_err();
    format!("{said:#}")
}

#[test]
fn what_is_answered_and_not_in_the_stream_fails_the_trial() {
    // The store that discards answers 204 to whatever is written.
    let said = failed(|setting| setting.store.url.replace("http://", ""), LINES);
    assert!(said.contains("the stream lacks 31000"), "{said}");
}

#[test]
fn any_other_answer_than_204_fails_the_trial_with_its_words() {
    // Few: who answers without reading a body may close before a long one is written, and the answer is lost.
    let said = failed(|setting| format!("127.0.0.1:{}", setting.port), 10);
    assert!(said.contains("404 Not Found instead of 204"), "{said}");
}

#[test]
fn what_takes_no_writes_over_http_is_refused() {
    #[derive(Debug)]
    struct Reader(Floor);

    impl Program for Reader {
        fn name(&self) -> &str {
            "reader"
        }

        fn version(&self) -> anyhow::Result<String> {
            self.0.version()
        }

        fn refuses(&self, _: &Scenario) -> Option<String> {
            None
        }

        fn start(&self, setting: &Setting) -> anyhow::Result<Process> {
            self.0.start(setting)
        }

        fn ready(&self, setting: &Setting) -> bool {
            self.0.ready(setting)
        }
    }

    let plan = plan(Coding::Identity, Shape::Line, LINES);
    let said = rig().run(&Reader(floor()), &plan).unwrap_err();
    let said = format!("{said:#}");
    assert!(said.contains("reader takes no writes over HTTP"), "{said}");
}
