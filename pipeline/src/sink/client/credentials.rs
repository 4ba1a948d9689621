//! A secret comes in, the value of the Authorization header goes out. It is read again after the store refused it: a rotated secret is
//! picked up without a restart.

use std::sync::{Mutex, MutexGuard};

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use flightline_link::secret::Secret;
use http::HeaderValue;

use crate::config::{Influx, InfluxApi, InfluxAuth};

/// Who we are to a store.
#[derive(Debug)]
pub struct Credentials {
    scheme: Scheme,
    cached: Mutex<Option<HeaderValue>>,
}

#[derive(Debug, Clone)]
enum Scheme {
    None,
    Basic {
        user: String,
        password: Secret,
    },
    /// The word before the token, and the token.
    Token(&'static str, Secret),
}

impl Credentials {
    /// As configured; else what the URL says.
    pub fn new(config: &Influx) -> Self {
        let word = match &config.api {
            InfluxApi::V1 { .. } | InfluxApi::V2 { .. } => "Token",
            InfluxApi::V3 { .. } => "Bearer",
        };
        let scheme = match &config.auth {
            InfluxAuth::Token(secret) => Scheme::Token(word, secret.clone()),
            InfluxAuth::Basic { user, password } => Scheme::Basic {
                user: user.clone(),
                password: password.clone(),
            },
            InfluxAuth::None if config.url.username().is_empty() => Scheme::None,
            InfluxAuth::None => Scheme::Basic {
                user: decoded(config.url.username()),
                password: Secret::Value(decoded(config.url.password().unwrap_or_default())),
            },
        };
        Self {
            scheme,
            cached: Mutex::new(None),
        }
    }

    /// The header's value, if there is to be one.
    pub async fn header(&self) -> Result<Option<HeaderValue>, String> {
        if matches!(self.scheme, Scheme::None) {
            return Ok(None);
        }
        if let Some(value) = self.cached().clone() {
            return Ok(Some(value));
        }
        let scheme = self.scheme.clone();
        let value = tokio::task::spawn_blocking(move || read(&scheme))
            .await
            .map_err(|error| error.to_string())??;
        self.cached().clone_from(&value);
        Ok(value)
    }

    /// Reads the secret anew the next time.
    pub fn forget(&self) {
        *self.cached() = None;
    }

    fn cached(&self) -> MutexGuard<'_, Option<HeaderValue>> {
        self.cached
            .lock()
            .expect("nothing that can panic runs under this lock")
    }
}

fn read(scheme: &Scheme) -> Result<Option<HeaderValue>, String> {
    let text = match scheme {
        Scheme::None => return Ok(None),
        Scheme::Basic { user, password } => {
            let password = secret(password)?;
            format!("Basic {}", STANDARD.encode(format!("{user}:{password}")))
        }
        Scheme::Token(word, token) => format!("{word} {}", secret(token)?),
    };
    let mut value = HeaderValue::from_str(&text)
        .map_err(|_| "the token has characters that cannot stand in a header".to_owned())?;
    value.set_sensitive(true);
    Ok(Some(value))
}

fn secret(secret: &Secret) -> Result<String, String> {
    secret.read().map_err(|error| match secret {
        Secret::File(path) => format!("{}: {error}", path.display()),
        Secret::Value(_) => error.to_string(),
    })
}

/// A part of a URL as it was meant.
fn decoded(text: &str) -> String {
    // The query's rules are the URL's own, but for `+`, which stands for itself outside of a query.
    let as_query = format!("x={}", text.replace('+', "%2B").replace('&', "%26"));
    url::form_urlencoded::parse(as_query.as_bytes())
        .next()
        .map_or_else(String::new, |(_, value)| value.into_owned())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::Compression;
    use flightline_link::tls::Tls;
    use std::time::Duration;

    fn credentials(url: &str, auth: InfluxAuth, api: InfluxApi) -> Credentials {
        Credentials::new(&Influx {
            url: url.parse().unwrap(),
            api,
            auth,
            tls: Tls::default(),
            compression: Compression::None,
            in_flight: 1,
            timeout: Duration::from_secs(1),
            max_backoff: Duration::from_secs(1),
            line_patience: Duration::from_secs(60),
        })
    }

    fn v2() -> InfluxApi {
        InfluxApi::V2 {
            org: "o".to_owned(),
            bucket: "b".to_owned(),
        }
    }

    fn v3() -> InfluxApi {
        InfluxApi::V3 { db: "d".to_owned() }
    }

    async fn shown(credentials: &Credentials) -> String {
        let value = credentials.header().await.unwrap();
        value.map_or_else(String::new, |value| value.to_str().unwrap().to_owned())
    }

    #[tokio::test]
    async fn each_scheme_has_its_word() {
        let token = || InfluxAuth::Token(Secret::Value("t".to_owned()));
        assert_eq!(
            shown(&credentials("http://h", token(), v2())).await,
            "Token t"
        );
        assert_eq!(
            shown(&credentials("http://h", token(), v3())).await,
            "Bearer t"
        );
        let basic = InfluxAuth::Basic {
            user: "u".to_owned(),
            password: Secret::Value("p".to_owned()),
        };
        assert_eq!(
            shown(&credentials("http://h", basic, v2())).await,
            "Basic dTpw"
        );
        assert_eq!(
            shown(&credentials("http://h", InfluxAuth::None, v2())).await,
            ""
        );
        let url = "http://u:a+b%26%C3%A9@h";
        let expected = format!("Basic {}", STANDARD.encode("u:a+b&é"));
        assert_eq!(
            shown(&credentials(url, InfluxAuth::None, v2())).await,
            expected
        );
    }

    #[tokio::test]
    async fn a_rotated_secret_is_read_after_it_was_forgotten() {
        let file = tempfile::NamedTempFile::new().unwrap();
        std::fs::write(file.path(), "one\n").unwrap();
        let auth = InfluxAuth::Token(Secret::File(file.path().to_owned()));
        let credentials = credentials("http://h", auth, v2());
        assert_eq!(shown(&credentials).await, "Token one");
        std::fs::write(file.path(), "two\n").unwrap();
        assert_eq!(shown(&credentials).await, "Token one");
        credentials.forget();
        assert_eq!(shown(&credentials).await, "Token two");
        assert!(!format!("{credentials:?}").contains("two"));
    }

    #[tokio::test]
    async fn a_secret_that_cannot_be_read_names_its_file() {
        let auth = InfluxAuth::Token(Secret::File("/nowhere/token".into()));
        let error = credentials("http://h", auth, v2())
            .header()
            .await
            .unwrap_err();
        assert!(error.contains("/nowhere/token"), "{error}");
    }
}
