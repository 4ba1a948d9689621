//! A request comes in, the agent's answer goes out, over TCP, TLS or a unix socket. Connections are kept; one that turns out to be
//! dead, as all are after the agent's restart, costs a request nothing but a second try.

use std::future::Future;
use std::io;
use std::path::{Path, PathBuf};
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Duration;

use bytes::Bytes;
use http::uri::{Authority, Scheme};
use http::{Request, Response, StatusCode, Uri};
use http_body_util::Full;
use hyper::body::Incoming;
use hyper_rustls::{FixedServerNameResolver, HttpsConnector, HttpsConnectorBuilder};
use hyper_util::client::legacy::connect::HttpConnector;
use hyper_util::client::legacy::{Client, Error};
use hyper_util::rt::{TokioExecutor, TokioIo, TokioTimer};
use tokio::net::UnixStream;

use flightline_link::secret::without_users;
use flightline_link::tls::TlsError;

use super::error::{AddressError, CallError};
use super::tls;
use crate::config::{Consul, ConsulAddress};

/// For a connection to be made; a call's own limit may be shorter.
const CONNECT_LIMIT: Duration = Duration::from_secs(3);
/// Connections without work are closed before common proxies do (60 s and more), so that few requests meet a closing one.
const IDLE_LIMIT: Duration = Duration::from_secs(30);
/// Connections without work: enough for the services and watches of one container.
const IDLE_CONNECTIONS: usize = 8;

type Body = Full<Bytes>;

/// Connections to one agent.
#[derive(Debug)]
pub struct Transport {
    connections: Connections,
    scheme: Scheme,
    /// An address that is none is told by each call: until then nobody may need Consul.
    authority: Result<Authority, AddressError>,
}

#[derive(Debug)]
enum Connections {
    Tcp(Client<HttpsConnector<HttpConnector>, Body>),
    Unix(Client<UnixConnector, Body>),
}

impl Transport {
    /// To the agent that `config` names; does not connect.
    ///
    /// # Errors
    /// When a file with certificates is missing or wrong.
    pub fn open(config: &Consul) -> Result<Self, TlsError> {
        let mut builder = Client::builder(TokioExecutor::new());
        builder
            .pool_timer(TokioTimer::new())
            .pool_idle_timeout(IDLE_LIMIT)
            .pool_max_idle_per_host(IDLE_CONNECTIONS);
        let https = HttpsConnectorBuilder::new();
        match &config.address {
            ConsulAddress::Http(address) => {
                // Without authorities: reading the system's takes a while, and some systems have none.
                let unused = rustls::ClientConfig::builder_with_provider(Arc::new(
                    rustls::crypto::ring::default_provider(),
                ))
                .with_safe_default_protocol_versions()
                .expect("ring knows the versions that this build has")
                .with_root_certificates(rustls::RootCertStore::empty())
                .with_no_client_auth();
                let https = https.with_tls_config(unused).https_or_http();
                let connector = https.enable_http1().wrap_connector(tcp());
                Ok(Self {
                    connections: Connections::Tcp(builder.build(connector)),
                    scheme: Scheme::HTTP,
                    authority: authority(address),
                })
            }
            ConsulAddress::Https(address) => {
                let mut https = https
                    .with_tls_config(tls::client_config(&config.tls)?)
                    .https_only();
                if let Some(name) = &config.tls.server_name {
                    let name = tls::server_name(name)?;
                    https = https.with_server_name_resolver(FixedServerNameResolver::new(name));
                }
                let connector = https.enable_http1().wrap_connector(tcp());
                Ok(Self {
                    connections: Connections::Tcp(builder.build(connector)),
                    scheme: Scheme::HTTPS,
                    authority: authority(address),
                })
            }
            ConsulAddress::Unix(path) => Ok(Self {
                connections: Connections::Unix(builder.build(UnixConnector {
                    path: Arc::from(path.as_path()),
                })),
                scheme: Scheme::HTTP,
                // What every agent takes, whatever its own address is.
                authority: Ok(Authority::from_static("localhost")),
            }),
        }
    }

