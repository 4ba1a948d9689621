//! What counts as well, with real sockets and commands.

use std::path::PathBuf;
use std::sync::Arc;

use futures_util::future::BoxFuture;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpListener;

use super::*;
use crate::config::Exec;
use crate::log::Origin;
use crate::process::Lines;

/// A busy machine answers slowly.
const PATIENCE: Duration = Duration::from_secs(30);

#[derive(Debug)]
struct Nobody;

impl Lines for Nobody {
    fn line<'a>(&'a self, _: &'a Origin, _: &'a [u8]) -> BoxFuture<'a, ()> {
        Box::pin(std::future::ready(()))
    }
}

async fn run(check: &Check, timeout: Option<Duration>) -> Checked {
    let (wakes, mut received) = mpsc::channel(1);
    let spawner = Spawner::new(Arc::new(Nobody), wakes.clone());
    let checker = Checker::new(spawner, wakes);
    let setting = Setting {
        cwd: Some(PathBuf::from("/")),
        ..Setting::default()
    };
    let asked = Asked {
        job: "app",
        check,
        timeout,
        output: Output::Wrapped,
        setting: &setting,
        variables: &BTreeMap::new(),
    };
    checker.begin(RunId(7), &asked);
    let wake = tokio::time::timeout(PATIENCE, received.recv()).await;
    match wake.expect("a result comes in time") {
        Some(Wake::Checked {
            run: RunId(7),
            result,
        }) => result,
        other => panic!("no result: {other:?}"),
    }
}

/// A server that answers everybody with these bytes, and the check that asks it.
async fn serving(answer: &'static str, status: Option<u16>) -> Check {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}/health", listener.local_addr().unwrap());
    tokio::spawn(async move {
        loop {
            let (mut client, _) = listener.accept().await.unwrap();
            let mut request = [0; 1024];
            let read = client.read(&mut request).await.unwrap();
            assert!(request[..read].starts_with(b"GET /health HTTP/1.1\r\n"));
            client.write_all(answer.as_bytes()).await.unwrap();
            if answer.contains("stay") {
                std::future::pending::<()>().await;
            }
        }
    });
    Check::Http {
        url: url.parse().unwrap(),
        status,
    }
}

fn passed(output: &str) -> Checked {
    Checked::Passed {
        output: output.to_owned(),
    }
}

fn failed(output: &str) -> Checked {
    Checked::Failed {
        output: output.to_owned(),
    }
}

#[tokio::test]
async fn http_is_well_on_2xx_or_on_what_is_wanted() {
    const OK: &str = "HTTP/1.1 204 No Content\r\n\r\n";
    const AWAY: &str = "HTTP/1.1 302 Found\r\nlocation: /elsewhere\r\ncontent-length: 0\r\n\r\n";
    for (answer, wanted, expected) in [
        (OK, None, passed("HTTP 204 No Content")),
        (OK, Some(200), failed("HTTP 204 No Content")),
        (AWAY, None, failed("HTTP 302 Found")),
        (AWAY, Some(302), passed("HTTP 302 Found")),
    ] {
        let check = serving(answer, wanted).await;
        assert_eq!(
            run(&check, Some(PATIENCE)).await,
            expected,
            "{answer} {wanted:?}"
        );
    }
}

#[tokio::test]
async fn a_failure_tells_the_first_line_of_its_body() {
    let check = serving(
        "HTTP/1.1 503 Service Unavailable\r\ncontent-length: 19\r\n\r\n\nno database\nat all",
        None,
    )
    .await;
    let expected = failed("HTTP 503 Service Unavailable: no database");
    assert_eq!(run(&check, None).await, expected);
}

#[tokio::test]
async fn a_body_that_does_not_end_changes_no_verdict() {
    let endless = "HTTP/1.1 200 OK\r\ncontent-length: 99\r\n\r\nstay";
    let check = serving(endless, None).await;
    assert_eq!(run(&check, Some(PATIENCE)).await, passed("HTTP 200 OK"));
    let check = serving(endless, Some(204)).await;
    assert_eq!(run(&check, Some(PATIENCE)).await, failed("HTTP 200 OK"));
}

