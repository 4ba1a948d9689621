//! A scenario as typed: each part an option with the plainest as its default.

use clap::{Args, ValueEnum};

use crate::record::Check;
use crate::scenario::{AGE_MS, Rate, Scenario, Shape, Source, Store, Switch};
use crate::trial::plan::Plan;
use crate::trial::server::Choice;

/// Bytes in all, roughly, where nobody says how many messages.
const BYTES: u64 = 300_000_000;
/// Seconds, where a rate is kept and nobody says how many messages.
const SECONDS: u64 = 10;

/// What is moved, and how.
#[derive(Debug, Args)]
pub struct ScenarioArgs {
    /// How messages come in and are acknowledged: core, explicit, ack-all, partitions=N; or written by N clients over HTTP:
    /// front=N, front-gzip=N
    #[arg(long, default_value = "core")]
    pub source: Source,
    /// What a message holds: line, lines50, sensor, metrics, sample, mix
    #[arg(long, default_value = "line")]
    pub shape: Shape,
    /// Distinct subjects
    #[arg(long, default_value_t = 1)]
    pub subjects: u32,
    /// Keep series for Prometheus
    #[arg(long)]
    pub exporter: bool,
    /// What takes the lines: discard, influxdb, victoria
    #[arg(long, default_value = "discard")]
    pub store: Store,
    /// Messages a second, on an open loop, for latencies; or full
    #[arg(long, default_value = "full")]
    pub rate: Rate,
    /// The age at which a batch is cut, in milliseconds
    #[arg(long, default_value_t = AGE_MS)]
    pub age_ms: u32,
    /// How many messages [default: about 300 MB, or 10 s where a rate is kept]
    #[arg(long)]
    pub messages: Option<u64>,
    /// How many workers share them
    #[arg(long, default_value_t = 1)]
    pub workers: u32,
    /// How what arrives is checked [default: account, but for lines50 at full rate]
    #[arg(long, value_enum)]
    pub check: Option<CheckArg>,
}

/// How what arrives is checked.
#[derive(Debug, Clone, Copy, ValueEnum)]
pub enum CheckArg {
    /// Lines and bytes are added up
    Count,
    /// Each line is known and compared
    Account,
}

/// Which nats-server.
#[derive(Debug, Args)]
pub struct ServerArgs {
    /// A server that runs already: nats://host:port [default: the newest on this machine is started]
    #[arg(long, value_name = "URL")]
    pub nats: Option<String>,
    /// Its monitoring, to see when workers have subscribed: http://host:port
    #[arg(long, value_name = "URL", requires = "nats")]
    pub nats_monitor: Option<String>,
    /// The one of that suite of the distribution, as fixtures/install-servers unpacks it: trixie, sid
    #[arg(long, value_name = "SUITE", conflicts_with = "nats")]
    pub nats_suite: Option<String>,
}

impl ScenarioArgs {
    /// What they say.
    pub fn plan(&self) -> Plan {
        let scenario = Scenario {
            source: self.source,
            shape: self.shape,
            subjects: self.subjects,
            exporter: if self.exporter {
                Switch::On
            } else {
                Switch::Off
            },
            store: self.store,
            rate: self.rate,
            age_ms: self.age_ms,
        };
        let messages = self.messages.unwrap_or_else(|| messages(&scenario));
        let plan = Plan::new(scenario, messages);
        Plan {
            workers: self.workers,
            check: match self.check {
                None => plan.check,
                Some(CheckArg::Count) => Check::Count,
                Some(CheckArg::Account) => Check::Account,
            },
            ..plan
        }
    }
}

/// As many as take a few seconds.
pub fn messages(scenario: &Scenario) -> u64 {
    match (scenario.rate, scenario.shape) {
        (Rate::PerSecond(rate), _) => u64::from(rate) * SECONDS,
        (Rate::Full, Shape::Lines50) => BYTES / 7_550 * 3,
        (Rate::Full, Shape::Mix) => BYTES / 1_200,
        (Rate::Full, Shape::Metrics) => BYTES / 500,
        (Rate::Full, Shape::Line | Shape::Sensor | Shape::Sample) => BYTES / 150,
    }
}

impl ServerArgs {
    /// What they say.
    pub fn choice(&self) -> Choice {
        match (&self.nats, &self.nats_suite) {
            (Some(url), _) => Choice::Running {
                url: url.clone(),
                monitor: self.nats_monitor.clone(),
            },
            (None, Some(suite)) => Choice::Suite(suite.clone()),
            (None, None) => Choice::Newest,
        }
    }
}
