//! A service that is checked each second and has two to live, on a machine without a free core, beside one that must flap: what is not
//! seen of that one would not be seen of the other.

use std::time::Duration;

use flightline_fixtures::consul::Options;
use flightline_fixtures::supervisor::Place;

use super::recorder::{ran_out, record};
use super::rig::{Busy, figure, length, millis, setup, turn, worker};

/// `late` has its checks further apart than Consul waits for them.
const CONFIG: &str = "{
    consul: '{{ .CONSUL }}', control: {socket: '{{ .SOCKET }}'}, logging: {level: 'DEBUG'},
    jobs: [
        {name: 'steady', exec: 'sleep 86400', port: 8001, interfaces: ['lo'], restarts: 'unlimited',
         health: {exec: 'true', interval: 1, ttl: 2}},
        {name: 'late', exec: 'sleep 86400', port: 8002, interfaces: ['lo'], restarts: 'unlimited',
         health: {exec: 'true', interval: 4, ttl: 2}},
    ],
}";

#[test]
fn a_service_of_interval_one_and_ttl_two_never_flaps_on_a_busy_machine() {
    let _turn = turn();
    let consul = Options::default().in_memory().start();
    let mut supervisor = setup(CONFIG)
        .place(Place::PidOne)
        .env("CONSUL", &consul.address())
        .start();
    let busy = Busy::start();
    let before = worker(&supervisor);
    let time = Duration::from_secs(length(30, 180));
    let seen = record(&consul, &["steady", "late"], time);
    let after = worker(&supervisor);
    drop(busy);
    let agent = |name: &str| seen.by_agent.get(name).copied().unwrap_or_default();
    let catalog = |name: &str| seen.by_catalog.get(name).copied().unwrap_or_default();
    figure(format_args!(
        "flaps in {time:?} with every core busy: {}, {} and {} of interval 1 and TTL 2 (by {} looks at the agent, at most {:.0} ms apart; \
         by the catalog; by Consul's log), {} stalls of the machine; {}, {} and {} of interval 4 and TTL 2; CPU of the worker {:.1} s an hour",
        agent("steady"),
        catalog("steady"),
        ran_out(&consul, "steady"),
        seen.looks,
        millis(seen.gap),
        seen.stalls.len(),
        agent("late"),
        catalog("late"),
        ran_out(&consul, "late"),
        (after.cpu - before.cpu).as_secs_f64() / time.as_secs_f64() * 3600.0,
    ));
    let log = supervisor.log();
    for witness in ["agent", "catalog", "log"] {
        let count = |name| match witness {
            "agent" => agent(name),
            "catalog" => catalog(name),
            _ => u32::try_from(ran_out(&consul, name)).unwrap(),
        };
        assert!(count("late") >= 2, "the {witness} does not see flaps");
        assert_eq!(count("steady"), 0, "by the {witness}; {seen:?}\n{log}");
    }
    supervisor.stop();
}
