//! Promise: an operator is told. Prometheus takes the shipped files, finds whoever is in Consul with the tag `metrics` as they say, and each alert fires
//! on what it is for.

#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

#[path = "rig/shipped.rs"]
mod shipped;

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::Path;
use std::process::Command;
use std::time::Duration;

use flightline_compose::promql::asked;
use flightline_compose::{folder, text, yaml};
use flightline_fixtures::consul::Consul;
use flightline_fixtures::prometheus::{Prometheus, promtool};
use flightline_fixtures::wait;
use serde::Deserialize;
use serde_json::{Value, json};
use shipped::Rules;

/// For a change in Consul to be seen by a machine that is busy with other tests.
const PATIENCE: Duration = Duration::from_secs(60);

/// The tests of the rules, as far as this file looks at them.
#[derive(Deserialize)]
struct RuleTests {
    tests: Vec<RuleTest>,
}

#[derive(Deserialize)]
struct RuleTest {
    name: String,
    input_series: Vec<Input>,
    promql_expr_test: Vec<Expectation>,
}

#[derive(Deserialize)]
struct Input {
    series: String,
}

#[derive(Deserialize)]
struct Expectation {
    expr: String,
    exp_samples: Vec<Sample>,
}

#[derive(Deserialize)]
struct Sample {
    labels: String,
}

fn rule_tests() -> Vec<RuleTest> {
    yaml::<RuleTests>("prometheus/alerts.test.yml")
        .remove(0)
        .tests
}

/// The labels that each alert has where a test says that it fires.
fn firing() -> BTreeMap<String, BTreeSet<String>> {
    let mut firing = BTreeMap::<String, BTreeSet<String>>::new();
    let tests = rule_tests();
    let expected = tests.iter().flat_map(|test| &test.promql_expr_test);
    let expected = expected.filter(|expected| expected.expr.starts_with("ALERTS"));
    for sample in expected.flat_map(|expected| &expected.exp_samples) {
        let matchers = asked(&sample.labels).selectors.remove(0).matchers;
        let name = matchers.iter().find(|found| found.label == "alertname");
        let labels = firing.entry(name.unwrap().value.clone()).or_default();
        labels.extend(matchers.iter().map(|found| found.label.clone()));
    }
    firing
}

#[test]
fn prometheus_takes_the_files() {
    let site = shipped::site("consul:8500", "/prometheus/targets/consul.json");
    let config = site.path().join("prometheus.yml").display().to_string();
    promtool(&["check", "config", &config], "").unwrap_or_else(|said| panic!("{said}"));
    // Debian's does not know this line, and the copy above has another in its place.
    let discovery =
        "consul_sd_configs: [{ server: \"consul:8500\", tags: [metrics], refresh_interval: 5s }]";
    let shipped = text("prometheus/prometheus.yml");
    assert_eq!(shipped.matches(discovery).count(), 1);
}

#[test]
fn each_alert_fires_on_what_it_is_for_and_none_on_a_healthy_system() {
    let tests = folder().join("prometheus/alerts.test.yml");
    let tests = tests.display().to_string();
    promtool(&["test", "rules", &tests], "").unwrap_or_else(|said| panic!("{said}"));

    let rules = Rules::shipped();
    let named: BTreeSet<String> = rules.alerts().map(|rule| rule.name().to_owned()).collect();
    let fired: BTreeSet<String> = firing().into_keys().collect();
    assert_eq!(named, fired, "alerts, and those that a test sees firing");

    // Nothing fires on series that are not there: the healthy system has all of them.
    let healthy = rule_tests();
    let healthy = healthy.iter().find(|test| test.name == "a healthy system");
    let inputs = healthy.unwrap().input_series.iter();
    let mut there: BTreeSet<String> = inputs
        .flat_map(|input| asked(&input.series).selectors)
        .map(|selector| selector.name)
        .collect();
    there.extend(rules.records().map(|rule| rule.name().to_owned()));
    for rule in rules.all() {
        for selector in asked(&rule.expr).selectors {
            let (rule, name) = (rule.name(), selector.name);
            assert!(
                there.contains(&name),
                "{rule}: {name} in the healthy system"
            );
        }
    }
}

