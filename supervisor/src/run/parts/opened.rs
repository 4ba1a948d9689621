//! A configuration comes in, the same with everything open that it needs and that was not open before comes out, and with the files there
//! that its watches write. What cannot be opened or written refuses it, and changes nothing that runs.

use std::net::SocketAddr;
use std::path::PathBuf;

use tokio::net::TcpListener;

use super::PartsError;
use super::shared::Shared;
use crate::config::{Config, LogOutput, Logging};
use crate::control::Server;
use crate::log::output::append;
use crate::run::prepare::Prepared;
use crate::telemetry::server::{self, BindError};
use crate::watch::files::{Which, furnish};

/// A configuration that can be taken without anything that could fail.
#[derive(Debug)]
pub struct Opened {
    /// The configuration.
    pub prepared: Prepared,
    /// Where telemetry is served, if that is a new place.
    pub listener: Option<TcpListener>,
    /// The control socket, if that is a new place.
    pub server: Option<Server>,
}

/// Opens what is not open already.
#[derive(Debug)]
pub struct Opener {
    shared: Shared,
    patience: Patience,
    /// In force, and what is accepted and waits.
    telemetry: Vec<SocketAddr>,
    sockets: Vec<PathBuf>,
    logging: Option<Logging>,
}

/// How often an address is tried.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Patience {
    /// For some seconds, as ContainerPilot does at its start: the one before may still be going.
    Start,
    /// Once: somebody waits for the answer, and all goes on as it is.
    Reload,
}

impl Opener {
    /// Nothing is open.
    pub fn at_start(shared: Shared) -> Self {
        Self {
            shared,
            patience: Patience::Start,
            telemetry: Vec::new(),
            sockets: Vec::new(),
            logging: None,
        }
    }

    /// What `present` and `next` need is open.
    pub fn besides(shared: Shared, present: &Config, next: Option<&Config>) -> Self {
        let both = || std::iter::once(present).chain(next);
        let addresses = both().filter_map(|config| Some(config.telemetry.as_ref()?.address));
        Self {
            shared,
            patience: Patience::Reload,
            telemetry: addresses.collect(),
            sockets: both().map(|config| config.control.clone()).collect(),
            logging: Some(present.logging.clone()),
        }
    }

    /// Opens the rest.
    ///
    /// # Errors
    /// See [`PartsError`]. What was opened until then is closed again.
    pub async fn open(self, prepared: Prepared) -> Result<Opened, PartsError> {
        let config = &prepared.config;
        if self
            .logging
            .is_some_and(|logging| logging != config.logging)
        {
            try_output(&config.logging.output)?;
        }
        let which = match self.patience {
            Patience::Start => Which::All,
            Patience::Reload => Which::Absent,
        };
        furnish(&config.watches, which).await?;
        let address = config.telemetry.as_ref().map(|telemetry| telemetry.address);
        let listener = match address.filter(|address| !self.telemetry.contains(address)) {
            None => None,
            Some(address) if self.patience == Patience::Start => Some(server::bind(address).await?),
            Some(address) => {
                let bound = TcpListener::bind(address).await;
                Some(bound.map_err(|error| BindError { address, error })?)
            }
        };
        let server = if self.sockets.contains(&config.control) {
            None
        } else {
            Some(Server::start(&config.control, self.shared.deps()).await?)
        };
        Ok(Opened {
            prepared,
            listener,
            server,
        })
    }
}

/// Whether the log can be written there; it is opened again when it is.
fn try_output(output: &LogOutput) -> Result<(), PartsError> {
    let LogOutput::File(path) = output else {
        return Ok(());
    };
    append(path).map(drop).map_err(|error| PartsError::Output {
        path: path.clone(),
        error,
    })
}

impl Opened {
    /// Takes over what another one has opened that is not taken any more.
    pub fn inherit(&mut self, former: Self) {
        let address = |opened: &Self| {
            let telemetry = opened.prepared.config.telemetry.as_ref();
            telemetry.map(|telemetry| telemetry.address)
        };
        if self.listener.is_none() && address(self) == address(&former) {
            self.listener = former.listener;
        }
        if self.server.is_none() && self.prepared.config.control == former.prepared.config.control {
            self.server = former.server;
        }
    }
}
