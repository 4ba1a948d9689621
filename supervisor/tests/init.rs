//! PID 1, in a namespace of its own: it forwards, reaps, and ends as its worker does. The worker is made to run a script.

use flightline_fixtures::listing::Life;
use flightline_fixtures::process::Signal;
use flightline_fixtures::supervisor::{CONTAINERPILOT, FLIGHTLINE, Place, Setup, Supervisor};
use flightline_fixtures::wait;
use flightline_supervisor::process::launch;

/// A launcher's plan that changes nothing.
const PLAN: &str = r#"{"user":null,"group":null,"limits":[],"keep":[]}"#;

fn script(script: &str) -> Setup {
    Setup::new(env!("CARGO_BIN_EXE_flightline-supervisor")).args(&[
        launch::ARGUMENT,
        PLAN,
        "sh",
        "-c",
        script,
    ])
}

fn start(text: &str, place: Place) -> Supervisor {
    script(text).place(place).start()
}

#[test]
fn the_status_of_the_worker_is_passed_up() {
    for place in [Place::PidOne, Place::Subreaper, Place::Child] {
        assert_eq!(start("exit 0", place).wait_code(), 0);
        assert_eq!(start("exit 7", place).wait_code(), 7);
    }
    for place in [Place::PidOne, Place::Subreaper] {
        assert_eq!(start("kill -9 $$", place).wait_code(), 137);
        // A real-time signal has no name.
        assert_eq!(start("kill -40 $$", place).wait_code(), 255);
    }
}

#[test]
fn signals_are_forwarded() {
    let each = "for s in HUP INT QUIT USR1 USR2; do trap \"echo got $s\" $s; done
        trap 'echo got TERM; exit 9' TERM; echo armed; while :; do sleep 0.02; done";
    for place in [Place::PidOne, Place::Subreaper] {
        let mut supervisor = start(each, place);
        supervisor.wait_log("armed");
        for (signal, name) in [
            (Signal::Hup, "HUP"),
            (Signal::Int, "INT"),
            (Signal::Quit, "QUIT"),
            (Signal::Usr1, "USR1"),
            (Signal::Usr2, "USR2"),
        ] {
            supervisor.signal(signal);
            supervisor.wait_log(&format!("got {name}"));
        }
        supervisor.signal(Signal::Term);
        assert_eq!(supervisor.wait_code(), 9);
        supervisor.wait_log("got TERM");
    }
}

#[test]
fn orphans_are_reaped() {
    let orphans = "i=0; while [ $i -lt 50 ]; do sh -c 'sleep 0.1 & exit 0'; i=$((i+1)); done
        echo all; while :; do sleep 1; done";
    for place in [Place::PidOne, Place::Subreaper] {
        let mut supervisor = start(orphans, place);
        supervisor.wait_log("all");
        // Init, the script, and the one that it waits for.
        supervisor.wait_for("only three are left", || supervisor.processes().len() <= 3);
        let zombies = supervisor.processes();
        let zombies = zombies
            .iter()
            .filter(|process| process.life == Life::Zombie);
        assert!(zombies.count() <= 1);
        supervisor.kill();
    }
}

#[test]
fn an_init_is_no_worker_because_a_variable_says_so() {
    let supervisor = script("echo up; while :; do sleep 1; done")
        .place(Place::PidOne)
        .env("FLIGHTLINE_INIT", "1")
        .start();
    supervisor.wait_log("up");
    let processes = supervisor.processes();
    let first = processes.iter().find(|process| process.pid == 1).unwrap();
    assert!(first.name.starts_with("flightline"), "{processes:?}");
    let worker = processes
        .iter()
        .find(|process| process.name == "sh")
        .unwrap();
    assert_eq!(worker.parent, 1);
}

#[test]
fn a_subreaper_takes_all_that_is_left_with_it() {
    let left = "setsid sh -c 'setsid sleep 300 & echo $! $$; exec sleep 300' & wait_for=$!
        sleep 0.3; exit 4";
    let mut supervisor = start(left, Place::Subreaper);
    assert_eq!(supervisor.wait_code(), 4);
    let log = supervisor.log();
    let pids: Vec<u32> = log
        .split_whitespace()
        .map(|pid| pid.parse().unwrap())
        .collect();
    assert_eq!(pids.len(), 2, "{log}");
    for pid in pids {
        assert!(!std::path::Path::new(&format!("/proc/{pid}")).exists());
    }
}

#[test]
fn the_worker_of_a_subreaper_that_is_killed_is_told_to_end() {
    let script = "trap 'echo told; exit 0' TERM; echo $$; while :; do sleep 0.02; done";
    let mut supervisor = start(script, Place::Subreaper);
    let pid = wait::until_some(std::time::Duration::from_secs(30), || {
        supervisor.log().lines().next()?.parse::<u32>().ok()
    });
    pid.unwrap();
    supervisor.kill();
    supervisor.wait_log("told");
}

#[test]
fn the_command_line_is_called_beside_it_by_either_name() {
    let supervisor = script("echo up; while :; do sleep 1; done")
        .place(Place::PidOne)
        .start();
    supervisor.wait_log("up");
    for name in [CONTAINERPILOT, FLIGHTLINE] {
        let arguments = [launch::ARGUMENT, PLAN, "sh", "-c", "echo $SOCKET; exit 3"];
        let output = supervisor.cli_named(name, &arguments);
        assert_eq!(output.status.code(), Some(3));
        let expected = format!("{}\n", supervisor.socket().display());
        assert_eq!(String::from_utf8_lossy(&output.stdout), expected);
    }
}
