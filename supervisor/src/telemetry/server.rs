//! Requests in; `/metrics`, `/status` and `/healthz` out. Clients have limits: how many, how long for a request, how long at all.

use std::io;
use std::net::SocketAddr;
use std::pin::pin;
use std::sync::Arc;
use std::time::Duration;

use axum::extract::State;
use axum::http::header::{ALLOW, CACHE_CONTROL, CONTENT_TYPE};
use axum::http::{HeaderName, StatusCode};
use axum::response::{IntoResponse, Response};
use axum::routing::{any, get};
use axum::{Json, Router};
use hyper::server::conn::http1;
use hyper_util::rt::{TokioIo, TokioTimer};
use hyper_util::service::TowerToHyperService;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{Semaphore, watch};
use tokio::task::JoinSet;
use tokio::time::sleep;
use tokio_util::sync::CancellationToken;

use super::metrics::Metrics;
use super::status::StatusReport;

/// Tries to listen: the address may still be that of a process that is about to end.
const TRIES: u32 = 10;
/// Between two tries.
const TRY_PAUSE: Duration = Duration::from_secs(1);
/// Connections at once; further ones wait in the kernel's queue. Scrapers and health checks.
const CONNECTIONS: usize = 32;
/// Until a request's head is there, from the start or from the last answer.
const HEADER_TIMEOUT: Duration = Duration::from_secs(10);
/// Bytes of a request's head; hyper takes no less.
const MAX_HEAD: usize = 8 * 1024;
/// After so long, a connection ends with its next answer: who is slow holds no place for ever.
const LIFE: Duration = Duration::from_secs(60);
/// How long that answer, or those under way when the server stops, may take.
const LINGER: Duration = Duration::from_secs(1);
/// Between two tries when the process is out of sockets.
const ACCEPT_PAUSE: Duration = Duration::from_secs(1);

const TEXT: (HeaderName, &str) = (CONTENT_TYPE, "text/plain; charset=utf-8");
const EXPOSITION: (HeaderName, &str) = (CONTENT_TYPE, "text/plain; version=0.0.4; charset=utf-8");
const FRESH: (HeaderName, &str) = (CACHE_CONTROL, "no-store");

/// The address cannot be had.
#[derive(Debug, thiserror::Error)]
#[error(
    "telemetry: cannot listen on {address}: {error}; end what listens there, or choose another telemetry.port"
)]
pub struct BindError {
    /// Where.
    pub address: SocketAddr,
    /// What the system says.
    pub error: io::Error,
}

/// What the server shows.
#[derive(Debug, Clone)]
pub struct Pages {
    /// `/metrics`.
    pub metrics: Metrics,
    /// `/status`.
    pub status: watch::Receiver<StatusReport>,
}

/// Listens, and tries for some seconds. An address that was listened on a moment ago can be had again at once.
///
/// # Errors
/// [`BindError`] with the last try's reason.
pub async fn bind(address: SocketAddr) -> Result<TcpListener, BindError> {
    let mut tried = 1;
    loop {
        // On unix, tokio sets SO_REUSEADDR.
        match TcpListener::bind(address).await {
            Ok(listener) => {
                tracing::info!("telemetry: serving at {address}");
                return Ok(listener);
            }
            Err(error) if tried >= TRIES => return Err(BindError { address, error }),
            Err(error) => {
                tracing::warn!(%error, "telemetry: cannot listen on {address} yet");
                tried += 1;
                sleep(TRY_PAUSE).await;
            }
        }
    }
}

/// Answers until `stop`, and a second longer at most.
pub async fn serve(listener: TcpListener, pages: Pages, stop: CancellationToken) {
    let router = router(pages);
    let places = Arc::new(Semaphore::new(CONNECTIONS));
    let mut connections = JoinSet::new();
    loop {
        let accepted = async {
            let place = Arc::clone(&places).acquire_owned().await;
            (place, listener.accept().await)
        };
        tokio::select! {
            () = stop.cancelled() => break,
            Some(ended) = connections.join_next(), if !connections.is_empty() => {
                if let Err(error) = ended {
                    tracing::error!(%error, "telemetry: an answer broke down");
                }
            }
            (place, accepted) = accepted => match accepted {
                Ok((stream, _)) => {
                    let served = connection(stream, router.clone(), stop.clone());
                    connections.spawn(async move {
                        served.await;
                        drop(place);
                    });
                }
                Err(error) => {
                    tracing::warn!(%error, "telemetry: could not accept a connection");
                    tokio::select! {
                        () = stop.cancelled() => break,
                        () = sleep(ACCEPT_PAUSE) => {}
                    }
                }
            },
        }
    }
    drop(listener);
    let ended = async { while connections.join_next().await.is_some() {} };
    if tokio::time::timeout(LINGER, ended).await.is_err() {
        tracing::debug!("telemetry: clients that do not read were cut off");
    }
}

/// Serves one client. Errors are the client's matter: nobody else hears of them.
async fn connection(stream: TcpStream, router: Router, stop: CancellationToken) {
    let service = TowerToHyperService::new(router);
    let mut connection = pin!(
        http1::Builder::new()
            .timer(TokioTimer::new())
            .header_read_timeout(HEADER_TIMEOUT)
            .max_buf_size(MAX_HEAD)
            .serve_connection(TokioIo::new(stream), service)
    );
    let result = tokio::select! {
        result = &mut connection => result,
        () = ended(stop) => {
            connection.as_mut().graceful_shutdown();
            match tokio::time::timeout(LINGER, connection).await {
                Ok(result) => result,
                Err(_) => return,
            }
        }
    };
    if let Err(error) = result {
        tracing::debug!(%error, "telemetry: a connection ended early");
    }
}

/// Until the server stops or a connection is old.
async fn ended(stop: CancellationToken) {
    tokio::select! {
        () = stop.cancelled() => {}
        () = sleep(LIFE) => {}
    }
}

fn router(pages: Pages) -> Router {
    // HEAD is refused, too: the routes of axum would let it pass with GET.
    Router::new()
        .route("/metrics", get(metrics))
        .route("/status", get(status).head(refused).fallback(refused))
        .route("/healthz", any(healthz))
        .fallback(unknown)
        .with_state(pages)
}

async fn metrics(State(pages): State<Pages>) -> impl IntoResponse {
    ([EXPOSITION, FRESH], pages.metrics.render())
}

async fn status(State(pages): State<Pages>) -> impl IntoResponse {
    let report = pages.status.borrow().clone();
    ([FRESH], Json(report))
}

async fn healthz() -> impl IntoResponse {
    ([TEXT, FRESH], "ok\n")
}

async fn refused() -> Response {
    let status = StatusCode::METHOD_NOT_ALLOWED;
    (status, [TEXT, (ALLOW, "GET")], "Method Not Allowed\n").into_response()
}

async fn unknown() -> impl IntoResponse {
    (
        StatusCode::NOT_FOUND,
        [TEXT],
        "no such path: /metrics, /status, /healthz\n",
    )
}
