//! Where a worker with this configuration would listen: whether nobody else does, or a worker already.

use std::io;
use std::net::SocketAddr;
use std::time::Duration;

use tokio::net::TcpListener;

use super::finding::{Code, Finding};
use crate::admin::ask::ask;
use crate::config::{Admin, Config};

/// For whoever listens on the admin port to say what it is.
const ANSWER: Duration = Duration::from_secs(2);

/// Who listens at an address.
#[derive(Debug)]
enum Holder {
    Nobody,
    Worker,
    /// Somebody who has to be spoken to in TLS, with a certificate that only clients have.
    Unseen,
    Other(io::Error),
}

/// Looks at all of them.
pub(super) async fn examine(config: &Config) -> Vec<Finding> {
    let admin = &config.admin;
    let holder = match TcpListener::bind(admin.listen).await {
        Ok(_) => Holder::Nobody,
        Err(_) if is_worker(admin).await => Holder::Worker,
        Err(_) if admin.tls.is_some() => Holder::Unseen,
        Err(error) => Holder::Other(error),
    };
    let mut findings = vec![judge("admin.listen", admin.listen, &holder)];
    if let Some(front) = &config.ingest {
        let holder = match (TcpListener::bind(front.listen).await, holder) {
            (Ok(_), _) => Holder::Nobody,
            // A worker that holds the one address holds the other.
            (Err(_), Holder::Worker) => Holder::Worker,
            (Err(_), Holder::Unseen) => Holder::Unseen,
            (Err(error), Holder::Nobody | Holder::Other(_)) => Holder::Other(error),
        };
        findings.push(judge("ingest.listen", front.listen, &holder));
    }
    findings
}

fn judge(key: &str, address: SocketAddr, holder: &Holder) -> Finding {
    match holder {
        Holder::Nobody => Finding::ok(Code::PortTaken, key).found(format!("{address} is free")),
        Holder::Worker => {
            Finding::ok(Code::WorkerRuns, key).found(format!("a worker listens on {address}"))
        }
        Holder::Unseen => Finding::note(Code::PortTaken, key)
            .found(format!(
                "somebody listens on {address}; whether a worker, is not seen through TLS"
            ))
            .means("if it is no worker, one with this configuration does not start here")
            .cure(format!(
                "ss -ltnp tells who it is; or name another address in {key}"
            ))
            .by_settings(),
        Holder::Other(error) => Finding::warning(Code::PortTaken, key)
            .found(format!("{address}: {error}"))
            .means("a worker with this configuration does not start here")
            .cure(format!("name another address, or port 0 for any, in {key}"))
            .by_settings(),
    }
}

/// Its index says what it is.
async fn is_worker(admin: &Admin) -> bool {
    let asked = ask(admin, "/", None, ANSWER).await;
    asked.is_ok_and(|(_, body)| body.starts_with(b"flightline"))
}
