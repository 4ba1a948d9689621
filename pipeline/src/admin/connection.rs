//! Connections in, connections with limits out: so many at once, so many bytes of request, so long without progress. What
//! breaks a limit is closed; the client's next try finds a free place.

use std::io;
use std::net::SocketAddr;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};
use std::time::Duration;

use axum::serve::Listener;
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio::time::{Instant, Sleep, sleep, sleep_until};

/// Connections at once; further ones wait in the kernel's queue. Scrapers, health checks and a few browsers.
const CONNECTIONS: usize = 64;
/// Bytes read between two answers: a request line and headers, no path here takes a body.
const MAX_REQUEST: usize = 32 * 1024;
/// A connection on which nothing was written for so long is closed, however it trickles: more than two usual scrape intervals.
const QUIET: Duration = Duration::from_secs(150);
/// A client that takes not one byte for so long does not read: Prometheus gives up after as long.
const STALL: Duration = Duration::from_secs(10);
/// Between two tries when the process is out of sockets.
const ACCEPT_PAUSE: Duration = Duration::from_secs(1);

/// A listener whose connections have limits.
#[derive(Debug)]
pub(super) struct Limited {
    listener: TcpListener,
    places: Arc<Semaphore>,
}

impl Limited {
    pub(super) fn new(listener: TcpListener) -> Self {
        Self {
            listener,
            places: Arc::new(Semaphore::new(CONNECTIONS)),
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
                    return (Patient::new(stream, Some(place)), peer);
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

/// A connection that ends when its patience does.
#[derive(Debug)]
pub(super) struct Patient<S> {
    stream: S,
    _place: Option<OwnedSemaphorePermit>,
    asked: usize,
    quiet: Pin<Box<Sleep>>,
    stall: Option<Pin<Box<Sleep>>>,
}

impl<S: AsyncRead + AsyncWrite + Unpin> Patient<S> {
    fn new(stream: S, place: Option<OwnedSemaphorePermit>) -> Self {
        Self {
            stream,
            _place: place,
            asked: 0,
            quiet: Box::pin(sleep(QUIET)),
            stall: None,
        }
    }

    /// What a write came to: progress starts all patience anew, none uses it up.
    fn written(
        &mut self,
        outcome: Poll<io::Result<usize>>,
        context: &mut Context<'_>,
    ) -> Poll<io::Result<usize>> {
        if outcome.is_ready() {
            self.stall = None;
            self.asked = 0;
            self.quiet.as_mut().reset(Instant::now() + QUIET);
            return outcome;
        }
        let stall = self
            .stall
            .get_or_insert_with(|| Box::pin(sleep_until(Instant::now() + STALL)));
        ready!(stall.as_mut().poll(context));
        Poll::Ready(Err(io::ErrorKind::TimedOut.into()))
    }
}

impl<S: AsyncRead + AsyncWrite + Unpin> AsyncRead for Patient<S> {
    fn poll_read(
        self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let this = self.get_mut();
        let before = buffer.filled().len();
        if this.quiet.as_mut().poll(context).is_ready() {
            return Poll::Ready(Err(io::ErrorKind::TimedOut.into()));
        }
        // Before the read: an error after it would lose bytes that are in the buffer.
        if this.asked > MAX_REQUEST {
            return Poll::Ready(Err(io::Error::other("the request is too large")));
        }
        ready!(Pin::new(&mut this.stream).poll_read(context, buffer))?;
        this.asked += buffer.filled().len() - before;
        Poll::Ready(Ok(()))
    }
}

impl<S: AsyncRead + AsyncWrite + Unpin> AsyncWrite for Patient<S> {
    fn poll_write(
        self: Pin<&mut Self>,
        context: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        let this = self.get_mut();
        let outcome = Pin::new(&mut this.stream).poll_write(context, bytes);
        this.written(outcome, context)
    }

    fn poll_write_vectored(
        self: Pin<&mut Self>,
        context: &mut Context<'_>,
        slices: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        let this = self.get_mut();
        let outcome = Pin::new(&mut this.stream).poll_write_vectored(context, slices);
        this.written(outcome, context)
    }

    fn is_write_vectored(&self) -> bool {
        self.stream.is_write_vectored()
    }

    fn poll_flush(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.get_mut().stream).poll_flush(context)
    }

    fn poll_shutdown(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.get_mut().stream).poll_shutdown(context)
    }
}

#[cfg(test)]
mod tests {
    use tokio::io::{AsyncReadExt, AsyncWriteExt, duplex};

    use super::*;

    #[tokio::test(start_paused = true)]
    async fn a_client_that_does_not_read_is_cut_off() {
        let (_client, server) = duplex(16);
        let mut patient = Patient::new(server, None);
        let start = Instant::now();
        let error = patient.write_all(&[0; 64]).await.unwrap_err();
        assert_eq!(error.kind(), io::ErrorKind::TimedOut);
        assert_eq!(start.elapsed().as_secs(), STALL.as_secs());
    }

    #[tokio::test(start_paused = true)]
    async fn a_client_that_reads_slowly_is_served() {
        let (mut client, server) = duplex(16);
        let mut patient = Patient::new(server, None);
        let reads = tokio::spawn(async move {
            let mut buffer = [0; 16];
            let mut count = 0;
            while count < 64 {
                sleep(STALL / 2).await;
                count += client.read(&mut buffer).await.unwrap();
            }
        });
        patient.write_all(&[0; 64]).await.unwrap();
        reads.await.unwrap();
    }

    #[tokio::test(start_paused = true)]
    async fn a_request_that_trickles_does_not_hold_its_place_for_ever() {
        let (mut client, server) = duplex(16);
        let mut patient = Patient::new(server, None);
        let trickle = tokio::spawn(async move {
            while client.write_all(b"x").await.is_ok() {
                sleep(Duration::from_secs(1)).await;
            }
        });
        let mut request = Vec::new();
        let error = patient.read_to_end(&mut request).await.unwrap_err();
        assert_eq!(error.kind(), io::ErrorKind::TimedOut);
        drop(patient);
        trickle.await.unwrap();
    }

    #[tokio::test]
    async fn a_request_without_end_is_cut_off() {
        let (mut client, server) = duplex(1024);
        let mut patient = Patient::new(server, None);
        let flood =
            tokio::spawn(async move { while client.write_all(&[b'x'; 512]).await.is_ok() {} });
        let mut request = Vec::new();
        patient.read_to_end(&mut request).await.unwrap_err();
        assert!(request.len() <= MAX_REQUEST + 1024, "{}", request.len());
        drop(patient);
        flood.await.unwrap();
    }
}
