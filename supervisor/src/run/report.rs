//! How the jobs stand, for `/status` and the metrics.

use std::time::Instant;

use flightline_contract::lifecycle::State;

use crate::fleet::Fleet;
use crate::job::Job;
use crate::telemetry::status::{JobStatus, ServiceStatus, Standing, StatusReport};

use super::parts::Parts;

/// Shows how the jobs stand now.
pub(super) fn show(fleet: &Fleet, parts: &Parts) {
    parts.metrics().jobs(fleet.jobs().iter().map(Job::state));
    parts.show(report(fleet, parts));
}

/// How all jobs stand, in a line for people.
pub(super) fn in_a_line(fleet: &Fleet, now: Instant) -> String {
    let jobs = fleet.jobs();
    let troubled = jobs.iter().filter(|job| job.trouble(now).is_some());
    let troubled: Vec<&str> = troubled.map(|job| &*job.plan().name).collect();
    match troubled.as_slice() {
        [] => format!("{} jobs, all well", jobs.len()),
        names => format!("{} jobs, not well: {}", jobs.len(), names.join(", ")),
    }
}

fn report(fleet: &Fleet, parts: &Parts) -> StatusReport {
    let mut report = StatusReport {
        version: env!("CARGO_PKG_VERSION").to_owned(),
        ..StatusReport::default()
    };
    for job in fleet.jobs() {
        let (name, status) = (job.plan().name.to_string(), standing(job));
        match &job.plan().service {
            None => report.jobs.push(JobStatus { name, status }),
            Some(service) => report.services.push(ServiceStatus {
                name,
                address: service.address.to_string(),
                port: service.port,
                status,
            }),
        }
    }
    if let Some(telemetry) = &parts.config().telemetry {
        report.services.push(ServiceStatus {
            name: crate::consul::heartbeat::NAME.to_owned(),
            address: telemetry.address.ip().to_string(),
            port: telemetry.address.port(),
            status: Standing::Healthy,
        });
    }
    let watches = parts.config().watches.iter();
    report.watches = watches.map(|watch| watch.name.to_string()).collect();
    report
}

/// ContainerPilot knows fewer states: what it does not know is `unknown` to it, as it is to its users' dashboards.
fn standing(job: &Job) -> Standing {
    match job.state() {
        State::Healthy => Standing::Healthy,
        State::Unhealthy => Standing::Unhealthy,
        State::Maintenance => Standing::Maintenance,
        State::Pending
        | State::Starting
        | State::Running
        | State::Stopping
        | State::Backoff
        | State::Complete
        | State::Failed => Standing::Unknown,
    }
}
