//! Consul: who is registered, who is told, and what brings a registration back.

use flightline_fixtures::consul::Consul;
use flightline_fixtures::http;
use flightline_fixtures::server::free_port;
use serde_json::{Value, json};

use crate::rig::{container_at, job, passing, pid, tell, text, up, wait_passing, wait_state};

const APP: &str = "{
  consul: '{{ .CONSUL }}',
  control: { socket: '{{ .SOCKET }}' },
  jobs: [
    {
      name: 'app',
      exec: ['{{ .HELPER }}', '--exact', 'program::serves'],
      env: { SCENARIO_PORT: '{{ .APP_PORT }}' },
      port: {{ .APP_PORT }},
      interfaces: 'lo',
      health: {
        exec: ['{{ .HELPER }}', '--exact', 'program::fetches'],
        interval: 1,
        ttl: 5,
      },
    },
  ],
}";

/// The part of nginx is played by the same server with an upstream, that of its template by a job that asks Consul.
const NGINX: &str = "{
  consul: '{{ .CONSUL }}',
  control: { socket: '{{ .SOCKET }}' },
  jobs: [
    {
      name: 'nginx',
      exec: ['{{ .HELPER }}', '--exact', 'program::serves'],
      env: { SCENARIO_PORT: '{{ .NGINX_PORT }}', SCENARIO_UPSTREAM: '{{ .FOLDER }}/upstream' },
      port: {{ .NGINX_PORT }},
      interfaces: 'lo',
      health: {
        exec: ['{{ .HELPER }}', '--exact', 'program::fetches'],
        interval: 1,
        ttl: 5,
      },
    },
    {
      name: 'onchange-app',
      exec: ['{{ .HELPER }}', '--exact', 'program::renders'],
      env: { SCENARIO_UPSTREAM: '{{ .FOLDER }}/upstream' },
      when: { source: 'watch.app', each: 'changed' },
    },
  ],
  watches: [{ name: 'app', interval: 1 }],
}";

#[test]
fn i03_discovery_consul() {
    let consul = Consul::start();
    let (app_port, nginx_port) = (free_port(), free_port());
    let mut nginx = up(container_at(&consul, NGINX).env("NGINX_PORT", &nginx_port.to_string()));
    wait_passing(&nginx, &consul, "nginx");
    // Nobody has told it of an app.
    let page = format!("http://127.0.0.1:{nginx_port}/app/");
    assert!(http::answers(&page, 502));
    assert_eq!(job(&nginx, "onchange-app").attempt, 0);

    let mut app = up(container_at(&consul, APP).env("APP_PORT", &app_port.to_string()));
    wait_passing(&app, &consul, "app");
    let [service] = [&passing(&consul, "app")[0]["Service"]];
    assert_eq!(service["Address"], "127.0.0.1");
    assert_eq!(service["Port"], app_port);
    nginx.wait_for("the page comes from the app", || http::answers(&page, 200));
    let answer = http::get(&page).unwrap();
    assert_eq!(answer.text(), "served to another");
    wait_passing(&nginx, &consul, "nginx");
    let upstream = || std::fs::read_to_string(nginx.folder().join("upstream")).unwrap();
    assert_eq!(upstream(), format!("127.0.0.1:{app_port}\n"));
    assert_eq!(job(&nginx, "onchange-app").attempt, 1);

    // One more instance, and then only that one.
    consul.register("app", "app-elsewhere", 9);
    nginx.wait_for("both are told", || upstream().lines().count() == 2);
    assert!(app.stop().success());
    nginx.wait_for("one is told", || upstream() == "127.0.0.1:9\n");
    assert!(http::answers(&page, 502));
    assert_eq!(job(&nginx, "onchange-app").attempt, 3);
    assert!(nginx.stop().success());
    assert!(passing(&consul, "nginx").is_empty());
}