#[test]
fn each_alert_says_what_is_wrong_and_what_to_do() {
    let firing = firing();
    let readme = fs::read_to_string(folder().join("../README.md")).unwrap();
    let headings = readme.lines().filter(|line| line.starts_with("##"));
    let anchors: BTreeSet<String> = headings.map(anchor).collect();
    for rule in Rules::shipped().alerts() {
        let name = rule.name();
        let severity = rule.labels.get("severity").map(String::as_str);
        assert!(
            matches!(severity, Some("critical" | "warning")),
            "{name}: {severity:?}"
        );
        let said: Vec<&str> = rule.annotations.keys().map(String::as_str).collect();
        assert_eq!(said, ["description", "runbook", "summary"], "{name}");
        let place = rule.annotations["runbook"].strip_prefix("README.md#");
        assert!(
            place.is_some_and(|place| anchors.contains(place)),
            "{name}: {place:?}"
        );
        for text in rule.annotations.values() {
            for rest in text.split("$labels.").skip(1) {
                let label = rest
                    .chars()
                    .take_while(|c| c.is_alphanumeric() || *c == '_');
                let label: String = label.collect();
                assert!(firing[name].contains(&label), "{name} has no label {label}");
            }
        }
    }
}

/// A heading as a link to it is written.
fn anchor(heading: &str) -> String {
    let words = heading.trim_start_matches(['#', ' ']).to_lowercase();
    let kept = words
        .chars()
        .filter(|c| c.is_alphanumeric() || " -".contains(*c));
    kept.map(|c| if c == ' ' { '-' } else { c }).collect()
}

/// Runs the shipped script once, as the job of a supervisor does, and says whether it could.
fn write_targets(consul: &str, file: &Path) -> bool {
    let mut script = Command::new(folder().join("prometheus/targets"));
    script.arg(consul).arg(file);
    script.status().unwrap().success()
}

/// What is scraped, by instance.
fn targets(prometheus: &Prometheus) -> BTreeMap<String, Value> {
    let answer = prometheus.get("/api/v1/targets?state=active");
    let active = answer["data"]["activeTargets"].as_array().unwrap();
    let named = active.iter().map(|target| {
        let instance = target["labels"]["instance"].as_str().unwrap();
        (instance.to_owned(), target.clone())
    });
    named.collect()
}

#[test]
fn whoever_has_the_tag_in_consul_is_scraped_as_its_tags_say() {
    let consul = Consul::start();
    let own = tempfile::tempdir().unwrap();
    let file = own.path().join("targets.json");
    let at = format!("http://{}", consul.address());
    assert!(write_targets(&at, &file), "nobody has the tag yet");
    let site = shipped::site(&consul.address(), &file.display().to_string());
    let prometheus = Prometheus::configured(&site.path().join("prometheus.yml"));

    let service = |name, place, tags| shipped::register(&consul, name, place, tags);
    service("flightline", "10.9.0.1:9464", &["metrics", "other"]);
    service(
        "balancer",
        "10.9.0.2:8080",
        &["metrics-port=8405", "metrics"],
    );
    service(
        "odd one",
        ":8086",
        &["metrics", "metrics-path=/own/metrics"],
    );
    service("nats", "10.9.0.3:4222", &["metrics-not"]);
    assert!(write_targets(&at, &file));

    let mut seen = BTreeMap::new();
    let all = wait::until(PATIENCE, || {
        seen = targets(&prometheus);
        seen.len() == 4
    });
    assert!(all.is_ok(), "{seen:?}");
    let url = |instance: &str| seen[instance]["scrapeUrl"].as_str().unwrap();
    assert_eq!(url("flightline-1"), "http://10.9.0.1:9464/metrics");
    assert_eq!(url("balancer-1"), "http://10.9.0.2:8405/metrics");
    assert_eq!(url("odd one-1"), "http://127.0.0.1:8086/own/metrics");
    let agent = format!("{at}/v1/agent/metrics?format=prometheus");
    assert_eq!(url("consul"), agent);
    let labels = json!({"job": "odd one", "instance": "odd one-1", "node": "fixture"});
    assert_eq!(seen["odd one-1"]["labels"], labels);

    // Who is gone is not scraped any more, and a Consul that is away changes nothing.
    consul.deregister("balancer-1");
    assert!(write_targets(&at, &file));
    let gone = wait::until(PATIENCE, || targets(&prometheus).len() == 3);
    assert!(gone.is_ok(), "{:?}", targets(&prometheus));
    let before = fs::read(&file).unwrap();
    assert!(!write_targets("http://127.0.0.1:1", &file));
    assert_eq!(fs::read(&file).unwrap(), before);
}
