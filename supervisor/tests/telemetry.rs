//! The telemetry server over real sockets: what a scraper, a person and a hostile client see of it.

use std::io::{Read as _, Write as _};
use std::net::{SocketAddr, TcpStream};
use std::time::{Duration, Instant};

use flightline_contract::lifecycle::State;
use flightline_fixtures::http::{self, Answer};
use flightline_fixtures::prometheus::{Prometheus, check_metrics};
use flightline_fixtures::wait;
use flightline_supervisor::config::{Metric, MetricKind};
use flightline_supervisor::event::{Code, Source};
use flightline_supervisor::telemetry::metrics::Metrics;
use flightline_supervisor::telemetry::server::{Pages, bind, serve};
use flightline_supervisor::telemetry::status::{JobStatus, ServiceStatus, Standing, StatusReport};
use tokio::sync::watch;
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;

const SOON: Duration = Duration::from_secs(30);

struct Server {
    address: SocketAddr,
    metrics: Metrics,
    status: watch::Sender<StatusReport>,
    stop: CancellationToken,
    serving: JoinHandle<()>,
}

async fn server(address: &str) -> Server {
    let metrics = Metrics::new();
    let (status, shown) = watch::channel(StatusReport::default());
    let pages = Pages {
        metrics: metrics.clone(),
        status: shown,
    };
    let address = address.parse().expect("an address");
    let listener = bind(address).await.expect("the address is free");
    let address = listener.local_addr().expect("it is bound");
    let stop = CancellationToken::new();
    let serving = tokio::spawn(serve(listener, pages, stop.clone()));
    Server {
        address,
        metrics,
        status,
        stop,
        serving,
    }
}

impl Server {
    async fn ask(&self, method: &'static str, path: &str) -> Answer {
        let url = format!("http://{}{path}", self.address);
        let asked = tokio::task::spawn_blocking(move || http::request(method, &url, &[], b""));
        asked.await.expect("no panic").expect("the server answers")
    }

    async fn stop(self) {
        self.stop.cancel();
        tokio::time::timeout(SOON, self.serving)
            .await
            .expect("it ends in bounded time")
            .expect("no panic");
    }
}

fn metric(name: &str, kind: MetricKind) -> Metric {
    Metric {
        namespace: "example".to_owned(),
        subsystem: String::new(),
        name: name.to_owned(),
        help: "Only a \"test\"\\\n of two lines.".to_owned(),
        kind,
    }
}

