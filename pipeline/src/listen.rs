//! Connections in, connections with limits out: so many at once, so many bytes of request, so long without progress. What
//! breaks a limit is closed; the client's next try finds a free place. The limits are the caller's.

/// One connection and its patience.
mod connection;
/// A listener's certificate, read again when it changes.
mod certificates;
/// A file that is read again when it changes.
pub(crate) mod print;
/// The socket, or TLS on it.
mod wire;

use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::{Duration, Instant};

use axum::serve::Listener;
use flightline_link::tls::TlsError;
use flightline_link::tls::server::ServerTls;
use prometheus::IntCounter;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::Semaphore;
use tokio::time::sleep;

use self::certificates::Certificates;
use self::connection::Patient;
use self::wire::Wire;
use crate::metrics::{Listeners, Listening};

/// Between two tries when the process is out of sockets.
const ACCEPT_PAUSE: Duration = Duration::from_secs(1);

/// What the clients of a listener may take.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Limits {
    /// Connections at once; further ones wait in the kernel's queue.
    pub(crate) connections: usize,
    /// Bytes read between two answers: request line, headers and body together. What was read at once may go beyond it.
    pub(crate) request_bytes: usize,
    /// A connection on which nothing was written for so long is closed, however it trickles: the longest that a request may
    /// take together with the pause before it.
    pub(crate) quiet: Duration,
    /// A client that takes not one byte of an answer for so long does not read.
    pub(crate) stall: Duration,
}

/// What a client meets before the protocol.
#[derive(Debug)]
pub(crate) enum Protection {
    /// Nothing.
    None,
    /// TLS.
    Tls {
        /// What it is shown.
        certificates: Certificates,
        /// Counts handshakes that come to nothing.
        failures: IntCounter,
    },
}

impl Protection {
    /// As configured, and counted in `counted`.
    ///
    /// # Errors
    /// When the files cannot be used.
    pub(crate) fn of(
        tls: Option<&ServerTls>,
        listening: Listening,
        counted: &Listeners,
    ) -> Result<Self, TlsError> {
        let Some(tls) = tls else {
            return Ok(Self::None);
        };
        let label = [listening.as_str()];
        let refused = counted.certificates_refused.with_label_values(&label);
        Ok(Self::Tls {
            certificates: Certificates::read(tls.clone(), refused, Instant::now())?,
            failures: counted.handshake_failures.with_label_values(&label),
        })
    }

    fn on(&self, stream: TcpStream) -> Wire<TcpStream> {
        match self {
            Self::None => Wire::Plain(stream),
            Self::Tls {
                certificates,
                failures,
            } => Wire::shaking(stream, certificates.now(Instant::now()), failures.clone()),
        }
    }
}

/// A listener whose connections have limits.
#[derive(Debug)]
pub(crate) struct Limited {
    listener: TcpListener,
    limits: Limits,
    places: Arc<Semaphore>,
    protection: Protection,
}

impl Limited {
    /// Takes connections from `listener`.
    pub(crate) fn new(listener: TcpListener, limits: Limits, protection: Protection) -> Self {
        Self {
            listener,
            limits,
            places: Arc::new(Semaphore::new(limits.connections)),
            protection,
        }
    }
}

impl Listener for Limited {
    type Io = Patient<Wire<TcpStream>>;
    type Addr = SocketAddr;

    async fn accept(&mut self) -> (Self::Io, SocketAddr) {
        let place = Arc::clone(&self.places)
            .acquire_owned()
            .await
            .expect("the semaphore is never closed");
        loop {
            match self.listener.accept().await {
                Ok((stream, peer)) => {
                    if let Err(error) = stream.set_nodelay(true) {
                        tracing::debug!(%error, "connection is slower than it could be");
                    }
                    return (
                        Patient::new(self.protection.on(stream), self.limits, Some(place)),
                        peer,
                    );
                }
                Err(error) => {
                    tracing::warn!(%error, "could not accept a connection");
                    sleep(ACCEPT_PAUSE).await;
                }
            }
        }
    }

    fn local_addr(&self) -> io::Result<SocketAddr> {
        self.listener.local_addr()
    }
}