#[tokio::test]
async fn who_does_not_answer_in_time_is_not_well() {
    let check = serving("HTTP/1.1 200 OK\r\nx-stay", None).await;
    let limit = Duration::from_millis(100);
    assert_eq!(
        run(&check, Some(limit)).await,
        failed("timeout after 100ms")
    );
}

#[tokio::test]
async fn a_check_without_a_timeout_ends_when_it_is_forgotten() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}/health", listener.local_addr().unwrap());
    let check = Check::Http {
        url: url.parse().unwrap(),
        status: None,
    };
    let (wakes, mut received) = mpsc::channel(1);
    let checker = Checker::new(Spawner::new(Arc::new(Nobody), wakes.clone()), wakes);
    let asked = Asked {
        job: "app",
        check: &check,
        timeout: None,
        output: Output::Wrapped,
        setting: &Setting::default(),
        variables: &BTreeMap::new(),
    };
    checker.begin(RunId(7), &asked);
    let (mut client, _) = listener.accept().await.unwrap();
    checker.abandon(RunId(7));
    assert!(checker.asking.lock().is_empty());
    // Its connection is closed with it: nothing of it is left.
    let mut request = Vec::new();
    let closed = tokio::time::timeout(PATIENCE, client.read_to_end(&mut request)).await;
    closed.expect("it is closed in time").ok();
    drop(checker);
    assert!(received.recv().await.is_none(), "no result is told");
}

#[tokio::test]
async fn a_check_that_has_ended_is_not_kept() {
    let check = Check::Tcp {
        address: "127.0.0.1:0".to_owned(),
    };
    let (wakes, mut received) = mpsc::channel(1);
    let checker = Checker::new(Spawner::new(Arc::new(Nobody), wakes.clone()), wakes);
    let asked = Asked {
        job: "app",
        check: &check,
        timeout: None,
        output: Output::Wrapped,
        setting: &Setting::default(),
        variables: &BTreeMap::new(),
    };
    checker.begin(RunId(7), &asked);
    assert_eq!(checker.asking.lock().len(), 1);
    received.recv().await.unwrap();
    tokio::task::yield_now().await;
    assert!(checker.asking.lock().is_empty());
}

#[tokio::test]
async fn nobody_there_is_said_with_the_reason() {
    let gone = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = gone.local_addr().unwrap();
    drop(gone);
    let url = format!("http://{address}/").parse().unwrap();
    let tcp = Check::Tcp {
        address: address.to_string(),
    };
    for check in [Check::Http { url, status: None }, tcp] {
        let Checked::Failed { output } = run(&check, Some(PATIENCE)).await else {
            panic!("nobody is there");
        };
        assert!(output.contains("Connection refused"), "{output}");
    }
}

#[tokio::test]
async fn https_is_refused_and_said() {
    let check = Check::Http {
        url: "https://127.0.0.1:1/".parse().unwrap(),
        status: None,
    };
    let Checked::Failed { output } = run(&check, Some(PATIENCE)).await else {
        panic!("it is not asked");
    };
    assert!(output.contains("http://"), "{output}");
}

#[tokio::test]
async fn tcp_is_well_once_connected_whatever_address_the_name_has() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let port = listener.local_addr().unwrap().port();
    let address = format!("localhost:{port}");
    let check = Check::Tcp { address };
    let expected = passed(&format!("connected to localhost:{port}"));
    assert_eq!(run(&check, Some(PATIENCE)).await, expected);
}

#[tokio::test]
async fn a_command_is_asked_by_its_status() {
    let exec = |program: &str, args: &[&str]| {
        Check::Exec(Exec {
            program: program.to_owned(),
            args: args.iter().map(|&arg| arg.to_owned()).collect(),
        })
    };
    assert_eq!(run(&exec("true", &[]), None).await, passed("ok"));
    let check = exec("sh", &["-c", "echo no; exit 3"]);
    assert_eq!(run(&check, None).await, failed("no"));
    let Checked::Failed { output } = run(&exec("no-such-program", &[]), None).await else {
        panic!("there is no such program");
    };
    assert!(output.contains("no folder of PATH"), "{output}");
}
