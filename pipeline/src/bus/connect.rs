//! Connection options from the configuration. Secrets and certificates are read from their files at each (re)connection, and
//! never logged.

use std::time::Duration;

use async_nats::{ConnectOptions, Event};
use tracing::{debug, info, warn};

use super::Bus;
use super::login::{Login, LoginError};
use crate::config::{Nats, TlsRequire};

/// Messages the client holds per subscription before it drops new ones; lower values lose at full speed (65,536 lost none
/// where 1,024 lost a fifth).
pub const SUBSCRIPTION_CAPACITY: usize = 65_536;
/// Commands (acks, mostly) that wait for the socket before publishers wait.
const CLIENT_CAPACITY: usize = 8_192;
/// The longest pause between two tries to reconnect: what an outage may last longer for us than it did.
const LONGEST_PAUSE: Duration = Duration::from_secs(1);

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

impl Bus {
    /// Connects once; the connection then keeps itself up for ever. `capacity` is what each subscription may hold.
    ///
    /// # Errors
    /// When no server takes us now; try again later.
    pub async fn connect(config: &Nats, capacity: usize) -> Result<Self, ConnectError> {
        let (login, urls) = Login::new(&config.auth, &config.urls);
        // A secret that cannot be read is said in our words, before a server is asked.
        login.now(b"")?;
        let mut options = ConnectOptions::with_auth_callback(move |nonce| {
            let answer = login.answer(&nonce);
            async move { answer }
        })
        .name(&config.name)
        .no_echo()
        .subscription_capacity(capacity)
        .client_capacity(CLIENT_CAPACITY)
        .connection_timeout(Duration::from_secs(5))
        .reconnect_delay_callback(pause)
        .event_callback(|event| async move { say(&event) });
        if config.tls.require == TlsRequire::Always {
            options = options.require_tls(true);
        }
        if let Some(ca) = &config.tls.ca {
            options = options.add_root_certificates(ca.clone());
        }
        if let Some((cert, key)) = &config.tls.identity {
            options = options.add_client_certificate(cert.clone(), key.clone());
        }
        let client = options
            .connect(urls.as_slice())
            .await
            .map_err(|e| ConnectError::Server {
                urls: urls.join(", "),
                reason: chain(&e),
            })?;
        Ok(Self::over(client))
    }
}

/// Before the first try nothing, then doubled from 2 ms.
fn pause(attempts: usize) -> Duration {
    let doublings = u32::try_from(attempts.saturating_sub(1)).unwrap_or(u32::MAX);
    match doublings {
        0 => Duration::ZERO,
        _ => Duration::from_millis(2_u64.saturating_pow(doublings)).min(LONGEST_PAUSE),
    }
}

fn say(event: &Event) {
    match event {
        Event::Connected => info!("connected to nats"),
        Event::Disconnected => warn!("disconnected from nats; reconnecting"),
        Event::LameDuckMode => warn!("the nats server is going down soon"),
        Event::Draining | Event::Closed => debug!(%event, "nats connection"),
        // The source counts drops exactly and says so once per interval; one event per message would flood the log.
        Event::SlowConsumer(_) => {}
        Event::ServerError(_) | Event::ClientError(_) => warn!(%event, "nats connection"),
    }
}

/// The whole chain of causes: the outermost alone says only that it did not work.
fn chain(error: &dyn std::error::Error) -> String {
    let mut text = error.to_string();
    let mut cause = error.source();
    while let Some(inner) = cause {
        let words = inner.to_string();
        if !text.contains(&words) {
            text.push_str(": ");
            text.push_str(&words);
        }
        cause = inner.source();
    }
    text
}
