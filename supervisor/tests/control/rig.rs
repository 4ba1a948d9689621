//! A server with a stand-in for the loop behind it, and a raw client, so that what is sent is what is written here.

use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex};

use flightline_supervisor::control::command::{Answer, Command, JobView};
use flightline_supervisor::control::socket::ControlError;
use flightline_supervisor::control::variables::Variables;
use flightline_supervisor::control::{Deps, Server};
use flightline_supervisor::event::{Values, Wake};
use tempfile::TempDir;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::UnixStream;
use tokio::sync::mpsc;

const WHOLE: &str = "nobody panics with the lock in hand";

/// A server, and what came out of it.
pub(crate) struct Rig {
    pub(crate) server: Server,
    pub(crate) variables: Arc<Variables>,
    pub(crate) metrics: Arc<Mutex<Vec<Values>>>,
    pub(crate) counted: Arc<Mutex<Vec<(&'static str, u16)>>>,
    pub(crate) commands: Arc<Mutex<Vec<Command>>>,
    folder: TempDir,
}

/// What the loop says to a command; `None` never answers.
pub(crate) type Loop = fn(&Command) -> Option<Answer>;

impl Rig {
    /// A server whose loop answers like this.
    pub(crate) async fn start(answer: Loop) -> Self {
        let folder = tempfile::tempdir().expect("a folder can be made");
        let variables = Arc::new(Variables::default());
        let (metrics, counted, commands) = (Arc::default(), Arc::default(), Arc::default());
        let deps = deps(&variables, &metrics, &counted, stand_in(answer, &commands));
        let server = Server::start(&folder.path().join("socket"), deps)
            .await
            .expect("the path is free");
        Self {
            server,
            variables,
            metrics,
            counted,
            commands,
            folder,
        }
    }

    pub(crate) fn path(&self) -> PathBuf {
        self.folder.path().join("socket")
    }

    /// A request with a body, and its answer: status and body.
    pub(crate) async fn ask(&self, line: &str, body: &str) -> (u16, String) {
        ask(&self.path(), line, body).await
    }
}

/// A second server at `path`, which nobody asks anything.
pub(crate) async fn another(path: &Path) -> Result<Server, ControlError> {
    let commands = Arc::default();
    let deps = deps(
        &Arc::default(),
        &Arc::default(),
        &Arc::default(),
        stand_in(done, &commands),
    );
    Server::start(path, deps).await
}

pub(crate) fn done(_: &Command) -> Option<Answer> {
    Some(Answer::Done)
}

pub(crate) fn never(_: &Command) -> Option<Answer> {
    None
}

/// A job as it may stand.
pub(crate) fn job(name: &str) -> JobView {
    JobView {
        name: name.to_owned(),
        state: "healthy".to_owned(),
        pid: Some(12),
        exit: None,
        attempt: 1,
        restarts_left: None,
        seconds: 3,
        output: Some("ok".to_owned()),
        trouble: None,
    }
}

fn deps(
    variables: &Arc<Variables>,
    metrics: &Arc<Mutex<Vec<Values>>>,
    counted: &Arc<Mutex<Vec<(&'static str, u16)>>>,
    wakes: mpsc::Sender<Wake>,
) -> Deps {
    let (metrics, counted) = (Arc::clone(metrics), Arc::clone(counted));
    Deps {
        wakes,
        variables: Arc::clone(variables),
        metrics: Box::new(move |values| metrics.lock().expect(WHOLE).push(values.clone())),
        counted: Box::new(move |path, status| counted.lock().expect(WHOLE).push((path, status))),
    }
}

fn stand_in(answer: Loop, commands: &Arc<Mutex<Vec<Command>>>) -> mpsc::Sender<Wake> {
    let (wakes, mut mailbox) = mpsc::channel(4);
    let commands = Arc::clone(commands);
    tokio::spawn(async move {
        let mut unanswered = Vec::new();
        while let Some(wake) = mailbox.recv().await {
            let Wake::Control { command, reply } = wake else {
                panic!("{wake:?} does not come from the socket");
            };
            match answer(&command) {
                // Whoever asked may be gone.
                Some(answer) => drop(reply.send(answer)),
                None => unanswered.push(reply),
            }
            commands.lock().expect(WHOLE).push(command);
        }
    });
    wakes
}

/// A client that has sent these bytes.
pub(crate) async fn client(path: &Path, bytes: &[u8]) -> UnixStream {
    let mut stream = UnixStream::connect(path).await.expect("somebody listens");
    stream
        .write_all(bytes)
        .await
        .expect("few bytes are taken at once");
    stream
}

/// What a client hears until the server closes: status and body; status 0 when there was no answer.
pub(crate) async fn hear(mut stream: UnixStream) -> (u16, String) {
    let mut answer = Vec::new();
    // The server may close without having read everything.
    drop(stream.read_to_end(&mut answer).await);
    let answer = String::from_utf8(answer).expect("an answer is text");
    let Some((head, body)) = answer.split_once("\r\n\r\n") else {
        return (0, answer);
    };
    let status = head
        .split(' ')
        .nth(1)
        .and_then(|status| status.parse().ok());
    (status.expect("an answer has a status"), body.to_owned())
}

pub(crate) async fn ask(path: &Path, line: &str, body: &str) -> (u16, String) {
    let length = body.len();
    let request =
        format!("{line} HTTP/1.1\r\nHost: control\r\nContent-Length: {length}\r\n\r\n{body}");
    hear(client(path, request.as_bytes()).await).await
}
