//! Services, clients and wakes for the tests against a real Consul.

#![allow(dead_code, reason = "each test file uses its own part")]

use std::net::IpAddr;
use std::sync::Arc;
use std::time::Duration;

use flightline_fixtures::consul::Consul;
use flightline_fixtures::wait;
use flightline_supervisor::config::{self, ConsulAddress, ConsulTls, Service};
use flightline_supervisor::consul::{CheckStatus, Client, Registrar, Report};
use flightline_supervisor::event::{Wake, WithdrawalId};
use tokio::sync::mpsc;

/// For what must happen at some time on a machine that is busy.
pub(crate) const PATIENCE: Duration = Duration::from_secs(30);

/// The configuration that reaches `consul` over plain HTTP.
pub(crate) fn plain(consul: &Consul) -> config::Consul {
    at(ConsulAddress::Http(consul.address()))
}

/// A configuration with nothing but an address.
pub(crate) fn at(address: ConsulAddress) -> config::Consul {
    config::Consul {
        address,
        token: None,
        tls: ConsulTls::default(),
        lifecycle_kv: None,
    }
}

/// A client of `consul` over plain HTTP.
pub(crate) fn client(consul: &Consul) -> Client {
    Client::open(&plain(consul)).unwrap()
}

/// A service called `app` with the id `app-h`.
pub(crate) fn app() -> Service {
    Service {
        id: "app-h".to_owned(),
        name: "app".to_owned(),
        tags: vec!["a, {b} [c]".to_owned()],
        port: 8000,
        address: IpAddr::from([10, 0, 0, 5]),
        ttl: Duration::from_secs(10),
        initial_status: None,
        enable_tag_override: false,
        deregister_critical_after: None,
    }
}

/// A registrar and the mailbox of its loop.
pub(crate) struct Desk {
    pub(crate) registrar: Registrar,
    pub(crate) wakes: mpsc::Receiver<Wake>,
    newest: WithdrawalId,
}

impl Desk {
    pub(crate) fn open(client: Option<Client>) -> Self {
        let (sender, wakes) = mpsc::channel(8);
        Self {
            registrar: Registrar::start(client, sender),
            wakes,
            newest: WithdrawalId::UNAWAITED,
        }
    }

    /// Withdraws a service once more.
    pub(crate) fn withdraw(&mut self, service: &Arc<Service>) {
        self.newest.0 += 1;
        self.registrar.withdraw(service, self.newest);
    }

    /// Waits for the answer to the newest withdrawal.
    pub(crate) async fn withdrawn(&mut self, limit: Duration) -> Arc<str> {
        loop {
            let wake = tokio::time::timeout(limit, self.wakes.recv()).await;
            match wake.expect("an answer in time") {
                Some(Wake::Withdrawn {
                    service,
                    withdrawal,
                }) if withdrawal == self.newest => return service,
                Some(Wake::Withdrawn { .. }) => {}
                other => panic!("{other:?} instead of an answer to a withdrawal"),
            }
        }
    }
}

/// A result of a check.
pub(crate) fn report(status: CheckStatus, output: &str) -> Report {
    Report {
        status,
        output: output.to_owned(),
    }
}

/// Waits until `consul` has the service in that status. The runtime goes on meanwhile.
pub(crate) async fn status(consul: &Consul, id: &str, status: &str) {
    let mut last = None;
    let found = wait::until_async(PATIENCE, || {
        last = consul.status(id);
        let is_so = last.as_deref() == Some(status);
        async move { is_so }
    });
    let found = found.await;
    assert!(found.is_ok(), "{id} is not {status}, but {last:?}");
}

/// Waits until `consul` does not have the service.
pub(crate) async fn gone(consul: &Consul, id: &str) {
    let gone = wait::until_async(PATIENCE, || {
        let gone = consul.service(id).is_null();
        async move { gone }
    });
    gone.await.expect("the service goes");
}
