//! The parts of a stack come in, its containers go out: up, scaled, killed, down. All through the same commands that a person would type.

use std::env;
use std::io::Write as _;
use std::process::{Command, Output};

use flightline_compose::folder;
use flightline_fixtures::server::free_ports;
use flightline_fixtures::steps::figure;
use serde_json::Value;

/// Ports of this machine that a stack is given.
const PORTS: [&str; 5] = [
    "NATS_PORT",
    "WRITE_PORT",
    "PROMETHEUS_PORT",
    "CONSUL_PORT",
    "GRAFANA_PORT",
];

/// What differs from compose/debian.env.
#[derive(Debug, Default)]
pub(crate) struct Parts(Vec<(&'static str, &'static str)>);

impl Parts {
    /// Three nodes of NATS.
    pub(crate) fn cluster() -> Self {
        Self(vec![
            ("COMPOSE_PROFILES", "cluster,influxdb,haproxy"),
            ("REPLICAS", "3"),
            (
                "NATS_URL",
                "nats://nats-1:4222,nats://nats-2:4222,nats://nats-3:4222",
            ),
        ])
    }

    /// VictoriaMetrics in the place of InfluxDB.
    pub(crate) fn victoria() -> Self {
        Self(vec![
            ("COMPOSE_PROFILES", "single,victoria,haproxy"),
            ("STORE", "victoria"),
            (
                "CONSUL_SERVICES",
                "-config-file=/consul/services/victoria.json",
            ),
        ])
    }
}

/// A container of a service.
#[derive(Debug, Clone)]
pub(crate) struct Container {
    /// Its id.
    pub(crate) id: String,
    /// Its address on the stack's network.
    pub(crate) address: String,
}

/// A running stack; taken down with all that it stored when this is dropped.
pub(crate) struct Stack {
    variables: Vec<(String, String)>,
}

impl Stack {
    /// Brings it up.
    pub(crate) fn up(parts: &Parts) -> Self {
        let ports = free_ports(PORTS.len()).expect("the loopback has free ports");
        let ports = PORTS
            .iter()
            .zip(ports)
            .map(|(name, port)| ((*name).to_owned(), port.to_string()));
        let name = (
            "COMPOSE_PROJECT_NAME".to_owned(),
            format!("flightline-test-{}", std::process::id()),
        );
        let parts = parts
            .0
            .iter()
            .map(|(name, value)| ((*name).to_owned(), (*value).to_owned()));
        let stack = Self {
            variables: ports.chain([name]).chain(parts).collect(),
        };
        stack.compose(&["up", "--detach", "--no-build"]);
        stack
    }

    /// The value of a variable of `.env`.
    pub(crate) fn port(&self, name: &str) -> &str {
        let found = self.variables.iter().find(|(known, _)| known == name);
        &found.expect("a stack is given this port").1
    }

    /// So many containers of a service.
    pub(crate) fn scale(&self, service: &str, count: usize) {
        let scale = format!("{service}={count}");
        self.compose(&[
            "up",
            "--detach",
            "--no-build",
            "--no-recreate",
            "--scale",
            &scale,
            service,
        ]);
    }

    /// The running containers of a service.
    pub(crate) fn containers(&self, service: &str) -> Vec<Container> {
        let ids = self.compose(&["ps", "--quiet", service]);
        let running = ids
            .lines()
            .map(inspect)
            .filter(|found| found["State"]["Running"] == true);
        running.map(|found| container(&found)).collect()
    }

    /// Whether every container that is to run does so, and is healthy where it has a check; and those that end have ended well.
    pub(crate) fn is_healthy(&self) -> bool {
        let ids = self.compose(&["ps", "--all", "--quiet"]);
        let mut states = ids.lines().map(inspect).peekable();
        states.peek().is_some()
            && states.all(|found| {
                let state = &found["State"];
                match (state["Status"].as_str(), state["Health"]["Status"].as_str()) {
                    (Some("running"), Some(health)) => health == "healthy",
                    (Some("running"), None) => true,
                    (Some("exited"), _) => state["ExitCode"] == 0,
                    _ => false,
                }
            })
    }

    /// SIGKILL to the first process of a service's first container, and so to all of them; they are not started again.
    pub(crate) fn kill(&self, service: &str) -> Container {
        let container = self.containers(service).remove(0);
        docker(&["kill", &container.id]);
        container
    }

    /// Starts a container again, which may have another address then.
    pub(crate) fn start(&self, stopped: &Container) -> Container {
        docker(&["start", &stopped.id]);
        container(&inspect(&stopped.id))
    }

    /// Takes a killed container away.
    pub(crate) fn remove(&self, container: &Container) {
        docker(&["rm", &container.id]);
    }

    /// SIGTERM, and SIGKILL only after the time that compose.yaml gives: everything in it has ended well by then.
    pub(crate) fn stop(&self, container: &Container) {
        docker(&["stop", "--time", "40", &container.id]);
        let state = &inspect(&container.id)["State"];
        assert_eq!(state["ExitCode"], 0, "how a stopped container has ended");
    }

