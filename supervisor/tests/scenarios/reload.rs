//! One configuration after another: what must go on does, what is new comes, what is wrong changes nothing.

use std::fs;

use flightline_fixtures::consul::Consul;
use flightline_fixtures::http;
use flightline_fixtures::listing::Life;
use flightline_fixtures::server::free_port;
use flightline_fixtures::supervisor::{FLIGHTLINE, Supervisor};

use crate::rig::{
    NO_CONSUL, container, container_at, job, kill, pid, rewrite, tell, tell_own, text, up,
    wait_count, wait_passing, wait_state,
};

/// The original's number.
const RELOADS: usize = 200;
/// Reloads that stop and start every process; each comes while some before it are still under way.
const HARD: usize = 10;

const RELOADED: &str = "control: reloaded app via control plane";
const SERVING: &str = "control: serving at";

const APP: &str = "{
  consul: '{{ .CONSUL }}',
  control: { socket: '{{ .SOCKET }}' },
  logging: { level: 'DEBUG', format: 'text' },
  jobs: [
    { name: 'preStart', exec: ['sh', '-c', 'echo preparing'] },
    {
      name: 'app',
      exec: ['{{ .HELPER }}', '--exact', 'program::serves'],
      env: { SCENARIO_PORT: '{{ .APP_PORT }}' },
      when: { source: 'preStart', once: 'exitSuccess' },
      port: {{ .APP_PORT }},
      interfaces: 'lo',
      health: {
        exec: ['{{ .HELPER }}', '--exact', 'program::fetches'],
        interval: 1,
        ttl: 5,
      },
    },
    { name: 'onchange', exec: ['sh', '-c', 'echo told'], when: { source: 'watch.app', each: 'changed' } },
  ],
  watches: [{ name: 'app', interval: 1 }],
  telemetry: { port: {{ .TELEMETRY_PORT }}, interfaces: ['lo'] },
}";

#[test]
fn i01_config_reload() {
    let consul = Consul::start();
    let (port, telemetry) = (free_port(), free_port());
    let mut supervisor = up(container_at(&consul, APP)
        .env("APP_PORT", &port.to_string())
        .env("TELEMETRY_PORT", &telemetry.to_string()));
    wait_passing(&supervisor, &consul, "app");
    supervisor.wait_log("msg=told");
    assert_eq!(supervisor.count(SERVING), 1);
    let (worker, app) = (find_worker(&supervisor), pid(&supervisor, "app"));

    tell(&supervisor, &["-reload"]);
    wait_count(&supervisor, RELOADED, 1);
    wait_count(&supervisor, SERVING, 2);

    for _ in 0..RELOADS {
        tell(&supervisor, &["-reload"]);
    }
    tell(&supervisor, &["-reload"]);
    wait_count(&supervisor, RELOADED, RELOADS + 2);
    wait_count(&supervisor, SERVING, RELOADS + 3);
    // Nothing has changed, so nothing was disturbed.
    assert_eq!(pid(&supervisor, "app"), app);
    assert_eq!(supervisor.count("msg=preparing"), 1);
    answers(port, telemetry);

    for _ in 0..HARD {
        tell_own(&supervisor, &["reload", "--hard"]);
    }
    wait_count(&supervisor, RELOADED, RELOADS + 2 + HARD);
    wait_state(&supervisor, "app", "healthy");
    wait_passing(&supervisor, &consul, "app");
    let next = pid(&supervisor, "app");
    assert_ne!(next, app);
    answers(port, telemetry);
    let left = supervisor.processes();
    assert!(!left.iter().any(|process| process.pid == app), "{left:?}");
    assert_eq!(find_worker(&supervisor), worker);
    assert!(supervisor.stop().success());
}

/// The supervisor's own process below PID 1.
fn find_worker(supervisor: &Supervisor) -> u32 {
    let processes = supervisor.processes();
    let below = processes
        .iter()
        .filter(|process| process.parent == 1 && process.life == Life::Alive);
    let below: Vec<u32> = below
        .filter(|process| process.name == "containerpilot")
        .map(|process| process.pid)
        .collect();
    assert_eq!(below.len(), 1, "{processes:?}");
    below[0]
}

fn answers(port: u16, telemetry: u16) {
    for url in [
        format!("http://127.0.0.1:{port}/"),
        format!("http://127.0.0.1:{telemetry}/status"),
    ] {
        assert!(http::answers(&url, 200), "{url}");
    }
}

