//! Who we are as configured in, what a connection is told out. Secrets are read from their files at each (re)connection, so that
//! a rotated one needs no restart; they are handed to the client library apart from the URLs, which it shows in its log.

use async_nats::{Auth, AuthError};
use nkeys::KeyPair;
use url::Url;

use super::NatsAuth;
use crate::secret::Secret;

/// Where a `.creds` file holds the claim, and where the seed.
const CLAIM: &str = "BEGIN NATS USER JWT";
const SEED: &str = "BEGIN USER NKEY SEED";
/// In words that hold for every program's configuration.
const SEED_WORDS: &str = "the NKey seed";

/// A file does not hold what it should, or cannot be read. Says nothing of what it does hold.
#[derive(Debug, thiserror::Error)]
#[error("{what}: {why}")]
pub struct LoginError {
    what: String,
    why: String,
}

impl LoginError {
    fn new(what: &str, why: &impl ToString) -> Self {
        Self {
            what: what.to_owned(),
            why: why.to_string(),
        }
    }
}

/// One way to say who we are.
#[derive(Debug, Clone)]
pub(super) struct Login(NatsAuth);

impl Login {
    /// As configured; else what the first of `urls` that names a user says. The second part is the URLs without it.
    pub(super) fn new(auth: &NatsAuth, urls: &[String]) -> (Self, Vec<String>) {
        let mut auth = auth.clone();
        let mut bare = Vec::with_capacity(urls.len());
        for text in urls {
            let Ok(mut url) = Url::parse(text) else {
                // The client library says what is wrong with it.
                bare.push(text.clone());
                continue;
            };
            if let (NatsAuth::None, Some(said)) = (&auth, said_by(&url)) {
                auth = said;
            }
            // Both fail only for URLs without a host, which cannot name a user either.
            url.set_username("").ok();
            url.set_password(None).ok();
            bare.push(url.into());
        }
        (Self(auth), bare)
    }

    /// What to tell a server that wants `nonce` signed.
    pub(super) fn now(&self, nonce: &[u8]) -> Result<Auth, LoginError> {
        let mut said = Auth::new();
        match &self.0 {
            NatsAuth::None => {}
            NatsAuth::Password { user, password } => {
                said.username = Some(user.clone());
                said.password = Some(read("the NATS password", password)?);
            }
            NatsAuth::Token(token) => said.token = Some(read("the NATS token", token)?),
            NatsAuth::NKey(seed) => {
                let key = key(SEED_WORDS, &read(SEED_WORDS, seed)?)?;
                said.nkey = Some(key.public_key());
                said.signature = Some(sign(SEED_WORDS, &key, nonce)?);
            }
            NatsAuth::Creds(path) => {
                let what = format!("the NATS credentials in {}", path.display());
                let text = std::fs::read_to_string(path).map_err(|e| LoginError::new(&what, &e))?;
                let lacks = |part| LoginError::new(&what, &format!("there is no {part} in it"));
                let claim = below(&text, CLAIM).ok_or_else(|| lacks("user JWT"))?;
                let seed = below(&text, SEED).ok_or_else(|| lacks("NKey seed"))?;
                said.jwt = Some(claim.to_owned());
                said.signature = Some(sign(&what, &key(&what, seed)?, nonce)?);
            }
        }
        Ok(said)
    }

    /// The same for the client library, which asks at each connection.
    pub(super) fn answer(&self, nonce: &[u8]) -> Result<Auth, AuthError> {
        self.now(nonce).map_err(AuthError::new)
    }
}

fn said_by(url: &Url) -> Option<NatsAuth> {
    let user = decoded(url.username());
    match url.password() {
        Some(password) => Some(NatsAuth::Password {
            user,
            password: Secret::Value(decoded(password)),
        }),
        // By the convention of NATS clients a lone user is a token.
        None if !user.is_empty() => Some(NatsAuth::Token(Secret::Value(user))),
        None => None,
    }
}

fn read(what: &str, secret: &Secret) -> Result<String, LoginError> {
    secret.read().map_err(|error| match secret {
        Secret::File(path) => LoginError::new(&format!("{what} in {}", path.display()), &error),
        Secret::Value(_) => LoginError::new(what, &error),
    })
}

fn key(what: &str, seed: &str) -> Result<KeyPair, LoginError> {
    // The library's own words may quote the seed.
    KeyPair::from_seed(seed).map_err(|_| LoginError::new(what, &"it is no NKey seed (SU...)"))
}

fn sign(what: &str, key: &KeyPair, nonce: &[u8]) -> Result<Vec<u8>, LoginError> {
    key.sign(nonce).map_err(|e| LoginError::new(what, &e))
}

/// The line below the one that holds `mark`.
fn below<'t>(text: &'t str, mark: &str) -> Option<&'t str> {
    let mut lines = text.lines().map(str::trim);
    lines.find(|line| line.starts_with("---") && line.contains(mark))?;
    lines.find(|line| !line.is_empty())
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

    fn in_urls(urls: &[&str]) -> (Auth, Vec<String>) {
        let urls: Vec<_> = urls.iter().map(|url| (*url).to_owned()).collect();
        let (login, bare) = Login::new(&NatsAuth::None, &urls);
        (login.now(b"").unwrap(), bare)
    }

    #[test]
    fn a_login_in_a_url_is_taken_out_of_it_and_used() {
        let (auth, bare) = in_urls(&["nats://a:1", "nats://me:p%40s+s@b:2", "tls://c:3"]);
        assert_eq!(auth.username.as_deref(), Some("me"));
        assert_eq!(auth.password.as_deref(), Some("p@s+s"));
        assert_eq!(bare, ["nats://a:1", "nats://b:2", "tls://c:3"]);
        let (auth, bare) = in_urls(&["nats://t0ken@b:2"]);
        assert_eq!(
            (auth.token.as_deref(), auth.username),
            (Some("t0ken"), None)
        );
        assert_eq!(bare, ["nats://b:2"]);
    }

    #[test]
    fn what_is_no_seed_is_said_without_being_shown() {
        let auth = NatsAuth::NKey(Secret::Value("SUHUSH".to_owned()));
        let (login, _) = Login::new(&auth, &[]);
        let Err(error) = login.now(b"nonce") else {
            panic!("that is no seed");
        };
        assert_eq!(
            error.to_string(),
            "the NKey seed: it is no NKey seed (SU...)"
        );
    }

    #[test]
    fn the_lines_below_the_marks_of_a_creds_file_are_found() {
        let text = "-----BEGIN NATS USER JWT-----\r\nclaim\r\n------END NATS USER JWT------\r\n\n*** secret ***\n\
                    -----BEGIN USER NKEY SEED-----\nseed\n------END USER NKEY SEED------\n";
        assert_eq!(below(text, CLAIM), Some("claim"));
        assert_eq!(below(text, SEED), Some("seed"));
        assert_eq!(below("", SEED), None);
    }
}
