//! Grandchildren that nobody waits for, by the thousand: PID 1 takes them in and buries them.

use std::collections::{BTreeMap, BTreeSet};
use std::time::{Duration, Instant};

use flightline_fixtures::listing::Life;
use flightline_fixtures::supervisor::{Place, Supervisor};
use flightline_fixtures::usage::Usage;
use flightline_fixtures::wait;

use super::rig::{figure, length, millis, setup, turn};

/// For all of them to be made, on a machine that is busy with other tests.
const PATIENCE: Duration = Duration::from_secs(600);

/// A dead one is not left lying for longer than this, however busy the machine is.
const LYING: Duration = Duration::from_secs(2);

/// Half of them outlive their parents, half die at about the same time. `setsid -f` leaves its group and its session; a fork in a fork
/// does not.
const CONFIG: &str = r#"{
    control: {socket: '{{ .SOCKET }}'},
    jobs: [
        {name: 'keeper', exec: 'sleep 86400', restarts: 'unlimited'},
        {name: 'maker', exec: ['sh', '-c', 'i=0; while [ $i -lt {{ .PAIRS }} ]; do setsid -f sleep 0.02; (true &); i=$((i+1)); done; echo all are made']},
    ],
}"#;

/// What was seen of them.
#[derive(Debug, Default)]
struct Seen {
    adopted: BTreeSet<u32>,
    most_zombies: usize,
    longest: Duration,
    lying: BTreeMap<u32, Instant>,
}

impl Seen {
    fn look(&mut self, supervisor: &Supervisor) {
        let now = Instant::now();
        let processes = supervisor.processes();
        let orphans = processes.iter().filter(|process| process.parent == 1);
        let (dead, alive): (Vec<_>, Vec<_>) =
            orphans.partition(|process| process.life == Life::Zombie);
        self.adopted.extend(alive.iter().map(|process| process.pid));
        self.most_zombies = self.most_zombies.max(dead.len());
        let before = std::mem::take(&mut self.lying);
        for process in dead {
            let since = before.get(&process.pid).copied().unwrap_or(now);
            self.longest = self.longest.max(now - since);
            self.lying.insert(process.pid, since);
        }
    }
}

#[test]
fn orphans_leave_no_zombies() {
    let _turn = turn();
    let pairs: u32 = length(250, 5_000);
    let mut supervisor = setup(CONFIG)
        .place(Place::PidOne)
        .env("PAIRS", &pairs.to_string())
        .start();
    supervisor.wait_log("control: serving at");
    let begun = Instant::now();
    let mut seen = Seen::default();
    let made = wait::until(PATIENCE, || {
        seen.look(&supervisor);
        supervisor.count("all are made") > 0
    });
    assert!(made.is_ok(), "{}", supervisor.log());
    let took = begun.elapsed();
    // Init, the worker and the one job that stays.
    supervisor.wait_for("only three are left", || {
        seen.look(&supervisor);
        supervisor.processes().len() == 3
    });
    let init = Usage::of(supervisor.id()).unwrap();
    figure(format_args!(
        "{} orphans in {:.1} s: at most {} dead at once, none for longer than {:.0} ms between two looks; CPU of init {:.0} ms, {:.1} µs each; \
         init has {} KiB resident",
        pairs * 2,
        took.as_secs_f64(),
        seen.most_zombies,
        millis(seen.longest),
        millis(init.cpu),
        millis(init.cpu) * 1e3 / f64::from(pairs * 2),
        init.resident,
    ));
    assert!(!seen.adopted.is_empty(), "nobody came to PID 1");
    assert!(seen.longest < LYING, "{seen:?}");
    assert!(supervisor.stop().success());
}
