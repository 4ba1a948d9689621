//! How to reach NATS, as whom.

use std::path::PathBuf;

use crate::secret::Secret;
use crate::tls::Tls;

/// How to reach NATS.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Nats {
    /// Servers, tried in turn; at least one.
    pub urls: Vec<String>,
    /// Who we are.
    pub auth: NatsAuth,
    /// How the connection is protected.
    pub tls: Tls,
    /// The connection's name in the server's monitoring.
    pub name: String,
}

/// Who we are to NATS.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum NatsAuth {
    /// Nobody, or what the URL says.
    None,
    /// User and password.
    Password {
        /// The user.
        user: String,
        /// The password.
        password: Secret,
    },
    /// A token.
    Token(Secret),
    /// An NKey seed.
    NKey(Secret),
    /// A `.creds` file with JWT and seed.
    Creds(PathBuf),
}
