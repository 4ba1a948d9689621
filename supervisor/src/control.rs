//! The control socket: HTTP/1.1 over a unix socket in, commands to the loop out. It has limits on everything that a client decides, and
//! ends in bounded time whoever hangs on.

/// What the loop can be asked, and what it answers.
pub mod command;
/// Variables that were set through the socket.
pub mod variables;
/// The file of the socket: taken, and given back.
pub mod socket;
/// Which path means what.
mod route;
/// What is answered.
mod reply;
/// What a request does.
mod handle;

use std::convert::Infallible;
use std::fmt;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::{TokioIo, TokioTimer};
use tokio::net::{UnixListener, UnixStream};
use tokio::sync::mpsc;
use tokio::task::{JoinError, JoinHandle, JoinSet};
use tokio_util::sync::{CancellationToken, DropGuard};

use self::socket::{ControlError, SocketFile};
use self::variables::Variables;
use crate::event::{Values, Wake};

/// Connections at once; further ones wait in the kernel's queue, where they cost nothing. A client is there for one request.
pub const CONNECTIONS: usize = 64;
/// Bytes of a request's first line and headers.
const HEAD: usize = 16 * 1024;
/// Headers of a request; what curl sends is four.
const HEADERS: usize = 64;
/// How long a client may take for them.
const HEAD_TIME: Duration = Duration::from_secs(5);
/// How long a connection may last, whatever it does: head, body and the loop's answer each have less, and the rest is for a client that
/// reads slowly.
const CONNECTION_TIME: Duration = Duration::from_secs(30);
/// How long answers may take once the server is told to stop, as ContainerPilot has it; what is open then is cut off.
const LINGER: Duration = Duration::from_millis(600);
/// Between two tries when the process is out of descriptors.
const ACCEPT_PAUSE: Duration = Duration::from_millis(100);

/// Who hears of what clients ask. The closures are called between two awaits of the one runtime: they must not block.
pub struct Deps {
    /// The loop's mailbox.
    pub wakes: mpsc::Sender<Wake>,
    /// Where variables are set.
    pub variables: Arc<Variables>,
    /// Takes the values of metrics.
    pub metrics: Box<dyn Fn(&Values) + Send + Sync>,
    /// Counts a request: its path, one of a closed set, and the status of the answer.
    pub counted: Box<dyn Fn(&'static str, u16) + Send + Sync>,
}

impl fmt::Debug for Deps {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Deps").finish_non_exhaustive()
    }
}

/// A server that takes requests. Dropped without [`Server::stop`], it stops by itself, and nobody hears when it has.
#[derive(Debug)]
pub struct Server {
    path: PathBuf,
    stop: DropGuard,
    serving: JoinHandle<()>,
}

impl Server {
    /// Listens at `path`. What is left there of a supervisor that is gone is replaced.
    ///
    /// # Errors
    /// When another supervisor answers there, when something else is there, or when it could not be listened at all the times that it
    /// was tried.
    pub async fn start(path: &Path, deps: Deps) -> Result<Self, ControlError> {
        let (listener, file) = socket::listen(path).await?;
        let stop = CancellationToken::new();
        let server = Self {
            path: path.to_owned(),
            stop: stop.clone().drop_guard(),
            serving: tokio::spawn(serve(listener, file, Arc::new(deps), stop)),
        };
        server.announce();
        Ok(server)
    }

    /// Where it listens.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Says in the log where it listens: once for each configuration, also when a reload leaves the server as it is.
    pub fn announce(&self) {
        tracing::info!("control: serving at {}", self.path.display());
    }

    /// Stops listening at once, removes the socket's file, and ends when all requests are answered, but not later than 600 ms from now.
    pub async fn stop(self) {
        drop(self.stop);
        if let Err(error) = self.serving.await {
            tracing::error!("control: the server broke: {error}");
        }
    }
}

async fn serve(listener: UnixListener, file: SocketFile, deps: Arc<Deps>, stop: CancellationToken) {
    let mut connections = JoinSet::new();
    loop {
        tokio::select! {
            () = stop.cancelled() => break,
            Some(ended) = connections.join_next() => look_at(ended),
            accepted = listener.accept(), if connections.len() < CONNECTIONS => match accepted {
                Ok((stream, _)) => {
                    connections.spawn(exchange(stream, Arc::clone(&deps), stop.clone()));
                }
                Err(error) => {
                    tracing::warn!("control: could not accept a client: {error}");
                    tokio::time::sleep(ACCEPT_PAUSE).await;
                }
            },
        }
    }
    // In this order: as long as there is a file, somebody listens, so that nobody takes it for a left one and puts his own there.
    drop(file);
    drop(listener);
    let lingering = async {
        while let Some(ended) = connections.join_next().await {
            look_at(ended);
        }
    };
    if tokio::time::timeout(LINGER, lingering).await.is_err() {
        tracing::debug!("control: cut off {} clients", connections.len());
    }
}

fn look_at(ended: Result<(), JoinError>) {
    if let Err(error) = ended {
        tracing::error!("control: a request broke: {error}");
    }
}

/// One client: one request, one answer.
async fn exchange(stream: UnixStream, deps: Arc<Deps>, stop: CancellationToken) {
    let service = service_fn(move |request| {
        let deps = Arc::clone(&deps);
        async move { Ok::<_, Infallible>(handle::handle(request, &deps).await) }
    });
    let mut connection = std::pin::pin!(
        http1::Builder::new()
            .timer(TokioTimer::new())
            .keep_alive(false)
            // `nc -U` and the like say that they have nothing more to send, and still read.
            .half_close(true)
            .header_read_timeout(HEAD_TIME)
            .max_buf_size(HEAD)
            .max_headers(HEADERS)
            .serve_connection(TokioIo::new(stream), service)
    );
    let whole = async {
        tokio::select! {
            ended = connection.as_mut() => return ended,
            () = stop.cancelled() => connection.as_mut().graceful_shutdown(),
        }
        connection.await
    };
    match tokio::time::timeout(CONNECTION_TIME, whole).await {
        Ok(Ok(())) => {}
        Ok(Err(error)) => tracing::debug!("control: a client was not served: {error}"),
        Err(_) => tracing::debug!("control: a client was cut off after {CONNECTION_TIME:?}"),
    }
}
