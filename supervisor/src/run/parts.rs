//! Everything that a configuration brings beside its jobs: Consul, watches, NATS, telemetry, the control socket, the log. The loop
//! calls it without waiting; what takes time runs beside.

use std::path::PathBuf;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, SystemTime};

use bytes::Bytes;
use flightline_contract::health::{Health, Status};
use flightline_contract::lifecycle::LifecycleChange;
use tokio::sync::{mpsc, watch};
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;
use tracing::{error, info, warn};

use crate::action::{Change, Reported};
use crate::config::{self, Config, Service, Watch};
use crate::consul::Client;
use crate::consul::heartbeat::{Heartbeat, telemetry_service};
use crate::consul::notes::Note;
use crate::consul::payload::CheckStatus;
use crate::consul::registrar::{Registrar, Report};
use crate::control::socket::ControlError;
use crate::control::variables::Variables;
use crate::control::{self, Server};
use crate::event::{Values, Wake};
use crate::lifecycle::timestamp;
use crate::log::{Log, LogError};
use crate::publish::{Drained, Publisher, process_id, sample};
use crate::telemetry::declared::{DeclareError, Pushed};
use crate::telemetry::metrics::{Metrics, PublishCounts};
use crate::telemetry::server::{self, BindError, Pages};
use crate::telemetry::status::StatusReport;
use crate::watch::{self as watching, Watching};

use super::prepare::Prepared;

/// How long the last messages to NATS and Consul may take, once the jobs have ended.
const LAST_WORDS: Duration = Duration::from_secs(2);