/// One of each kind, all with values, beside everything that is always there.
fn fill(metrics: &Metrics) {
    let kinds = [
        metric("done_total", MetricKind::Counter),
        metric("depth", MetricKind::Gauge),
        metric("wait_seconds", MetricKind::Histogram),
        metric("size_bytes", MetricKind::Summary),
    ];
    metrics.declare(&kinds).expect("all are valid");
    for kind in &kinds {
        metrics.push(&format!("example__{}", kind.name), "0.5");
    }
    metrics.event(Code::StatusChanged, &Source::watch("a \"quoted\"\nname"));
    metrics.control_request("/v3/ping", 200);
    metrics.watch_instances("db", 2, 0);
    metrics.jobs([State::Healthy].into_iter());
    metrics.transition(State::Healthy);
    metrics.restart("app");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_scrape_is_what_promtool_accepts() {
    let server = server("127.0.0.1:0").await;
    fill(&server.metrics);
    let answer = server.ask("GET", "/metrics").await;
    assert_eq!(answer.status, 200);
    assert_eq!(
        answer.header("content-type").unwrap(),
        "text/plain; version=0.0.4; charset=utf-8"
    );
    let text = answer.text();
    for name in [
        "containerpilot_events",
        "containerpilot_control_http_requests",
        "containerpilot_watch_instances",
        "process_cpu_seconds_total",
        "process_resident_memory_bytes",
        "flightline_supervisor_jobs",
        "example_wait_seconds_bucket",
        "example_size_bytes{quantile=\"0.99\"}",
    ] {
        assert!(text.contains(name), "no {name} in:\n{text}");
    }
    let found = check_metrics(&text).err().unwrap_or_default();
    // The two names are older than the rule that counters end in _total.
    let ours: Vec<&str> = found
        .lines()
        .filter(|line| !line.starts_with("containerpilot_") || !line.contains("_total"))
        .collect();
    assert!(ours.is_empty(), "{ours:?}\n{text}");
    server.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn prometheus_reads_what_jobs_push() {
    let server = server("127.0.0.1:0").await;
    fill(&server.metrics);
    let target = server.address.to_string();
    let prometheus = tokio::task::spawn_blocking(move || Prometheus::scraping(&target))
        .await
        .unwrap();
    for (text, value) in [("41.5", 42.0), ("8", 50.0)] {
        server.metrics.push("example_done_total", text);
        wait::until(SOON, || {
            prometheus.value("example_done_total") == Some(value)
        })
        .unwrap();
    }
    let quantile = prometheus.value("example_size_bytes{quantile=\"0.5\"}");
    assert!((quantile.unwrap() - 0.5).abs() < 0.01);
    assert_eq!(
        prometheus.value("containerpilot_watch_instances"),
        Some(2.0)
    );
    server.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn status_has_containerpilots_shape_and_only_get() {
    let server = server("127.0.0.1:0").await;
    let answer = server.ask("GET", "/status").await;
    assert_eq!(
        answer.text(),
        r#"{"Version":"","Jobs":null,"Services":null,"Watches":null}"#
    );
    server.status.send_replace(StatusReport {
        version: "3.8.0".to_owned(),
        jobs: vec![JobStatus {
            name: "setup".to_owned(),
            status: Standing::Unknown,
        }],
        services: vec![ServiceStatus {
            name: "app".to_owned(),
            address: "10.0.0.5".to_owned(),
            port: 8000,
            status: Standing::Healthy,
        }],
        watches: vec!["db".to_owned()],
    });
    let answer = server.ask("GET", "/status").await;
    assert_eq!(answer.header("content-type"), Some("application/json"));
    assert_eq!(
        answer.text(),
        r#"{"Version":"3.8.0","Jobs":[{"Name":"setup","Status":"unknown"}],"Services":[{"Name":"app","Address":"10.0.0.5","Port":8000,"Status":"healthy"}],"Watches":["db"]}"#
    );
    for method in ["POST", "PUT", "DELETE", "OPTIONS"] {
        let answer = server.ask(method, "/status").await;
        assert_eq!(answer.status, 405, "{method}");
        assert_eq!(answer.header("allow"), Some("GET"));
    }
    assert_eq!(server.ask("POST", "/metrics").await.status, 405);
    assert_eq!(server.ask("GET", "/healthz").await.text(), "ok\n");
    assert_eq!(server.ask("GET", "/nothing").await.status, 404);
    server.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn head_is_not_get() {
    let server = server("127.0.0.1:0").await;
    let mut stream = TcpStream::connect(server.address).unwrap();
    stream.write_all(b"HEAD /status HTTP/1.0\r\n\r\n").unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).unwrap();
    assert!(answer.starts_with("HTTP/1.0 405 "), "{answer}");
    server.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn it_can_start_again_on_the_same_port_with_clients_connected() {
    let first = server("127.0.0.1:0").await;
    let address = first.address.to_string();
    let mut open = TcpStream::connect(first.address).unwrap();
    open.write_all(b"GET /healthz HTTP/1.1\r\nHost: x\r\n\r\n")
        .unwrap();
    let mut begin = [0; 12];
    open.read_exact(&mut begin).unwrap();
    first.stop().await;
    let begin = Instant::now();
    let second = server(&address).await;
    assert!(begin.elapsed() < Duration::from_secs(1), "at the first try");
    assert_eq!(second.ask("GET", "/healthz").await.status, 200);
    second.stop().await;
}

#[tokio::test(start_paused = true)]
async fn an_address_that_is_taken_is_tried_ten_times() {
    // Not one of those that the system gives to whoever connects: it has to be free again.
    let port = flightline_fixtures::server::free_port();
    let taken = std::net::TcpListener::bind(("127.0.0.1", port)).unwrap();
    let address = taken.local_addr().unwrap();
    let begin = tokio::time::Instant::now();
    let error = bind(address).await.unwrap_err();
    assert_eq!(begin.elapsed().as_secs(), 9);
    let error = error.to_string();
    assert!(
        error.starts_with("telemetry: cannot listen on 127.0.0.1:"),
        "{error}"
    );
    assert!(error.contains("telemetry.port"), "{error}");
    let freed = tokio::spawn(bind(address));
    tokio::task::yield_now().await;
    drop(taken);
    // A child that another test has just forked has it open, too, until it is another program; under paused time all tries come before that.
    let free = || std::net::TcpListener::bind(address).is_ok();
    wait::until(Duration::from_secs(10), free).unwrap();
    freed.await.unwrap().expect("it is free at the second try");
}

#[tokio::test(flavor = "multi_thread")]
async fn clients_that_say_nothing_keep_nobody_out_for_long() {
    let server = server("127.0.0.1:0").await;
    let silent: Vec<TcpStream> = (0..40)
        .map(|_| TcpStream::connect(server.address).unwrap())
        .collect();
    // Every place is taken until the silent are cut off.
    let answer = tokio::time::timeout(SOON, server.ask("GET", "/healthz"));
    assert_eq!(answer.await.unwrap().status, 200);
    drop(silent);
    server.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_head_without_end_is_refused() {
    let server = server("127.0.0.1:0").await;
    let mut stream = TcpStream::connect(server.address).unwrap();
    stream.write_all(b"GET /status HTTP/1.1\r\n").unwrap();
    let mut sent = 0_usize;
    let line = format!("X-More: {}\r\n", "x".repeat(1_000));
    // Either a write fails, or the answer says it.
    while sent < 1 << 20 && stream.write_all(line.as_bytes()).is_ok() {
        sent += line.len();
    }
    let mut answer = Vec::new();
    if stream.read_to_end(&mut answer).is_ok() && !answer.is_empty() {
        let answer = String::from_utf8_lossy(&answer);
        assert!(answer.starts_with("HTTP/1.1 431 "), "{answer}");
    }
    assert_eq!(server.ask("GET", "/healthz").await.status, 200);
    server.stop().await;
}
