//! `watches` and `telemetry` come in, what is watched and what is served go out.

use std::collections::BTreeSet;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use crate::config::check::job::is_service_name;
use crate::config::check::render;
use crate::config::check::section::Section;
use crate::config::check::service;
use crate::config::servers::{Metric, MetricKind, Telemetry, Watch};
use crate::telemetry::declared;

/// Where it listens, as ContainerPilot does.
const DEFAULT_PORT: u16 = 9090;
/// The longest interval, in seconds.
const LONGEST: i64 = 366 * 24 * 60 * 60;

/// Checks `watches`. Two of one name are told apart by nobody.
pub(super) fn watches(file: &Section<'_>) -> Vec<Watch> {
    let sections = file.sections("watches");
    let mut names = BTreeSet::new();
    let mut files = BTreeSet::new();
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
        let render = render::check(section, &mut files);
        Some(Watch {
            name: Arc::from(name?),
            interval: Duration::from_secs(interval?),
            tag: section.filled("tag"),
            dc: section.filled("dc"),
            render: render.into(),
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
    let metrics = metrics(&section);
    Some(Telemetry {
        address: SocketAddr::new(address?, port.unwrap_or(DEFAULT_PORT)),
        tags,
        metrics,
    })
}

/// Of metrics that share a series only the last is shown, as in ContainerPilot.
fn metrics(section: &Section<'_>) -> Vec<Metric> {
    let sections = section.sections("metrics");
    let mut taken = BTreeSet::new();
    let mut metrics = Vec::new();
    for section in sections.iter().rev() {
        let Some(metric) = metric(section) else {
            continue;
        };
        if declared::series(&metric)
            .iter()
            .any(|name| taken.contains(name))
        {
            let what = "names a metric that one below is shown as, too: only the last is there";
            section.note("name", what, "keep one of them");
            continue;
        }
        taken.extend(declared::series(&metric));
        metrics.push(metric);
    }
    metrics.reverse();
    metrics
}

fn metric(section: &Section<'_>) -> Option<Metric> {
    let name = section.needed("name").and_then(|item| item.text());
    let help = section.needed("help").and_then(|item| item.text());
    let kind = section.needed("type");
    let kind = kind.and_then(|item| item.choice(&item.text()?));
    let metric = Metric {
        name: name?,
        namespace: section.text("namespace").unwrap_or_default(),
        subsystem: section.text("subsystem").unwrap_or_default(),
        help: help?,
        kind: match kind {
            Some("counter") => MetricKind::Counter,
            Some("histogram") => MetricKind::Histogram,
            Some("summary") => MetricKind::Summary,
            _ => MetricKind::Gauge,
        },
    };
    if let Err(unfit) = declared::validate(&metric) {
        section.wrong(unfit.key(), &unfit.to_string(), unfit.cure());
    }
    Some(metric)
}
