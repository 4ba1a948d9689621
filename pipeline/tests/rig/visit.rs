//! A visit of the doctor: a configuration as environment, and what it says.

#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]
#![allow(dead_code, reason = "each test file uses its own part")]

use assert_cmd::Command;
use flightline_fixtures::clock::Clock;
use flightline_fixtures::nats::{Nats, Options};
use serde_json::Value;
use tempfile::TempDir;

/// Servers that the doctor has nothing against: all installed versions but 2.9.
pub(crate) fn sound_servers() -> Vec<Options> {
    let is_old = |options: &Options| {
        let server = options.clone().start();
        server.version().starts_with("2.9.")
    };
    let mut all = Options::default().each_version();
    all.retain(|options| !is_old(options));
    assert!(
        !all.is_empty(),
        "no nats-server newer than 2.9: fixtures/install-servers brings one"
    );
    all
}

/// What there is to visit: keys without their prefix, as `SOURCE__STREAM`.
#[derive(Debug)]
pub(crate) struct Visit {
    keys: Vec<(String, String)>,
    /// The environment of a machine whose clock goes wrong.
    clock: Vec<(String, String)>,
    pub(crate) folder: TempDir,
}

/// What the doctor said.
#[derive(Debug)]
pub(crate) struct Said {
    pub(crate) code: i32,
    pub(crate) out: String,
    pub(crate) log: String,
}

impl Visit {
    /// With files for a sink.
    pub(crate) fn new(nats: &str) -> Self {
        let visit = Self::without_sink(nats);
        let dir = visit.folder.path().join("out").display().to_string();
        visit.key("SINK__DIR", &dir).key("SINK__MAX_BYTES", "1MiB")
    }

    /// With an InfluxDB for a sink.
    pub(crate) fn influx(nats: &str, url: &str, api: &str) -> Self {
        let visit = Self::without_sink(nats)
            .key("SINK__KIND", "influxdb")
            .key("SINK__URL", url)
            .key("SINK__API", api)
            .key("SINK__TIMEOUT", "5s");
        match api {
            "v2" => visit.key("SINK__ORG", "o").key("SINK__BUCKET", "b"),
            _ => visit.key("SINK__DB", "db"),
        }
    }

    /// With any admin port.
    fn without_sink(nats: &str) -> Self {
        let visit = Self {
            keys: Vec::new(),
            clock: Vec::new(),
            folder: tempfile::tempdir().unwrap(),
        };
        visit
            .key("NATS__URL", nats)
            .key("ADMIN__LISTEN", "127.0.0.1:0")
    }

    /// The stream `name` of `server`, with subjects of that prefix.
    pub(crate) fn stream(server: &Nats, name: &str) -> Self {
        Self::new(&server.url()).of_stream(name)
    }

    #[must_use]
    pub(crate) fn of_stream(self, name: &str) -> Self {
        self.key("PREFIX", name)
            .key("SOURCE__STREAM", name)
            .key("DEADLETTER__STREAM", &format!("{name}-letters"))
    }

    /// The doctor's machine goes by `clock`.
    #[must_use]
    pub(crate) fn by(mut self, clock: &Clock) -> Self {
        self.clock = clock.environment();
        self
    }

    #[must_use]
    pub(crate) fn key(mut self, key: &str, value: &str) -> Self {
        self.keys.retain(|(known, _)| known != key);
        self.keys.push((key.to_owned(), value.to_owned()));
        self
    }

    pub(crate) fn say(&self, words: &[&str]) -> Said {
        let mut command = Command::cargo_bin("flightline").unwrap();
        command.arg("doctor").args(words).env_clear();
        for (key, value) in &self.keys {
            command.env(format!("FLIGHTLINE__{key}"), value);
        }
        command.envs(self.clock.iter().cloned());
        let output = command.current_dir(self.folder.path()).output().unwrap();
        Said {
            code: output.status.code().unwrap(),
            out: String::from_utf8(output.stdout).unwrap(),
            log: String::from_utf8(output.stderr).unwrap(),
        }
    }

    /// Severity and code of each finding.
    pub(crate) fn findings(&self) -> Vec<(String, String)> {
        let said = self.say(&["--json"]);
        let report: Value = serde_json::from_str(&said.out).unwrap_or_else(|_| panic!("{said:?}"));
        let text = |finding: &Value, field: &str| finding[field].as_str().unwrap().to_owned();
        let findings = report["findings"].as_array().unwrap();
        for finding in findings {
            let is_bad = finding["severity"] != "ok";
            for field in ["about", "found", "means", "cure"] {
                let empty = text(finding, field).is_empty();
                assert!(!empty || (!is_bad && field != "found"), "{finding}");
            }
        }
        let pairs = findings
            .iter()
            .map(|finding| (text(finding, "severity"), text(finding, "code")));
        pairs.collect()
    }

    /// Those that are worse than a note.
    pub(crate) fn bad(&self) -> Vec<(String, String)> {
        let mut all = self.findings();
        all.retain(|(severity, _)| severity == "warning" || severity == "error");
        all
    }

    pub(crate) fn finds(&self, severity: &str, code: &str, why: &str) {
        let found = self.findings();
        let wanted = (severity.to_owned(), code.to_owned());
        assert!(
            found.contains(&wanted),
            "{why}: no {severity} {code} in {found:?}"
        );
    }
}
