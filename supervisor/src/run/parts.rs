//! Everything that a configuration brings beside its jobs: Consul, watches, NATS, telemetry, the control socket, the log. The loop
//! calls it without waiting; what takes time runs beside.

use std::path::PathBuf;
use std::sync::Arc;
use std::time::{Duration, SystemTime};

use bytes::Bytes;
use flightline_contract::health::{Health, Status};
use flightline_contract::lifecycle::LifecycleChange;
use tokio::sync::{mpsc, watch};
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;
use tracing::error;

use crate::action::{Change, Reported};
use crate::config::{self, Config, Service, Watch};
use crate::consul::Client;
use crate::consul::heartbeat::{Heartbeat, telemetry_service};
use crate::consul::notes::Note;
use crate::consul::payload::CheckStatus;
use crate::consul::registrar::{Registrar, Report};
use crate::control::Server;
use crate::control::socket::ControlError;
use crate::control::variables::Variables;
use crate::event::{Wake, WithdrawalId};
use crate::lifecycle::timestamp;
use crate::log::Log;
use crate::publish::{Publisher, process_id};
use crate::telemetry::metrics::{Metrics, PublishCounts};
use crate::telemetry::server::BindError;
use crate::telemetry::status::StatusReport;
use crate::watch::file::RenderError;
use crate::watch::{self as watching, Watching};

use super::prepare::Prepared;

/// How long the last messages to a NATS or Consul may take that a new configuration has replaced.
const FAREWELL: Duration = Duration::from_secs(2);

