//! A stack comes in, load goes to it: lines over NATS through `flightline publish`, and bodies that a worker cannot put down.

use std::io::{BufWriter, Write};
use std::net::TcpStream;
use std::process::{Child, ChildStdin, Command, Stdio};
use std::thread::{self, JoinHandle};
use std::time::Duration;

use flightline_compose::program;
use flightline_fixtures::http;

use crate::engine::Stack;

/// Lines between two pauses, and the pause: 20,000 a second at most.
const PACE: (u64, Duration) = (1_000, Duration::from_millis(50));
/// The time of the first line, in nanoseconds; each further one is a microsecond later.
const START: u64 = 1_600_000_000_000_000_000;
/// More bodies than fit into `ingest.max_pending` (16 MiB).
const BODIES: usize = 24;
/// Bytes of each body.
const BODY: usize = 1 << 20;

/// Lines that are being published.
pub(crate) struct Lines {
    /// How many there are, with those of runs before.
    pub(crate) count: u64,
    work: JoinHandle<u64>,
}

impl Lines {
    /// Publishes `more` lines beyond the `before` that were published already, as the stack's sensor may.
    pub(crate) fn begin(stack: &Stack, before: u64, more: u64) -> Self {
        let mut child = publisher(stack);
        let lines = child.stdin.take().expect("a pipe to it");
        let work = thread::spawn(move || {
            write(lines, before..before + more);
            acknowledged(child)
        });
        Self {
            count: before + more,
            work,
        }
    }

    /// Waits until each of them is acknowledged, and gives how many there are with those before.
    pub(crate) fn end(self) -> u64 {
        self.work.join().expect("the publisher ends well");
        self.count
    }
}

fn publisher(stack: &Stack) -> Child {
    let password = stack.read("sensors", "/run/secrets/sensor.password");
    Command::new(program("flightline"))
        .args(["publish", "telemetry.app.sensor.load"])
        .env(
            "FLIGHTLINE__NATS__URL",
            format!("nats://127.0.0.1:{}", stack.port("NATS_PORT")),
        )
        .env("FLIGHTLINE__NATS__USER", "sensor")
        .env("FLIGHTLINE__NATS__PASSWORD", password)
        .env("FLIGHTLINE__NATS__INBOX_PREFIX", "_INBOX_sensor")
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .expect("the program starts")
}

fn write(to: ChildStdin, numbers: std::ops::Range<u64>) {
    let mut to = BufWriter::new(to);
    for number in numbers {
        let time = START + number * 1_000;
        writeln!(to, "load,shard={} value={number}i {time}", number % 8).expect("it reads");
        if number % PACE.0 == 0 {
            thread::park_timeout(PACE.1);
        }
    }
}

fn acknowledged(child: Child) -> u64 {
    let output = child.wait_with_output().expect("it ends");
    let said = format!(
        "{}{}",
        String::from_utf8_lossy(&output.stdout),
        String::from_utf8_lossy(&output.stderr)
    );
    assert!(output.status.success(), "flightline publish: {said}");
    let sent = said.lines().find_map(|line| {
        line.split_once(" messages sent")?
            .0
            .rsplit(' ')
            .next()?
            .parse()
            .ok()
    });
    sent.unwrap_or_else(|| panic!("it does not say how many it has sent: {said}"))
}

/// Bodies under way to one worker, more than it takes; their last bytes come when this is dropped, or never.
pub(crate) struct Flood {
    worker: String,
    _bodies: Vec<TcpStream>,
}

impl Flood {
    /// Floods the write front at `address`.
    pub(crate) fn of(address: &str) -> Self {
        let worker = format!("{address}:8186");
        let bodies = (0..BODIES).filter_map(|_| body(&worker).ok()).collect();
        Self {
            worker,
            _bodies: bodies,
        }
    }

    /// Whether the worker refuses a write now.
    pub(crate) fn is_refused(&self) -> bool {
        let answer = http::post(
            &format!("http://{}/write?db=telemetry", self.worker),
            b"flood value=1i 1",
        );
        answer.is_ok_and(|answer| answer.status == 503)
    }
}

/// All of a body but its last line.
fn body(worker: &str) -> std::io::Result<TcpStream> {
    let mut stream = TcpStream::connect(worker)?;
    stream.set_write_timeout(Some(Duration::from_secs(2)))?;
    write!(
        stream,
        "POST /write?db=telemetry HTTP/1.1\r\nHost: {worker}\r\nContent-Length: {}\r\n\r\n",
        BODY + 1
    )?;
    stream.write_all(&b"flood value=1i 1\n".repeat(BODY / 17))?;
    Ok(stream)
}
