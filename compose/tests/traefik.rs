//! What holds of `compose/traefik` and of the tags of workers without Traefik: what becomes of writes to a worker that is overloaded or gone, and what
//! is not for everybody.

use std::time::Duration;

use flightline_compose::{text, yaml};
use serde_json::Value;

/// The one document of a file.
fn document(path: &str) -> Value {
    let [document] = yaml::<Value>(path).try_into().expect("one document");
    document
}

/// `100ms` or `30s`.
fn duration(text: &Value) -> Duration {
    let text = text.as_str().expect("a duration");
    let number = |ending| {
        text.strip_suffix(ending)
            .and_then(|number| number.parse().ok())
    };
    match number("ms") {
        Some(milliseconds) => Duration::from_millis(milliseconds),
        None => Duration::from_secs(number("s").expect("seconds")),
    }
}

#[test]
fn only_passing_instances_get_traffic_and_within_a_second() {
    let providers = &document("traefik/traefik.yml")["providers"];
    assert!(duration(&providers["providersThrottleDuration"]) < Duration::from_secs(1));
    let catalog = &providers["consulCatalog"];
    assert_eq!(catalog["watch"], true);
    assert_eq!(catalog["exposedByDefault"], false);
    assert_eq!(catalog["strictChecks"], serde_json::json!(["passing"]));
}

#[test]
fn without_a_worker_writers_are_told_to_come_again() {
    let nobody = document("traefik/nobody.yml");
    let http = &nobody["http"];
    let router = &http["routers"]["nobody"];
    assert_eq!(router["entryPoints"], serde_json::json!(["web"]));
    // Below every rule of a worker, whose priority is the length of its rule.
    assert_eq!(router["priority"], 1);
    // What is missing is missing for every write that a worker would have taken.
    let rule = router["rule"].as_str().expect("a rule");
    let worker = text("../supervisor/examples/worker.json5");
    let tag = format!("'traefik.http.routers.ingest.rule={rule}'");
    assert!(worker.contains(&tag), "the workers' rule is not {rule}");
    let service = router["service"].as_str().expect("a service");
    assert_eq!(
        http["services"][service]["loadBalancer"]["servers"],
        serde_json::json!([])
    );
    let middleware = router["middlewares"][0].as_str().expect("a middleware");
    let headers = &http["middlewares"][middleware]["headers"]["customResponseHeaders"];
    assert_eq!(headers["Retry-After"], "1");
    let read = &document("traefik/traefik.yml")["providers"]["file"]["filename"];
    assert_eq!(read, "/etc/traefik/nobody.yml");
}

#[test]
fn a_write_that_a_worker_refuses_is_tried_elsewhere() {
    let worker = text("../supervisor/examples/worker.json5");
    let retry = |key: &str| {
        let (_, value) = worker
            .split_once(&format!(
                "'traefik.http.middlewares.ingest-retry.retry.{key}="
            ))
            .unwrap_or_else(|| panic!("no tag says {key}"));
        value.split('\'').next().unwrap_or_default()
    };
    assert_eq!(retry("status"), "502-503");
    assert_eq!(retry("retrynonidempotentmethod"), "true");
    // ingest.max_body, unless configured.
    assert_eq!(retry("maxrequestbodybytes"), (10 << 20).to_string());
    let versions = text(".env");
    let version = versions
        .lines()
        .find_map(|line| line.strip_prefix("TRAEFIK_VERSION=v"))
        .expect("its version is named");
    let mut parts = version
        .split('.')
        .map(|part| part.parse().expect("a number"));
    let known: (u32, u32) = (parts.next().expect("3"), parts.next().expect("7"));
    assert!(
        known >= (3, 7),
        "Traefik {version} knows no retry by status"
    );
}

#[test]
fn nobody_outside_reaches_metrics_and_traefiks_own_pages() {
    let configuration = document("traefik/traefik.yml");
    let points = &configuration["entryPoints"];
    assert_eq!(points.as_object().map(serde_json::Map::len), Some(2));
    assert_eq!(points["web"]["address"], ":8000");
    // Ping, metrics and Traefik's own pages are on `traefik` unless they name another.
    assert_eq!(points["traefik"]["address"], ":8080");
    for part in ["ping", "metrics", "api"] {
        assert!(
            !configuration[part].to_string().contains("entryPoint"),
            "{part}"
        );
    }
    let mapped = "${WRITE_PORT}:8000";
    assert!(text("compose.yaml").contains(mapped), "{mapped}");
    for asks in ["checkNewVersion", "sendAnonymousUsage"] {
        assert_eq!(configuration["global"][asks], false);
    }
}
