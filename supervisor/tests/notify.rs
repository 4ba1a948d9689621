//! Promise: the supervisor's own service manager hears that the jobs were started, of each reload, of the end, and signs of life for as long
//! as the loop turns; the jobs hear nothing of that manager.

use std::time::Duration;

use flightline_fixtures::manager::Manager;
use flightline_fixtures::process::Signal;
use flightline_fixtures::supervisor::{FLIGHTLINE, Place, Setup, Supervisor};
use flightline_fixtures::wait;

const PATIENCE: Duration = Duration::from_secs(60);
const CONFIG: &str = "{
  control: { socket: '{{ .SOCKET }}' },
  stopTimeout: 3,
  jobs: [{ name: 'app', exec: ['sh', '-c', 'echo manager=${NOTIFY_SOCKET-none}/${WATCHDOG_USEC-none}/${WATCHDOG_PID-none}; exec sleep 1000'] }],
}";

fn start(manager: &Manager, watchdog: Option<Duration>, place: Place) -> Supervisor {
    let mut setup = Setup::new(env!("CARGO_BIN_EXE_flightline-supervisor"));
    for (name, value) in manager.variables(watchdog) {
        setup = setup.env(&name, &value);
    }
    setup.place(place).config(CONFIG).start()
}

#[test]
fn a_start_a_reload_and_the_end_are_told() {
    let manager = Manager::start();
    let mut supervisor = start(&manager, None, Place::Child);
    manager.wait_for("READY=1");
    manager.wait_for("STATUS=1 jobs, all well");
    // Who is ready can be asked.
    let pinged = supervisor.cli_named(FLIGHTLINE, &["-ping"]);
    assert!(pinged.status.success());
    supervisor.wait_log("manager=none/none/none");
    let reloaded = supervisor.cli_named(FLIGHTLINE, &["reload"]);
    assert!(reloaded.status.success(), "{}", supervisor.log());
    let began = manager.wait_for("RELOADING=1").at;
    let micros = manager.wait_for("MONOTONIC_USEC=").word;
    let micros = micros.strip_prefix("MONOTONIC_USEC=").unwrap();
    assert!(
        micros.parse::<u64>().is_ok_and(|micros| micros > 0),
        "{micros}"
    );
    let again = || manager.times("READY=1").len() == 2;
    wait::until(PATIENCE, again).unwrap();
    assert!(manager.times("READY=1")[1] >= began);
    supervisor.signal(Signal::Term);
    manager.wait_for("STOPPING=1");
    manager.wait_for("EXTEND_TIMEOUT_USEC=13000000");
    assert_eq!(supervisor.wait_code(), 0);
    assert!(manager.times("WATCHDOG=1").is_empty());
}

#[test]
fn signs_of_life_come_at_half_the_time_under_an_init_too() {
    for place in [Place::Child, Place::Subreaper] {
        let manager = Manager::start();
        let mut supervisor = start(&manager, Some(Duration::from_secs(1)), place);
        let gap = manager.usual_gap("WATCHDOG=1", 7);
        let (least, most) = (Duration::from_millis(400), Duration::from_millis(800));
        assert!((least..most).contains(&gap), "{gap:?}");
        supervisor.wait_log("manager=none/none/none");
        assert!(supervisor.stop().success());
    }
}
