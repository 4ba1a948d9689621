//! A store that throws everything away: takes what an InfluxDB takes, accounts for the lines and answers 204. Never the limit:
//! one thread, no copy of a body. It can be told to hang for a while, as a store does that is out of breath.

use std::convert::Infallible;
use std::io::Read;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use bytes::Bytes;
use flate2::read::GzDecoder;
use http::header::CONTENT_ENCODING;
use http::{Method, Request, Response, StatusCode};
use http_body_util::{BodyExt, Full};
use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::{TokioIo, TokioTimer};
use tokio::net::TcpListener;
use tokio::time::Instant;
use tracing::{debug, warn};

use crate::publish::now;
use account::Account;
use figures::{Expectation, Figures, Stall};

/// What has come, against what was published.
pub mod account;
/// What is told to it and by it.
pub mod figures;
/// Where the last, unfilled batches begin.
pub mod tail;

/// Where the trial says what is to come.
pub const BEGIN: &str = "/begin";
/// Where the trial asks what has come.
pub const FIGURES: &str = "/figures";
/// Where the trial asks for the first altered line; null if there is none.
pub const ALTERED: &str = "/altered";

/// The largest body, as it comes and unpacked: far more than any program here puts into a batch, and no burden on a machine.
const MOST_BYTES: usize = 64 << 20;