const TELEMETRY: &str = "{
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
    {
      name: 'sensor',
      exec: ['containerpilot', '-putmetric', 'example_scenario_count=7', '-putmetric', 'unknown=1'],
      when: { interval: '500ms' },
      restarts: '5',
    },
  ],
  watches: [{ name: 'app', interval: 1 }],
  telemetry: {
    port: {{ .TELEMETRY_PORT }},
    interfaces: ['lo'],
    tags: ['op'],
    metrics: [
      { namespace: 'example', subsystem: 'scenario', name: 'count', help: 'Counted', type: 'counter' },
    ],
  },
}";

#[test]
fn i12_telemetry() {
    let consul = Consul::start();
    let port = free_port();
    let mut supervisor =
        up(container_at(&consul, TELEMETRY).env("TELEMETRY_PORT", &port.to_string()));
    let get = |path: &str| {
        let url = format!("http://127.0.0.1:{port}{path}");
        http::get(&url).unwrap().text()
    };
    wait_passing(&supervisor, &consul, "app");
    wait_passing(&supervisor, &consul, "containerpilot");
    let own = passing(&consul, "containerpilot")[0]["Service"].clone();
    assert_eq!(own["Port"], port);
    assert_eq!(own["Tags"][0], "op");

    wait_state(&supervisor, "sensor", "complete");
    let metrics = get("/metrics");
    assert!(
        metrics
            .lines()
            .any(|line| line == "example_scenario_count 42"),
        "{metrics}"
    );
    supervisor.wait_for("the watch has seen it", || {
        get("/metrics").contains("containerpilot_watch_instances{service=\"app\"} 1\n")
    });
    for builtin in [
        "containerpilot_events{code=\"Startup\",source=\"global\"} 1\n",
        "containerpilot_control_http_requests{code=\"200\",path=\"/v3/metric\"} 6\n",
    ] {
        assert!(metrics.contains(builtin), "{builtin}{metrics}");
    }

    let status: Value = serde_json::from_str(&get("/status")).unwrap();
    let service = |name: &str, port: u16| json!({"Name": name, "Address": "127.0.0.1", "Port": port, "Status": "healthy"});
    let services = json!([service("app", 8000), service("containerpilot", port)]);
    assert_eq!(status["Services"], services);
    assert_eq!(
        status["Jobs"],
        json!([{"Name": "sensor", "Status": "unknown"}])
    );
    assert_eq!(status["Watches"], json!(["app"]));

    assert!(supervisor.stop().success());
    for service in ["app", "containerpilot"] {
        assert_eq!(passing(&consul, service), Vec::<Value>::new());
    }
    assert_eq!(consul.get("/v1/agent/services"), json!({}));
}

const MAINTAINED: &str = "{
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
    { name: 'enters', exec: 'echo entered', when: { source: 'global', each: 'enterMaintenance' } },
    { name: 'leaves', exec: 'echo left', when: { source: 'global', each: 'exitMaintenance' } },
  ],
}";

/// 3.8.0 took itself for registered, and never came back.
#[test]
fn a_service_comes_back_after_maintenance_and_to_an_agent_that_has_forgotten_it() {
    let mut consul = Consul::start();
    let mut supervisor = up(container_at(&consul, MAINTAINED));
    let id = wait_passing(&supervisor, &consul, "app");
    let app = pid(&supervisor, "app");
    for round in 1..=2 {
        tell(&supervisor, &["-maintenance", "enable"]);
        supervisor.wait_for("it is taken out", || consul.service(&id).is_null());
        supervisor.wait_for("who waits for it hears", || {
            supervisor.count(" entered") == round
        });
        assert_eq!(job(&supervisor, "app").state, "maintenance");

        tell(&supervisor, &["-maintenance", "disable"]);
        assert_eq!(wait_passing(&supervisor, &consul, "app"), id);
        supervisor.wait_for("who waits for it hears", || {
            supervisor.count(" left") == round
        });
    }
    let refused = supervisor.cli(&["-maintenance", "foo"]);
    assert_eq!(refused.status.code(), Some(2), "{}", text(&refused.stderr));

    consul.wipe();
    assert_eq!(wait_passing(&supervisor, &consul, "app"), id);
    assert_eq!(pid(&supervisor, "app"), app);
    assert!(supervisor.stop().success());
    assert!(consul.service(&id).is_null());
}
