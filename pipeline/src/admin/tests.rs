//! Real requests over loopback.

use std::io::Read;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Instant;

use bytes::Bytes;
use flate2::read::GzDecoder;
use flightline_contract::class::Class;
use flightline_contract::metric::{Kind, Sample};
use http::header::{ACCEPT, ACCEPT_ENCODING, ALLOW, CONTENT_ENCODING, CONTENT_TYPE, RETRY_AFTER};
use http::{Method, Request, Response, StatusCode};
use http_body_util::{BodyExt, Empty};
use hyper::body::Incoming;
use hyper_util::client::legacy::Client;
use hyper_util::rt::TokioExecutor;
use tokio::net::TcpListener;
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;

use super::health::Health;
use super::status::{ExporterStatus, Queue, StageStatus, Status};
use super::{AdminState, INDEX, SCRAPES, serve};
use crate::config;
use crate::decode::observe::Observer;
use crate::delivery::{Attempt, Stamp};
use crate::exporter::Exporter;
use crate::listen::Protection;
use crate::metrics::{Metrics, Stage};

struct Server {
    address: SocketAddr,
    health: Arc<Health>,
    stop: CancellationToken,
    serving: JoinHandle<std::io::Result<()>>,
}

/// A listener with `series` gauges in the table.
async fn server(series: usize) -> Server {
    let config = config::Exporter {
        classes: Class::ALL.to_vec(),
        max_series: 1_000_000,
        max_bytes: 1 << 30,
        max_labels: 16,
        expire: std::time::Duration::from_secs(600),
        counters: Vec::new(),
    };
    let exporter = Exporter::new(&config, &Metrics::new(), Instant::now());
    fill(&exporter, series);
    let health = Arc::new(Health::new(1000));
    let table = exporter.clone();
    let status = move || Status {
        version: "0.0.0",
        state: "ready",
        uptime_seconds: 1.5,
        stages: vec![StageStatus {
            stage: Stage::Source.as_str(),
            counters: [("received".to_owned(), 7)].into(),
            queues: vec![Queue {
                name: "decode".to_owned(),
                unit: "messages",
                depth: 3,
                limit: 8,
            }],
            last_error: None,
        }],
        consumer: None,
        history: Vec::new(),
        lanes: Vec::new(),
        exporter: ExporterStatus::from(&table),
    };
    let state = Arc::new(AdminState::new(Arc::clone(&health), exporter, status));
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let stop = CancellationToken::new();
    let serving = tokio::spawn(serve(listener, Protection::None, state, stop.clone()));
    Server {
        address,
        health,
        stop,
        serving,
    }
}

fn fill(exporter: &Exporter, series: usize) {
    let stamp = Stamp {
        time: 1,
        sequence: None,
        attempt: Attempt::First,
    };
    let mut table = exporter.lock();
    table.begin(&stamp, Instant::now());
    for number in 0..series {
        let text = format!(
            r#"{{"name":"queue_depth","kind":"gauge","value":{number},"labels":{{"queue":"q{number}"}}}}"#
        );
        let sample: Sample<'_> = serde_json::from_str(&text).unwrap();
        assert_eq!(sample.kind, Kind::Gauge);
        table.sample("api", "a1", &sample, sample.reading().unwrap());
    }
}

impl Server {
    async fn ask(
        &self,
        method: Method,
        path: &str,
        headers: &[(http::HeaderName, &str)],
    ) -> Response<Incoming> {
        let client = Client::builder(TokioExecutor::new()).build_http::<Empty<Bytes>>();
        let mut request = Request::builder()
            .method(method)
            .uri(format!("http://{}{path}", self.address));
        for (name, value) in headers {
            request = request.header(name, *value);
        }
        client
            .request(request.body(Empty::new()).unwrap())
            .await
            .unwrap()
    }

    async fn get(&self, path: &str) -> (StatusCode, String) {
        let answer = self.ask(Method::GET, path, &[]).await;
        (answer.status(), text(answer).await)
    }
}

async fn text(answer: Response<Incoming>) -> String {
    String::from_utf8(
        answer
            .into_body()
            .collect()
            .await
            .unwrap()
            .to_bytes()
            .to_vec(),
    )
    .unwrap()
}

#[tokio::test]
async fn readiness_follows_the_state_with_a_reason() {
    let server = server(0).await;
    assert_eq!(
        server.get("/healthz").await,
        (StatusCode::OK, "ok\n".to_owned())
    );
    let answer = server.ask(Method::GET, "/readyz", &[]).await;
    assert_eq!(answer.status(), StatusCode::SERVICE_UNAVAILABLE);
    assert_eq!(answer.headers()[RETRY_AFTER], "1");
    assert!(text(answer).await.starts_with("connecting"));
    server.health.connected();
    assert_eq!(
        server.get("/readyz").await,
        (StatusCode::OK, "ready\n".to_owned())
    );
    server.health.held(1_000);
    let (code, reason) = server.get("/readyz").await;
    assert_eq!(code, StatusCode::SERVICE_UNAVAILABLE);
    assert_eq!(
        reason,
        "overloaded: 1000 bytes held, the high-water mark is 1000\n"
    );
    server.health.draining();
    assert!(server.get("/readyz").await.1.starts_with("draining"));
    server.health.broke("the sink stage has ended");
    let (code, reason) = server.get("/healthz").await;
    assert_eq!(
        (code, reason.as_str()),
        (
            StatusCode::SERVICE_UNAVAILABLE,
            "the sink stage has ended\n"
        )
    );
}

