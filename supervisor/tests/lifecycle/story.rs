//! One job's life, acted out: it starts, stumbles, fails and dies, comes back, goes into maintenance and returns, is stopped, and the
//! supervisor ends. While it stumbles, a server may be away.

use std::cell::Cell;
use std::fs;
use std::path::PathBuf;
use std::time::{Duration, Instant};

use flightline_fixtures::consul::Consul;
use flightline_fixtures::nats::Nats;
use flightline_fixtures::process::Signal;
use flightline_fixtures::supervisor::{FLIGHTLINE, Setup, Supervisor};
use serde_json::Value;

use super::record::{self, Follower};

/// The job is well as long as the file is there, and makes it when it starts. Until it had time for that, failures count for nothing.
const CONFIG: &str = r#"{
  consul: { address: '{{ .CONSUL }}', lifecycleKv: 'lifecycle' },
  nats: { url: '{{ .NATS }}', service: 'shop', instance: 'shop-1' },
  control: { socket: '{{ .SOCKET }}' },
  jobs: [{
    name: 'cart',
    exec: ['sh', '-c', 'echo all is well > {{ .FOLDER }}/well; exec sleep 1000'],
    port: 8000,
    interfaces: 'static:10.0.0.5',
    restarts: 'unlimited',
    health: {
      exec: ['sh', '-c', 'echo checked >> {{ .FOLDER }}/checks; cat {{ .FOLDER }}/well'],
      interval: 1, ttl: 5, startPeriod: '3s', onFailure: 'critical',
    },
  }],
}"#;

/// Everything that is published of it, `own` being the supervisor's process, the others the job's.
const PUBLISHED: &str = "\
1 supervisor pending -> starting (start) attempt 1 own
2 supervisor starting -> running (start) attempt 1 own
3 cart pending -> starting (startup of global) attempt 1 first
4 cart starting -> healthy (check) attempt 1 first
5 cart healthy -> unhealthy (check) attempt 1 first
6 cart unhealthy -> healthy (check) attempt 1 first
7 cart healthy -> unhealthy (check) attempt 1 first
8 cart unhealthy -> backoff (exit) attempt 1 exit 137
9 cart backoff -> starting (restart) attempt 2 second
10 cart starting -> healthy (check) attempt 2 second
11 cart healthy -> maintenance (maintenance) attempt 2 second
12 supervisor running -> maintenance (maintenance) attempt 1 own
13 cart maintenance -> starting (maintenance) attempt 2 second
14 supervisor maintenance -> running (maintenance) attempt 1 own
15 cart starting -> healthy (check) attempt 2 second
16 cart healthy -> stopping (operator) attempt 2 second
17 cart stopping -> complete (operator) attempt 2 exit 143
18 supervisor running -> stopping (shutdown by signal) attempt 1 own
19 supervisor stopping -> complete (shutdown by signal) attempt 1 own
";

/// How long a server is away; the long form is asked for by a variable.
fn outage() -> Duration {
    match std::env::var("FLIGHTLINE_LONG") {
        Ok(_) => Duration::from_secs(10),
        Err(_) => Duration::from_secs(3),
    }
}

/// What is away while the job stumbles.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Away {
    Nobody,
    /// Killed.
    Nats,
    /// Its connections stay, and nothing is answered.
    SilentNats,
    Consul,
    SilentConsul,
}

/// The servers, and a supervisor on them.
struct Stage {
    nats: Nats,
    consul: Consul,
    supervisor: Supervisor,
    follower: Follower,
    service: String,
    /// Whether Consul can be asked.
    audible: Cell<bool>,
}

/// Acts it out, and holds what was published against what should be.
pub(crate) fn play(away: Away) {
    let (pids, stage) = act(Stage::set(), away);
    let published = record::published(&stage.nats, pids);
    let log = stage.supervisor.log();
    assert!(published == PUBLISHED, "published:\n{published}{log}");
    // Consul keeps the latest: what is followed at once by another need not be seen, and nothing else than what was published is.
    let followed = stage.follower.end();
    assert!(
        followed.is_sorted_by(|a, b| sequence(a) < sequence(b)),
        "{followed:#?}"
    );
    for value in &followed {
        let line = record::seen(value, pids);
        assert!(PUBLISHED.contains(&line), "{line}");
    }
    assert_eq!(followed.last().map(sequence), Some(19), "{log}");
}

fn sequence(change: &Value) -> u64 {
    change["sequence"].as_u64().unwrap()
}

