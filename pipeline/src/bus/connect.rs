//! Connection options from the configuration. Secrets are read from their files at each (re)connection where the client
//! library allows it, and never logged.

use std::time::Duration;

use async_nats::{ConnectOptions, Event};
use tracing::{debug, info, warn};

use super::Bus;
use crate::config::{Nats, NatsAuth, TlsRequire};

/// Messages the client holds per subscription before it drops new ones; lower values lose at full speed (65,536 lost none
/// where 1,024 lost a fifth).
pub const SUBSCRIPTION_CAPACITY: usize = 65_536;
/// Commands (acks, mostly) that wait for the socket before publishers wait.
const CLIENT_CAPACITY: usize = 8_192;

/// No connection could be made.
#[derive(Debug, thiserror::Error)]
pub enum ConnectError {
    /// A file with a secret or certificate cannot be read.
    #[error("{what}: {source}")]
    File {
        /// Which file.
        what: String,
        /// Why.
        source: std::io::Error,
    },
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
        let mut options = auth(&config.auth).await?;
        options = options
            .name(&config.name)
            .no_echo()
            .subscription_capacity(capacity)
            .client_capacity(CLIENT_CAPACITY)
            .connection_timeout(Duration::from_secs(5))
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
        let client =
            options
                .connect(config.urls.as_slice())
                .await
                .map_err(|e| ConnectError::Server {
                    urls: config
                        .urls
                        .iter()
                        .map(|url| without_secret(url))
                        .collect::<Vec<_>>()
                        .join(", "),
                    reason: chain(&e),
                })?;
        Ok(Self::over(client))
    }
}

async fn auth(auth: &NatsAuth) -> Result<ConnectOptions, ConnectError> {
    let read = |what: &str, secret: &crate::config::Secret| {
        secret.read().map_err(|source| ConnectError::File {
            what: what.to_owned(),
            source,
        })
    };
    Ok(match auth {
        NatsAuth::None => ConnectOptions::new(),
        NatsAuth::Password { user, password } => {
            ConnectOptions::with_user_and_password(user.clone(), read("nats password", password)?)
        }
        NatsAuth::Token(token) => ConnectOptions::with_token(read("nats token", token)?),
        NatsAuth::NKey(seed) => ConnectOptions::with_nkey(read("nats nkey seed", seed)?),
        NatsAuth::Creds(path) => {
            ConnectOptions::with_credentials_file(path)
                .await
                .map_err(|source| ConnectError::File {
                    what: path.display().to_string(),
                    source,
                })?
        }
    })
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

fn without_secret(url: &str) -> String {
    match (url.split_once("://"), url.rsplit_once('@')) {
        (Some((scheme, _)), Some((_, host))) => format!("{scheme}://{host}"),
        (None, Some((_, host))) => host.to_owned(),
        _ => url.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::without_secret;

    #[test]
    fn a_url_is_shown_without_its_password() {
        assert_eq!(
            without_secret("nats://user:p@ss@host:4222"),
            "nats://host:4222"
        );
        assert_eq!(without_secret("nats://host:4222"), "nats://host:4222");
        assert_eq!(without_secret("token@host"), "host");
    }
}
