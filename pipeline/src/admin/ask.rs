//! A path of the admin listener that a configuration names comes in, what a worker there answers goes out: for who asks on the worker's own
//! machine.

use std::io;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use flightline_link::exchange::{Message, exchange};
use flightline_link::tls::TlsError;
use flightline_link::tls::local::client_config;
use http::StatusCode;
use rustls::pki_types::ServerName;
use tokio::net::TcpStream;
use tokio::time::timeout;
use tokio_rustls::TlsConnector;

use crate::config::Admin;

/// Bytes of an answer; those that are asked for have a few lines.
const ANSWER: usize = 64 * 1024;

/// There is no answer.
#[derive(Debug, thiserror::Error)]
pub enum Unanswered {
    /// The configuration does not say where.
    #[error("admin.listen has port 0, and nobody knows which one the worker got: name a port")]
    AnyPort,
    /// The connection cannot be protected as configured.
    #[error("admin.tls: {0}")]
    Tls(#[from] TlsError),
    /// Nobody is there, or somebody who speaks otherwise.
    #[error("no worker answers at {address} (admin.listen): {source}{cure}")]
    Io {
        /// Where.
        address: SocketAddr,
        /// What happened.
        source: io::Error,
        /// What may be done about it.
        cure: &'static str,
    },
    /// It took too long.
    #[error("no worker answers at {address} (admin.listen) within {patience:?}")]
    Late {
        /// Where.
        address: SocketAddr,
        /// What it had.
        patience: Duration,
    },
}

/// Asks for `path`. A listener that wants a certificate is shown `identity`, or without one its own: where one authority signs for all, that
/// will do.
///
/// # Errors
/// When no whole answer comes within `patience`.
pub async fn ask(
    admin: &Admin,
    path: &str,
    identity: Option<(PathBuf, PathBuf)>,
    patience: Duration,
) -> Result<(StatusCode, Bytes), Unanswered> {
    let address = admin.listen;
    if address.port() == 0 {
        return Err(Unanswered::AnyPort);
    }
    let (tls, cure) = match &admin.tls {
        None => (None, ""),
        Some(tls) => {
            let wanted = tls.client_ca.is_some();
            let own = || wanted.then(|| (tls.cert.clone(), tls.key.clone()));
            let config = client_config(identity.or_else(own).as_ref())?;
            let cure = if wanted {
                "; it wants a certificate of admin.tls.client_ca_file: name one with --cert and --key"
            } else {
                ""
            };
            (Some(TlsConnector::from(Arc::new(config))), cure)
        }
    };
    let lost = |source| Unanswered::Io {
        address,
        source,
        cure,
    };
    match timeout(patience, get(address, tls, path)).await {
        Ok(answer) => answer.map_err(lost),
        Err(_) => Err(Unanswered::Late { address, patience }),
    }
}

async fn get(
    address: SocketAddr,
    tls: Option<TlsConnector>,
    path: &str,
) -> io::Result<(StatusCode, Bytes)> {
    let stream = TcpStream::connect(&*asked_at(address)).await?;
    let host = address.to_string();
    let message = Message::get(path);
    match tls {
        None => exchange(stream, &host, message, ANSWER).await,
        Some(tls) => {
            let name = ServerName::from(address.ip());
            let stream = tls.connect(name, stream).await?;
            exchange(stream, &host, message, ANSWER).await
        }
    }
}

/// Where a listener at `address` is reached from its own machine, in the order of tries. Who listens on `[::]` is reached over IPv4 alone
/// where the machine has no `::1`, as in many containers.
fn asked_at(address: SocketAddr) -> Vec<SocketAddr> {
    let loopback: &[IpAddr] = match address.ip() {
        IpAddr::V4(ip) if ip.is_unspecified() => &[IpAddr::V4(Ipv4Addr::LOCALHOST)],
        IpAddr::V6(ip) if ip.is_unspecified() => &[
            IpAddr::V6(Ipv6Addr::LOCALHOST),
            IpAddr::V4(Ipv4Addr::LOCALHOST),
        ],
        IpAddr::V4(_) | IpAddr::V6(_) => return vec![address],
    };
    let at = |ip: &IpAddr| SocketAddr::new(*ip, address.port());
    loopback.iter().map(at).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_listener_on_every_address_is_asked_on_loopback() {
        for (listen, asked) in [
            ("0.0.0.0:9464", vec!["127.0.0.1:9464"]),
            ("[::]:9464", vec!["[::1]:9464", "127.0.0.1:9464"]),
            ("10.0.0.7:9464", vec!["10.0.0.7:9464"]),
            ("[fd00::1]:1", vec!["[fd00::1]:1"]),
        ] {
            let asked: Vec<SocketAddr> = asked.iter().map(|at| at.parse().unwrap()).collect();
            assert_eq!(asked_at(listen.parse().unwrap()), asked, "{listen}");
        }
    }
}
