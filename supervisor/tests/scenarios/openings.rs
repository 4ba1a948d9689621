//! What a configuration needs is open before it is taken; what cannot be opened refuses it, and changes nothing.

use std::net::TcpListener;
use std::time::{Duration, Instant};

use flightline_fixtures::consul::Consul;
use flightline_fixtures::http;
use flightline_fixtures::process::Signal;
use flightline_fixtures::server::free_port;

use crate::rig::{
    NO_CONSUL, container, container_at, pid, rewrite, tell, text, up, wait_passing, wait_state,
};

const CONFIG: &str = "{
  consul: { address: '{{ .CONSUL }}' },
  control: { socket: '{{ .SOCKET }}' },
  logging: { output: 'stdout' },
  jobs: [
    {
      name: 'app',
      exec: 'sleep 1000',
      port: 8000,
      interfaces: 'lo',
      health: { exec: 'true', interval: 3, ttl: 10 },
    },
    { name: 'early', exec: 'sleep 1000', port: 8001, interfaces: 'lo', initial_status: 'warning',
      health: { exec: 'false', interval: 300, ttl: 600 } },
  ],
  telemetry: { port: {{ .TELEMETRY_PORT }}, interfaces: ['lo'] },
}";

/// Another token or another key beside it is no reason to vanish for an interval.
#[test]
fn a_change_of_the_consul_block_takes_no_service_out_of_the_same_agent() {
    let consul = Consul::start();
    let telemetry = free_port().to_string();
    let setup = container_at(&consul, CONFIG).env("TELEMETRY_PORT", &telemetry);
    let mut supervisor = up(setup);
    let id = wait_passing(&supervisor, &consul, "app");
    let early = id.replacen("app", "early", 1);
    supervisor.wait_for("it is announced", || !consul.service(&early).is_null());
    let index = |id: &str| {
        consul.get(&format!("/v1/health/service/{id}"))[0]["Service"]["CreateIndex"].clone()
    };
    let before = (index("app"), index("early"), index("containerpilot"));
    rewrite(
        &supervisor,
        "{{ .CONSUL }}' }",
        "{{ .CONSUL }}', lifecycleKv: 'changes' }",
    );
    tell(&supervisor, &["-reload"]);
    // The entry is written by who talks to Consul now.
    tell(&supervisor, &["-maintenance", "enable"]);
    supervisor.wait_for("a change is kept", || {
        !consul.get("/v1/kv/changes?keys").is_null()
    });
    tell(&supervisor, &["-maintenance", "disable"]);
    wait_passing(&supervisor, &consul, "app");
    assert!(before.0.is_number());
    assert!(supervisor.stop().success());
}

#[test]
fn services_are_told_to_a_changed_consul_before_their_next_check() {
    let consul = Consul::start();
    let telemetry = free_port().to_string();
    let setup = container_at(&consul, CONFIG).env("TELEMETRY_PORT", &telemetry);
    let mut supervisor = up(setup);
    let id = wait_passing(&supervisor, &consul, "app");
    let early = id.replacen("app", "early", 1);
    supervisor.wait_for("it is announced", || !consul.service(&early).is_null());
    let other = Consul::start();
    rewrite(&supervisor, "{{ .CONSUL }}", &other.address());
    tell(&supervisor, &["-reload"]);
    for id in [&id, &early] {
        supervisor.wait_for("the other agent has it", || !other.service(id).is_null());
        supervisor.wait_for("the first one has not", || consul.service(id).is_null());
    }
    assert!(supervisor.stop().success());
}

#[test]
fn a_reload_that_cannot_open_what_it_needs_changes_nothing() {
    let taken = TcpListener::bind("127.0.0.1:0").unwrap();
    let taken = taken
        .local_addr()
        .map(|address| (address.port(), taken))
        .unwrap();
    let telemetry = free_port().to_string();
    let setup = container(CONFIG)
        .env("CONSUL", NO_CONSUL)
        .env("TELEMETRY_PORT", &telemetry);
    let mut supervisor = up(setup);
    let app = wait_state(&supervisor, "app", "healthy").pid;
    let status = format!("http://127.0.0.1:{telemetry}/status");
    let port = taken.0.to_string();
    let mends = [
        ("{{ .TELEMETRY_PORT }}", port.as_str(), "telemetry"),
        (
            "'{{ .SOCKET }}'",
            "'/proc/none/socket'",
            "/proc/none/socket",
        ),
        ("'stdout'", "'/proc/none/log'", "/proc/none/log"),
        ("'sleep 1000'", "'sleep 1001', misspelt: 1", "misspelt"),
    ];
    let old = std::fs::read_to_string(supervisor.config_path()).unwrap();
    let keep = supervisor.folder().join("keep.json5");
    let socket = supervisor.socket();
    let words = format!("{{ control: {{ socket: '{}' }} }}", socket.display());
    std::fs::write(&keep, words).unwrap();
    for (from, to, named) in mends {
        rewrite(&supervisor, from, to);
        let asked = supervisor.cli(&["-config", keep.to_str().unwrap(), "-reload"]);
        let said = text(&asked.stderr);
        assert_eq!(asked.status.code(), Some(1), "{named}: {said}");
        assert!(said.contains(named), "{said}");
        std::fs::write(supervisor.config_path(), &old).unwrap();
        assert!(http::answers(&status, 200), "{named}");
        assert_eq!(Some(pid(&supervisor, "app")), app);
    }
    tell(&supervisor, &["-reload"]);
    assert!(supervisor.stop().success());
}

/// The telemetry port is tried for ten seconds.
#[test]
fn a_sigterm_during_the_start_is_heeded_at_once() {
    let taken = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = taken.local_addr().unwrap().port().to_string();
    let setup = container(CONFIG)
        .env("CONSUL", NO_CONSUL)
        .env("TELEMETRY_PORT", &port);
    let mut supervisor = setup.start();
    supervisor.wait_log("cannot listen on");
    let begun = Instant::now();
    supervisor.signal(Signal::Term);
    assert_eq!(supervisor.wait_code(), 0);
    assert!(
        begun.elapsed() < Duration::from_secs(5),
        "{:?}",
        begun.elapsed()
    );
}
