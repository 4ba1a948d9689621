//! One of the five configurations comes in, unmodified; it runs in a container with a real Consul agent and stand-ins for what the images
//! hold beside it. What every one of them must do is asked here.

use std::io::{Read as _, Write as _};
use std::net::{TcpListener, TcpStream};
use std::path::Path;
use std::time::{Duration, Instant};

use flightline_fixtures::consul;
use flightline_fixtures::container::{ADDRESS, Container, Image};
use flightline_fixtures::listing::Life;
use flightline_fixtures::prometheus::Prometheus;
use serde_json::{Value, json};

/// Where the agent of the container answers.
const AGENT: &str = "http://127.0.0.1:8500";
/// The port of the application, where the configuration leaves it open.
pub(crate) const PORT: u16 = 8000;
/// What `docker stop` allows.
const DOCKER: Duration = Duration::from_secs(10);

/// Stands in for an application: it runs until SIGTERM and says when it is told to read its configuration again.
pub(crate) const NODE: &str = "trap 'echo node was told' HUP
trap 'echo node ends; exit 0' TERM
echo \"node runs $*, configured by $CONTAINERPILOT\"
while :; do sleep 1 & wait $!; done
";

/// An image for this configuration, on a host of this name.
pub(crate) fn image(host: &str, config: &str) -> Image {
    let consul = consul::PROGRAM.find();
    let consul = consul.unwrap_or_else(|error| panic!("{error}"));
    for (program, package) in [("curl", "curl"), ("pkill", "procps")] {
        let path = Path::new("/usr/bin").join(program);
        assert!(
            path.exists(),
            "jobs need {}; run `fixtures/install-servers {package}`",
            path.display()
        );
    }
    Image::new(
        env!("CARGO_BIN_EXE_flightline-supervisor"),
        &format!("{host}-1"),
        config,
    )
    .env("PORT", &PORT.to_string())
    .file("/config/agent.json", &agent().to_string())
    .program("/usr/local/bin/consul", &consul)
    .script("/usr/local/bin/node", NODE)
}

/// A server that elects itself, so that the container needs no other.
fn agent() -> Value {
    json!({
        "server": true, "bootstrap_expect": 1, "bind_addr": ADDRESS,
        "ports": {"dns": -1, "grpc": -1, "serf_wan": -1},
        "performance": {"raft_multiplier": 1},
        "check_update_interval": "0s", "disable_update_check": true,
    })
}

/// Answers every request with 200, as an application that is well, until the test ends.
pub(crate) fn application(container: &Container, port: u16) {
    let listener = container.within(|| TcpListener::bind(("127.0.0.1", port)));
    let listener = listener.expect("the network is the container's own");
    let answer = |mut stream: TcpStream| {
        // One read is enough for the few lines that curl sends; who has gone meanwhile needs no answer.
        let read = stream.read(&mut [0; 4096]);
        read.and_then(|_| stream.write_all(b"HTTP/1.0 200 OK\r\n\r\n"))
            .ok();
    };
    std::thread::spawn(move || listener.incoming().flatten().for_each(answer));
}

/// What the agent has at `path`.
pub(crate) fn agent_has(container: &Container, path: &str) -> Value {
    container.json(&format!("{AGENT}{path}"))
}

/// The service as the agent has it, once it has.
pub(crate) fn service(container: &Container, id: &str) -> Value {
    let mut found = Value::Null;
    container.wait_for(&format!("{id} in Consul"), || {
        found = agent_has(container, "/v1/agent/services")[id].take();
        !found.is_null()
    });
    found
}

/// The status of a service's check.
pub(crate) fn status(container: &Container, id: &str) -> Option<String> {
    let check = agent_has(container, "/v1/agent/checks")[format!("service:{id}")].take();
    check["Status"].as_str().map(str::to_owned)
}

/// Waits until the check of a service passes.
pub(crate) fn passes(container: &Container, id: &str) {
    container.wait_for(&format!("{id} passes"), || {
        status(container, id).as_deref() == Some("passing")
    });
}

/// A service of this shape is registered, with a check of this TTL that passes.
pub(crate) fn is_registered(
    container: &Container,
    (name, id): (&str, &str),
    (port, tags): (u16, &[&str]),
    ttl: Duration,
) {
    let found = service(container, id);
    let shape = json!({"ID": id, "Service": name, "Tags": tags, "Address": ADDRESS, "Port": port,
        "EnableTagOverride": false});
    for (key, value) in shape.as_object().expect("made as an object above") {
        assert_eq!(&found[key], value, "{key} of {found}");
    }
    passes(container, id);
    let check = agent_has(container, "/v1/agent/checks")[format!("service:{id}")].take();
    assert_eq!(check["Type"], "ttl", "{check}");
    assert_eq!(check["ServiceName"], name, "{check}");
    // The agent tells nobody the TTL, but keeps it, a moment after it has the check.
    let mut kept_ttl = None;
    container.wait_for("the agent keeps the check", || {
        let kept = kept(container, "checks");
        let own = |kept: &&Value| kept["Check"]["CheckID"] == check["CheckID"];
        kept_ttl = kept
            .iter()
            .find(own)
            .and_then(|own| own["ChkType"]["TTL"].as_u64());
        kept_ttl.is_some()
    });
    assert_eq!(kept_ttl.map(Duration::from_nanos), Some(ttl));
}

