//! Connections in, connections with limits out: so many at once, so many bytes of request, so long without progress. What
//! breaks a limit is closed; the client's next try finds a free place. The limits are the caller's.

/// One connection and its patience.
mod connection;

use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use axum::serve::Listener;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::Semaphore;
use tokio::time::sleep;

use self::connection::Patient;

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

/// A listener whose connections have limits.
#[derive(Debug)]
pub(crate) struct Limited {
    listener: TcpListener,
    limits: Limits,
    places: Arc<Semaphore>,
}

impl Limited {
    /// Takes connections from `listener`.
    pub(crate) fn new(listener: TcpListener, limits: Limits) -> Self {
        Self {
            listener,
            limits,
            places: Arc::new(Semaphore::new(limits.connections)),
        }
    }
}

impl Listener for Limited {
    type Io = Patient<TcpStream>;
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
                    return (Patient::new(stream, self.limits, Some(place)), peer);
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
