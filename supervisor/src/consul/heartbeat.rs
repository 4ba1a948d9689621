//! A service that needs no check comes in, a pass every few seconds goes out: the supervisor's own telemetry.

use std::sync::Arc;
use std::time::Duration;

use tokio::task::JoinHandle;
use tokio::time::MissedTickBehavior;

use super::registrar::desk::Wish;
use super::registrar::{Report, Shared};
use crate::config::{Service, Telemetry};

/// Between two beats: two may be lost within [`TTL`].
pub const INTERVAL: Duration = Duration::from_secs(5);
/// How long Consul believes a beat.
pub const TTL: Duration = Duration::from_secs(15);
/// Under which name scrapers find the telemetry of supervisors: ContainerPilot's.
pub const NAME: &str = "containerpilot";

/// Beats until it is dropped; the service is not deregistered by that.
#[derive(Debug)]
#[must_use = "dropped, it does not beat"]
pub struct Heartbeat {
    task: Option<JoinHandle<()>>,
}

impl Heartbeat {
    pub(super) fn start(shared: Option<Arc<Shared>>, service: Arc<Service>) -> Self {
        let task = shared.map(|shared| {
            tokio::spawn(async move {
                let mut beats = tokio::time::interval(INTERVAL);
                beats.set_missed_tick_behavior(MissedTickBehavior::Delay);
                loop {
                    let at = beats.tick().await;
                    shared.wish(Wish::Report {
                        service: Arc::clone(&service),
                        report: Report::passing(),
                        at,
                    });
                }
            })
        });
        Self { task }
    }
}

impl Drop for Heartbeat {
    fn drop(&mut self) {
        if let Some(task) = &self.task {
            task.abort();
        }
    }
}

/// How long Consul remembers who does not tell any more.
const FORGOTTEN: &str = "10m";

/// The service that says where telemetry is found: its tags are the configured ones and `version`, its id ends with `host`.
pub fn telemetry_service(telemetry: &Telemetry, host: &str, version: &str) -> Service {
    let mut tags = telemetry.tags.clone();
    tags.push(version.to_owned());
    Service {
        id: format!("{NAME}-{host}"),
        name: NAME.to_owned(),
        tags,
        port: telemetry.address.port(),
        address: telemetry.address.ip(),
        ttl: TTL,
        initial_status: None,
        enable_tag_override: false,
        // A container that was killed and removed takes itself out of nothing: Prometheus would look for it for ever.
        deregister_critical_after: Some(FORGOTTEN.to_owned()),
    }
}
