//! Consul, NATS, watches and telemetry as trusted.

use std::fmt;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use flightline_contract::token::{Prefix, Token};
use flightline_link::secret::Secret;

use crate::template::Environment;

/// How to reach the Consul agent.
#[derive(Debug, Clone, PartialEq)]
pub struct Consul {
    /// Where it answers.
    pub address: ConsulAddress,
    /// Sent as `X-Consul-Token`.
    pub token: Option<Secret>,
    /// Certificates, for `https`.
    pub tls: ConsulTls,
    /// Where the latest life-cycle change is kept as a KV entry, without a `/` at its ends.
    pub lifecycle_kv: Option<String>,
}

/// Where the Consul agent answers.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ConsulAddress {
    /// `host:port` over plain HTTP.
    Http(String),
    /// `host:port` over TLS.
    Https(String),
    /// A unix socket.
    Unix(PathBuf),
}

/// Certificates for Consul.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct ConsulTls {
    /// A file of authorities instead of the system's.
    pub ca_file: Option<PathBuf>,
    /// A folder of authorities instead of the system's.
    pub ca_path: Option<PathBuf>,
    /// Our certificate and its key.
    pub identity: Option<(PathBuf, PathBuf)>,
    /// The name that the agent's certificate must have, if not the host's.
    pub server_name: Option<String>,
    /// Whether the agent must prove who it is.
    pub verify: Verify,
}

/// Whether a server must prove who it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Verify {
    /// It must.
    #[default]
    Peer,
    /// Anybody will do: `verify: false` as typed.
    Nobody,
}

/// A service that is watched.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Watch {
    /// The service's name in Consul; its events come from `watch.<name>`.
    pub name: Arc<str>,
    /// The longest time between a change and its event, at least a second.
    pub interval: Duration,
    /// Only instances with this tag.
    pub tag: Option<String>,
    /// In this data center instead of the agent's own.
    pub dc: Option<String>,
    /// Files that are written anew when the instances are others, before the event.
    pub render: Arc<[Render]>,
}

/// A file that is made of the instances of a watched service.
#[derive(Clone, PartialEq, Eq)]
pub struct Render {
    /// Where the template was read.
    pub template: PathBuf,
    /// What stood there: another text is another watch.
    pub text: Arc<str>,
    /// The variables that it sees.
    pub variables: Arc<Environment>,
    /// The file.
    pub to: PathBuf,
}

impl fmt::Debug for Render {
    /// Without text and variables, which may hold secrets.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Render")
            .field("template", &self.template)
            .field("to", &self.to)
            .finish_non_exhaustive()
    }
}

/// The HTTP server for metrics and status.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Telemetry {
    /// Where it listens; chosen by `interfaces`.
    pub address: SocketAddr,
    /// Registered in Consul as `containerpilot`.
    pub tags: Vec<String>,
    /// What jobs may report.
    pub metrics: Vec<Metric>,
}

/// A metric that jobs may report.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Metric {
    /// Empty if absent.
    pub namespace: String,
    /// Empty if absent.
    pub subsystem: String,
    /// Its name.
    pub name: String,
    /// What it means.
    pub help: String,
    /// How values are taken.
    pub kind: MetricKind,
}

/// How a metric takes values.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum MetricKind {
    /// Adds.
    Counter,
    /// Sets.
    Gauge,
    /// Counts into buckets.
    Histogram,
    /// Keeps quantiles of the last ten minutes.
    Summary,
}

/// Where and as whom life-cycle, health and metrics are published.
#[derive(Debug, Clone, PartialEq)]
pub struct Nats {
    /// How to reach the servers, and as whom.
    pub server: flightline_link::nats::Nats,
    /// The first token of every subject.
    pub prefix: Prefix,
    /// The service token of every subject.
    pub service: Token,
    /// The instance token of every subject.
    pub instance: Token,
    /// Between two results of a check that are published though nothing changed.
    pub beat: Duration,
    /// Changes that wait while NATS is away; the oldest is lost first.
    pub ring: usize,
    /// What becomes of metrics that jobs report.
    pub metrics: PublishMetrics,
}

/// What becomes of metrics that jobs report.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum PublishMetrics {
    /// They are only shown by the telemetry server.
    #[default]
    Local,
    /// They are published as samples, too.
    Published,
}
