//! What the protocol reads and writes comes in, the same goes out, and ends when its patience does.

use std::io;
use std::pin::Pin;
use std::task::{Context, Poll, ready};

use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::sync::OwnedSemaphorePermit;
use tokio::time::{Instant, Sleep, sleep, sleep_until};

use crate::listen::Limits;

/// A connection that ends when its patience does.
#[derive(Debug)]
pub(crate) struct Patient<S> {
    stream: S,
    limits: Limits,
    _place: Option<OwnedSemaphorePermit>,
    asked: usize,
    quiet: Pin<Box<Sleep>>,
    stall: Option<Pin<Box<Sleep>>>,
}

impl<S: AsyncRead + AsyncWrite + Unpin> Patient<S> {
    pub(super) fn new(stream: S, limits: Limits, place: Option<OwnedSemaphorePermit>) -> Self {
        Self {
            stream,
            limits,
            _place: place,
            asked: 0,
            quiet: Box::pin(sleep(limits.quiet)),
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
            self.asked = 0;
            self.quiet
                .as_mut()
                .reset(Instant::now() + self.limits.quiet);
        }
        self.taken(outcome, context)
    }

    /// What a write or a flush came to: until the client takes something, its patience is used up.
    fn taken<T>(
        &mut self,
        outcome: Poll<io::Result<T>>,
        context: &mut Context<'_>,
    ) -> Poll<io::Result<T>> {
        if outcome.is_ready() {
            self.stall = None;
            return outcome;
        }
        let end = Instant::now() + self.limits.stall;
        let stall = self.stall.get_or_insert_with(|| Box::pin(sleep_until(end)));
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
        if this.asked > this.limits.request_bytes {
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
        let this = self.get_mut();
        let outcome = Pin::new(&mut this.stream).poll_flush(context);
        this.taken(outcome, context)
    }

    fn poll_shutdown(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        let this = self.get_mut();
        let outcome = Pin::new(&mut this.stream).poll_shutdown(context);
        this.taken(outcome, context)
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use tokio::io::{AsyncReadExt, AsyncWriteExt, BufWriter, duplex};

    use super::*;

    const LIMITS: Limits = Limits {
        connections: 1,
        request_bytes: 32 * 1024,
        quiet: Duration::from_secs(150),
        stall: Duration::from_secs(10),
    };

    #[tokio::test(start_paused = true)]
    async fn a_client_that_does_not_read_is_cut_off() {
        let (_client, server) = duplex(16);
        let mut patient = Patient::new(server, LIMITS, None);
        let start = Instant::now();
        let error = patient.write_all(&[0; 64]).await.unwrap_err();
        assert_eq!(error.kind(), io::ErrorKind::TimedOut);
        assert_eq!(start.elapsed().as_secs(), LIMITS.stall.as_secs());
    }

    /// As under TLS, which takes a part of the answer before the client does.
    #[tokio::test(start_paused = true)]
    async fn a_client_that_does_not_read_the_rest_is_cut_off() {
        let (_client, server) = duplex(16);
        let mut patient = Patient::new(BufWriter::new(server), LIMITS, None);
        patient.write_all(&[0; 64]).await.unwrap();
        let start = Instant::now();
        let error = patient.flush().await.unwrap_err();
        assert_eq!(error.kind(), io::ErrorKind::TimedOut);
        assert_eq!(start.elapsed().as_secs(), LIMITS.stall.as_secs());
    }

    #[tokio::test(start_paused = true)]
    async fn a_client_that_reads_slowly_is_served() {
        let (mut client, server) = duplex(16);
        let mut patient = Patient::new(server, LIMITS, None);
        let reads = tokio::spawn(async move {
            let mut buffer = [0; 16];
            let mut count = 0;
            while count < 64 {
                sleep(LIMITS.stall / 2).await;
                count += client.read(&mut buffer).await.unwrap();
            }
        });
        patient.write_all(&[0; 64]).await.unwrap();
        reads.await.unwrap();
    }

    #[tokio::test(start_paused = true)]
    async fn a_request_that_trickles_does_not_hold_its_place_for_ever() {
        let (mut client, server) = duplex(16);
        let mut patient = Patient::new(server, LIMITS, None);
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
        let mut patient = Patient::new(server, LIMITS, None);
        let flood =
            tokio::spawn(async move { while client.write_all(&[b'x'; 512]).await.is_ok() {} });
        let mut request = Vec::new();
        patient.read_to_end(&mut request).await.unwrap_err();
        assert!(
            request.len() <= LIMITS.request_bytes + 1024,
            "{}",
            request.len()
        );
        drop(patient);
        flood.await.unwrap();
    }
}
