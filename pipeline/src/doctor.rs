//! `flightline doctor`: a configuration comes in, findings go out: what was seen, what it means for the promises, and the cure as a
//! key or a command. What can be told without any server comes first. Nothing is changed and nothing is left behind, but for the
//! one point a sink that `--probe` asks for; every question has a time limit.
//!
//! Each group is a look (what is there) and a judgement (what of it is wrong, pure).

use std::time::Duration;

use crate::config::Config;
use finding::{Finding, Report};

/// What is found, and how bad it is.
pub mod finding;
/// A report, for people and for programs.
pub mod show;
/// Settings that do not fit each other.
mod settings;
/// Where a worker would listen.
mod listeners;
/// This machine: folders, limits, certificates.
mod machine;
/// Until when a certificate holds.
mod certificate;
/// Clocks that disagree.
mod clock;
/// The NATS server.
mod nats;
/// The stream that is read.
mod stream;
/// The durable consumers.
mod consumer;
/// Where dead letters go.
mod letters;
/// The stores.
mod sinks;

/// What an outage may last without loss, where a stream limits what it keeps: somebody has to notice, come, and mend it.
const OUTAGE: Duration = Duration::from_secs(24 * 3600);

/// Whether sinks are written to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Probe {
    /// An empty write: who may write is told, and nothing is stored.
    Empty,
    /// One point, which stays.
    Point,
}

/// Looks at everything `config` names.
pub async fn examine(config: &Config, probe: Probe) -> Report {
    let mut findings = settings::judge(config);
    findings.extend(listeners::examine(config).await);
    findings.extend(machine::examine(config));
    findings.extend(nats::examine(config).await);
    for sink in &config.sinks {
        findings.extend(sinks::examine(config, sink, probe).await);
    }
    Report::of(findings)
}

/// What is missing of `what` when a look does not end in time.
fn late(what: &str, limit: Duration) -> Finding {
    Finding::error(finding::Code::Unanswered, what)
        .found(format!("no answer within {limit:?}"))
        .means("nothing is known of it")
        .cure("look whether it is overloaded, or whether a firewall swallows packets")
}
