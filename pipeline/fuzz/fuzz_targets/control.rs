//! Any bytes to the control socket, then the end of the sender's half: one answer that is HTTP and short, or none; the request counted once
//! if it was answered; the server is there for the next. The loop answers everything at once.
#![no_main]

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use flightline_supervisor::control::command::{Answer, Command};
use flightline_supervisor::control::{Deps, Server};
use flightline_supervisor::event::Wake;
use libfuzzer_sys::fuzz_target;
use tempfile::TempDir;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::UnixStream;
use tokio::runtime::{Builder, Runtime};
use tokio::sync::mpsc;
use tokio::time::timeout;

/// Far more than any answer needs: the list of jobs is the loop's, and empty here.
const ANSWER: usize = 4096;
/// All of the request is there, so nothing has to be waited for.
const SOON: Duration = Duration::from_secs(2);

/// A server, and what it has counted.
struct Rig {
    runtime: Runtime,
    server: Server,
    counted: Arc<AtomicUsize>,
    _folder: TempDir,
}

thread_local! {
    static RIG: Rig = Rig::start();
}

fuzz_target!(|input: &[u8]| RIG.with(|rig| rig.take(input)));

impl Rig {
    fn start() -> Self {
        let folder = tempfile::tempdir().expect("a folder can be made");
        let runtime = Builder::new_current_thread().enable_all().build();
        let runtime = runtime.expect("a runtime can be made");
        let counted = Arc::<AtomicUsize>::default();
        let (wakes, mut mailbox) = mpsc::channel(4);
        let here = Arc::clone(&counted);
        let deps = Deps {
            wakes,
            variables: Arc::default(),
            metrics: Box::new(|values| assert!(values.len() <= 1024)),
            counted: Box::new(move |path, status| {
                assert!(path.len() < 64 && (200..600).contains(&status));
                here.fetch_add(1, Ordering::Relaxed);
            }),
        };
        let path = folder.path().join("control.socket");
        let server = runtime.block_on(async {
            tokio::spawn(async move {
                while let Some(wake) = mailbox.recv().await {
                    let Wake::Control { command, reply } = wake else {
                        panic!("{wake:?}");
                    };
                    if let Command::Job { name, .. } | Command::Status(name) = &command {
                        assert!(!name.is_empty());
                    }
                    reply.send(Answer::Done).ok();
                }
            });
            Server::start(&path, deps).await.expect("it listens")
        });
        Self {
            runtime,
            server,
            counted,
            _folder: folder,
        }
    }

    fn take(&self, input: &[u8]) {
        let before = self.counted.load(Ordering::Relaxed);
        let answer = self.runtime.block_on(async {
            let asked = timeout(SOON, self.ask(input)).await;
            asked.expect("it is answered or hung up on in time")
        });
        let counted = self.counted.load(Ordering::Relaxed) - before;
        assert!(answer.len() < ANSWER, "{}", answer.len());
        // What is no HTTP is answered by the library, and not counted.
        assert!(counted <= 1);
        assert!(
            answer.is_empty() || answer.starts_with(b"HTTP/1."),
            "{answer:?}"
        );
    }

    async fn ask(&self, input: &[u8]) -> Vec<u8> {
        let mut stream = UnixStream::connect(self.server.path())
            .await
            .expect("it listens");
        // It may hang up on the first half already.
        stream.write_all(input).await.ok();
        stream.shutdown().await.ok();
        let mut answer = Vec::new();
        stream.read_to_end(&mut answer).await.ok();
        answer
    }
}
