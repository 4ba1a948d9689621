//! The files for Prometheus as they are shipped, and a copy of them for a Prometheus of Debian, which has no discovery by Consul.

#![allow(dead_code, reason = "each test uses its part")]

use std::collections::BTreeMap;
use std::fs;
use std::process::Command;

use flightline_compose::{folder, text, yaml};
use flightline_fixtures::consul::Consul;
use serde::Deserialize;
use serde_json::json;
use tempfile::TempDir;

/// The rules.
#[derive(Debug, Deserialize)]
pub(crate) struct Rules {
    groups: Vec<Group>,
}

#[derive(Debug, Deserialize)]
struct Group {
    rules: Vec<Rule>,
}

/// An alert, or a figure that is kept under a name of its own.
#[derive(Debug, Deserialize)]
pub(crate) struct Rule {
    alert: Option<String>,
    record: Option<String>,
    /// Its expression.
    pub(crate) expr: String,
    /// The labels of an alert.
    #[serde(default)]
    pub(crate) labels: BTreeMap<String, String>,
    /// What an alert says.
    #[serde(default)]
    pub(crate) annotations: BTreeMap<String, String>,
}

impl Rule {
    /// What it is called.
    pub(crate) fn name(&self) -> &str {
        let name = self.alert.as_deref().or(self.record.as_deref());
        name.expect("a rule has a name")
    }
}

impl Rules {
    /// Those of alerts.yml.
    pub(crate) fn shipped() -> Self {
        yaml("prometheus/alerts.yml").remove(0)
    }

    /// All of them.
    pub(crate) fn all(&self) -> impl Iterator<Item = &Rule> {
        self.groups.iter().flat_map(|group| &group.rules)
    }

    /// Those that fire.
    pub(crate) fn alerts(&self) -> impl Iterator<Item = &Rule> {
        self.all().filter(|rule| rule.alert.is_some())
    }

    /// Those that are kept.
    pub(crate) fn records(&self) -> impl Iterator<Item = &Rule> {
        self.all().filter(|rule| rule.record.is_some())
    }
}

/// A folder with the shipped files, changed as for a Prometheus of Debian, with Consul at another address and targets in another file.
pub(crate) fn site(consul: &str, targets: &str) -> TempDir {
    let site = tempfile::tempdir().expect("a temporary folder");
    let shipped = folder().join("prometheus");
    let mut sed = Command::new("sed");
    sed.arg("-f").arg(shipped.join("debian.sed"));
    let changed = sed.arg(shipped.join("prometheus.yml")).output();
    let changed = changed.expect("sed runs");
    assert!(changed.status.success(), "{changed:?}");
    let config = String::from_utf8(changed.stdout).expect("the file is text");
    let config = config
        .replace("consul:8500", consul)
        .replace("/prometheus/targets/consul.json", targets);
    fs::write(site.path().join("prometheus.yml"), config).expect("the folder is writable");
    let rules = site.path().join("alerts.yml");
    fs::write(rules, text("prometheus/alerts.yml")).expect("the folder is writable");
    site
}

/// Registers an instance at `http://ADDRESS:PORT` that passes as long as its node does.
pub(crate) fn register(consul: &Consul, name: &str, url: &str, tags: &[&str]) {
    let place = url.trim_start_matches("http://");
    let (address, port) = place.rsplit_once(':').expect("an address and a port");
    let port: u16 = port.parse().expect("a port");
    let service = json!({"ID": format!("{name}-1"), "Name": name, "Address": address, "Port": port, "Tags": tags});
    let body = service.to_string();
    let answer = consul.request("PUT", "/v1/agent/service/register", body.as_bytes());
    assert_eq!(answer.status, 200, "{}", answer.text());
}
