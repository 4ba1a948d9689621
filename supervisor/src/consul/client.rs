//! A call comes in, Consul's answer or why there is none goes out. One call each: repeating is the caller's.

use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use http::header::{CONTENT_TYPE, HeaderMap, HeaderValue, USER_AGENT};
use http::{Method, Request, StatusCode};
use http_body_util::{BodyExt as _, Full, LengthLimitError, Limited};
use tokio::time::timeout;

use super::error::CallError;
use super::path::Target;
use super::payload::{self, CheckStatus, Instance};
use super::transport::Transport;
use crate::config::{Consul, Service};
use flightline_link::chain::chain;
use flightline_link::secret::Secret;
use flightline_link::tls::TlsError;

/// What is read of an answer to a query: some thousand instances of one service.
const INSTANCES_LIMIT: usize = 8 * 1024 * 1024;
/// What is read of any other answer: a KV entry at its largest, in base64, and its frame.
const ANSWER_LIMIT: usize = 1024 * 1024;
/// Somebody else writes the same KV entry all the time if it changed so often between our look and our write.
const CAS_TRIES: u32 = 3;

/// The agent's calls; clones share connections.
#[derive(Debug, Clone)]
pub struct Client {
    inner: Arc<Inner>,
}

#[derive(Debug)]
struct Inner {
    transport: Transport,
    token: Option<Secret>,
    kv: Option<String>,
}

/// What is asked about a service.
#[derive(Debug, Clone, Copy)]
pub struct Question<'a> {
    /// The service's name.
    pub name: &'a str,
    /// Only instances with this tag.
    pub tag: Option<&'a str>,
    /// In this data center.
    pub dc: Option<&'a str>,
    /// Wait for a change; without it the answer comes at once.
    pub block: Option<Block>,
}

/// How long an answer may wait for a change.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Block {
    /// What changed after this is news.
    pub index: u64,
    /// The answer comes after so long in any case; Consul adds up to a sixteenth.
    pub wait: Duration,
}

/// What is known of a service.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Health {
    /// Those that pass all their checks, in no order.
    pub instances: Vec<Instance>,
    /// As of which change; absent if whoever answers cannot wait for changes.
    pub index: Option<u64>,
}

struct Answer {
    headers: HeaderMap,
    body: Bytes,
}

impl Client {
    /// A client for `config`; does not connect. An address that is none fails each call, as it does in ContainerPilot.
    ///
    /// # Errors
    /// When a file with certificates is missing or wrong.
    pub fn open(config: &Consul) -> Result<Self, TlsError> {
        Ok(Self {
            inner: Arc::new(Inner {
                transport: Transport::open(config)?,
                token: config.token.clone(),
                kv: config.lifecycle_kv.clone(),
            }),
        })
    }

    /// Where life-cycle changes are kept, if they are.
    pub fn kv(&self) -> Option<&str> {
        self.inner.kv.as_deref()
    }

    /// Registers a service with its TTL check in `status`, in place of what had its id.
    ///
    /// # Errors
    /// [`CallError`].
    pub async fn register(
        &self,
        service: &Service,
        status: Option<CheckStatus>,
        limit: Duration,
    ) -> Result<(), CallError> {
        let target = Target::new("/v1/agent/service/register");
        let body = payload::registration(service, status);
        self.put(&target, body, limit).await.map(drop)
    }

    /// Says what the check of the service `id` found.
    ///
    /// # Errors
    /// [`CallError`]; [`CallError::Unknown`] if there is no such check.
    pub async fn update(
        &self,
        id: &str,
        status: CheckStatus,
        output: &str,
        limit: Duration,
    ) -> Result<(), CallError> {
        let target = Target::new("/v1/agent/check/update").part(&format!("service:{id}"));
        let body = payload::update(status, output);
        self.put(&target, body, limit).await.map(drop)
    }

    /// Forgets a service.
    ///
    /// # Errors
    /// [`CallError`]; [`CallError::Unknown`] if newer agents have no such service, older ones say nothing.
    pub async fn deregister(&self, id: &str, limit: Duration) -> Result<(), CallError> {
        let target = Target::new("/v1/agent/service/deregister").part(id);
        self.put(&target, Bytes::new(), limit).await.map(drop)
    }