/// What cannot be opened at the start.
#[derive(Debug, thiserror::Error)]
pub enum PartsError {
    /// The control socket.
    #[error(transparent)]
    Control(#[from] ControlError),
    /// The telemetry server.
    #[error(transparent)]
    Telemetry(#[from] BindError),
    /// Metrics.
    #[error(transparent)]
    Metrics(#[from] DeclareError),
    /// The log's output.
    #[error(transparent)]
    Log(#[from] LogError),
}

/// The one that publishes at present; the control socket's tasks use it, too.
type Outlet = Arc<Mutex<Option<Publisher>>>;

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
    next: Option<Prepared>,
    host: String,
    /// Tells the changes of this process from those of one before.
    process: String,
    wakes: mpsc::Sender<Wake>,
    log: Log,
    metrics: Metrics,
    variables: Arc<Variables>,
    registrar: Registrar,
    beat: Option<Heartbeat>,
    watches: Vec<(Watch, Watching)>,
    outlet: Outlet,
    telemetry: Option<Telemetry>,
    status: watch::Sender<StatusReport>,
    control: Arc<tokio::sync::Mutex<Option<Server>>>,
    socket: PathBuf,
    tasks: TaskTracker,
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
        let Prepared { config, client, .. } = prepared;
        let metrics = Metrics::new();
        metrics.watch_log(log.clone());
        let mut parts = Self {
            registrar: Registrar::start(client.clone(), wakes.clone()),
            client,
            next: None,
            host,
            process: process_id(),
            wakes,
            log,
            metrics,
            variables: Arc::default(),
            beat: None,
            watches: Vec::new(),
            outlet: Arc::default(),
            telemetry: None,
            status: watch::Sender::new(StatusReport::default()),
            control: Arc::default(),
            socket: config.control.clone(),
            tasks: TaskTracker::new(),
            config,
        };
        let server = Server::start(&parts.socket, parts.deps()).await?;
        *parts.control.lock().await = Some(server);
        parts.watch(Refresh::All);
        if let Some(telemetry) = &parts.config.telemetry {
            parts.metrics.declare(&telemetry.metrics)?;
            let listener = server::bind(telemetry.address).await?;
            parts.serve(telemetry.address, async { Ok(listener) });
        }
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
        &self.metrics
    }

    /// The log.
    pub fn log(&self) -> &Log {
        &self.log
    }

    /// What was set through the control socket.
    pub fn variables(&self) -> &Variables {
        &self.variables
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
        if let Some(publisher) = &*self.outlet() {
            let counts = publisher.counts();
            self.metrics.publish(PublishCounts {
                done: counts.published,
                lost: counts.lost,
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
    pub fn withdraw(&self, service: &Arc<Service>) {
        self.registrar.withdraw(service);
    }

    /// Publishes a transition, and keeps it in Consul where that is wanted.
    pub fn change(&self, change: &Change, numbered: LifecycleChange<'static>) {
        self.metrics.transition(change.to);
        if let Some(job) = &change.job
            && change.cause == crate::action::Cause::Restart
        {
            self.metrics.restart(job);
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
        if let Some(publisher) = &*self.outlet() {
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
        if let Some(publisher) = &*self.outlet() {
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

    fn outlet(&self) -> std::sync::MutexGuard<'_, Option<Publisher>> {
        self.outlet.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn deps(&self) -> control::Deps {
        let (metrics, counted, outlet) = (
            self.metrics.clone(),
            self.metrics.clone(),
            Arc::clone(&self.outlet),
        );
        control::Deps {
            wakes: self.wakes.clone(),
            variables: Arc::clone(&self.variables),
            metrics: Box::new(move |values| push(&metrics, &outlet, values)),
            counted: Box::new(move |path, status| counted.control_request(path, status)),
        }
    }

    /// Watches what the configuration wants to be watched.
    fn watch(&mut self, refresh: Refresh) {
        let mut old = std::mem::take(&mut self.watches);
        if refresh == Refresh::All {
            old.clear();
        }
        let Some(client) = &self.client else { return };
        for watch in &self.config.watches {
            let kept = old.iter().position(|(other, _)| other == watch);
            let running = match kept {
                Some(index) => old.swap_remove(index).1,
                None => watching::start(client.clone(), watch.clone(), self.wakes.clone()),
            };
            self.watches.push((watch.clone(), running));
        }
        self.metrics
            .watched(self.config.watches.iter().map(|watch| &*watch.name));
    }

    /// Serves telemetry on what `listener` gives, once it does.
    fn serve(
        &mut self,
        address: std::net::SocketAddr,
        listener: impl Future<Output = Result<tokio::net::TcpListener, BindError>> + Send + 'static,
    ) {
        let stop = CancellationToken::new();
        let pages = Pages {
            metrics: self.metrics.clone(),
            status: self.status.subscribe(),
        };
        let stopped = stop.clone();
        self.tasks.spawn(async move {
            match listener.await {
                Ok(listener) => server::serve(listener, pages, stopped).await,
                Err(error) => error!("{error}"),
            }
        });
        self.telemetry = Some(Telemetry { address, stop });
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
        if let (Some(publisher), Some(nats)) = (&*self.outlet(), &self.config.nats) {
            return publisher.change(nats);
        }
        let start = |nats| Publisher::start(nats, &self.process);
        let next = self.config.nats.as_ref().map(start);
        let old = std::mem::replace(&mut *self.outlet(), next);
        if let Some(old) = old {
            self.tasks.spawn(async move {
                say_left(old.drain(Instant::now() + LAST_WORDS).await);
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

/// Values that a job reports.
fn push(metrics: &Metrics, outlet: &Outlet, values: &Values) {
    for (key, text) in values {
        let Pushed::Taken(reported) = metrics.push(key, text) else {
            continue;
        };
        if let Some(publisher) = &*outlet.lock().unwrap_or_else(PoisonError::into_inner) {
            publisher.metrics(sample::of(&reported));
        }
    }
}

fn say_left(drained: Drained) {
    if drained.changes > 0 || drained.others > 0 {
        let Drained { changes, others } = drained;
        warn!("{changes} life-cycle changes and {others} other messages may not have reached NATS");
    }
}

/// A new configuration, and the end.
impl Parts {
    /// A configuration was accepted; it is taken with [`Parts::install`].
    pub fn expect(&mut self, prepared: Prepared) {
        self.next = Some(prepared);
    }

    /// Takes what was accepted last.
    pub fn install(&mut self) {
        let Some(Prepared { config, client, .. }) = self.next.take() else {
            return;
        };
        let before = std::mem::replace(&mut self.config, config);
        if let Err(error) = self.log.change(&self.config.logging) {
            error!("the log stays as it is: {error}");
        }
        let refresh = if before.consul == self.config.consul {
            Refresh::Changed
        } else {
            self.client = client;
            self.change_consul(&before);
            Refresh::All
        };
        self.watch(refresh);
        self.change_telemetry();
        let own = |config: &Config| self.own_service(config);
        if own(&before) != own(&self.config) || refresh == Refresh::All {
            if let Some(old) = own(&before).filter(|_| refresh == Refresh::Changed) {
                self.registrar.withdraw(&old);
            }
            self.beat();
        }
        self.publish_from(before.nats.as_ref());
        self.move_control();
    }

    /// Another Consul: the one that was is told that nothing is here any more.
    fn change_consul(&mut self, before: &Config) {
        let next = Registrar::start(self.client.clone(), self.wakes.clone());
        let old = std::mem::replace(&mut self.registrar, next);
        let services = before.jobs.iter().filter_map(|job| job.service.as_ref());
        for service in services {
            old.withdraw(service);
        }
        if let Some(own) = self.own_service(before) {
            old.withdraw(&own);
        }
        self.tasks.spawn(old.finish(LAST_WORDS));
    }

    fn change_telemetry(&mut self) {
        let wanted = self.config.telemetry.clone();
        let metrics = wanted
            .as_ref()
            .map_or(&[][..], |telemetry| &telemetry.metrics);
        if let Err(error) = self.metrics.declare(metrics) {
            error!("{error}");
        }
        let address = wanted.map(|telemetry| telemetry.address);
        if self.telemetry.as_ref().map(|running| running.address) == address {
            return;
        }
        if let Some(old) = self.telemetry.take() {
            old.stop.cancel();
        }
        if let Some(address) = address {
            self.serve(address, server::bind(address));
        }
    }

    /// The control socket, at its old or its new path.
    fn move_control(&mut self) {
        let (slot, path) = (Arc::clone(&self.control), self.config.control.clone());
        if path == self.socket {
            // Clients of ContainerPilot count these lines: one for each configuration.
            info!("control: serving at {}", path.display());
            return;
        }
        self.socket.clone_from(&path);
        let deps = self.deps();
        self.tasks.spawn(async move {
            let mut slot = slot.lock().await;
            match Server::start(&path, deps).await {
                Ok(server) => {
                    if let Some(old) = slot.replace(server) {
                        old.stop().await;
                    }
                }
                Err(error) => error!("the control socket stays where it was: {error}"),
            }
        });
    }

    /// Says the last words to everybody, and closes.
    pub async fn close(mut self) {
        self.beat = None;
        self.watches.clear();
        let deadline = Instant::now() + LAST_WORDS;
        if let Some(telemetry) = self.telemetry.take() {
            telemetry.stop.cancel();
        }
        let publisher = self.outlet().take();
        let control = self.control.lock().await.take();
        let publishing = async {
            if let Some(publisher) = publisher {
                say_left(publisher.drain(deadline).await);
            }
        };
        let listening = async {
            if let Some(control) = control {
                control.stop().await;
            }
        };
        tokio::join!(publishing, listening, self.registrar.finish(LAST_WORDS));
        self.tasks.close();
        if tokio::time::timeout_at(deadline, self.tasks.wait())
            .await
            .is_err()
        {
            warn!("something did not close in time");
        }
    }
}
