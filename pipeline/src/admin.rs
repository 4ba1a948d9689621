//! The operator's listener: requests in, `/metrics`, `/healthz`, `/readyz` and `/status` out. It only reads what the stages
//! leave for it; a scraper that does not read is cut off and costs the path nothing. No route changes anything, and every method but GET
//! and HEAD is refused: so nobody has to say who he is. A route that changed something would need a token.

/// Whether this worker should get work.
pub mod health;
/// What `/status` tells.
pub mod status;
/// The body of a scrape.
mod answer;
/// A question to it, on its own machine.
pub mod ask;
/// The listener itself.
pub mod listener;

use std::fmt;
use std::future::IntoFuture;
use std::io;
use std::sync::Arc;
use std::time::{Duration, Instant};

use axum::Router;
use axum::body::Body;
use axum::extract::State;
use axum::http::header::{
    ACCEPT, ACCEPT_ENCODING, CACHE_CONTROL, CONTENT_ENCODING, CONTENT_TYPE, RETRY_AFTER, VARY,
};
use axum::http::{HeaderMap, HeaderName, HeaderValue, StatusCode};
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use serde::Serialize;
use tokio::net::TcpListener;
use tokio::sync::Semaphore;
use tokio_util::sync::CancellationToken;

use self::answer::Answer;
use self::health::Health;
use crate::exporter::Shown;
use crate::exporter::accept::{Coding, Format};
use crate::listen::{Limited, Limits, Protection};

/// Scrapes at once: Prometheus twice, a person and one to spare. Each holds a chunk or two and takes its share of a core.
const SCRAPES: usize = 4;
/// Scrapers, health checks and a few browsers. No path takes a body. Quiet is more than two usual scrape intervals; Prometheus
/// gives up on a scrape after as long as a stall.
const LIMITS: Limits = Limits {
    connections: 64,
    request_bytes: 32 * 1024,
    quiet: Duration::from_secs(150),
    stall: Duration::from_secs(10),
};
/// When a scraper that found all places taken should come again.
const BUSY_RETRY: Duration = Duration::from_secs(1);
/// How long answers may take once the listener is told to stop; what is open then ends with the process.
const LINGER: Duration = Duration::from_secs(1);

const INDEX: &str = "\
flightline
  /metrics  own metrics and the series table: text 0.0.4 or OpenMetrics 1.0 by Accept, gzip by Accept-Encoding
  /healthz  200 while the process is sound
  /readyz   200 while it should get work, else 503 with the reason
  /status   stages, queues, consumer lag and last errors as JSON
";

const TEXT: (HeaderName, &str) = (CONTENT_TYPE, "text/plain; charset=utf-8");
const JSON: (HeaderName, &str) = (CONTENT_TYPE, "application/json");
const FRESH: (HeaderName, &str) = (CACHE_CONTROL, "no-store");

/// What the listener reads.
pub struct AdminState {
    health: Arc<Health>,
    shown: Shown,
    status: Box<dyn Fn() -> Vec<u8> + Send + Sync>,
    scrapes: Arc<Semaphore>,
}

impl fmt::Debug for AdminState {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("AdminState")
            .field("health", &self.health)
            .finish_non_exhaustive()
    }
}

impl AdminState {
    /// Reads from these three; `status` is called once per request and must not block.
    pub fn new<S: Serialize>(
        health: Arc<Health>,
        shown: impl Into<Shown>,
        status: impl Fn() -> S + Send + Sync + 'static,
    ) -> Self {
        Self {
            health,
            shown: shown.into(),
            status: Box::new(move || {
                serde_json::to_vec(&status()).expect("a status is of names, texts and numbers")
            }),
            scrapes: Arc::new(Semaphore::new(SCRAPES)),
        }
    }
}

/// Answers until `stop`, which is to be the last thing that a drain stops: until then `/readyz` says that it drains.
///
/// # Errors
/// Only what [`axum::serve()`] gives; it gives none.
pub(crate) async fn serve(
    listener: TcpListener,
    protection: Protection,
    state: Arc<AdminState>,
    stop: CancellationToken,
) -> io::Result<()> {
    let serving = axum::serve(Limited::new(listener, LIMITS, protection), router(state))
        .with_graceful_shutdown(stop.clone().cancelled_owned())
        .into_future();
    let lingering = async {
        stop.cancelled().await;
        tokio::time::sleep(LINGER).await;
    };
    tokio::select! {
        result = serving => result,
        () = lingering => Ok(()),
    }
}

fn router(state: Arc<AdminState>) -> Router {
    Router::new()
        .route("/", get(index))
        .route("/metrics", get(metrics))
        .route("/healthz", get(healthz))
        .route("/readyz", get(readyz))
        .route("/status", get(status))
        .fallback(unknown)
        .with_state(state)
}

async fn index() -> impl IntoResponse {
    ([TEXT], INDEX)
}

async fn unknown() -> impl IntoResponse {
    (
        StatusCode::NOT_FOUND,
        [TEXT],
        "no such path; / lists them\n",
    )
}

async fn healthz(State(state): State<Arc<AdminState>>) -> Response {
    match state.health.fault() {
        None => ([TEXT, FRESH], "ok\n").into_response(),
        Some(fault) => (
            StatusCode::SERVICE_UNAVAILABLE,
            [TEXT, FRESH],
            format!("{fault}\n"),
        )
            .into_response(),
    }
}

async fn readyz(State(state): State<Arc<AdminState>>) -> Response {
    let readiness = state.health.readiness();
    match readiness.retry_after() {
        None => ([TEXT, FRESH], format!("{readiness}\n")).into_response(),
        Some(pause) => unavailable(pause, &readiness.to_string()),
    }
}

async fn status(State(state): State<Arc<AdminState>>) -> impl IntoResponse {
    ([JSON, FRESH], (state.status)())
}

async fn metrics(State(state): State<Arc<AdminState>>, headers: HeaderMap) -> Response {
    let Ok(permit) = Arc::clone(&state.scrapes).try_acquire_owned() else {
        return unavailable(BUSY_RETRY, "as many scrapes as allowed are under way");
    };
    let format = Format::accepted(&joined(&headers, &ACCEPT));
    let coding = Coding::accepted(&joined(&headers, &ACCEPT_ENCODING));
    let scrape = state.shown.scrape(format, coding, Instant::now());
    let head = [
        (CONTENT_TYPE, format.content_type()),
        (VARY, "Accept, Accept-Encoding"),
        FRESH,
    ];
    let mut answer = (head, Body::new(Answer::new(scrape, permit))).into_response();
    if coding == Coding::Gzip {
        answer
            .headers_mut()
            .insert(CONTENT_ENCODING, HeaderValue::from_static("gzip"));
    }
    answer
}

fn unavailable(pause: Duration, reason: &str) -> Response {
    let head = [(RETRY_AFTER, pause.as_secs().to_string())];
    (
        StatusCode::SERVICE_UNAVAILABLE,
        head,
        [TEXT, FRESH],
        format!("{reason}\n"),
    )
        .into_response()
}

/// All values of a header as one list; what is no text says nothing.
fn joined(headers: &HeaderMap, name: &HeaderName) -> String {
    let values: Vec<&str> = headers
        .get_all(name)
        .iter()
        .filter_map(|value| value.to_str().ok())
        .collect();
    values.join(",")
}

#[cfg(test)]
mod tests;
