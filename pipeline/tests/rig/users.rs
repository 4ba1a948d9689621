//! The users of the shipped permissions, on every nats-server of the machine.

#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]
#![allow(dead_code, reason = "each test file uses its own part")]

use std::time::Duration;

use async_nats::Client;
use flightline_fixtures::nats::{Nats, Options};
use flightline_fixtures::permissions::{inbox_of, password_of, shipped};
use flightline_link::nats::voice::Voice;
use flightline_link::nats::{Echo, Nats as Login, NatsAuth, connect};
use flightline_link::secret::Secret;
use flightline_link::tls::Tls;

pub(crate) const PATIENCE: Duration = Duration::from_secs(60);

/// A server of each version with the shipped permissions.
pub(crate) fn servers() -> impl Iterator<Item = Nats> {
    let versions = Options::default().each_version();
    versions.into_iter().map(|options| shipped(options).start())
}

/// How `user` is let in.
pub(crate) fn login(server: &Nats, user: &str) -> Login {
    Login {
        urls: vec![server.url()],
        auth: NatsAuth::Password {
            user: user.to_owned(),
            password: Secret::Value(password_of(user)),
        },
        tls: Tls::default(),
        name: user.to_owned(),
        inbox_prefix: inbox_of(user),
    }
}

/// A plain client that is let in as `user`.
pub(crate) async fn client(server: &Nats, user: &str) -> Client {
    let login = login(server, user);
    let ears = Voice::default().into();
    connect(&login, 1024, Echo::On, ears).await.unwrap()
}
