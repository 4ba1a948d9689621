//! The write front: HTTP requests as clients of InfluxDB make them come in, messages of the stream go out. A request is answered 2xx
//! only when JetStream has acknowledged every message made of it, so its data is safe while the stores are down; whatever
//! else is answered, the client still has the data and is told whether to send it again.
//!
//! Nothing waits here: a request that finds the worker over its high-water mark, or the front without room, is told to come again before
//! its body is read. Requests are cut off when the drain's share of time is over; none of those was answered 2xx.

use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use flightline_contract::token::{PrefixError, TokenError};
use flightline_link::tls::TlsError;
use tokio::net::TcpListener;
use tokio::task::JoinHandle;
use tokio::time::timeout;
use tokio_util::sync::CancellationToken;
use tracing::{info, warn};

use crate::admin::health;
use crate::bus::Bus;
use crate::config;
use crate::config::{Config, Source};
use crate::console::Console;
use crate::decode::route::RouterError;
use crate::listen::{Limited, Limits, Protection};
use crate::metrics::Listening;
use desk::Desk;
use intake::Intake;
use outlet::Outlet;
use room::Room;
use storing::Storing;

/// Connections, each with its requests.
mod serve;
/// One request, from its head to its answer.
mod desk;
/// All of a request that needs no connection.
mod intake;
/// A request without a stream behind it: for fuzzing.
pub mod dry;
/// Who asks for what.
mod route;
/// Database and bucket names as tokens.
mod name;
/// The unit of timestamps.
mod precision;
/// Who may write.
mod auth;
/// How much may be under way.
pub mod room;
/// A body, read and inflated.
mod body;
/// Lines to messages.
mod pack;
/// JSON, looked at before it is published.
mod objects;
/// What was refused.
mod refusals;
/// A body into the stream.
mod storing;
/// Messages to PubAcks.
mod publish;
/// The way to the stream.
pub mod outlet;
/// What is answered.
pub mod verdict;
/// What clients ask beside writing.
mod ping;
/// Requests, counted.
mod count;

/// A client that takes not one byte of its answer for so long does not read: answers are some KiB at most.
const STALL: Duration = Duration::from_secs(10);
/// Beside a body: its head, chunk sizes, and what of a body is thrown away.
const BESIDE_BODY: usize = 2 * 1024 * 1024;

/// The front cannot be opened: nothing has been touched.
#[derive(Debug, thiserror::Error)]
pub enum OpenError {
    /// Its address cannot be used.
    #[error("listen on {address} (ingest.listen): {error}; name a free address, or port 0 for any")]
    Unheard {
        /// As configured.
        address: SocketAddr,
        /// The system's words.
        error: io::Error,
    },
    /// There is nothing that could acknowledge.
    #[error(
        "ingest.listen needs a stream, and source.kind = \"core\" has none; set source.kind = \"jetstream\""
    )]
    NoStream,
    /// Its certificate cannot be used.
    #[error("ingest.tls: {0}; name a certificate and its own key, or remove the table")]
    Tls(#[from] TlsError),
    /// The prefix is none.
    #[error("prefix: {0}")]
    Prefix(#[from] PrefixError),
    /// The service is no token.
    #[error("ingest.service: {0}")]
    Service(#[from] TokenError),
    /// The configuration's subjects lead nowhere.
    #[error(transparent)]
    Router(#[from] RouterError),
}

/// A listener for writes.
#[derive(Debug)]
pub struct Front {
    desk: Arc<Desk>,
    stop: CancellationToken,
    serving: JoinHandle<()>,
}

impl Front {
    /// Listens where `ingest` says; until [`Front::reach`] everybody is told to come again. Its room and its way to the
    /// stream count in the readiness of `console`.
    ///
    /// # Errors
    /// When its address or its certificate cannot be used, or there is no stream.
    pub async fn open(
        ingest: &config::Ingest,
        config: &Config,
        console: &Console,
    ) -> Result<Self, OpenError> {
        let Source::JetStream(source) = &config.source else {
            return Err(OpenError::NoStream);
        };
        let metrics = Arc::clone(&console.metrics);
        let protection =
            Protection::of(ingest.tls.as_ref(), Listening::Ingest, &metrics.listeners)?;
        let room = Arc::new(Room::new(
            ingest.max_pending,
            metrics.ingest.held_bytes.clone(),
        ));
        let requests = Arc::new(Room::new(
            ingest.max_requests,
            metrics.ingest.in_flight.clone(),
        ));
        let outlet = Arc::new(Outlet::new(&source.stream));
        console.health.front(health::Front {
            room: Arc::clone(&room),
            requests: Arc::clone(&requests),
            outlet: Arc::clone(&outlet),
        });
        let intake = Arc::new(Intake::new(ingest, config)?);
        let desk = Arc::new(Desk {
            intake: Arc::clone(&intake),
            limits: desk::Limits {
                idle: ingest.idle,
                whole: ingest.timeout,
            },
            room,
            requests,
            storing: Arc::new(Storing {
                intake,
                outlet,
                metrics: Arc::clone(&metrics),
            }),
            health: Arc::clone(&console.health),
            metrics,
        });
        let unheard = |error| OpenError::Unheard {
            address: ingest.listen,
            error,
        };
        let listener = TcpListener::bind(ingest.listen).await.map_err(unheard)?;
        info!(address = %listener.local_addr().map_err(unheard)?, "ingest listener");
        let limits = Limits {
            connections: ingest.max_connections,
            request_bytes: ingest.max_body + BESIDE_BODY,
            quiet: serve::HEAD + ingest.timeout,
            stall: STALL,
        };
        let stop = CancellationToken::new();
        let serving = serve::serve(
            Limited::new(listener, limits, protection),
            Arc::clone(&desk),
            stop.clone(),
        );
        Ok(Self {
            desk,
            stop,
            serving: tokio::spawn(serving),
        })
    }

    /// From now on messages go out over `bus`.
    pub fn reach(&self, bus: Bus) {
        self.desk.storing.outlet.reach(bus);
    }

    /// Takes nobody in any more, and returns when all that is under way is answered; cuts it off after `limit`.
    pub async fn close(mut self, limit: Duration) {
        self.stop.cancel();
        if timeout(limit, &mut self.serving).await.is_err() {
            let requests = self.desk.metrics.ingest.in_flight.get();
            if requests > 0 {
                warn!(
                    requests,
                    "cut off requests to ingest that were not answered in time: their clients still have the data"
                );
            }
        }
    }
}

impl Drop for Front {
    fn drop(&mut self) {
        // With the listener, its connections end.
        self.serving.abort();
    }
}
