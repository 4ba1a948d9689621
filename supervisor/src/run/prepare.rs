//! A file comes in, a configuration with everything opened that can fail comes out: what is refused here changes nothing. A check, a start
//! and a reload all ask here, so that they agree.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use tracing::warn;

use crate::cli::{Exit, Failure};
use crate::config::interfaces::Addresses;
use crate::config::load::{self, Finding, LoadError};
use crate::config::{Config, find};
use crate::consul::Client;
use flightline_link::tls::TlsError;

use super::variables::Given;

/// A configuration that can be taken.
#[derive(Debug)]
pub struct Prepared {
    /// As trusted.
    pub config: Arc<Config>,
    /// The client for its Consul, if it has one.
    pub client: Option<Client>,
    /// The file it was read from.
    pub path: PathBuf,
    /// What is odd and yet allowed.
    pub findings: Vec<Finding>,
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
    /// Certificates for Consul: what is wrong with the files that are named has its place in the file, so these are the system's.
    #[error("consul.tls: {0}")]
    Consul(#[from] TlsError),
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
    let loaded = load::load(file, &environment, &addresses, load::Look::AtThisMachine)?;
    let config = loaded.config;
    let client = config.consul.as_ref().map(Client::open).transpose()?;
    Ok(Prepared {
        config: Arc::new(config),
        client,
        path: loaded.path,
        findings: loaded.findings,
    })
}

/// Reads `file` for the first time, to start with it or to say what is wrong with it.
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
        for finding in &self.findings {
            finding.to_string().lines().for_each(|line| warn!("{line}"));
        }
    }
}
