//! What jobs see, what becomes of what they print, how often they run, and who buries their orphans.

use std::collections::BTreeSet;
use std::time::Instant;

use flightline_fixtures::listing::{Life, Listed};
use flightline_fixtures::supervisor::Supervisor;

use crate::rig::{NO_CONSUL, container, job, pid, up, wait_count, wait_state};

const VARIABLES: &str = "{
  consul: '{{ .CONSUL }}',
  control: { socket: '{{ .SOCKET }}' },
  jobs: [
    {
      name: 'testpid',
      exec: 'sleep 1000',
      health: { exec: 'true', interval: 1, ttl: 5 },
    },
    {
      name: 'testenvvar',
      exec: 'env',
      when: { source: 'testpid', once: 'healthy' },
      port: 8000,
      interfaces: 'lo',
      health: { exec: 'true', interval: 1, ttl: 5 },
    },
  ],
}";

#[test]
fn i04_envvars() {
    let mut supervisor = up(container(VARIABLES).env("CONSUL", NO_CONSUL));
    let waits = pid(&supervisor, "testpid");
    wait_state(&supervisor, "testenvvar", "complete");
    let processes = supervisor.processes();
    let worker = processes
        .iter()
        .find(|process| process.parent == 1 && process.pid != waits);
    for line in [
        "CONTAINERPILOT_TESTENVVAR_IP=127.0.0.1".to_owned(),
        format!("CONTAINERPILOT_TESTPID_PID={waits}"),
        format!("CONTAINERPILOT_PID={}", worker.unwrap().pid),
        // node-piloted reads the file itself.
        format!("CONTAINERPILOT={}", supervisor.config_path().display()),
    ] {
        let whole = format!(" {line}");
        supervisor.wait_for(&line, || {
            supervisor.log().lines().any(|said| said.ends_with(&whole))
        });
    }
    assert!(supervisor.stop().success());
}

const LOGGING: &str = "{
  consul: '{{ .CONSUL }}',
  control: { socket: '{{ .SOCKET }}' },
  logging: { level: 'DEBUG', format: 'text' },
  jobs: [
    { name: 'job1', exec: ['sh', '-c', 'echo job1 exec; exec sleep 1000'] },
    { name: 'job2', exec: ['sh', '-c', 'echo job2 exec; exec sleep 1000'], logging: { raw: true } },
    {
      name: 'job3',
      exec: 'sleep 1000',
      health: { exec: 'echo job3 health', interval: 1, ttl: 5, logging: { raw: true } },
    },
    { name: 'job4', exec: 'sleep 1000', health: { exec: 'echo job4 health', interval: 1, ttl: 5 } },
  ],
}";

#[test]
fn i05_logging() {
    let mut supervisor = up(container(LOGGING).env("CONSUL", NO_CONSUL));
    for words in ["job1 exec", "job2 exec", "job3 health", "job4 health"] {
        supervisor.wait_log(words);
    }
    let log = supervisor.log();
    assert!(log.contains("loaded config:"), "{log}");
    for wrapped in [
        "msg=\"job1 exec\" job=job1 pid=",
        "msg=\"job4 health\" check=check.job4 pid=",
    ] {
        assert!(log.contains(wrapped), "{wrapped}: {log}");
    }
    for raw in ["job2 exec", "job3 health"] {
        assert!(log.lines().any(|line| line == raw), "{raw}: {log}");
        assert!(!log.contains(&format!("msg=\"{raw}")), "{raw}: {log}");
    }
    assert!(supervisor.stop().success());
}

/// Their own sessions: the group of who left them is ended with it.
const ORPHANS: &str = "{
  consul: '{{ .CONSUL }}',
  control: { socket: '{{ .SOCKET }}' },
  jobs: [
    {
      name: 'fast',
      exec: 'sleep 1000',
      health: { exec: ['sh', '-c', 'setsid sleep 0.1 & echo orphaned; exit 0'], interval: 1, ttl: 5 },
    },
    {
      name: 'grouped',
      exec: 'sleep 1000',
      health: { exec: ['sh', '-c', 'sleep 0.1 & echo orphaned; exit 0'], interval: 1, ttl: 5 },
    },
    {
      name: 'slow',
      exec: ['sh', '-c', 'sh -c \"setsid sleep 1.5 & sleep 0.1 &\"; echo orphaned'],
      when: { interval: '700ms' },
    },
  ],
}";

#[test]
fn i07_reap_zombies() {
    let mut supervisor = up(container(ORPHANS).env("CONSUL", NO_CONSUL));
    // Each of the dead may be seen once, by chance, and not again after others have come.
    for _ in 0..3 {
        let before = numbers(&zombies(&supervisor));
        let count = supervisor.count("orphaned");
        supervisor.wait_for("there are more orphans", || {
            supervisor.count("orphaned") >= count + 4
        });
        let still = zombies(&supervisor);
        let still = numbers(&still);
        let forgotten: Vec<_> = before.intersection(&still).collect();
        assert!(forgotten.is_empty(), "{forgotten:?}");
    }
    supervisor.wait_for("at most one zombie of PID 1, and two in all", || {
        let zombies = zombies(&supervisor);
        let of_init = zombies.iter().filter(|zombie| zombie.parent == 1);
        of_init.count() <= 1 && zombies.len() <= 2
    });
    // Nobody took the exits of the worker's own children.
    for name in ["fast", "grouped"] {
        assert_eq!(job(&supervisor, name).state, "healthy");
    }
    assert!(job(&supervisor, "slow").attempt > 1);
    assert_eq!(job(&supervisor, "slow").exit, Some(0));
    let log = supervisor.log().to_ascii_lowercase();
    assert!(!log.contains("no child process"), "{log}");
    assert!(supervisor.stop().success());
}

fn zombies(supervisor: &Supervisor) -> Vec<Listed> {
    let mut processes = supervisor.processes();
    processes.retain(|process| process.life == Life::Zombie);
    processes
}

fn numbers(processes: &[Listed]) -> BTreeSet<u32> {
    processes.iter().map(|process| process.pid).collect()
}

/// The timeout of `t2` is longer than the original's, which a busy machine could reach by itself.
const TASKS: &str = "{
  consul: '{{ .CONSUL }}',
  control: { socket: '{{ .SOCKET }}' },
  jobs: [
    { name: 't1', exec: 'sleep 0.2', when: { interval: '500ms' }, restarts: '5' },
    { name: 't2', exec: 'sleep 0.2', when: { interval: '500ms' }, timeout: '5s', restarts: '5' },
    { name: 't3', exec: 'sleep 2', when: { interval: '500ms' }, timeout: '100ms', restarts: '5' },
    { name: 't4', exec: 'echo t4 runs', when: { interval: '1s' } },
  ],
}";

#[test]
fn i11_tasks() {
    let begun = Instant::now();
    let mut supervisor = up(container(TASKS).env("CONSUL", NO_CONSUL));
    for (name, timeouts, exit) in [("t1", 0, 0), ("t2", 0, 0), ("t3", 6, 137)] {
        supervisor.wait_for(&format!("{name} has had all its runs"), || {
            let state = job(&supervisor, name).state;
            state == "complete" || state == "failed"
        });
        let ended = job(&supervisor, name);
        assert_eq!((ended.attempt, ended.exit), (6, Some(exit)), "{name}");
        wait_count(&supervisor, &format!("{name} timeout"), timeouts);
    }
    let runs = supervisor.count("t4 runs");
    let seconds = usize::try_from(begun.elapsed().as_secs()).unwrap();
    assert!((2..=seconds + 1).contains(&runs), "{runs} in {seconds} s");
    assert!(supervisor.stop().success());
}