const COPROCESS: &str = "{
  consul: '{{ .CONSUL }}',
  control: { socket: '{{ .SOCKET }}' },
  logging: { level: 'DEBUG' },
  jobs: [
    { name: 'app', exec: 'sleep 1000' },
    {
      name: 'coprocess',
      exec: ['sh', '-c', 'echo coprocess with $0; exec sleep 1000', 'arg1'],
      restarts: 1,
    },
  ],
}";

#[test]
fn i02_coprocess() {
    let mut supervisor = up(container(COPROCESS).env("CONSUL", NO_CONSUL));
    supervisor.wait_log("coprocess with arg1");
    let app = pid(&supervisor, "app");

    kill(&supervisor, "coprocess");
    supervisor.wait_for("it was restarted", || {
        supervisor.count("coprocess with arg1") == 2
    });
    kill(&supervisor, "coprocess");
    let ended = wait_state(&supervisor, "coprocess", "failed");
    assert_eq!((ended.attempt, ended.exit), (2, Some(137)));

    rewrite(&supervisor, "arg1", "arg2");
    tell(&supervisor, &["-reload"]);
    supervisor.wait_log("coprocess with arg2");
    // What a run costs is counted anew.
    kill(&supervisor, "coprocess");
    supervisor.wait_for("it was restarted", || {
        supervisor.count("coprocess with arg2") == 2
    });
    kill(&supervisor, "coprocess");
    assert_eq!(wait_state(&supervisor, "coprocess", "failed").attempt, 2);

    assert_eq!(supervisor.count("coprocess with arg1"), 2);
    assert_eq!(supervisor.count("coprocess with arg2"), 2);
    assert_eq!(pid(&supervisor, "app"), app);
    assert!(supervisor.stop().success());
}

const THREE: &str = "{
  consul: '{{ .CONSUL }}',
  control: { socket: '{{ .SOCKET }}' },
  jobs: [
    { name: 'one', exec: ['sh', '-c', 'echo one is $0; exec sleep 1000', 'old'] },
    { name: 'two', exec: 'sleep 1000' },
    { name: 'three', exec: 'sleep 1000' },
  ],
}";

#[test]
fn a_reload_stops_only_what_is_gone_or_different() {
    let mut supervisor = up(container(THREE).env("CONSUL", NO_CONSUL));
    supervisor.wait_log("one is old");
    let pids = ["one", "two", "three"].map(|name| pid(&supervisor, name));

    rewrite(&supervisor, "'old'", "'new'");
    rewrite(
        &supervisor,
        "{ name: 'three', exec: 'sleep 1000' }",
        "{ name: 'four', exec: ['sh', '-c', 'echo four is there; exec sleep 1000'] }",
    );
    tell(&supervisor, &["-reload"]);
    supervisor.wait_log("one is new");
    supervisor.wait_log("four is there");
    assert_ne!(pid(&supervisor, "one"), pids[0]);
    assert_eq!(pid(&supervisor, "two"), pids[1]);
    let left = supervisor.processes();
    for gone in [pids[0], pids[2]] {
        assert!(!left.iter().any(|process| process.pid == gone), "{left:?}");
    }
    let three = supervisor.cli_named(FLIGHTLINE, &["status", "three"]);
    assert_eq!(three.status.code(), Some(1));
    assert!(supervisor.stop().success());
}

#[test]
fn a_reload_with_a_wrong_configuration_is_refused_and_changes_nothing() {
    let mut supervisor = up(container(THREE).env("CONSUL", NO_CONSUL));
    supervisor.wait_log("one is old");
    let one = pid(&supervisor, "one");
    let right = fs::read_to_string(supervisor.config_path()).unwrap();

    for (from, to, named) in [
        ("exec: 'sleep 1000'", "exce: 'sleep 1000'", "exce"),
        ("jobs: [", "jobs: [ <> ", "parse error"),
        ("'{{ .CONSUL }}'", "'{{ .CONSUL '", "template"),
        (
            "control:",
            "telemetry: { interfaces: ['nope0'] }, control:",
            "nope0",
        ),
    ] {
        rewrite(&supervisor, from, to);
        let refused = supervisor.cli(&["-reload"]);
        let said = text(&refused.stderr);
        assert_eq!(refused.status.code(), Some(1), "{said}");
        assert!(said.contains(named), "{said}");
        assert_eq!(text(&refused.stdout), "");
        fs::write(supervisor.config_path(), &right).unwrap();
    }
    supervisor.wait_log("the new configuration is wrong, the old one goes on");
    assert_eq!(pid(&supervisor, "one"), one);
    assert_eq!(job(&supervisor, "two").attempt, 1);

    tell(&supervisor, &["-reload"]);
    assert_eq!(pid(&supervisor, "one"), one);
    assert!(supervisor.stop().success());
}