/// Why a body is refused.
#[derive(Debug, thiserror::Error)]
enum BodyError {
    #[error("the body has more than {MOST_BYTES} bytes: write smaller batches")]
    TooLarge,
    #[error(transparent)]
    Connection(#[from] hyper::Error),
    #[error("the body cannot be unpacked: {0}")]
    Packed(#[from] std::io::Error),
    #[error("the body is not what this path takes: {0}")]
    Json(#[from] serde_json::Error),
}

impl BodyError {
    fn status(&self) -> StatusCode {
        match self {
            Self::TooLarge => StatusCode::PAYLOAD_TOO_LARGE,
            Self::Connection(_) | Self::Packed(_) | Self::Json(_) => StatusCode::BAD_REQUEST,
        }
    }
}

#[derive(Debug, Default)]
struct Store {
    account: Option<Account>,
    stall: Option<Stall>,
    stalled_until: Option<Instant>,
}

impl Store {
    fn begin(&mut self, expected: Expectation) {
        self.account = Some(Account::new(
            expected.traffic,
            expected.check,
            expected.latency_from,
            expected.tail,
        ));
        self.stall = expected.stall;
        self.stalled_until = None;
    }

    fn figures(&self) -> Figures {
        let account = self.account.as_ref().map(Account::figures);
        Figures {
            hung: self.stalled_until.is_some(),
            ..account.unwrap_or_default()
        }
    }

    /// Until when a write that comes now is to hang.
    fn hangs_until(&mut self) -> Option<Instant> {
        if let Some(stall) = self.stall
            && self.figures().lines >= stall.after_lines
        {
            self.stall = None;
            self.stalled_until = Some(Instant::now() + Duration::from_secs(stall.seconds));
        }
        self.stalled_until.filter(|until| *until > Instant::now())
    }
}

/// Serves on `address` for ever.
///
/// # Errors
/// When the address is not to be had.
pub async fn serve(address: SocketAddr) -> std::io::Result<()> {
    let listener = TcpListener::bind(address).await?;
    let store = Arc::new(Mutex::new(Store::default()));
    loop {
        let (stream, _) = listener.accept().await?;
        stream.set_nodelay(true)?;
        let store = Arc::clone(&store);
        tokio::spawn(async move {
            let service = service_fn(|request| answer(Arc::clone(&store), request));
            let connection = http1::Builder::new()
                .timer(TokioTimer::new())
                .serve_connection(TokioIo::new(stream), service);
            if let Err(error) = connection.await {
                debug!(%error, "a client went away");
            }
        });
    }
}

async fn answer(
    store: Arc<Mutex<Store>>,
    request: Request<Incoming>,
) -> Result<Response<Full<Bytes>>, Infallible> {
    let path = request.uri().path();
    let answered = match (request.method(), path) {
        (&Method::GET, FIGURES) => {
            let figures = store.lock().expect("no holder panics").figures();
            serde_json::to_vec(&figures)
                .map(|json| (StatusCode::OK, Bytes::from(json)))
                .map_err(BodyError::from)
        }
        (&Method::GET, ALTERED) => {
            let store = store.lock().expect("no holder panics");
            serde_json::to_vec(&store.account.as_ref().and_then(Account::first_altered))
                .map(|json| (StatusCode::OK, Bytes::from(json)))
                .map_err(BodyError::from)
        }
        (&Method::POST, BEGIN) => begin(&store, request).await,
        (&Method::POST, "/write" | "/api/v2/write" | "/api/v3/write_lp") => {
            write(&store, request).await
        }
        (&Method::GET | &Method::HEAD, "/ping") => Ok((StatusCode::NO_CONTENT, Bytes::new())),
        // Whatever else clients look at before they write. What they send is read: a connection closed in the middle of a body
        // breaks before the answer is heard.
        _ => read(request.into_body())
            .await
            .map(|_| (StatusCode::OK, Bytes::from_static(b"{\"status\":\"pass\"}"))),
    };
    let (status, body) = answered.unwrap_or_else(|error| {
        warn!(%error, "a body is refused");
        (error.status(), Bytes::from(error.to_string()))
    });
    let mut response = Response::new(Full::new(body));
    *response.status_mut() = status;
    Ok(response)
}

async fn begin(
    store: &Mutex<Store>,
    request: Request<Incoming>,
) -> Result<(StatusCode, Bytes), BodyError> {
    let body = read(request.into_body()).await?.concat();
    let expected = serde_json::from_slice(&body)?;
    store.lock().expect("no holder panics").begin(expected);
    Ok((StatusCode::NO_CONTENT, Bytes::new()))
}

async fn write(
    store: &Mutex<Store>,
    request: Request<Incoming>,
) -> Result<(StatusCode, Bytes), BodyError> {
    let gzip = request
        .headers()
        .get(CONTENT_ENCODING)
        .is_some_and(|coding| coding == "gzip");
    let mut frames = read(request.into_body()).await?;
    if gzip {
        frames = vec![unpacked(&frames)?];
    }
    let hangs = store.lock().expect("no holder panics").hangs_until();
    if let Some(until) = hangs {
        // A client that gives up meanwhile takes this future with it: what it sent is then not stored.
        tokio::time::sleep_until(until).await;
    }
    if let Some(account) = &mut store.lock().expect("no holder panics").account {
        account.body(&frames, now());
    }
    Ok((StatusCode::NO_CONTENT, Bytes::new()))
}

/// A whole body. One that is too large is read to its end and kept no further, so that its client hears the answer.
async fn read(mut body: Incoming) -> Result<Vec<Bytes>, BodyError> {
    let mut frames = Vec::new();
    let mut bytes = 0_usize;
    while let Some(frame) = body.frame().await {
        if let Ok(data) = frame?.into_data() {
            bytes = bytes.saturating_add(data.len());
            if bytes <= MOST_BYTES {
                frames.push(data);
            } else {
                frames.clear();
            }
        }
    }
    if bytes <= MOST_BYTES {
        Ok(frames)
    } else {
        Err(BodyError::TooLarge)
    }
}

fn unpacked(frames: &[Bytes]) -> Result<Bytes, BodyError> {
    let packed = frames.concat();
    let mut lines = Vec::with_capacity((packed.len() * 6).min(MOST_BYTES));
    // A byte more than is allowed tells that there is more.
    GzDecoder::new(packed.as_slice())
        .take(MOST_BYTES as u64 + 1)
        .read_to_end(&mut lines)?;
    if lines.len() <= MOST_BYTES {
        Ok(Bytes::from(lines))
    } else {
        Err(BodyError::TooLarge)
    }
}
