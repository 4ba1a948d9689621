//! `watches` and `telemetry` come in, what is watched and what is served go out.

use std::collections::BTreeSet;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use crate::config::check::job::is_service_name;
use crate::config::check::section::Section;
use crate::config::check::service;
use crate::config::servers::{Metric, MetricKind, Telemetry, Watch};

/// Where it listens, as ContainerPilot does.
const DEFAULT_PORT: u16 = 9090;
/// The longest interval, in seconds.
const LONGEST: i64 = 366 * 24 * 60 * 60;

/// Checks `watches`. Two of one name are told apart by nobody.
pub(super) fn watches(file: &Section<'_>) -> Vec<Watch> {
    let sections = file.sections("watches");
    let mut names = BTreeSet::new();
    let one = |section: &Section<'_>| {
        let name = section.needed("name").and_then(|item| item.text());
        if name.as_deref().is_some_and(|name| !is_service_name(name)) {
            let what = "is no name of a service: two or more letters, digits and `-`, the first a small letter";
            section.wrong("name", what, "write it as it is registered in Consul");
        }
        let interval = section.needed("interval");
        let interval: Option<u64> = interval.and_then(|item| item.number(1..=LONGEST));
        if let Some(name) = &name
            && !names.insert(name.clone())
        {
            let what = "is watched twice: the events of both come from one source";
            section.note("name", what, "keep one of them");
        }
        Some(Watch {
            name: Arc::from(name?),
            interval: Duration::from_secs(interval?),
            tag: section.filled("tag"),
            dc: section.filled("dc"),
        })
    };
    sections.iter().filter_map(one).collect()
}

/// Checks `telemetry`.
pub(super) fn check(file: &Section<'_>) -> Option<Telemetry> {
    let section = file.section("telemetry")?;
    let port = section.number("port", 1..=65535);
    let wishes = service::wishes(&section);
    let address = wishes.and_then(|wishes| service::address(&section, &wishes));
    let tags = section.list("tags");
    let metrics = section.sections("metrics");
    let mut names = BTreeSet::new();
    let metrics = metrics
        .iter()
        .filter_map(|found| metric(found, &mut names))
        .collect();
    Some(Telemetry {
        address: SocketAddr::new(address?, port.unwrap_or(DEFAULT_PORT)),
        tags,
        metrics,
    })
}

fn metric(section: &Section<'_>, names: &mut BTreeSet<String>) -> Option<Metric> {
    let name = section.needed("name").and_then(|item| item.text());
    let help = section.needed("help").and_then(|item| item.text());
    let kind = section.needed("type");
    let kind = kind.and_then(|item| item.choice(&item.text()?));
    if help.as_deref().is_some_and(str::is_empty) {
        section.wrong("help", "must not be empty", "say what the metric means");
    }
    let namespace = section.text("namespace").unwrap_or_default();
    let subsystem = section.text("subsystem").unwrap_or_default();
    let parts = [&namespace, &subsystem, name.as_ref()?];
    if parts[2].is_empty() {
        section.wrong("name", "must not be empty", "write `name: 'queries'`");
    }
    let filled: Vec<_> = parts
        .iter()
        .filter(|part| !part.is_empty())
        .map(|part| part.as_str())
        .collect();
    let full = filled.join("_");
    if !full.is_empty() && !is_metric_name(&full) {
        let what = "does not make a name for Prometheus with what stands before it";
        section.wrong(
            "name",
            what,
            "use letters, digits and `_`, and no digit first",
        );
    }
    if !names.insert(full) {
        section.wrong(
            "name",
            "names the same metric as one above",
            "keep one of them",
        );
    }
    Some(Metric {
        name: name?,
        namespace,
        subsystem,
        help: help?,
        kind: match kind? {
            "counter" => MetricKind::Counter,
            "gauge" => MetricKind::Gauge,
            "histogram" => MetricKind::Histogram,
            _ => MetricKind::Summary,
        },
    })
}

fn is_metric_name(name: &str) -> bool {
    let is_part = |c: char| c.is_ascii_alphanumeric() || matches!(c, '_' | ':');
    name.chars().all(is_part) && !name.starts_with(|c: char| c.is_ascii_digit())
}
