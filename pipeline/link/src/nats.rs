//! How to reach NATS and as whom comes in, a connection that keeps itself up goes out. Secrets and certificates are read from their
//! files at each (re)connection, and never logged.

use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use async_nats::{Client, ConnectOptions, Event};

use crate::chain::chain;
use crate::secret::Secret;
use crate::tls::{Tls, TlsRequire};
use login::{Login, LoginError};

/// Who we are, read anew for each connection.
pub mod login;
/// What the server does not let us do.
pub mod denied;
/// What is said of it in the log.
pub mod voice;

/// Commands (acks, mostly) that wait for the socket before publishers wait.
const CLIENT_CAPACITY: usize = 8_192;
/// The longest pause between two tries to reconnect: what an outage may last longer for us than it did.
const LONGEST_PAUSE: Duration = Duration::from_secs(1);

/// The client tries to reconnect for ever, also when its last handle is gone; this pause no process outlives.
const NEVER: Duration = Duration::from_secs(1_000_000_000);

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
    /// What the subjects begin with on which answers come to us. One of its own for each user lets a server refuse everybody else's
    /// answers to it.
    pub inbox_prefix: String,
}

/// What clients call their inboxes unless told otherwise.
pub const INBOX_PREFIX: &str = "_INBOX";

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

/// Whether a connection hears what it publishes itself.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Echo {
    /// It does not.
    Off,
    /// It does, where it has subscribed to it.
    On,
}

/// Hears what happens to a connection.
pub trait Hear: Send + Sync + 'static {
    /// This happened; to be logged, see [`voice::Voice`].
    fn hear(&self, event: &Event);

    /// Whether the connection is still used.
    fn use_of(&self) -> Use {
        Use::Live
    }
}

/// Whether a connection is still used.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Use {
    /// It is, or may be.
    Live,
    /// Nobody will use it again.
    Over,
}

/// No connection could be made.
#[derive(Debug, thiserror::Error)]
pub enum ConnectError {
    /// A file with a secret cannot be read, or holds none.
    #[error(transparent)]
    Login(#[from] LoginError),
    /// The servers cannot be reached, or do not want us.
    #[error("connect to {urls}: {reason}")]
    Server {
        /// The servers, without what is secret in them.
        urls: String,
        /// The client's words.
        reason: String,
    },
}

/// Connects once; the connection then keeps itself up for ever. `capacity` is what each subscription may hold, in messages; `ears`
/// are told what happens to the connection. Once they say that it is no longer used, a lost connection is not made again.
///
/// # Errors
/// When no server takes us now; try again later.
pub async fn connect(
    config: &Nats,
    capacity: usize,
    echo: Echo,
    ears: Arc<impl Hear>,
) -> Result<Client, ConnectError> {
    let (login, urls) = Login::new(&config.auth, &config.urls);
    // A secret that cannot be read is said in our words, before a server is asked.
    login.now(b"")?;
    let used = Arc::clone(&ears);
    let mut options = ConnectOptions::with_auth_callback(move |nonce| {
        let answer = login.answer(&nonce);
        async move { answer }
    })
    .name(&config.name)
    .custom_inbox_prefix(&config.inbox_prefix)
    .subscription_capacity(capacity)
    .client_capacity(CLIENT_CAPACITY)
    .connection_timeout(Duration::from_secs(5))
    .reconnect_delay_callback(move |attempts| match used.use_of() {
        Use::Live => pause(attempts),
        Use::Over => NEVER,
    })
    .event_callback(move |event| {
        ears.hear(&event);
        std::future::ready(())
    });
    if echo == Echo::Off {
        options = options.no_echo();
    }
    if config.tls.require == TlsRequire::Always {
        options = options.require_tls(true);
    }
    if let Some(ca) = &config.tls.ca {
        options = options.add_root_certificates(ca.clone());
    }
    if let Some((cert, key)) = &config.tls.identity {
        options = options.add_client_certificate(cert.clone(), key.clone());
    }
    let connected = options.connect(urls.as_slice()).await;
    connected.map_err(|e| ConnectError::Server {
        urls: urls.join(", "),
        reason: chain(&e),
    })
}

/// Before the first try nothing, then doubled from 2 ms.
fn pause(attempts: usize) -> Duration {
    let doublings = u32::try_from(attempts.saturating_sub(1)).unwrap_or(u32::MAX);
    match doublings {
        0 => Duration::ZERO,
        _ => Duration::from_millis(2_u64.saturating_pow(doublings)).min(LONGEST_PAUSE),
    }
}
