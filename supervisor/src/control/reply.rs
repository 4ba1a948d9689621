//! What became of a request comes in, an HTTP answer goes out: text as ContainerPilot writes it, or one JSON object.

use bytes::Bytes;
use http_body_util::Full;
use hyper::header::{ALLOW, CONTENT_TYPE, HeaderValue};
use hyper::{Method, Response, StatusCode};
use serde_json::json;

use super::command::{Answer, Jobs, Refusal};
use super::route::Voice;

/// What became of a request.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Reply {
    /// It is done, or on its way.
    Done,
    /// Jobs as they stand.
    Jobs(Jobs),
    /// It was the wrong method; this is the right one.
    Method(Method),
    /// It was not done.
    Failed {
        /// Whose fault it was.
        status: StatusCode,
        /// What to tell the client.
        reason: String,
    },
}

impl Reply {
    /// Not done, and why.
    pub(super) fn failed(status: StatusCode, reason: impl Into<String>) -> Self {
        Self::Failed {
            status,
            reason: reason.into(),
        }
    }

    /// The client sent what cannot be taken.
    pub(super) fn unusable(reason: impl Into<String>) -> Self {
        Self::failed(StatusCode::UNPROCESSABLE_ENTITY, reason)
    }

    /// Its status.
    pub(super) const fn status(&self) -> StatusCode {
        match self {
            Self::Done | Self::Jobs(_) => StatusCode::OK,
            Self::Method(_) => StatusCode::METHOD_NOT_ALLOWED,
            Self::Failed { status, .. } => *status,
        }
    }

    /// As it is sent.
    pub(super) fn into_response(self, voice: Voice) -> Response<Full<Bytes>> {
        let kind = match voice {
            Voice::Plain => "text/plain; charset=utf-8",
            Voice::Json => "application/json",
        };
        let body = match voice {
            Voice::Plain => self.text(),
            Voice::Json => self.json(),
        };
        let mut response = Response::new(Full::new(Bytes::from(body)));
        *response.status_mut() = self.status();
        let headers = response.headers_mut();
        headers.insert(CONTENT_TYPE, HeaderValue::from_static(kind));
        if let Self::Method(right) = &self
            && let Ok(right) = HeaderValue::from_str(right.as_str())
        {
            headers.insert(ALLOW, right);
        }
        response
    }

    fn text(&self) -> String {
        match self {
            Self::Done | Self::Jobs(_) => "\n".to_owned(),
            Self::Method(_) => "Method Not Allowed\n".to_owned(),
            Self::Failed { reason, .. } => format!("{}\n", reason.trim_end()),
        }
    }

    fn json(&self) -> String {
        let value = match self {
            Self::Done => json!({ "done": true }),
            Self::Jobs(jobs) => json!(jobs),
            Self::Method(right) => json!({ "error": format!("this path takes {right}") }),
            Self::Failed { reason, .. } => json!({ "error": reason }),
        };
        format!("{value}\n")
    }
}

impl From<Answer> for Reply {
    fn from(answer: Answer) -> Self {
        match answer {
            Answer::Done => Self::Done,
            Answer::Jobs(jobs) => Self::Jobs(Jobs { jobs }),
            Answer::Refused(Refusal::NoSuchJob(name)) => {
                Self::failed(StatusCode::NOT_FOUND, format!("no job is called `{name}`"))
            }
            Answer::Refused(Refusal::NotNow(why)) => Self::failed(StatusCode::CONFLICT, why),
            Answer::Refused(Refusal::Configuration(report)) => Self::unusable(report),
        }
    }
}