/// Telemetry is found under ContainerPilot's name, listens only there, and shows all that it should.
pub(crate) fn has_telemetry(container: &Container, host: &str, tags: &[&str]) {
    let id = format!("containerpilot-{host}-1");
    let tags: Vec<&str> = tags
        .iter()
        .copied()
        .chain([env!("CARGO_PKG_VERSION")])
        .collect();
    let own = ("containerpilot", id.as_str());
    is_registered(container, own, (9090, &tags), Duration::from_secs(15));
    let metrics = container.request("GET", &telemetry("/metrics"), &[]);
    let metrics = metrics.expect("telemetry answers").text();
    assert!(metrics.contains("containerpilot_events{"), "{metrics}");
    let elsewhere = container.request("GET", "http://127.0.0.1:9090/metrics", &[]);
    assert!(elsewhere.is_none(), "telemetry listens on {ADDRESS} only");
}

/// A Prometheus on the container's network that scrapes what Consul's catalog says of ContainerPilot's service with this tag. (The
/// catalog is read here: Debian's Prometheus is built without its client for Consul.)
pub(crate) fn prometheus(container: &Container, tag: &str) -> Prometheus {
    let path = format!("/v1/health/service/containerpilot?passing=1&tag={tag}");
    let mut target = None;
    container.wait_for("telemetry in the catalog", || {
        let found = agent_has(container, &path);
        let service = &found[0]["Service"];
        let address = service["Address"].as_str().zip(service["Port"].as_u64());
        target = address.map(|(address, port)| format!("{address}:{port}"));
        target.is_some()
    });
    let target = target.expect("waited for above");
    container.within(|| Prometheus::scraping(&target))
}

/// Waits until a series has this value in Prometheus.
pub(crate) fn shows(container: &Container, prometheus: &Prometheus, series: &str, value: f64) {
    container.wait_for(&format!("{series} {value} in Prometheus"), || {
        container.within(|| prometheus.value(series)) == Some(value)
    });
}

/// A page of the telemetry server.
pub(crate) fn telemetry(path: &str) -> String {
    format!("http://{ADDRESS}:9090{path}")
}

/// What `/status` says of a job or service.
pub(crate) fn standing(container: &Container, list: &str, name: &str) -> Option<String> {
    let status = container.json(&telemetry("/status"));
    let entry = status[list]
        .as_array()?
        .iter()
        .find(|entry| entry["Name"] == name)?;
    entry["Status"].as_str().map(str::to_owned)
}

/// An instance of another service appears, which is what watches look for.
pub(crate) fn appears(container: &Container, name: &str, port: u16) {
    let service =
        json!({"ID": format!("{name}-{port}"), "Name": name, "Address": "10.9.9.9", "Port": port});
    let url = format!("{AGENT}/v1/agent/service/register");
    let answer = container.request("PUT", &url, service.to_string().as_bytes());
    assert_eq!(answer.map(|answer| answer.status), Some(200));
}

/// It goes again.
pub(crate) fn disappears(container: &Container, id: &str) {
    let url = format!("{AGENT}/v1/agent/service/deregister/{id}");
    let answer = container.request("PUT", &url, &[]);
    assert_eq!(answer.map(|answer| answer.status), Some(200));
}

/// Waits until lines with `text` are at least so many.
pub(crate) fn said(container: &Container, text: &str, times: usize) {
    container.wait_for(&format!("`{text}` {times} times"), || {
        container.log().matches(text).count() >= times
    });
}

/// PID 1 and its worker have names that no `pkill node` finds, and nobody dead is left lying.
pub(crate) fn is_tidy(container: &mut Container) {
    let processes = container.supervisor().processes();
    let ours: Vec<&str> = processes
        .iter()
        .filter(|process| process.pid == 1 || process.parent == 1)
        .map(|process| process.name.as_str())
        .collect();
    assert!(ours.len() >= 2, "{processes:?}");
    let known = processes
        .iter()
        .filter(|process| process.name == "containerpilot");
    assert!(known.count() >= 2, "{processes:?}");
    let supervisor = container.supervisor();
    supervisor.wait_for("nobody is left to be reaped", || {
        let processes = supervisor.processes();
        processes.iter().all(|process| process.life == Life::Alive)
    });
}

/// `docker stop`: the end comes in time and with success, everything is taken out of Consul, and only then the agent is stopped.
pub(crate) fn stops_in_order(container: &mut Container) {
    let mut held = Vec::new();
    container.wait_for("the agent keeps what it has", || {
        held = kept(container, "services");
        !held.is_empty()
    });
    for other in held.iter().filter_map(|held| {
        held["Service"]["Address"]
            .as_str()
            .zip(held["Service"]["ID"].as_str())
    }) {
        if other.0 != ADDRESS {
            disappears(container, other.1);
        }
    }
    let begin = Instant::now();
    let status = container.supervisor().stop();
    let lasted = begin.elapsed();
    let log = container.log();
    assert_eq!(status.code(), Some(0), "{log}");
    assert!(lasted < DOCKER, "{lasted:?}:\n{log}");
    for kind in ["services", "checks"] {
        let kept = kept(container, kind);
        assert!(kept.is_empty(), "the agent still had {kept:?}:\n{log}");
    }
    let told = log
        .rfind("Deregistered service")
        .expect("the agent says so");
    let stopped = log.rfind("signal=terminated").expect("the agent says so");
    assert!(told < stopped, "the agent was stopped too early:\n{log}");
}

/// What the agent keeps on its disk, for its next start.
fn kept(container: &Container, kind: &str) -> Vec<Value> {
    let folder = container.path("/data").join(kind);
    let entries = std::fs::read_dir(folder).into_iter().flatten().flatten();
    let files = entries.filter_map(|entry| std::fs::read(entry.path()).ok());
    files
        .filter_map(|bytes| serde_json::from_slice(&bytes).ok())
        .collect()
}