    /// The address of `target` (path and query) at this agent.
    ///
    /// # Errors
    /// When the agent's own address is none, or `target` is longer than an address may be.
    pub fn uri(&self, target: &str) -> Result<Uri, CallError> {
        let uri = Uri::builder()
            .scheme(self.scheme.clone())
            .authority(self.authority.clone()?)
            .path_and_query(target)
            .build();
        uri.map_err(|error| CallError::Refused {
            status: StatusCode::URI_TOO_LONG,
            said: error.to_string(),
        })
    }

    /// One exchange, and a second one over a new connection if the first one's was dead. Every call of ours may be heard twice.
    ///
    /// # Errors
    /// When the agent cannot be reached.
    pub async fn exchange(&self, request: Request<Body>) -> Result<Response<Incoming>, Error> {
        match self.once(request.clone()).await {
            Err(error) if !error.is_connect() => self.once(request).await,
            other => other,
        }
    }

    async fn once(&self, request: Request<Body>) -> Result<Response<Incoming>, Error> {
        match &self.connections {
            Connections::Tcp(client) => client.request(request).await,
            Connections::Unix(client) => client.request(request).await,
        }
    }
}

/// Tries every address of a name, both families: `localhost` may be ::1 first, where no agent listens.
fn tcp() -> HttpConnector {
    let mut connector = HttpConnector::new();
    connector.enforce_http(false);
    connector.set_nodelay(true);
    connector.set_connect_timeout(Some(CONNECT_LIMIT));
    connector
}

/// Host and port of an agent.
///
/// # Errors
/// When `address` is not that of a server.
pub fn authority(address: &str) -> Result<Authority, AddressError> {
    let refuse = |reason: String| AddressError {
        address: without_users(address),
        reason,
    };
    let authority: Authority = address
        .parse()
        .map_err(|error: http::uri::InvalidUri| refuse(error.to_string()))?;
    if authority.host().is_empty() {
        return Err(refuse("there is no host in it".to_owned()));
    }
    Ok(authority)
}

/// Connects to one socket, whatever the address says.
#[derive(Debug, Clone)]
struct UnixConnector {
    path: Arc<Path>,
}

impl tower_service::Service<Uri> for UnixConnector {
    type Response = TokioIo<UnixStream>;
    type Error = io::Error;
    type Future = Pin<Box<dyn Future<Output = io::Result<Self::Response>> + Send>>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, _: Uri) -> Self::Future {
        let path: PathBuf = self.path.to_path_buf();
        Box::pin(async move { UnixStream::connect(path).await.map(TokioIo::new) })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_is_a_host_and_a_port() {
        for good in ["localhost:8500", "127.0.0.1:8500", "[::1]:8500", "consul"] {
            assert!(authority(good).is_ok(), "{good}");
        }
        for bad in ["", ":8500", "https://x:1", "a b:1", "consul:8500https://"] {
            let said = authority(bad).unwrap_err().to_string();
            assert!(said.contains("host:port"), "{said}");
        }
    }

    #[test]
    fn an_address_that_is_none_fails_its_calls_and_shows_no_password() {
        let said = authority("joe:hunter2@a b").unwrap_err().to_string();
        assert!(!said.contains("hunter2"), "{said}");
        let transport = Transport::open(&Consul {
            address: ConsulAddress::Http("joe:hunter2@:8500://".to_owned()),
            token: None,
            tls: crate::config::ConsulTls::default(),
            lifecycle_kv: None,
        });
        let error = transport.unwrap().uri("/v1/kv/x").unwrap_err();
        assert_eq!(error.remedy(), crate::consul::error::Remedy::Correct);
        assert!(!error.to_string().contains("hunter2"), "{error}");
    }
}
