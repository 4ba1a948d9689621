//! Connections come in, each is served request by request until it ends or the front does. Who sends no whole head in time is cut off, and
//! at the end of the front so is everybody who has not sent one.

use std::convert::Infallible;
use std::pin::pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use axum::serve::Listener;
use bytes::Bytes;
use http_body_util::Full;
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::{TokioIo, TokioTimer};
use tokio::task::JoinSet;
use tokio::time::timeout;
use tokio_util::sync::CancellationToken;
use tracing::debug;

use crate::ingest::desk::Desk;
use crate::listen::Limited;

/// How long a connection may be without a whole head: the pause between two requests is in it, and Telegraf flushes every ten seconds.
pub(super) const HEAD: Duration = Duration::from_secs(30);
/// For the rest of a head that has begun when the front ends, and for an answer to leave: some round trips.
const LAST_HEAD: Duration = Duration::from_millis(500);
/// The longest head; more is 431.
const HEAD_BYTES: usize = 32 * 1024;
/// The most bytes of a body that are read at once.
const BUFFER: usize = 64 * 1024;

/// Answers until `stop`; what is under way then is answered, unless this is dropped.
pub(super) async fn serve(mut listener: Limited, desk: Arc<Desk>, stop: CancellationToken) {
    let mut connections = JoinSet::new();
    loop {
        let (stream, _) = tokio::select! {
            // Stopping first: nobody is to come in beside it.
            biased;
            () = stop.cancelled() => break,
            Some(_) = connections.join_next() => continue,
            accepted = listener.accept() => accepted,
        };
        connections.spawn(connection(
            TokioIo::new(stream),
            Arc::clone(&desk),
            stop.clone(),
        ));
    }
    drop(listener);
    while connections.join_next().await.is_some() {}
}

async fn connection<S>(stream: S, desk: Arc<Desk>, stop: CancellationToken)
where
    S: hyper::rt::Read + hyper::rt::Write + Unpin + Send + 'static,
{
    let asks = Arc::new(AtomicBool::new(false));
    let service = service_fn(|request| {
        let (desk, asks) = (Arc::clone(&desk), Arc::clone(&asks));
        async move {
            asks.store(true, Ordering::Relaxed);
            let answer = desk.answer(request).await;
            asks.store(false, Ordering::Relaxed);
            Ok::<_, Infallible>(answer.into_response::<Full<Bytes>>())
        }
    });
    let mut serving = pin!(
        http1::Builder::new()
            .timer(TokioTimer::new())
            // Who has sent all may say so and still read its answer.
            .half_close(true)
            .header_read_timeout(HEAD)
            .max_header_size(HEAD_BYTES)
            .max_buf_size(BUFFER)
            .serve_connection(stream, service)
    );
    let ended = tokio::select! {
        ended = serving.as_mut() => ended,
        () = stop.cancelled() => {
            serving.as_mut().graceful_shutdown();
            match timeout(LAST_HEAD, serving.as_mut()).await {
                Err(_) if asks.load(Ordering::Relaxed) => serving.await,
                // Half a head: nothing was taken of it.
                Err(_) => Ok(()),
                Ok(ended) => ended,
            }
        }
    };
    if let Err(error) = ended {
        debug!(%error, "a connection to ingest has ended");
    }
}
