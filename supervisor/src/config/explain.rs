//! A checked configuration comes in, what it means goes out: what starts each job, in which order all of it ends, what is registered and
//! what is published. No secret is in it.

use std::path::Path;

use flightline_link::secret::without_users;

use crate::config::Config;
use crate::config::duration::show;
use crate::config::jobs::{Check, Job, Restarts, Role, Trigger, When};
use crate::config::load::Finding;
use crate::config::servers::{ConsulAddress, PublishMetrics, Watch};

/// Who ends when.
mod end;

/// What would run, for a person; lines without an end of the last one.
pub fn explain(path: &Path, config: &Config, findings: &[Finding]) -> String {
    let mut lines = vec![format!("configuration is valid: {}", path.display())];
    let mut part = |title: &str, found: Vec<String>| {
        if !found.is_empty() {
            lines.extend([String::new(), format!("{title}:")]);
            lines.extend(found.into_iter().map(|line| format!("  {line}")));
        }
    };
    part(
        "jobs",
        config.jobs.iter().flat_map(|found| job(found)).collect(),
    );
    part("end", end::lines(config));
    part("registered in Consul", registered(config));
    part("watched in Consul", watched(config));
    part("published to NATS", published(config));
    part("listens", listens(config));
    if !findings.is_empty() {
        lines.extend([String::new(), format!("findings ({}):", findings.len())]);
        let text: String = findings.iter().map(ToString::to_string).collect();
        lines.extend(text.lines().map(str::to_owned));
    }
    lines.join("\n")
}

fn job(job: &Job) -> Vec<String> {
    let role = match job.role {
        Role::Main => ", the main job",
        Role::Ordinary => "",
    };
    let does = match &job.exec {
        Some(exec) => format!("runs {}", exec.program),
        None => "runs nothing".to_owned(),
    };
    let restarts = match (&job.exec, job.restarts) {
        (None, _) | (_, Restarts::Times(0)) => String::new(),
        (_, Restarts::Times(times)) => format!(", again {times} times"),
        (_, Restarts::Unlimited) => ", again after every exit".to_owned(),
    };
    let restarts = match job.when {
        When::Interval(_) => String::new(),
        _ => restarts,
    };
    let limit = job
        .timeout
        .map(|timeout| format!(", at most {}", show(timeout)));
    let mut lines = vec![format!(
        "{}: {does} {}{restarts}{}{role}",
        job.name,
        when(&job.when),
        limit.unwrap_or_default()
    )];
    if let Some(health) = &job.health {
        let check = match &health.check {
            None => "not checked, but kept alive in Consul".to_owned(),
            Some(Check::Exec(exec)) => format!("checked by {}", exec.program),
            Some(Check::Http { url, .. }) => {
                let port = url.port_or_known_default().unwrap_or_default();
                format!(
                    "checked by GET from {}:{port}",
                    url.host_str().unwrap_or_default()
                )
            }
            Some(Check::Tcp { address }) => format!("checked by a connection to {address}"),
        };
        lines.push(format!("  {check}, every {}", show(health.interval)));
    }
    lines
}

fn when(when: &When) -> String {
    let within = |timeout: &Option<_>| match timeout {
        Some(timeout) => format!(", unless it waits longer than {}", show(*timeout)),
        None => String::new(),
    };
    match when {
        When::Startup => "at the start".to_owned(),
        When::Interval(interval) => format!("at the start and then every {}", show(*interval)),
        When::Once { trigger, timeout } => {
            format!("once {}{}", event(trigger), within(timeout))
        }
        When::Each { trigger, timeout } => {
            format!("each time {}{}", event(trigger), within(timeout))
        }
        When::Signal { signal, timeout } => {
            format!("each time {} arrives{}", signal.as_str(), within(timeout))
        }
        When::All { triggers, timeout } => {
            let events: Vec<_> = triggers.iter().map(event).collect();
            format!("once {}{}", events.join(" and "), within(timeout))
        }
    }
}

fn event(trigger: &Trigger) -> String {
    let source = match trigger.source.as_str() {
        "" => "nobody",
        source => source,
    };
    format!("{source} says {}", trigger.code.as_str())
}

fn registered(config: &Config) -> Vec<String> {
    let Some(consul) = &config.consul else {
        return Vec::new();
    };
    let mut lines = vec![match &consul.address {
        ConsulAddress::Http(address) => format!("agent: {}", without_users(address)),
        ConsulAddress::Https(address) => format!("agent: {}, over TLS", without_users(address)),
        ConsulAddress::Unix(path) => format!("agent: {}", path.display()),
    }];
    for service in config.jobs.iter().filter_map(|job| job.service.as_ref()) {
        let tags = match service.tags.as_slice() {
            [] => String::new(),
            tags => format!(", tags {}", tags.join(", ")),
        };
        let (name, address, port) = (&service.name, service.address, service.port);
        let ttl = show(service.ttl);
        lines.push(format!("{name} at {address}, port {port}, TTL {ttl}{tags}"));
    }
    if let Some(telemetry) = &config.telemetry {
        lines.push(format!("containerpilot at {}", telemetry.address));
    }
    if let Some(key) = &consul.lifecycle_kv {
        lines.push(format!("the latest change under the key {key}"));
    }
    lines
}

fn watched(config: &Config) -> Vec<String> {
    let one = |watch: &Watch| {
        let files = watch.render.iter();
        let files = files.map(|file| format!(", writes {}", file.to.display()));
        let files: String = files.collect();
        format!("{}, every {}{files}", watch.name, show(watch.interval))
    };
    config.watches.iter().map(one).collect()
}

fn published(config: &Config) -> Vec<String> {
    let Some(nats) = &config.nats else {
        return Vec::new();
    };
    let masked = |url: &String| without_users(url);
    let servers: Vec<_> = nats.server.urls.iter().map(masked).collect();
    let metrics = match nats.metrics {
        PublishMetrics::Published => ", and what jobs report",
        PublishMetrics::Local => "",
    };
    vec![
        format!("servers: {}", servers.join(", ")),
        format!(
            "subjects begin with {}, of service {} on {}",
            nats.prefix, nats.service, nats.instance
        ),
        format!(
            "life-cycle at each change, health at each change and every {}{metrics}",
            show(nats.beat)
        ),
    ]
}

fn listens(config: &Config) -> Vec<String> {
    let mut lines = vec![format!("control socket: {}", config.control.display())];
    if let Some(telemetry) = &config.telemetry {
        lines.push(format!("metrics and status: http://{}", telemetry.address));
    }
    lines
}

#[cfg(test)]
mod tests;
