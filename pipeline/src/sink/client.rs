//! A body comes in, the store's answer or the failure to get one goes out. One request each: repeating is the caller's.

use std::time::{Duration, SystemTime};

use bytes::{Bytes, BytesMut};
use flightline_link::chain::chain;
use flightline_link::tls::{TlsError, client_config};
use http::header::{
    ACCEPT, AUTHORIZATION, CONTENT_ENCODING, CONTENT_TYPE, RETRY_AFTER, USER_AGENT,
};
use http::{HeaderMap, HeaderValue, Method, Request, StatusCode, Uri};
use http_body_util::{BodyExt, LengthLimitError, Limited};
use hyper::body::Incoming;
use hyper_rustls::HttpsConnector;
use hyper_util::client::legacy::Client as HttpClient;
use hyper_util::client::legacy::connect::HttpConnector;
use hyper_util::rt::{TokioExecutor, TokioTimer};

use super::body::Segments;
use super::retry::retry_after;
use crate::config::Influx;
use crate::metrics::RetryReason;
use credentials::Credentials;

/// Where a write goes.
pub mod target;
/// Who we are.
pub mod credentials;

/// What is read of an answer: enough for InfluxDB's longest list of refused lines, and no more for a server gone wild.
const ANSWER_LIMIT: usize = 64 * 1024;
/// For a connection to be made; a request's own limit may be shorter.
const CONNECT_LIMIT: Duration = Duration::from_secs(10);
/// Connections without work are closed before common proxies and servers do (60 s and more), so that no write meets a closing one.
const IDLE_LIMIT: Duration = Duration::from_secs(30);

/// The client cannot be made from its configuration.
#[derive(Debug, thiserror::Error)]
pub enum OpenError {
    /// The URL or what it leads to cannot be written as a request.
    #[error("{url}: not the URL of an InfluxDB: {reason}")]
    Url {
        /// The URL, without what is secret in it.
        url: String,
        /// Why.
        reason: String,
    },
    /// The connection cannot be protected as configured.
    #[error("{url}: {error}")]
    Tls {
        /// The URL, without what is secret in it.
        url: String,
        /// Why.
        error: TlsError,
    },
}

/// How a body is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Coding {
    /// As it is.
    Plain,
    /// gzip.
    Gzip,
}

/// What a store answered.
#[derive(Debug)]
pub struct Answer {
    /// The status.
    pub status: StatusCode,
    /// How long it asks us to wait.
    pub retry_after: Option<Duration>,
    /// What else it said of itself.
    pub headers: HeaderMap,
    /// The beginning of its body.
    pub body: Bytes,
}

/// No answer: whether the lines are stored is not known.
#[derive(Debug, thiserror::Error)]
#[error("{detail}")]
pub struct Failure {
    /// Why, for metrics.
    pub reason: RetryReason,
    /// Why, for a person.
    pub detail: String,
}

/// A connection pool to one write API.
#[derive(Debug)]
pub struct Client {
    http: HttpClient<HttpsConnector<HttpConnector>, Segments>,
    uri: Uri,
    credentials: Credentials,
    timeout: Duration,
}

impl Client {
    /// A client for `config`; does not connect.
    ///
    /// # Errors
    /// [`OpenError`] says what to correct in the configuration.
    pub fn open(config: &Influx) -> Result<Self, OpenError> {
        let mut connector = HttpConnector::new();
        connector.enforce_http(false);
        connector.set_nodelay(true);
        connector.set_connect_timeout(Some(CONNECT_LIMIT.min(config.timeout)));
        let tls = client_config(&config.url, &config.tls).map_err(|error| OpenError::Tls {
            url: target::shown(&config.url),
            error,
        })?;
        let connector = hyper_rustls::HttpsConnectorBuilder::new()
            .with_tls_config(tls)
            .https_or_http()
            .enable_http1()
            .wrap_connector(connector);
        let http = HttpClient::builder(TokioExecutor::new())
            .pool_timer(TokioTimer::new())
            .pool_idle_timeout(IDLE_LIMIT)
            .pool_max_idle_per_host(config.in_flight)
            .build(connector);
        Ok(Self {
            http,
            uri: target::uri(&config.url, &config.api)?,
            credentials: Credentials::new(config),
            timeout: config.timeout,
        })
    }

    /// Where writes go, for log lines.
    pub fn uri(&self) -> &Uri {
        &self.uri
    }

    /// Reads the secret anew for the next request: it may have been rotated.
    pub fn forget_secret(&self) {
        self.credentials.forget();
    }

    /// Sends `segments`, which are encoded as `coding` says.
    ///
    /// # Errors
    /// [`Failure`] if there was no whole answer in time.
    pub async fn post(&self, segments: Vec<Bytes>, coding: Coding) -> Result<Answer, Failure> {
        let request = self.request(segments, coding).await?;
        match tokio::time::timeout(self.timeout, self.exchange(request)).await {
            Ok(answer) => answer,
            Err(_) => Err(Failure {
                reason: RetryReason::Timeout,
                detail: format!("no answer within {:?}", self.timeout),
            }),
        }
    }

    async fn request(
        &self,
        segments: Vec<Bytes>,
        coding: Coding,
    ) -> Result<Request<Segments>, Failure> {
        let mut request = Request::new(Segments::new(segments));
        *request.method_mut() = Method::POST;
        *request.uri_mut() = self.uri.clone();
        let headers = request.headers_mut();
        headers.insert(
            CONTENT_TYPE,
            HeaderValue::from_static("text/plain; charset=utf-8"),
        );
        headers.insert(ACCEPT, HeaderValue::from_static("application/json"));
        headers.insert(
            USER_AGENT,
            HeaderValue::from_static(concat!("flightline/", env!("CARGO_PKG_VERSION"))),
        );
        if coding == Coding::Gzip {
            headers.insert(CONTENT_ENCODING, HeaderValue::from_static("gzip"));
        }
        let secret = self.credentials.header().await.map_err(|detail| Failure {
            reason: RetryReason::Auth,
            detail,
        })?;
        if let Some(secret) = secret {
            headers.insert(AUTHORIZATION, secret);
        }
        Ok(request)
    }

    async fn exchange(&self, request: Request<Segments>) -> Result<Answer, Failure> {
        let lost = |error: &dyn std::error::Error| Failure {
            reason: RetryReason::Connection,
            detail: chain(error),
        };
        let response = self.http.request(request).await.map_err(|e| lost(&e))?;
        let (head, body) = response.into_parts();
        let body = beginning(body).await.map_err(|e| lost(e.as_ref()))?;
        Ok(Answer {
            status: head.status,
            retry_after: asked_to_wait(&head.headers),
            headers: head.headers,
            body,
        })
    }
}

/// The first [`ANSWER_LIMIT`] bytes of `body`. What follows is not waited for.
async fn beginning(body: Incoming) -> Result<Bytes, Box<dyn std::error::Error + Send + Sync>> {
    let mut limited = Limited::new(body, ANSWER_LIMIT);
    let mut read = BytesMut::new();
    while let Some(frame) = limited.frame().await {
        match frame {
            Ok(frame) => {
                if let Ok(data) = frame.into_data() {
                    read.extend_from_slice(&data);
                }
            }
            Err(error) if error.is::<LengthLimitError>() => break,
            Err(error) => return Err(error),
        }
    }
    Ok(read.freeze())
}

fn asked_to_wait(headers: &HeaderMap) -> Option<Duration> {
    retry_after(headers.get(RETRY_AFTER)?.to_str().ok()?, SystemTime::now())
}
