//! A socket comes in, what the protocol reads and writes goes out: the socket itself, or TLS on it. The handshake is made by the
//! connection's own task, so that a client who does not shake hands makes nobody else wait.

use std::io;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};
use std::time::Duration;

use prometheus::IntCounter;
use rustls::ServerConfig;
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::time::{Sleep, sleep};
use tokio_rustls::server::TlsStream;
use tokio_rustls::{Accept, TlsAcceptor};

/// For the whole handshake: three flights over a slow line. A client that takes longer gives its place to somebody else.
pub(super) const HANDSHAKE: Duration = Duration::from_secs(5);
/// What TLS keeps of an answer that the socket does not take yet: one record. More would hide from the limits that a client does not read.
const BUFFER: usize = 16 * 1024;

/// A connection under the protocol.
#[derive(Debug)]
pub(crate) enum Wire<S> {
    /// As it comes.
    Plain(S),
    /// Not yet protected.
    Shaking(Box<Handshake<S>>),
    /// Protected.
    Protected(Box<TlsStream<S>>),
    /// The handshake failed, which has been said and counted.
    Broken,
}

/// A handshake under way.
pub(crate) struct Handshake<S> {
    accept: Accept<S>,
    deadline: Pin<Box<Sleep>>,
    failures: IntCounter,
}

impl<S> std::fmt::Debug for Handshake<S> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Handshake").finish_non_exhaustive()
    }
}

impl<S: AsyncRead + AsyncWrite + Unpin> Wire<S> {
    /// TLS on `stream`; `failures` counts handshakes that come to nothing.
    pub(super) fn shaking(stream: S, config: Arc<ServerConfig>, failures: IntCounter) -> Self {
        let accept =
            TlsAcceptor::from(config).accept_with(stream, |tls| tls.set_buffer_limit(Some(BUFFER)));
        Self::Shaking(Box::new(Handshake {
            accept,
            deadline: Box::pin(sleep(HANDSHAKE)),
            failures,
        }))
    }

    /// Shakes hands, if that is not done.
    fn ready(&mut self, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        let Self::Shaking(shaking) = self else {
            return Poll::Ready(Ok(()));
        };
        let outcome = match Pin::new(&mut shaking.accept).poll(context) {
            Poll::Ready(outcome) => outcome,
            Poll::Pending => {
                ready!(shaking.deadline.as_mut().poll(context));
                Err(io::ErrorKind::TimedOut.into())
            }
        };
        match outcome {
            Ok(stream) => {
                *self = Self::Protected(Box::new(stream));
                Poll::Ready(Ok(()))
            }
            Err(error) => {
                shaking.failures.inc();
                tracing::debug!(%error, "a client did not shake hands");
                *self = Self::Broken;
                Poll::Ready(Err(error))
            }
        }
    }
}

fn broken() -> io::Error {
    io::ErrorKind::NotConnected.into()
}

impl<S: AsyncRead + AsyncWrite + Unpin> AsyncRead for Wire<S> {
    fn poll_read(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        ready!(self.ready(context))?;
        match self.get_mut() {
            Self::Plain(stream) => Pin::new(stream).poll_read(context, buffer),
            Self::Protected(stream) => Pin::new(stream).poll_read(context, buffer),
            Self::Shaking(_) | Self::Broken => Poll::Ready(Err(broken())),
        }
    }
}

impl<S: AsyncRead + AsyncWrite + Unpin> AsyncWrite for Wire<S> {
    fn poll_write(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        ready!(self.ready(context))?;
        match self.get_mut() {
            Self::Plain(stream) => Pin::new(stream).poll_write(context, bytes),
            Self::Protected(stream) => Pin::new(stream).poll_write(context, bytes),
            Self::Shaking(_) | Self::Broken => Poll::Ready(Err(broken())),
        }
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        slices: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        ready!(self.ready(context))?;
        match self.get_mut() {
            Self::Plain(stream) => Pin::new(stream).poll_write_vectored(context, slices),
            Self::Protected(stream) => Pin::new(stream).poll_write_vectored(context, slices),
            Self::Shaking(_) | Self::Broken => Poll::Ready(Err(broken())),
        }
    }

    fn is_write_vectored(&self) -> bool {
        match self {
            Self::Plain(stream) => stream.is_write_vectored(),
            Self::Shaking(_) | Self::Protected(_) | Self::Broken => true,
        }
    }

    fn poll_flush(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        match self.get_mut() {
            Self::Plain(stream) => Pin::new(stream).poll_flush(context),
            Self::Protected(stream) => Pin::new(stream).poll_flush(context),
            // Nothing was written yet.
            Self::Shaking(_) | Self::Broken => Poll::Ready(Ok(())),
        }
    }

    fn poll_shutdown(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        match self.get_mut() {
            Self::Plain(stream) => Pin::new(stream).poll_shutdown(context),
            Self::Protected(stream) => Pin::new(stream).poll_shutdown(context),
            Self::Shaking(_) | Self::Broken => Poll::Ready(Ok(())),
        }
    }
}

#[cfg(test)]
mod tests {
    use flightline_fixtures::tls::Certificates;
    use flightline_link::tls::server::{ServerTls, server_config};
    use tokio::io::{AsyncReadExt, duplex};
    use tokio::time::Instant;

    use super::*;

    #[tokio::test(start_paused = true)]
    async fn a_client_that_does_not_shake_hands_gives_its_place_back_soon() {
        let made = Certificates::make();
        let config = server_config(&ServerTls {
            cert: made.server.cert.clone(),
            key: made.server.key.clone(),
            client_ca: None,
        });
        let (_client, server) = duplex(1024);
        let failures = IntCounter::new("failures", "Failures.").unwrap();
        let mut wire = Wire::shaking(server, Arc::new(config.unwrap()), failures.clone());
        let start = Instant::now();
        let error = wire.read_u8().await.unwrap_err();
        assert_eq!(error.kind(), io::ErrorKind::TimedOut);
        assert_eq!(start.elapsed().as_secs(), HANDSHAKE.as_secs());
        assert_eq!(failures.get(), 1);
        wire.read_u8().await.unwrap_err();
        assert_eq!(failures.get(), 1, "it is told of once");
    }
}