fn act(mut stage: Stage, away: Away) -> ((u32, u32, u32), Stage) {
    stage.comes_to("healthy");
    let first = stage.pid();
    stage.consul_shows("passing", "starting -> healthy (check): all is well");
    stage.consul_keeps(4);

    stage.leave(away);
    let (begin, checks) = (Instant::now(), stage.checks());
    stage.falls_ill();
    stage.consul_keeps(5);
    stage.recovers();
    stage.consul_keeps(6);
    stage
        .supervisor
        .wait_for("the outage is over", || begin.elapsed() >= outage());
    // Those that began before and after it may be counted, or not.
    let (checked, wanted) = (stage.checks() - checks, begin.elapsed().as_secs() as usize);
    assert!(checked + 1 >= wanted, "{checked} checks in {wanted} s");
    stage.come_back(away);
    stage.consul_shows("passing", "unhealthy -> healthy (check): all is well");
    stage.consul_keeps(6);
    assert_eq!(stage.pid(), first, "the job does not notice");

    stage.falls_ill();
    stage.consul_keeps(7);
    Signal::Kill.send(first).unwrap();
    stage.comes_to("healthy");
    let second = stage.pid();
    assert_ne!(second, first);
    stage.consul_shows("passing", "starting -> healthy (check): all is well");
    stage.consul_keeps(10);
    stage.told(&["maintenance", "enter"]);
    stage.comes_to("maintenance");
    let gone = || stage.consul.service(&stage.service).is_null();
    stage.supervisor.wait_for("it is out of Consul", gone);
    stage.consul_keeps(12);
    stage.told(&["maintenance", "exit"]);
    stage.comes_to("healthy");
    stage.consul_shows("passing", "starting -> healthy (check): all is well");
    stage.consul_keeps(15);
    stage.told(&["stop", "cart"]);
    stage.comes_to("complete");
    stage.consul_keeps(17);
    assert!(stage.consul.service(&stage.service).is_null());
    let own = stage.supervisor.id();
    assert!(stage.supervisor.stop().success());
    ((own, first, second), stage)
}

impl Stage {
    fn set() -> Self {
        let (nats, consul) = (Nats::start(), Consul::start());
        record::make_stream(&nats);
        let host = fs::read_to_string("/proc/sys/kernel/hostname").unwrap();
        let setup = Setup::new(env!("CARGO_BIN_EXE_flightline-supervisor")).config(CONFIG);
        let supervisor = setup
            .env("NATS", &nats.url())
            .env("CONSUL", &consul.address())
            .start();
        let follower = Follower::start(consul.address(), "lifecycle/shop/shop-1");
        Self {
            nats,
            consul,
            supervisor,
            follower,
            service: format!("cart-{}", host.trim()),
            audible: Cell::new(true),
        }
    }

    fn leave(&mut self, away: Away) {
        match away {
            Away::Nobody => {}
            Away::Nats => self.nats.server().kill(),
            Away::SilentNats => self.nats.server().pause(),
            Away::Consul => self.consul.server().stop(),
            Away::SilentConsul => self.consul.server().pause(),
        }
        let deaf = matches!(away, Away::Consul | Away::SilentConsul);
        self.audible.set(!deaf);
    }

    fn come_back(&mut self, away: Away) {
        match away {
            Away::Nobody => {}
            Away::Nats => self.nats.server().resume_service(),
            Away::SilentNats => self.nats.server().unpause(),
            Away::Consul => self.consul.server().resume_service(),
            Away::SilentConsul => self.consul.server().unpause(),
        }
        self.audible.set(true);
    }

    fn falls_ill(&self) {
        fs::remove_file(self.file("well")).unwrap();
        self.comes_to("unhealthy");
        self.consul_shows("critical", "healthy -> unhealthy (check): ");
    }

    fn recovers(&self) {
        fs::write(self.file("well"), "all is well").unwrap();
        self.comes_to("healthy");
        self.consul_shows("passing", "unhealthy -> healthy (check): all is well");
    }

    /// Waits until the supervisor says so.
    fn comes_to(&self, state: &str) {
        self.supervisor
            .wait_for(state, || self.status()["state"] == state);
    }

    /// Waits until the check says so in Consul, if that can be asked.
    fn consul_shows(&self, status: &str, output: &str) {
        if !self.audible.get() {
            return;
        }
        self.supervisor
            .wait_for(&format!("{status}: {output}"), || {
                let check =
                    self.consul.get("/v1/agent/checks")[format!("service:{}", self.service)].take();
                let shown = check["Output"].as_str().unwrap_or_default();
                check["Status"] == status && shown.starts_with(output)
            });
    }

    /// Waits until who follows Consul has seen the change of this number, if that can be asked.
    fn consul_keeps(&self, number: u64) {
        if !self.audible.get() {
            return;
        }
        self.supervisor
            .wait_for(&format!("change {number} in Consul"), || {
                self.follower
                    .seen()
                    .iter()
                    .any(|seen| sequence(seen) == number)
            });
    }

    fn status(&self) -> Value {
        let output = self
            .supervisor
            .cli_named(FLIGHTLINE, &["status", "cart", "--json"]);
        let said: Value = serde_json::from_slice(&output.stdout).unwrap_or_default();
        said["jobs"][0].clone()
    }

    fn pid(&self) -> u32 {
        let pid = self.status()["pid"].as_u64().unwrap();
        u32::try_from(pid).unwrap()
    }

    fn told(&self, words: &[&str]) {
        let output = self.supervisor.cli_named(FLIGHTLINE, words);
        assert!(output.status.success(), "{words:?}: {output:?}");
    }

    fn checks(&self) -> usize {
        let text = fs::read_to_string(self.file("checks")).unwrap_or_default();
        text.lines().count()
    }

    fn file(&self, name: &str) -> PathBuf {
        self.supervisor.folder().join(name)
    }
}