    /// The passing instances of a service. `limit` is on top of what the question lets Consul wait.
    ///
    /// # Errors
    /// [`CallError`].
    pub async fn health(
        &self,
        question: Question<'_>,
        limit: Duration,
    ) -> Result<Health, CallError> {
        let target = Target::new("/v1/health/service").part(question.name);
        let mut target = target.with("passing", "1");
        for (name, value) in [("tag", question.tag), ("dc", question.dc)] {
            if let Some(value) = value {
                target = target.with(name, value);
            }
        }
        let mut limit = limit;
        if let Some(Block { index, wait }) = question.block {
            target = target
                .with("index", &index.to_string())
                .with("wait", &format!("{}ms", wait.as_millis()));
            limit += wait + wait / 16;
        }
        let call = self.call(Method::GET, &target, Bytes::new(), INSTANCES_LIMIT);
        let answer = within(limit, call).await?;
        let index = answer.headers.get("x-consul-index");
        Ok(Health {
            instances: payload::instances(&answer.body).map_err(|error| unreadable(&error))?,
            index: index.and_then(|index| index.to_str().ok()?.parse().ok()),
        })
    }

    /// Writes the KV entry at `path`. A write whose answer did not come in time cannot take effect after a later one: each is
    /// bound to the state that it was made for.
    ///
    /// # Errors
    /// [`CallError`].
    pub async fn keep(
        &self,
        path: &Target,
        value: Bytes,
        limit: Duration,
    ) -> Result<(), CallError> {
        within(limit, async {
            for _ in 0..CAS_TRIES {
                let look = self.call(Method::GET, path, Bytes::new(), ANSWER_LIMIT);
                let index = match look.await {
                    Ok(answer) => {
                        payload::modify_index(&answer.body).map_err(|error| unreadable(&error))?
                    }
                    Err(CallError::Unknown(_)) => 0,
                    Err(error) => return Err(error),
                };
                let target = path.clone().with("cas", &index.to_string());
                let write = self.call(Method::PUT, &target, value.clone(), ANSWER_LIMIT);
                if write.await?.body.starts_with(b"true") {
                    return Ok(());
                }
            }
            Err(CallError::Failing {
                status: StatusCode::CONFLICT,
                said: "the entry is written by somebody else, too".to_owned(),
            })
        })
        .await
    }

    async fn put(
        &self,
        target: &Target,
        body: Bytes,
        limit: Duration,
    ) -> Result<Answer, CallError> {
        within(limit, self.call(Method::PUT, target, body, ANSWER_LIMIT)).await
    }

    async fn call(
        &self,
        method: Method,
        target: &Target,
        body: Bytes,
        longest: usize,
    ) -> Result<Answer, CallError> {
        let uri = self.inner.transport.uri(target.as_str());
        let mut request = Request::new(Full::new(body));
        *request.method_mut() = method;
        *request.uri_mut() = uri?;
        let agent = HeaderValue::from_static(concat!("flightline/", env!("CARGO_PKG_VERSION")));
        let headers = request.headers_mut();
        headers.insert(USER_AGENT, agent);
        headers.insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
        if let Some(secret) = &self.inner.token {
            headers.insert("x-consul-token", token(secret).await?);
        }
        let away = |error: &dyn std::error::Error| CallError::Away(chain(error));
        let response = self.inner.transport.exchange(request).await;
        let (head, body) = response.map_err(|error| away(&error))?.into_parts();
        let body = match Limited::new(body, longest).collect().await {
            Ok(body) => body.to_bytes(),
            Err(error) if error.is::<LengthLimitError>() => {
                return Err(CallError::TooLong(longest));
            }
            Err(error) => return Err(away(error.as_ref())),
        };
        if head.status != StatusCode::OK {
            return Err(CallError::of(head.status, &body));
        }
        Ok(Answer {
            headers: head.headers,
            body,
        })
    }
}

async fn within<T>(
    limit: Duration,
    call: impl Future<Output = Result<T, CallError>>,
) -> Result<T, CallError> {
    timeout(limit, call)
        .await
        .unwrap_or(Err(CallError::Late(limit)))
}

fn unreadable(error: &serde_json::Error) -> CallError {
    CallError::Unreadable(error.to_string())
}

/// The token as it stands now: its file may have been rotated.
async fn token(secret: &Secret) -> Result<HeaderValue, CallError> {
    let file = match secret {
        Secret::Value(_) => None,
        Secret::File(path) => Some(path.clone()),
    };
    let unusable = |reason: String| CallError::Token {
        file: file.clone(),
        reason,
    };
    let read = match secret {
        Secret::Value(_) => secret.read(),
        // A file may lie on a slow disk, and everything shares one thread.
        Secret::File(_) => {
            let secret = secret.clone();
            let reading = tokio::task::spawn_blocking(move || secret.read()).await;
            reading.unwrap_or_else(|error| Err(std::io::Error::other(error)))
        }
    };
    let text = read.map_err(|error| unusable(error.to_string()))?;
    let mut value = HeaderValue::from_str(&text)
        .map_err(|_| unusable("it has characters that a header cannot have".to_owned()))?;
    value.set_sensitive(true);
    Ok(value)
}