#[tokio::test]
async fn unknown_paths_are_told_so() {
    let server = server(0).await;
    assert_eq!(server.get("/nothing").await.0, StatusCode::NOT_FOUND);
    let (code, index) = server.get("/").await;
    assert_eq!(code, StatusCode::OK);
    for path in PATHS {
        assert!(index.contains(path), "{index}");
    }
}

/// A route that is not in this list is not on the listener: they are all on its first page.
const PATHS: [&str; 5] = ["/", "/metrics", "/healthz", "/readyz", "/status"];

#[tokio::test]
async fn nothing_can_be_changed_by_the_listener() {
    let server = server(1).await;
    let (_, before) = server.get("/status").await;
    let listed = INDEX.lines().filter(|line| line.starts_with("  /")).count();
    assert_eq!(listed + 1, PATHS.len(), "a new path belongs into this test");
    for path in PATHS {
        for method in [
            "POST", "PUT", "PATCH", "DELETE", "OPTIONS", "TRACE", "PURGE",
        ] {
            let answer = server.ask(method.parse().unwrap(), path, &[]).await;
            let code = answer.status();
            assert_eq!(code, StatusCode::METHOD_NOT_ALLOWED, "{method} {path}");
            assert_eq!(answer.headers()[ALLOW], "GET,HEAD", "{method} {path}");
        }
        let head = server.ask(Method::HEAD, path, &[]).await;
        assert!(text(head).await.is_empty(), "{path}");
    }
    assert_eq!(server.get("/status").await.1, before);
}

#[tokio::test]
async fn no_answer_repeats_what_was_asked_or_is_a_page() {
    use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
    let server = server(0).await;
    for text in flightline_fixtures::hostile::texts() {
        for request in [
            format!("GET /{text}<b>mark</b> HTTP/1.0\r\n\r\n"),
            format!("GET /metrics?{text}mark HTTP/1.0\r\nAccept: {text}\r\nX: mark\r\n\r\n"),
            format!("{text} mark"),
        ] {
            let mut socket = tokio::net::TcpStream::connect(server.address)
                .await
                .unwrap();
            socket.write_all(request.as_bytes()).await.unwrap();
            socket.shutdown().await.unwrap();
            let mut answer = Vec::new();
            socket.read_to_end(&mut answer).await.unwrap();
            let answer = String::from_utf8(answer).unwrap();
            let (head, body) = answer.split_once("\r\n\r\n").unwrap_or((&answer, ""));
            assert!(!answer.contains("mark"), "{request:?}: {answer}");
            assert!(!head.contains("html"), "{request:?}: {head}");
            let plain = head.contains("text/plain");
            assert!(plain || body.is_empty(), "{request:?}: {answer}");
        }
    }
}

#[tokio::test]
async fn status_is_json() {
    let server = server(2).await;
    let (code, json) = server.get("/status").await;
    assert_eq!(code, StatusCode::OK);
    let status: serde_json::Value = serde_json::from_str(&json).unwrap();
    assert_eq!(status["exporter"]["series"], 2);
    assert_eq!(status["stages"][0]["counters"]["received"], 7);
    assert_eq!(status["stages"][0]["queues"][0]["depth"], 3);
}

#[tokio::test]
async fn metrics_come_in_the_format_and_coding_asked_for() {
    let server = server(5_000).await;
    let plain = server.ask(Method::GET, "/metrics", &[]).await;
    assert_eq!(
        plain.headers()[CONTENT_TYPE],
        "text/plain; version=0.0.4; charset=utf-8"
    );
    assert!(!plain.headers().contains_key(CONTENT_ENCODING));
    let plain = text(plain).await;
    assert_eq!(
        plain
            .lines()
            .filter(|line| line.starts_with("queue_depth{"))
            .count(),
        5_000
    );
    let open = [
        (ACCEPT, "application/openmetrics-text;version=1.0.0"),
        (ACCEPT_ENCODING, "gzip"),
    ];
    let open = server.ask(Method::GET, "/metrics", &open).await;
    assert_eq!(
        open.headers()[CONTENT_TYPE],
        "application/openmetrics-text; version=1.0.0; charset=utf-8"
    );
    assert_eq!(open.headers()[CONTENT_ENCODING], "gzip");
    let packed = open.into_body().collect().await.unwrap().to_bytes();
    let mut text = String::new();
    GzDecoder::new(&*packed).read_to_string(&mut text).unwrap();
    assert!(text.ends_with("# EOF\n") && packed.len() < text.len() / 4);
}

#[tokio::test]
async fn one_scrape_too_many_is_told_to_come_again() {
    let server = server(100_000).await;
    let mut open = Vec::new();
    for _ in 0..SCRAPES {
        // Not read: the sockets fill, and the answers stay under way.
        open.push(server.ask(Method::GET, "/metrics", &[]).await);
    }
    let answer = server.ask(Method::GET, "/metrics", &[]).await;
    assert_eq!(answer.status(), StatusCode::SERVICE_UNAVAILABLE);
    assert_eq!(answer.headers()[RETRY_AFTER], "1");
    assert_eq!(server.get("/healthz").await.0, StatusCode::OK);
    let first = text(open.remove(0)).await;
    assert_eq!(
        first
            .lines()
            .filter(|line| line.starts_with("queue_depth{"))
            .count(),
        100_000
    );
    assert_eq!(
        server.ask(Method::GET, "/metrics", &[]).await.status(),
        StatusCode::OK
    );
}

#[tokio::test]
async fn the_listener_ends_when_told_although_a_client_does_not_read() {
    let server = server(100_000).await;
    let open = server.ask(Method::GET, "/metrics", &[]).await;
    server.stop.cancel();
    server.serving.await.unwrap().unwrap();
    drop(open);
}
