//! A Consul comes in, and every moment at which a check of it was not passing goes out, as three witnesses have it: its agent, asked
//! without a pause; its catalog, by blocking queries; its own log, which has a line for every TTL that ran out. A fourth one looks at
//! nothing but the clock: when it stands still, so does the machine.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::{Duration, Instant, SystemTime};

use flightline_fixtures::consul::Consul;
use flightline_fixtures::wait;
use serde_json::Value;

/// Between two looks at the agent.
const PACE: Duration = Duration::from_millis(20);

/// A thread that wants nothing but to look at the clock has its turn sooner than this, however many others want theirs.
const STALL: Duration = Duration::from_millis(300);

/// What Consul's log says when a TTL runs out.
const RAN_OUT: &str = "missed TTL";

/// What was seen; services by name.
#[derive(Debug, Default)]
pub(crate) struct Seen {
    /// How often a service that had passed was not passing any more, to who asked the agent.
    pub(crate) by_agent: BTreeMap<String, u32>,
    /// The same, to who waited for changes of the catalog.
    pub(crate) by_catalog: BTreeMap<String, u32>,
    /// How often the agent was asked.
    pub(crate) looks: u32,
    /// The longest time between two looks.
    pub(crate) gap: Duration,
    /// When the machine stood still, and for how long.
    pub(crate) stalls: Vec<(SystemTime, Duration)>,
}

/// Records for `time`, from when each of `names` passes.
pub(crate) fn record(consul: &Consul, names: &[&str], time: Duration) -> Seen {
    let all_pass = || names.iter().all(|name| passing(consul, name));
    wait::until(Duration::from_secs(60), all_pass).expect("each service passes at first");
    let over = AtomicBool::new(false);
    thread::scope(|scope| {
        let agent = scope.spawn(|| ask_agent(consul, &over));
        let catalog = scope.spawn(|| ask_catalog(consul, &over));
        let clock = scope.spawn(|| look_at_the_clock(&over));
        // Nothing but time has to pass.
        let waited = wait::until(time, || agent.is_finished() || catalog.is_finished());
        over.store(true, Ordering::Relaxed);
        let mut seen = agent.join().expect("the agent answers");
        seen.by_catalog = catalog.join().expect("the catalog answers");
        seen.stalls = clock.join().expect("it only looks");
        assert!(waited.is_err(), "a witness ended early");
        seen
    })
}

/// How often a TTL of the service ran out, by Consul's own log.
pub(crate) fn ran_out(consul: &Consul, name: &str) -> usize {
    let log = consul.log();
    let check = format!("service:{name}-");
    let lines = log.lines().filter(|line| line.contains(RAN_OUT));
    lines.filter(|line| line.contains(&check)).count()
}

fn passing(consul: &Consul, name: &str) -> bool {
    let checks = consul.get("/v1/agent/checks");
    let mut checks = statuses(checks.as_object().into_iter().flat_map(|all| all.values()));
    checks.any(|(service, status)| service == name && status == "passing")
}

fn ask_agent(consul: &Consul, over: &AtomicBool) -> Seen {
    let mut seen = Seen::default();
    let mut falls = Falls::default();
    let mut last = Instant::now();
    while !over.load(Ordering::Relaxed) {
        let checks = consul.get("/v1/agent/checks");
        let now = Instant::now();
        seen.gap = seen.gap.max(now - last);
        seen.looks += 1;
        last = now;
        let checks = checks.as_object().expect("an object of checks");
        falls.look(statuses(checks.values()));
        thread::park_timeout(PACE);
    }
    seen.by_agent = falls.count;
    seen
}

fn ask_catalog(consul: &Consul, over: &AtomicBool) -> BTreeMap<String, u32> {
    let mut falls = Falls::default();
    let mut index = "0".to_owned();
    while !over.load(Ordering::Relaxed) {
        let path = format!("/v1/health/state/any?index={index}&wait=2s");
        let answer = consul.request("GET", &path, &[]);
        index = answer
            .header("x-consul-index")
            .expect("a blocking query")
            .to_owned();
        let checks: Vec<Value> = serde_json::from_slice(&answer.body).expect("a list of checks");
        falls.look(statuses(checks.iter()));
    }
    falls.count
}

fn look_at_the_clock(over: &AtomicBool) -> Vec<(SystemTime, Duration)> {
    let mut stalls = Vec::new();
    let mut last = Instant::now();
    while !over.load(Ordering::Relaxed) {
        thread::park_timeout(PACE);
        let now = Instant::now();
        if now - last > STALL {
            stalls.push((SystemTime::now(), now - last));
        }
        last = now;
    }
    stalls
}

fn statuses<'a>(
    checks: impl Iterator<Item = &'a Value>,
) -> impl Iterator<Item = (&'a str, &'a str)> {
    checks.filter_map(|check| Some((check["ServiceName"].as_str()?, check["Status"].as_str()?)))
}

/// From passing to anything else.
#[derive(Debug, Default)]
struct Falls {
    passing: BTreeSet<String>,
    count: BTreeMap<String, u32>,
}

impl Falls {
    fn look<'a>(&mut self, checks: impl Iterator<Item = (&'a str, &'a str)>) {
        // A service that is not there any more has fallen, too.
        let mut fallen = std::mem::take(&mut self.passing);
        for (service, status) in checks {
            if status == "passing" {
                fallen.remove(service);
                self.passing.insert(service.to_owned());
            }
        }
        for service in fallen {
            *self.count.entry(service).or_default() += 1;
        }
    }
}
