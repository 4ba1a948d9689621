//! A file comes in, a configuration with everything opened that can fail comes out: what is refused here changes nothing.

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::Arc;

use tracing::warn;

use crate::cli::{Exit, Failure};
use crate::config::interfaces::Addresses;
use crate::config::load::{self, LoadError};
use crate::config::{Config, find};
use crate::consul::Client;
use crate::consul::error::OpenError;
use crate::telemetry::declared::{self, DeclareError};

use super::variables::Given;

/// A configuration that can be taken.
#[derive(Debug)]
pub struct Prepared {
    /// As trusted.
    pub config: Arc<Config>,
    /// The client for its Consul, if it has one.
    pub client: Option<Client>,
    /// What is odd and yet allowed.
    findings: Vec<String>,
}

/// Why a configuration cannot be taken; the text is the whole report.
#[derive(Debug, thiserror::Error)]
pub enum PrepareError {
    /// The file is not as it should be.
    #[error(transparent)]
    Load(#[from] LoadError),
    /// The addresses of this machine cannot be read.
    #[error("the addresses of this machine cannot be read: {0}")]
    Addresses(#[from] std::io::Error),
    /// Certificates or address of Consul.
    #[error("consul: {0}")]
    Consul(#[from] OpenError),
    /// Metrics that cannot be.
    #[error(transparent)]
    Metrics(#[from] DeclareError),
}

/// Reads `file` as its template makes it of this process's environment and of `given`.
///
/// # Errors
/// See [`PrepareError`].
pub fn prepare(file: &Path, given: &BTreeMap<String, String>) -> Result<Prepared, PrepareError> {
    let mut environment: BTreeMap<String, String> = find::environment();
    environment.extend(
        given
            .iter()
            .map(|(name, value)| (name.clone(), value.clone())),
    );
    let addresses = Addresses::of_this_machine()?;
    let loaded = load::load(file, &environment, &addresses)?;
    let config = loaded.config;
    if let Some(telemetry) = &config.telemetry {
        declared::validate_all(&telemetry.metrics)?;
    }
    let client = config.consul.as_ref().map(Client::open).transpose()?;
    Ok(Prepared {
        config: Arc::new(config),
        client,
        findings: loaded.findings.iter().map(ToString::to_string).collect(),
    })
}

/// Reads `file` for the first time.
///
/// # Errors
/// As [`prepare`], with exit code 78.
pub fn first(file: &Path) -> Result<Prepared, Failure> {
    prepare(file, &Given::default().all())
        .map_err(|error| Failure::new(Exit::Config, error.to_string()))
}

impl Prepared {
    /// Says what is odd.
    pub fn say_findings(&self) {
        for line in self.findings.iter().flat_map(|finding| finding.lines()) {
            warn!("{line}");
        }
    }
}
