//! Checks of jobs: what to ask comes in, one `Wake::Checked` goes out: a command's by the `Spawner`, HTTP and TCP from here.
//!
//! A check that takes too long has failed. Nothing here keeps checks of one job apart: whoever asks does.

use std::collections::BTreeMap;
use std::error::Error;
use std::sync::{Arc, Mutex, MutexGuard};
use std::time::Duration;

use bytes::Bytes;
use http_body_util::{BodyExt as _, Empty, Limited};
use hyper_util::client::legacy::Client;
use hyper_util::client::legacy::connect::HttpConnector;
use hyper_util::rt::TokioExecutor;
use nix::sys::signal::Signal;
use tokio::net::TcpStream;
use tokio::sync::mpsc;
use tokio_util::task::AbortOnDropHandle;

use crate::config::{Check, Output, Readiness, Setting};
use crate::event::{Checked, RunId, Wake};
use crate::log::Kind;
use crate::process::{CHECK_GROUP_PATIENCE, Order, Spawner};

/// How much of an answer's body is read.
const BODY_LIMIT: usize = 4 * 1024;
/// How long it is waited for: the verdict is known before.
const BODY_PATIENCE: Duration = Duration::from_millis(500);
/// How much of it is told: the first line, and no more characters of it.
const SHOWN_LIMIT: usize = 200;

/// A check to be run.
#[derive(Debug, Clone, Copy)]
pub struct Asked<'a> {
    /// The job's name.
    pub job: &'a str,
    /// What is asked.
    pub check: &'a Check,
    /// How long it may take.
    pub timeout: Option<Duration>,
    /// What becomes of a command's output.
    pub output: Output,
    /// As whom and where a command runs: as the job itself.
    pub setting: &'a Setting,
    /// Variables for a command, as for a job.
    pub variables: &'a BTreeMap<String, String>,
}

/// Runs checks. Cheap to clone. HTTP and TCP checks end with the last clone.
#[derive(Debug, Clone)]
pub struct Checker {
    spawner: Spawner,
    client: Client<HttpConnector, Empty<Bytes>>,
    wakes: mpsc::Sender<Wake>,
    asking: Arc<Asking>,
}

/// HTTP and TCP checks that run: at most one of each job.
#[derive(Debug, Default)]
struct Asking {
    tasks: Mutex<BTreeMap<RunId, AbortOnDropHandle<()>>>,
}

impl Asking {
    fn lock(&self) -> MutexGuard<'_, BTreeMap<RunId, AbortOnDropHandle<()>>> {
        self.tasks
            .lock()
            .expect("nothing that can panic runs under this lock")
    }
}

impl Checker {
    /// Commands are run by `spawner`; every result goes to `wakes`.
    pub fn new(spawner: Spawner, wakes: mpsc::Sender<Wake>) -> Self {
        // A connection of its own for each check: that one can be had is part of what is asked.
        let client = Client::builder(TokioExecutor::new())
            .pool_max_idle_per_host(0)
            .build_http();
        Self {
            spawner,
            client,
            wakes,
            asking: Arc::default(),
        }
    }

    /// Begins a check; its result comes as one wake, unless it is abandoned.
    pub fn begin(&self, run: RunId, asked: &Asked<'_>) {
        match asked.check {
            Check::Exec(exec) => {
                let order = Order {
                    job: asked.job,
                    kind: Kind::Check,
                    exec,
                    setting: asked.setting,
                    variables: asked.variables,
                    output: asked.output,
                    patience: CHECK_GROUP_PATIENCE,
                    timeout: asked.timeout,
                    readiness: Readiness::Check,
                };
                if let Err(error) = self.spawner.spawn(run, &order) {
                    let output = error.to_string();
                    self.tell(run, None, async { Err(output) });
                }
            }
            Check::Http { url, status } => {
                let answer = get(self.client.clone(), url.to_string(), *status);
                self.tell(run, asked.timeout, answer);
            }
            Check::Tcp { address } => self.tell(run, asked.timeout, connect(address.clone())),
        }
    }

    /// Ends a check: of a command the result then comes at once, of HTTP and TCP none.
    pub fn abandon(&self, run: RunId) {
        // Not dropped under the lock: what it ends with is its own affair.
        let task = self.asking.lock().remove(&run);
        drop(task);
        self.spawner.signal(run, Signal::SIGKILL);
    }

    fn tell(
        &self,
        run: RunId,
        limit: Option<Duration>,
        answer: impl Future<Output = Result<String, String>> + Send + 'static,
    ) {
        let wakes = self.wakes.clone();
        let asking = Arc::downgrade(&self.asking);
        // It forgets itself when it has ended, so not before it is known.
        let mut tasks = self.asking.lock();
        let task = tokio::spawn(async move {
            let answer = match limit {
                None => answer.await,
                Some(limit) => match tokio::time::timeout(limit, answer).await {
                    Ok(answer) => answer,
                    Err(_) => Err(format!("timeout after {limit:?}")),
                },
            };
            let result = match answer {
                Ok(output) => Checked::Passed { output },
                Err(output) => Checked::Failed { output },
            };
            // When nobody listens any more, the supervisor has ended.
            drop(wakes.send(Wake::Checked { run, result }).await);
            if let Some(asking) = asking.upgrade() {
                let own = asking.lock().remove(&run);
                // What ends here need not be ended.
                drop(own.map(AbortOnDropHandle::detach));
            }
        });
        tasks.insert(run, AbortOnDropHandle::new(task));
    }
}

/// Whether a GET is answered with the status that is wanted; redirects are answers like any other.
async fn get(
    client: Client<HttpConnector, Empty<Bytes>>,
    url: String,
    wanted: Option<u16>,
) -> Result<String, String> {
    if !url.starts_with("http://") {
        // The address itself may hold a password.
        return Err("only http:// can be asked: use a command for others".to_owned());
    }
    let uri = url
        .parse()
        .map_err(|error| format!("the address is none: {error}"))?;
    let answer = client.get(uri).await.map_err(|error| reason(&error))?;
    let status = answer.status();
    let is_wanted = wanted.map_or(status.is_success(), |wanted| status.as_u16() == wanted);
    if is_wanted {
        return Ok(format!("HTTP {status}"));
    }
    let body = Limited::new(answer.into_body(), BODY_LIMIT).collect();
    // What it says is only for people: a body that is too long, too slow or broken changes nothing.
    let body = tokio::time::timeout(BODY_PATIENCE, body).await;
    let line = match body {
        Ok(Ok(body)) => shown(&body.to_bytes()),
        Ok(Err(_)) | Err(_) => None,
    };
    Err(match line {
        Some(line) => format!("HTTP {status}: {line}"),
        None => format!("HTTP {status}"),
    })
}

/// The first line of a body, if it has any.
fn shown(body: &[u8]) -> Option<String> {
    let text = String::from_utf8_lossy(body);
    let line = text.lines().map(str::trim).find(|line| !line.is_empty())?;
    Some(line.chars().take(SHOWN_LIMIT).collect())
}

/// Whether a connection can be had, to any of the addresses that a name has.
async fn connect(address: String) -> Result<String, String> {
    match TcpStream::connect(&address).await {
        Ok(_) => Ok(format!("connected to {address}")),
        Err(error) => Err(format!("{address}: {error}")),
    }
}

/// An error and what is behind it: the outermost alone says only that something did not work.
fn reason(error: &(dyn Error + 'static)) -> String {
    let mut text = error.to_string();
    let mut behind = error.source();
    while let Some(error) = behind {
        text = format!("{text}: {error}");
        behind = error.source();
    }
    text
}

#[cfg(test)]
mod tests;
