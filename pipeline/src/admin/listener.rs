//! An address and what is to be told come in, a listener that tells it until it is closed goes out.

use std::io;
use std::net::SocketAddr;
use std::sync::Arc;

use flightline_link::tls::TlsError;
use tokio::net::TcpListener;
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;

use crate::admin::{AdminState, serve};
use crate::config::Admin;
use crate::listen::Protection;
use crate::metrics::{Listeners, Listening};

/// The admin listener cannot be opened.
#[derive(Debug, thiserror::Error)]
pub enum Unheard {
    /// Its address cannot be used.
    #[error("listen on {address} (admin.listen): {source}; name a free address, or port 0 for any")]
    Address {
        /// Which.
        address: SocketAddr,
        /// What the system says.
        source: io::Error,
    },
    /// Its certificate cannot be used.
    #[error("admin.tls: {0}; name a certificate and its own key, or remove the table")]
    Tls(#[from] TlsError),
}

impl Unheard {
    /// Whether somebody else listens there.
    pub fn is_taken(&self) -> bool {
        matches!(self, Self::Address { source, .. } if source.kind() == io::ErrorKind::AddrInUse)
    }
}

/// An open admin listener.
#[derive(Debug)]
pub struct Listener {
    /// Where it is.
    pub address: SocketAddr,
    /// Cancelled when it is closed.
    pub(crate) stop: CancellationToken,
    serving: JoinHandle<io::Result<()>>,
}

impl Listener {
    /// Opens that of `admin`, counted in `counted`.
    ///
    /// # Errors
    /// When its address or its certificate cannot be used.
    pub(crate) async fn open(
        admin: &Admin,
        counted: &Listeners,
        state: AdminState,
    ) -> Result<Self, Unheard> {
        let unheard = |source| Unheard::Address {
            address: admin.listen,
            source,
        };
        let protection = Protection::of(admin.tls.as_ref(), Listening::Admin, counted)?;
        let listener = TcpListener::bind(admin.listen).await.map_err(unheard)?;
        let address = listener.local_addr().map_err(unheard)?;
        let stop = CancellationToken::new();
        let serving = serve(listener, protection, Arc::new(state), stop.clone());
        Ok(Self {
            address,
            stop,
            serving: tokio::spawn(serving),
        })
    }

    /// Closes it; the last thing to do.
    pub(crate) async fn close(self) {
        self.stop.cancel();
        // It gives no error but its own end.
        self.serving.await.ok();
    }
}
