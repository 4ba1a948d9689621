//! `health` of a job comes in, how it is checked goes out.

use std::time::Duration;

use crate::config::check::job::output;
use crate::config::check::section::Section;
use crate::config::jobs::{Check, Health, OnFailure, Output, Readiness};
use crate::config::tree::Value;

/// How many failures or passes in a row can be asked for.
const STREAK: std::ops::RangeInclusive<i64> = 1..=1_000_000;
/// The longest interval and TTL, in seconds: far more than Consul will wait.
const LONGEST: i64 = 366 * 24 * 60 * 60;

/// Checks `health`.
pub(super) fn check(section: &Section<'_>) -> Option<Health> {
    let check = kind(section);
    let seconds = |name| -> Option<Duration> {
        let seconds: u64 = section.needed(name)?.number(1..=LONGEST)?;
        Some(Duration::from_secs(seconds))
    };
    let (interval, ttl) = (seconds("interval"), seconds("ttl"));
    if let (Some(interval), Some(ttl)) = (interval, ttl)
        && ttl <= interval
    {
        let what = "is not more than the interval: the service will be critical between two checks";
        section.note("ttl", what, "make it at least twice the interval");
    }
    let timeout = match section.duration("timeout") {
        Some(timeout) => timeout.above_zero(),
        None => interval,
    };
    Some(Health {
        check,
        interval: interval?,
        ttl: ttl?,
        timeout,
        output: output(section),
        failures: section.number("failures", STREAK).unwrap_or(1),
        successes: section.number("successes", STREAK).unwrap_or(1),
        start_period: section.positive("startPeriod").unwrap_or_default(),
        restart_after: section.number("restartAfter", STREAK),
        readiness: match section.choice("readiness") {
            Some("notify") => Readiness::Notify,
            _ => Readiness::Check,
        },
        on_failure: match section.choice("onFailure") {
            Some("critical") => OnFailure::Critical,
            _ => OnFailure::Silence,
        },
    })
}

/// How the supervisor's own service is kept alive, as ContainerPilot does it.
pub(super) fn heartbeat() -> Health {
    let interval = Duration::from_secs(5);
    Health {
        check: None,
        interval,
        ttl: Duration::from_secs(15),
        timeout: Some(interval),
        output: Output::default(),
        failures: 1,
        successes: 1,
        start_period: Duration::ZERO,
        restart_after: None,
        readiness: Readiness::default(),
        on_failure: OnFailure::default(),
    }
}

fn kind(section: &Section<'_>) -> Option<Check> {
    let given: Vec<_> = ["exec", "http", "tcp"]
        .into_iter()
        .filter(|name| section.item(name).is_some())
        .collect();
    if let [_, second, ..] = given.as_slice() {
        let what = format!("is one check too many beside {}", given.join(", "));
        section.wrong(second, &what, "keep one of them");
    }
    match *given.first()? {
        "exec" => section.exec("exec").map(Check::Exec),
        "http" => http(section),
        _ => tcp(section),
    }
}

fn http(section: &Section<'_>) -> Option<Check> {
    let item = section.item("http")?;
    let (text, status) = match item.node.value {
        Value::Object(_) => {
            let inner = item.section()?;
            let status = inner.number("status", 100..=599);
            (inner.needed("url")?.text()?, status)
        }
        _ => (item.text()?, None),
    };
    let url = url::Url::parse(&text).ok();
    let url = url.filter(|url| url.scheme() == "http" && url.has_host());
    if url.is_none() {
        let cure = "write http://host:port/path; for TLS, `exec` a program that speaks it";
        item.wrong("is no address of plain HTTP", cure);
    }
    Some(Check::Http { url: url?, status })
}

fn tcp(section: &Section<'_>) -> Option<Check> {
    let address = section.text("tcp")?;
    let is_address = address.rsplit_once(':').is_some_and(|(host, port)| {
        let host = host
            .strip_prefix('[')
            .and_then(|host| host.strip_suffix(']'))
            .unwrap_or(host);
        !host.is_empty() && port.parse::<u16>().is_ok_and(|port| port > 0)
    });
    if !is_address {
        section.wrong(
            "tcp",
            "is no host and port",
            "write `tcp: '127.0.0.1:5432'`",
        );
    }
    Some(Check::Tcp { address })
}
