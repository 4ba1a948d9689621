//! Promise: on a server that somebody else runs nothing of theirs is deleted or written to, and nothing of ours stays.

#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::path::PathBuf;

use async_nats::jetstream::consumer::pull;
use async_nats::jetstream::{Context, new, stream};
use flightline::bus::{Bus, SUBSCRIPTION_CAPACITY};
use flightline_bench::program::STREAM;
use flightline_bench::program::floor::Floor;
use flightline_bench::record::Count;
use flightline_bench::scenario::{Scenario, Source};
use flightline_bench::trial::Rig;
use flightline_bench::trial::plan::Plan;
use flightline_bench::trial::server::Choice;
use flightline_fixtures::nats::{Nats, Options};
use flightline_link::nats::{INBOX_PREFIX, Nats as NatsConfig, NatsAuth};
use flightline_link::tls::Tls;
use futures_util::TryStreamExt;
use tokio::runtime::Runtime;

const BENCH: &str = env!("CARGO_BIN_EXE_flightline-bench");

/// The server of somebody, and their own view of it.
struct Theirs {
    nats: Nats,
    runtime: Runtime,
}

impl Theirs {
    fn start(options: Options) -> Self {
        Self {
            nats: options.start(),
            runtime: Runtime::new().unwrap(),
        }
    }

    fn context(&self) -> Context {
        let client = async_nats::connect(self.nats.url());
        self.runtime.block_on(async { new(client.await.unwrap()) })
    }

    /// A stream of theirs, with a consumer called as ours are.
    fn make(&self, name: &str, subject: &str) {
        let context = self.context();
        let config = stream::Config {
            name: name.to_owned(),
            subjects: vec![subject.to_owned()],
            ..stream::Config::default()
        };
        let consumer = pull::Config {
            durable_name: Some("bench-1".to_owned()),
            ..pull::Config::default()
        };
        self.runtime.block_on(async {
            let stream = context.create_stream(config).await.unwrap();
            stream.create_consumer(consumer).await.unwrap();
        });
    }

    fn streams(&self) -> Vec<String> {
        let context = self.context();
        let names = async { context.stream_names().try_collect().await };
        let mut names: Vec<String> = self.runtime.block_on(names).unwrap();
        names.sort();
        names
    }

    fn consumers(&self, stream: &str) -> usize {
        let context = self.context();
        let info = self.runtime.block_on(context.get_stream(stream)).unwrap();
        info.cached_info().state.consumer_count
    }

    fn choice(&self) -> Choice {
        Choice::Running {
            url: self.nats.url(),
            monitor: Some(self.nats.monitor_url()),
        }
    }

    fn enter(&self) -> anyhow::Result<Rig> {
        Rig::start(BENCH.as_ref(), &self.choice())
    }

    /// That the bench does not begin, and why.
    fn refuses(&self, why: &str) {
        let refused = format!("{:#}", self.enter().unwrap_err());
        assert!(refused.contains(why), "{refused}");
        assert!(refused.contains("leave --nats out"), "{refused}");
    }
}

fn move_all(rig: &mut Rig, source: Source) {
    let scenario = Scenario {
        source,
        age_ms: 50,
        ..Scenario::default()
    };
    let floor = Floor::new(PathBuf::from(BENCH));
    let record = rig.run(&floor, &Plan::new(scenario, 5_000)).unwrap().record;
    let all = Count {
        messages: 5_000,
        lines: 5_000,
        stored: 5_000,
        bytes: record.count.bytes,
        dropped: record.count.dropped,
        ..Count::default()
    };
    assert_eq!(record.count, all);
}

#[test]
fn what_others_have_stays_as_it_is_and_what_trials_make_goes() {
    let theirs = Theirs::start(Options::default());
    theirs.make("TELEMETRY", "telemetry.>");
    let mut rig = theirs.enter().unwrap();
    for source in [Source::Core, Source::Explicit, Source::Partitions(1)] {
        move_all(&mut rig, source);
    }
    drop(rig);
    assert_eq!(theirs.streams(), ["TELEMETRY"]);
    assert_eq!(theirs.consumers("TELEMETRY"), 1);
}

#[test]
fn a_stream_of_others_with_our_name_is_not_deleted() {
    let theirs = Theirs::start(Options::default());
    theirs.make(STREAM, "other.>");
    theirs.refuses(STREAM);
    assert_eq!(theirs.streams(), [STREAM]);
    assert_eq!(theirs.consumers(STREAM), 1);
}

#[test]
fn a_stream_of_others_is_not_filled_with_our_messages() {
    let theirs = Theirs::start(Options::default());
    theirs.make("ALL", "benchmark.app.>");
    theirs.refuses("stream ALL captures benchmark.>");
    assert_eq!(theirs.streams(), ["ALL"]);
}

#[test]
fn nobody_else_is_sent_our_messages() {
    let theirs = Theirs::start(Options::default().core());
    let config = NatsConfig {
        urls: vec![theirs.nats.url()],
        auth: NatsAuth::None,
        tls: Tls::default(),
        name: "somebody".to_owned(),
        inbox_prefix: INBOX_PREFIX.to_owned(),
    };
    let listening = theirs.runtime.block_on(async {
        let bus = Bus::connect(&config, SUBSCRIPTION_CAPACITY).await.unwrap();
        let everything = bus.subscribe(">").await.unwrap();
        bus.flush().await.unwrap();
        (bus, everything)
    });
    theirs.refuses("somebody subscribes to benchmark.");
    drop(listening);
    // Without JetStream, and now that nobody listens.
    move_all(&mut theirs.enter().unwrap(), Source::Core);
}

#[test]
fn what_a_bench_that_was_killed_has_left_is_ours_to_delete() {
    let theirs = Theirs::start(Options::default());
    let mut rig = theirs.enter().unwrap();
    move_all(&mut rig, Source::Explicit);
    assert_eq!(theirs.streams(), [STREAM]);
    // Another comes while the first has not cleared up.
    drop(theirs.enter().unwrap());
    assert_eq!(theirs.streams(), [""; 0]);
    drop(rig);
}

#[test]
fn what_programs_make_beside_their_stream_goes_but_for_what_was_there() {
    let theirs = Theirs::start(Options::default());
    let rig = theirs.enter().unwrap();
    theirs.make("DEADLETTER", "deadletter.>");
    let leases = format!("lanes-{STREAM}-bench-1");
    theirs.make(&format!("KV_{leases}"), &format!("$KV.{leases}.>"));
    drop(rig);
    assert_eq!(theirs.streams(), [""; 0]);

    theirs.make("DEADLETTER", "deadletter.>");
    theirs.make("KV_lanes", "$KV.lanes.>");
    drop(theirs.enter().unwrap());
    assert_eq!(theirs.streams(), ["DEADLETTER", "KV_lanes"]);
}