    /// Stops the sensors, and gives how many readings the stream has acknowledged.
    pub(crate) fn stop_sensors(&self) -> u64 {
        self.compose(&["stop", "sensors"]);
        let ids = self.compose(&["ps", "--all", "--quiet", "sensors"]);
        let log = docker(&["logs", ids.trim()]);
        let sent = log.lines().filter_map(|line| {
            line.split_once(" messages sent")?
                .0
                .rsplit(' ')
                .next()?
                .parse::<u64>()
                .ok()
        });
        sent.sum()
    }

    /// How many requests the balancer has tried again, by its log: its counters begin anew with each configuration.
    pub(crate) fn retries(&self) -> usize {
        let container = self.containers("balancer").remove(0);
        let log = docker(&["logs", &container.id]);
        // …/retries, or …/+retries where the last one went to another server.
        let tried_again = |line: &&str| {
            let of = |word: &str| match word.split('/').collect::<Vec<_>>()[..] {
                [_, _, _, _, retries] => retries.trim_start_matches('+').parse::<u32>().ok(),
                _ => None,
            };
            // Its timers look alike, and stand before.
            let retries = line.split(' ').filter_map(of).next_back();
            line.contains(" ingest/") && retries.is_some_and(|count| count > 0)
        };
        log.lines().filter(tried_again).count()
    }

    /// A file that a service's containers have.
    pub(crate) fn read(&self, service: &str, path: &str) -> String {
        let container = self.containers(service).remove(0);
        docker(&["exec", &container.id, "cat", path])
    }

    /// How large each image is.
    pub(crate) fn sizes(&self) {
        let images = docker(&[
            "images",
            "--format",
            "{{.Repository}} {{.Size}}",
            "--filter",
            "reference=flightline-debian*",
        ]);
        for image in images.lines() {
            figure(&format!("image {image}"));
        }
    }

    /// What every container takes of memory and CPU.
    pub(crate) fn figures(&self, when: &str) {
        let usage = docker(&[
            "stats",
            "--no-stream",
            "--format",
            "{{.Name}} {{.MemUsage}} {{.CPUPerc}}",
        ]);
        let own = self.port("COMPOSE_PROJECT_NAME");
        for line in usage.lines().filter(|line| line.starts_with(own)) {
            figure(&format!(
                "{when}: {}",
                line.trim_start_matches(own).trim_start_matches(['_', '-'])
            ));
        }
    }

    /// Takes everything down, in order.
    pub(crate) fn down(&mut self) {
        self.compose(&["down", "--timeout", "45"]);
    }

    fn compose(&self, words: &[&str]) -> String {
        let output = self.try_compose(words);
        assert!(
            output.status.success(),
            "docker-compose {words:?}: {}",
            said(&output)
        );
        String::from_utf8_lossy(&output.stdout).into_owned()
    }

    fn try_compose(&self, words: &[&str]) -> Output {
        let file = |name: &str| folder().join(name).display().to_string();
        let mut command = compose_command();
        command.args([
            "--env-file",
            &file("debian.env"),
            "--project-directory",
            &folder().display().to_string(),
        ]);
        command.args([
            "--file",
            &file("compose.yaml"),
            "--file",
            &file("debian.yaml"),
        ]);
        command
            .args(words)
            .envs(self.variables.iter().map(|(name, value)| (name, value)));
        command
            .output()
            .expect("docker-compose is there: make compose-test brings it")
    }
}

impl Drop for Stack {
    fn drop(&mut self) {
        let mut told = std::io::stderr();
        if std::thread::panicking() {
            let states = self.try_compose(&["ps", "--all"]);
            let logs = self.try_compose(&["logs", "--no-color", "--tail", "60"]);
            writeln!(told, "{}\n{}", said(&states), said(&logs)).ok();
        }
        let gone = self.try_compose(&["down", "--volumes", "--timeout", "5"]);
        if !gone.status.success() {
            writeln!(told, "the stack may still be there: {}", said(&gone)).ok();
        }
    }
}

/// docker-compose, or where there is none, the plugin of docker.
fn compose_command() -> Command {
    let path = env::var_os("PATH").unwrap_or_default();
    if env::split_paths(&path).any(|folder| folder.join("docker-compose").is_file()) {
        return Command::new("docker-compose");
    }
    let mut command = Command::new("docker");
    command.arg("compose");
    command
}

fn inspect(id: &str) -> Value {
    let told: Value =
        serde_json::from_str(&docker(&["inspect", id])).expect("docker answers in JSON");
    told[0].clone()
}

fn container(found: &Value) -> Container {
    let networks = found["NetworkSettings"]["Networks"].as_object();
    let address = networks
        .and_then(|all| all.values().next())
        .and_then(|network| network["IPAddress"].as_str());
    Container {
        id: found["Id"]
            .as_str()
            .expect("a container has an id")
            .to_owned(),
        address: address
            .expect("a running container has an address")
            .to_owned(),
    }
}

fn docker(words: &[&str]) -> String {
    let output = Command::new("docker")
        .args(words)
        .output()
        .expect("docker is there: make compose-test brings it");
    assert!(
        output.status.success(),
        "docker {words:?}: {}",
        said(&output)
    );
    said(&output)
}

fn said(output: &Output) -> String {
    format!(
        "{}{}",
        String::from_utf8_lossy(&output.stdout),
        String::from_utf8_lossy(&output.stderr)
    )
}