/// What cannot be opened at the start.
#[derive(Debug, thiserror::Error)]
pub enum PartsError {
    /// The control socket.
    #[error(transparent)]
    Control(#[from] ControlError),
    /// The telemetry server.
    #[error(transparent)]
    Telemetry(#[from] BindError),
    /// A file that follows a watch.
    #[error(transparent)]
    Render(#[from] RenderError),
    /// The log's output.
    #[error("logging.output: cannot open {}: {error}", path.display())]
    Output {
        /// The file.
        path: PathBuf,
        /// What the system says.
        error: std::io::Error,
    },
}

/// What the control socket's tasks use, too.
pub mod shared;
/// What must be open before a configuration is taken.
pub mod opened;
/// A new configuration, and the end.
mod change;

use opened::{Opened, Opener};
use shared::Shared;

/// A telemetry server that runs.
#[derive(Debug)]
struct Telemetry {
    address: std::net::SocketAddr,
    stop: CancellationToken,
}

/// Everything beside the jobs.
#[derive(Debug)]
pub struct Parts {
    config: Arc<Config>,
    client: Option<Client>,
    /// Accepted, and not taken before its jobs are.
    next: Option<Opened>,
    host: String,
    /// Tells the changes of this process from those of one before.
    process: String,
    wakes: mpsc::Sender<Wake>,
    log: Log,
    shared: Shared,
    registrar: Registrar,
    beat: Option<Heartbeat>,
    watches: Vec<(Watch, Watching)>,
    telemetry: Option<Telemetry>,
    status: watch::Sender<StatusReport>,
    control: Server,
    tasks: TaskTracker,
}

/// Whether Consul has to be told anew of what is registered.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Registrations {
    /// Everything is as it was.
    Stand,
    /// Who tells Consul is another now, and knows of nothing.
    Renew,
}

impl Parts {
    /// Opens everything. Jobs must not be started before.
    ///
    /// # Errors
    /// See [`PartsError`]; the control socket and the telemetry server are tried for some seconds.
    pub async fn start(
        prepared: Prepared,
        log: Log,
        host: String,
        wakes: mpsc::Sender<Wake>,
    ) -> Result<Self, PartsError> {
        let shared = Shared::new(wakes.clone());
        shared.metrics.watch_log(log.clone());
        let opener = Opener::at_start(shared.clone());
        let Opened {
            prepared,
            listener,
            server,
        } = opener.open(prepared).await?;
        let Prepared { config, client, .. } = prepared;
        let mut parts = Self {
            registrar: Registrar::start(client.clone(), wakes.clone()),
            client,
            next: None,
            host,
            process: process_id(),
            wakes,
            log,
            shared,
            beat: None,
            watches: Vec::new(),
            telemetry: None,
            status: watch::Sender::new(StatusReport::default()),
            control: server.expect("at the start nothing is open that could be kept"),
            tasks: TaskTracker::new(),
            config,
        };
        parts.watch(Refresh::All);
        parts.change_telemetry(listener);
        parts.publish_from(None);
        parts.beat();
        Ok(parts)
    }

    /// What is in force.
    pub fn config(&self) -> &Arc<Config> {
        &self.config
    }

    /// The counters.
    pub fn metrics(&self) -> &Metrics {
        &self.shared.metrics
    }

    /// The log.
    pub fn log(&self) -> &Log {
        &self.log
    }

    /// What was set through the control socket.
    pub fn variables(&self) -> &Variables {
        &self.shared.variables
    }

    /// Whether a service is watched.
    pub fn watches(&self, service: &str) -> bool {
        self.config
            .watches
            .iter()
            .any(|watch| &*watch.name == service)
    }

    /// Consul.
    pub fn registrar(&self) -> &Registrar {
        &self.registrar
    }

    /// The service under which the supervisor's telemetry is found, where there is one and a Consul.
    pub fn own_service(&self, config: &Config) -> Option<Arc<Service>> {
        let telemetry = config.telemetry.as_ref()?;
        config.consul.as_ref()?;
        let service = telemetry_service(telemetry, &self.host, env!("CARGO_PKG_VERSION"));
        Some(Arc::new(service))
    }

    /// Shows how the jobs stand.
    pub fn show(&self, report: StatusReport) {
        self.status.send_if_modified(|shown| {
            let changed = *shown != report;
            *shown = report;
            changed
        });
        self.count_published();
        let skipped = self.registrar.notes_skipped();
        self.shared.metrics.notes_skipped(skipped);
    }

    fn count_published(&self) {
        if let Some(publisher) = &*self.shared.outlet() {
            let counts = publisher.counts();
            self.shared.metrics.publish(PublishCounts {
                done: counts.published,
                lost: counts.lost,
                refused: counts.refused,
                dropped: counts.dropped,
                waiting: counts.waiting,
            });
        }
    }

    /// Tells Consul how a service is.
    pub fn report(&self, service: &Arc<Service>, health: Reported, output: String) {
        let status = match health {
            Reported::Passing => CheckStatus::Passing,
            Reported::Warning => CheckStatus::Warning,
            Reported::Critical | Reported::Maintenance => CheckStatus::Critical,
        };
        self.registrar.report(service, Report { status, output });
    }

    /// Takes a service out of Consul.
    pub fn withdraw(&self, service: &Arc<Service>, withdrawal: WithdrawalId) {
        self.registrar.withdraw(service, withdrawal);
    }

    /// Publishes a transition, and keeps it in Consul where that is wanted.
    pub fn change(&self, change: &Change, numbered: LifecycleChange<'static>) {
        self.shared.metrics.transition(change.to);
        if let Some(job) = &change.job
            && change.cause == crate::action::Cause::Restart
        {
            self.shared.metrics.restart(job);
        }
        if self
            .config
            .consul
            .as_ref()
            .is_some_and(|consul| consul.lifecycle_kv.is_some())
        {
            match serde_json::to_vec(&numbered) {
                Ok(text) => self.registrar.note(Note {
                    service: self.config.identity.service.as_str().into(),
                    instance: self.config.identity.instance.as_str().into(),
                    change: Bytes::from(text),
                }),
                Err(error) => error!("a life-cycle change cannot be written: {error}"),
            }
        }
        if let Some(publisher) = &*self.shared.outlet() {
            publisher.lifecycle(numbered);
        }
    }

    /// Publishes what a check said.
    pub fn health(&self, check: &str, health: Reported, output: String, now: SystemTime) {
        let status = match health {
            Reported::Passing => Status::Passing,
            Reported::Warning => Status::Warning,
            Reported::Critical => Status::Critical,
            Reported::Maintenance => Status::Maintenance,
        };
        if let Some(publisher) = &*self.shared.outlet() {
            publisher.health(Health {
                check: check.to_owned().into(),
                status,
                output: (!output.is_empty()).then(|| output.into()),
                time: Some(timestamp(now)),
            });
        }
    }

    /// The supervisor ends: its own service is about to be withdrawn, and must not come back.
    pub fn ending(&mut self) {
        self.beat = None;
    }

    /// Watches what the configuration wants to be watched.
    fn watch(&mut self, refresh: Refresh) {
        let mut old = std::mem::take(&mut self.watches);
        if refresh == Refresh::All {
            old.clear();
        }
        for watch in &self.config.watches {
            let Some(client) = &self.client else { break };
            let kept = old.iter().position(|(other, _)| other == watch);
            let running = match kept {
                Some(index) => old.swap_remove(index).1,
                None => {
                    self.shared.metrics.watch_anew(&watch.name);
                    watching::start(client.clone(), watch.clone(), self.wakes.clone())
                }
            };
            self.watches.push((watch.clone(), running));
        }
        self.shared
            .metrics
            .watched(self.config.watches.iter().map(|watch| &*watch.name));
    }

    fn beat(&mut self) {
        let own = self.own_service(&self.config);
        self.beat = own.map(|own| self.registrar.heartbeat(own));
    }

    /// Publishes to the NATS of the configuration, if it is another than before.
    fn publish_from(&mut self, before: Option<&config::Nats>) {
        if before == self.config.nats.as_ref() {
            return;
        }
        // What waits is kept over a change of the settings.
        if let (Some(publisher), Some(nats)) = (&*self.shared.outlet(), &self.config.nats) {
            return publisher.change(nats);
        }
        self.count_published();
        self.shared.metrics.publish_restarted();
        let start = |nats| Publisher::start(nats, &self.process);
        let next = self.config.nats.as_ref().map(start);
        let old = std::mem::replace(&mut *self.shared.outlet(), next);
        if let Some(old) = old {
            self.tasks.spawn(async move {
                shared::say_left(old.drain(Instant::now() + FAREWELL).await);
            });
        }
    }
}

/// What of the watches is made anew.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Refresh {
    All,
    Changed,
}
