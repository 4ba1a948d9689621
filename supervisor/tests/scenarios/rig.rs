//! What the scenarios share: a supervisor as the original's tests had it, and questions to it and to Consul.

use std::fmt::Write as _;
use std::process::Output;
use std::time::Duration;

use flightline_fixtures::consul::Consul;
use flightline_fixtures::process::Signal;
use flightline_fixtures::supervisor::{CONTAINERPILOT, FLIGHTLINE, Place, Setup, Supervisor};
use flightline_supervisor::control::command::{JobView, Jobs};
use serde_json::Value;

pub(crate) const PROGRAM: &str = env!("CARGO_BIN_EXE_flightline-supervisor");
/// Nobody listens there.
pub(crate) const NO_CONSUL: &str = "127.0.0.1:1";

/// What Docker waits before it kills.
pub(crate) const DOCKER: Duration = Duration::from_secs(10);

/// As in a container: PID 1, called `containerpilot`, told of its configuration by the environment.
pub(crate) fn container(config: &str) -> Setup {
    let helper = std::env::current_exe().unwrap();
    Setup::new(PROGRAM)
        .named(CONTAINERPILOT)
        .place(Place::PidOne)
        .config(config)
        .env("HELPER", helper.to_str().unwrap())
}

/// As [`container`], with an agent of Consul.
pub(crate) fn container_at(consul: &Consul, config: &str) -> Setup {
    container(config).env("CONSUL", &consul.address())
}

/// Starts it, and waits until it can be asked.
pub(crate) fn up(setup: Setup) -> Supervisor {
    let supervisor = setup.start();
    supervisor.wait_for("it answers", || supervisor.cli(&["-ping"]).status.success());
    supervisor
}

/// Says words to it under the original's name, and is heard.
pub(crate) fn tell(supervisor: &Supervisor, words: &[&str]) {
    heard(&supervisor.cli(words), words);
}

/// As [`tell`], under our own name. Returns what it says.
pub(crate) fn tell_own(supervisor: &Supervisor, words: &[&str]) -> String {
    let output = supervisor.cli_named(FLIGHTLINE, words);
    heard(&output, words);
    text(&output.stdout)
}

fn heard(output: &Output, words: &[&str]) {
    let said = text(&output.stderr);
    assert_eq!(output.status.code(), Some(0), "{words:?}: {said}");
    assert_eq!(said, "", "{words:?}");
}

pub(crate) fn text(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}

/// The one job of this name.
pub(crate) fn job(supervisor: &Supervisor, name: &str) -> JobView {
    let said = tell_own(supervisor, &["status", name, "--json"]);
    let mut jobs: Jobs = serde_json::from_str(&said).unwrap();
    assert_eq!(jobs.jobs.len(), 1, "{said}");
    jobs.jobs.remove(0)
}

/// The number of its process, as it is where the supervisor is.
pub(crate) fn pid(supervisor: &Supervisor, name: &str) -> u32 {
    job(supervisor, name).pid.expect("it runs")
}

/// Waits until a job is in this state.
pub(crate) fn wait_state(supervisor: &Supervisor, name: &str, state: &str) -> JobView {
    let mut last = None;
    supervisor.wait_for(&format!("{name} is {state}"), || {
        let now = job(supervisor, name);
        let there = now.state == state;
        last = Some(now);
        there
    });
    last.unwrap()
}

/// SIGKILL from somebody else than the supervisor.
pub(crate) fn kill(supervisor: &Supervisor, name: &str) {
    let pid = supervisor.outside(pid(supervisor, name));
    Signal::Kill.send(pid).unwrap();
}

/// Waits until exactly so many lines of the log hold `text`, and fails when there are more.
pub(crate) fn wait_count(supervisor: &Supervisor, text: &str, count: usize) {
    supervisor.wait_for(&format!("{count} times `{text}`"), || {
        supervisor.count(text) >= count
    });
    assert_eq!(supervisor.count(text), count, "{}", supervisor.log());
}

/// Puts another configuration in the place of the one it has.
pub(crate) fn rewrite(supervisor: &Supervisor, from: &str, to: &str) {
    let path = supervisor.config_path();
    let old = std::fs::read_to_string(&path).unwrap();
    assert!(old.contains(from), "{old}");
    std::fs::write(&path, old.replace(from, to)).unwrap();
}

/// The instances of a service that pass, as whoever looks for it is told.
pub(crate) fn passing(consul: &Consul, service: &str) -> Vec<Value> {
    let found = consul.get(&format!("/v1/health/service/{service}?passing=1"));
    found.as_array().cloned().unwrap_or_default()
}

/// Waits until one instance of a service passes, and fails when there are more. Returns its id.
pub(crate) fn wait_passing(supervisor: &Supervisor, consul: &Consul, service: &str) -> String {
    supervisor.wait_for(&format!("{service} passes in Consul"), || {
        !passing(consul, service).is_empty()
    });
    let found = passing(consul, service);
    assert_eq!(found.len(), 1, "{found:?}");
    found[0]["Service"]["ID"].as_str().unwrap().to_owned()
}

/// Where each of `texts` first stands in the log, in words for a failure.
pub(crate) fn assert_order(log: &str, texts: &[&str]) {
    let places: Vec<Option<usize>> = texts.iter().map(|text| log.find(text)).collect();
    let mut shown = String::new();
    for (text, place) in texts.iter().zip(&places) {
        writeln!(shown, "{place:?} {text}").unwrap();
    }
    let all = places.iter().all(Option::is_some);
    assert!(all && places.is_sorted(), "{shown}{log}");
}
