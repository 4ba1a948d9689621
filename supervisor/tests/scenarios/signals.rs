//! From outside: signals to PID 1, and the end.

use std::fs;
use std::time::Instant;

use flightline_fixtures::consul::Consul;
use flightline_fixtures::nats::Nats;
use flightline_fixtures::process::Signal;

use crate::listener::{Heard, Listener};
use crate::rig::{
    DOCKER, NO_CONSUL, assert_order, container, container_at, job, passing, pid, up, wait_count,
    wait_passing, wait_state,
};

const APP: &str = "{
  consul: '{{ .CONSUL }}',
  control: { socket: '{{ .SOCKET }}' },
  jobs: [{ name: 'app', exec: 'sleep 1000', health: { exec: 'true', interval: 1, ttl: 5 } }],
}";

#[test]
fn i06_no_command() {
    let mut supervisor = up(container(APP).env("CONSUL", NO_CONSUL));
    wait_state(&supervisor, "app", "healthy");
    let begun = Instant::now();
    assert!(supervisor.stop().success());
    // There is nothing to wait for.
    assert!(begun.elapsed() < DOCKER / 2, "{:?}", begun.elapsed());
    let log = supervisor.log();
    assert!(!log.contains("panic"), "{log}");
    assert!(!supervisor.socket().exists());
}

const TO_FILE: &str = "{
  consul: '{{ .CONSUL }}',
  control: { socket: '{{ .SOCKET }}' },
  logging: { output: '{{ .FOLDER }}/app.log' },
  jobs: [
    {
      name: 'app',
      exec: ['sh', '-c', 'i=0; while :; do i=$((i+1)); echo line $i; sleep 0.02; done'],
    },
  ],
}";

#[test]
fn i08_reopen() {
    let mut supervisor = up(container(TO_FILE).env("CONSUL", NO_CONSUL));
    let (file, moved) = (
        supervisor.folder().join("app.log"),
        supervisor.folder().join("app.log.1"),
    );
    let lines = |path| -> Vec<u32> {
        let text = fs::read_to_string(path).unwrap_or_default();
        let numbers = text.split_inclusive('\n').filter_map(|line| {
            let (_, number) = line.strip_suffix('\n')?.split_once("line ")?;
            number.parse().ok()
        });
        numbers.collect()
    };
    supervisor.wait_for("it writes", || lines(&file).len() > 5);
    fs::rename(&file, &moved).unwrap();
    let before = lines(&moved).len();
    supervisor.wait_for("it writes on to the file that was moved", || {
        lines(&moved).len() > before + 5
    });
    assert!(!file.exists());

    supervisor.signal(Signal::Usr1);
    supervisor.wait_for("it writes to the new file", || lines(&file).len() > 5);
    let left = lines(&moved);
    let more = lines(&file).len() + 5;
    supervisor.wait_for("it writes on to the new file", || lines(&file).len() > more);
    assert_eq!(lines(&moved), left);
    assert!(supervisor.stop().success());

    // No line was lost between the two, and none was written twice.
    let all = [lines(&moved), lines(&file)].concat();
    let expected: Vec<u32> = (1..).take(all.len()).collect();
    assert_eq!(all, expected);
}

const SIGNALS: &str = "{
  consul: '{{ .CONSUL }}',
  control: { socket: '{{ .SOCKET }}' },
  jobs: [
    {
      name: 'app',
      exec: 'sleep 1000',
      port: 8000,
      interfaces: 'lo',
      health: { exec: 'true', interval: 1, ttl: 5 },
    },
    { name: 'on-hup', exec: 'echo hup heard', when: { source: 'SIGHUP' } },
    { name: 'on-usr2', exec: 'echo usr2 heard', when: { source: 'SIGUSR2' } },
  ],
}";

#[test]
fn i09_sighup() {
    let consul = Consul::start();
    let mut supervisor = up(container_at(&consul, SIGNALS));
    wait_passing(&supervisor, &consul, "app");
    let app = pid(&supervisor, "app");
    for round in 1..=2 {
        supervisor.signal(Signal::Hup);
        wait_count(&supervisor, "hup heard", round);
        supervisor.signal(Signal::Usr2);
        wait_count(&supervisor, "usr2 heard", round);
    }
    assert_eq!(supervisor.count("hup heard"), 2);
    assert_eq!(pid(&supervisor, "app"), app);
    assert_eq!(job(&supervisor, "app").attempt, 1);
    wait_passing(&supervisor, &consul, "app");
    assert!(supervisor.stop().success());
}

/// A hook sees the process that it follows by its variable, as long as there is one.
const HOOKS: &str = "{
  consul: '{{ .CONSUL }}',
  nats: { url: '{{ .NATS }}', service: 'app', instance: 'one' },
  control: { socket: '{{ .SOCKET }}' },
  jobs: [
    {
      name: 'app',
      exec: ['sh', '-c', 'trap \"echo app hears TERM; exit 3\" TERM; while :; do sleep 0.05; done'],
      port: 8000,
      interfaces: 'lo',
      health: { exec: 'true', interval: 1, ttl: 5 },
    },
    {
      name: 'pre-stop',
      exec: ['sh', '-c', 'sleep 0.3; kill -0 $CONTAINERPILOT_APP_PID && echo preStop done'],
      when: { source: 'app', once: 'stopping' },
    },
    {
      name: 'post-stop',
      exec: ['sh', '-c', 'echo postStop done, ${CONTAINERPILOT_APP_PID:-no app}'],
      when: { source: 'app', once: 'stopped' },
    },
  ],
}";

#[test]
fn i10_sigterm() {
    let (consul, nats) = (Consul::start(), Nats::start());
    let listener = Listener::start(&nats);
    let mut supervisor = up(container_at(&consul, HOOKS).env("NATS", &nats.url()));
    let id = wait_passing(&supervisor, &consul, "app");
    let begun = Instant::now();
    supervisor.signal(Signal::Term);
    // Once more is not a reason to hurry.
    supervisor.signal(Signal::Term);
    assert_eq!(supervisor.wait_code(), 0);
    assert!(begun.elapsed() < DOCKER / 2, "{:?}", begun.elapsed());
    let log = supervisor.log();
    assert_order(
        &log,
        &["preStop done", "app hears TERM", "postStop done, no app"],
    );
    for once in ["preStop done", "app hears TERM", "postStop done"] {
        assert_eq!(supervisor.count(once), 1, "{log}");
    }
    assert!(passing(&consul, "app").is_empty());
    assert!(consul.service(&id).is_null());

    let heard = listener.until("complete");
    let place = |job: Option<&str>, to: &str| {
        let found = |heard: &Heard| heard.job.as_deref() == job && heard.to == to;
        let place = heard.iter().position(found);
        place.unwrap_or_else(|| panic!("no {to} of {job:?}: {heard:?}"))
    };
    let order = [
        place(Some("app"), "healthy"),
        place(None, "stopping"),
        place(Some("app"), "stopping"),
        place(Some("pre-stop"), "running"),
        place(Some("pre-stop"), "complete"),
        place(Some("app"), "complete"),
        place(Some("post-stop"), "running"),
        place(Some("post-stop"), "complete"),
        place(None, "complete"),
    ];
    assert!(order.is_sorted(), "{order:?} {heard:?}");
    assert_eq!(heard[order[5]].exit, Some(3));
    assert_eq!(heard[order[1]].cause, "shutdown by signal");
}
