//! A request for a running supervisor comes in, one exchange over its socket follows, and what is to be shown goes out. Nothing is read or
//! started that the exchange does not need.

use std::io;
use std::path::Path;
use std::time::Duration;

use bytes::Bytes;
use flightline_link::exchange::{Message, exchange};
use hyper::{Method, StatusCode};
use percent_encoding::{NON_ALPHANUMERIC, utf8_percent_encode};
use serde_json::{Value, json};
use tokio::net::UnixStream;
use tokio::time::timeout;

use super::{Exit, Failure, Form, Request, out, table};
use crate::control::command::{Action, JobView, Jobs, Maintenance, Reload, SignalBody};

/// How long the whole exchange may take: the supervisor gives its loop 10 s, and says so after that.
const PATIENCE: Duration = Duration::from_secs(15);
/// Bytes of an answer: some hundred jobs with the longest output of a check.
const ANSWER: usize = 8 * 1024 * 1024;

/// Asks, and prints the answer: requests that change something are silent.
pub fn run(request: &Request, socket: &Path) -> Exit {
    let outcome = asked(request, socket).and_then(|said| {
        if let Some(text) = &said.text {
            out::say(text)?;
        }
        Ok(said.exit)
    });
    match outcome {
        Ok(exit) => exit,
        Err(failure) => match out::complain(&failure) {
            Ok(()) => failure.exit,
            Err(_) => Exit::Unavailable,
        },
    }
}

fn asked(request: &Request, socket: &Path) -> Result<Said, Failure> {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()?;
    runtime.block_on(ask(request, socket))
}

/// What a supervisor's answer comes to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Said {
    /// What is to be shown.
    pub text: Option<String>,
    /// How the process ends.
    pub exit: Exit,
}

impl Said {
    /// It is done, and `text` is to be shown.
    pub fn done(text: Option<String>) -> Self {
        Self {
            text,
            exit: Exit::Ok,
        }
    }
}

/// Asks.
///
/// # Errors
/// When nobody answers, or when the answer is no.
pub async fn ask(request: &Request, socket: &Path) -> Result<Said, Failure> {
    let unavailable = |why: &dyn std::fmt::Display| {
        let path = socket.display();
        Failure::new(
            Exit::Unavailable,
            format!("no supervisor answers at {path}: {why}"),
        )
    };
    match timeout(PATIENCE, send(request.message(), socket)).await {
        Ok(Ok((StatusCode::OK, body))) => request.show(&body),
        Ok(Ok((status, body))) => Err(refused(status, &body)),
        Ok(Err(error)) => Err(unavailable(&error)),
        Err(_) => Err(unavailable(&format_args!(
            "nothing came within {PATIENCE:?}"
        ))),
    }
}

async fn send(message: Message, socket: &Path) -> io::Result<(StatusCode, Bytes)> {
    let stream = UnixStream::connect(socket).await?;
    exchange(stream, "control", message, ANSWER).await
}

impl Request {
    fn message(&self) -> Message {
        let post = |path: &str, body: String| Message {
            method: Method::POST,
            path: path.to_owned(),
            body,
        };
        match self {
            Self::Ping => Message::get("/v3/ping"),
            Self::Reload(Reload::Changed) => post("/v3/reload", String::new()),
            Self::Reload(Reload::Everything) => post("/v3/reload?hard=1", String::new()),
            Self::Maintenance(Maintenance::Enter) => post("/v3/maintenance/enable", String::new()),
            Self::Maintenance(Maintenance::Exit) => post("/v3/maintenance/disable", String::new()),
            Self::PutVariables(variables) => post("/v3/environ", json!(variables).to_string()),
            Self::PutMetrics(values) => post("/v3/metric", json!(values).to_string()),
            Self::Healthy | Self::List(_) | Self::Status { job: None, .. } => {
                Message::get("/v4/jobs")
            }
            Self::Status { job: Some(job), .. } => Message::get(path_of(job)),
            Self::Act { job, action } => {
                let path = path_of(job);
                match action {
                    Action::Start => post(&format!("{path}/start"), String::new()),
                    Action::Stop => post(&format!("{path}/stop"), String::new()),
                    Action::Restart => post(&format!("{path}/restart"), String::new()),
                    Action::Signal(signal) => {
                        let signal = signal.as_str().to_owned();
                        let body = json!(SignalBody { signal }).to_string();
                        post(&format!("{path}/signal"), body)
                    }
                }
            }
        }
    }

    fn show(&self, body: &[u8]) -> Result<Said, Failure> {
        let (form, of): (Form, fn(&_) -> String) = match self {
            Self::Ping => return Ok(Said::done(Some("ok".to_owned()))),
            Self::Reload(_)
            | Self::Maintenance(_)
            | Self::PutVariables(_)
            | Self::PutMetrics(_)
            | Self::Act { .. } => return Ok(Said::done(None)),
            Self::Healthy => return Ok(well(&jobs(body)?.jobs)),
            Self::List(form) => (*form, |jobs: &Vec<_>| table::list(jobs)),
            Self::Status { form, .. } => (*form, |jobs: &Vec<_>| table::details(jobs)),
        };
        let jobs = jobs(body)?;
        Ok(Said::done(Some(match form {
            Form::Json => json!(jobs).to_string(),
            Form::Text => of(&jobs.jobs),
        })))
    }
}

fn jobs(body: &[u8]) -> Result<Jobs, Failure> {
    serde_json::from_slice(body).map_err(|error| {
        Failure::new(
            Exit::Unavailable,
            format!("the supervisor's answer cannot be read: {error}"),
        )
    })
}

/// One word, or a line for each job that is not well.
fn well(jobs: &[JobView]) -> Said {
    let troubles = table::troubles(jobs);
    if troubles.is_empty() {
        return Said::done(Some("healthy".to_owned()));
    }
    Said {
        text: Some(troubles),
        exit: Exit::Refused,
    }
}

fn path_of(job: &str) -> String {
    format!("/v4/jobs/{}", utf8_percent_encode(job, NON_ALPHANUMERIC))
}

/// A supervisor that could not answer in time is as good as none; any other says no.
fn refused(status: StatusCode, body: &[u8]) -> Failure {
    let exit = match status {
        StatusCode::SERVICE_UNAVAILABLE => Exit::Unavailable,
        _ => Exit::Refused,
    };
    let reason = match serde_json::from_slice::<Value>(body) {
        Ok(Value::Object(object)) => object
            .get("error")
            .and_then(Value::as_str)
            .map(str::to_owned),
        _ => None,
    };
    let reason = reason.unwrap_or_else(|| String::from_utf8_lossy(body).trim().to_owned());
    Failure::new(
        exit,
        format!("the supervisor refused ({}): {reason}", status.as_u16()),
    )
}
