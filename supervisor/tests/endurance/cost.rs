//! What the supervisor costs while it does little: memory, wake-ups, and CPU time of the command that jobs call most often.

use std::fs;
use std::time::{Duration, Instant};

use flightline_fixtures::consul::Consul;
use flightline_fixtures::nats::Nats;
use flightline_fixtures::server::free_port;
use flightline_fixtures::supervisor::{CONTAINERPILOT, Place, Supervisor};
use flightline_fixtures::usage::Usage;
use flightline_fixtures::wait;

use super::rig::{figure, length, mib, millis, setup, turn, worker};

/// What the issue promises of the program as it is shipped; one that is built for tests is larger and slower.
const RESIDENT: u64 = 10 * 1024;
/// Of CPU time.
const LAUNCH: Duration = Duration::from_millis(10);

/// What a container of the reference has: a service with a check, its agent, and everything that is published.
const REFERENCE: &str = "{
    consul: '{{ .CONSUL }}', nats: {url: '{{ .NATS }}'}, control: {socket: '{{ .SOCKET }}'},
    telemetry: {port: {{ .PORT }}, interfaces: ['lo'], metrics: [
        {namespace: 'example', subsystem: 'process', name: 'event_delay', help: 'event loop', type: 'gauge'}]},
    jobs: [
        {name: 'app', exec: 'sleep 86400', port: 8000, interfaces: ['lo'], restarts: 'unlimited', health: {exec: 'true', interval: 1, ttl: 5}},
        {name: 'consul-agent', exec: 'sleep 86400', restarts: 'unlimited'},
    ],
}";

fn reference(consul: &Consul, nats: &Nats) -> Supervisor {
    let supervisor = setup(REFERENCE)
        .place(Place::PidOne)
        .env("CONSUL", &consul.address())
        .env("NATS", &nats.url())
        .env("PORT", &free_port().to_string())
        .start();
    supervisor.wait_log("service app-");
    supervisor
}

/// The promise is made for the program as it is shipped.
fn is_shipped() -> bool {
    !cfg!(debug_assertions)
}

#[test]
fn the_worker_is_small() {
    let _turn = turn();
    let (consul, nats) = (Consul::start(), Nats::start());
    let mut supervisor = reference(&consul, &nats);
    // Some checks and heartbeats: whatever is made at first use has been made.
    let over = wait::until(Duration::from_secs(length(3, 20)), || false);
    over.expect_err("it is only waited for");
    let (init, worker) = (Usage::of(supervisor.id()).unwrap(), worker(&supervisor));
    figure(format_args!(
        "idle: {:.1} MiB resident, {} threads, {} files; init {:.1} MiB; parts of the worker: {}",
        mib(worker.resident),
        worker.threads,
        worker.files,
        mib(init.resident),
        parts(supervisor.worker()),
    ));
    assert!(!is_shipped() || worker.resident < RESIDENT, "{worker:?}");
    supervisor.stop();
}

/// What its memory is made of, in KiB.
fn parts(pid: u32) -> String {
    let text = fs::read_to_string(format!("/proc/{pid}/smaps_rollup")).unwrap_or_default();
    let wanted = ["Rss:", "Pss_Anon:", "Pss_File:", "Private_Dirty:"];
    let lines = text
        .lines()
        .filter(|line| wanted.iter().any(|key| line.starts_with(key)));
    let lines = lines.map(|line| line.split_whitespace().collect::<Vec<_>>().join(" "));
    lines.collect::<Vec<_>>().join(", ")
}

#[test]
fn a_metric_costs_a_few_milliseconds() {
    let _turn = turn();
    let (consul, nats) = (Consul::start(), Nats::start());
    let mut supervisor = reference(&consul, &nats);
    let launches: u32 = length(20, 100);
    let before = Usage::of(std::process::id()).unwrap().children;
    let of_the_worker = worker(&supervisor).cpu;
    let begun = Instant::now();
    for value in 0..launches {
        let metric = format!("example_process_event_delay={value}");
        let output = supervisor.cli_named(CONTAINERPILOT, &["-putmetric", &metric]);
        assert!(output.status.success(), "{output:?}");
    }
    let took = begun.elapsed();
    let cpu = Usage::of(std::process::id()).unwrap().children - before;
    figure(format_args!(
        "-putmetric, {launches} launches: CPU {:.1} ms each, {:.1} ms until it ends; {:.2} ms in the worker",
        millis(cpu / launches),
        millis(took / launches),
        millis((worker(&supervisor).cpu - of_the_worker) / launches),
    ));
    assert!(!is_shipped() || cpu / launches < LAUNCH, "{cpu:?}");
    supervisor.stop();
}

#[test]
fn a_supervisor_with_little_to_do_does_little() {
    let _turn = turn();
    let mut text = "{control: {socket: '{{ .SOCKET }}'}, jobs: [".to_owned();
    for index in 0..5 {
        let job = "{name: 'job-INDEX', exec: 'sleep 86400', restarts: 'unlimited', health: {exec: 'true', interval: 10, ttl: 30}},";
        text.push_str(&job.replace("INDEX", &index.to_string()));
    }
    text.push_str("]}");
    let mut supervisor = setup(&text).place(Place::PidOne).start();
    supervisor.wait_for("its jobs run", || supervisor.processes().len() >= 7);
    let time = Duration::from_secs(length(2, 120));
    let before = worker(&supervisor);
    let over = wait::until(time, || false);
    over.expect_err("it is only waited for");
    let after = worker(&supervisor);
    let seconds = time.as_secs_f64();
    figure(format_args!(
        "five jobs with a check each 10 s: {:.1} waits of the worker a second, CPU {:.1} s an hour",
        (after.waits - before.waits) as f64 / seconds,
        (after.cpu - before.cpu).as_secs_f64() / seconds * 3600.0,
    ));
    supervisor.stop();
}
