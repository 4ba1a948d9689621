//! A sink with batches to send, a count of what was settled, and an office that keeps letters in memory.

#![allow(dead_code, reason = "each test file uses its part of the rig")]

use std::io::{Read, Write};
use std::ops::Range;
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use bytes::Bytes;
use flightline::batch::{Batch, Entry};
use flightline::config::{Compression, Influx, InfluxApi, InfluxAuth, Sink, SinkKind};
use flightline::deadletter::{Letter, Mail, Office};
use flightline::delivery::{Ack, Attempt, Declared, Delivery, Stamp};
use flightline::metrics::Metrics;
use flightline::sink::Writer;
use flightline::sink::share::{InFlight, Share};
use flightline_contract::class::Class;
use flightline_link::tls::Tls;
use tokio::sync::mpsc;
use tokio::task::JoinHandle;
use tokio::time::timeout;

/// For anything that should happen soon.
pub(crate) const PATIENCE: Duration = Duration::from_secs(60);

pub(crate) struct Rig {
    pub(crate) metrics: Arc<Metrics>,
    shares: Option<mpsc::Sender<Share>>,
    settle: mpsc::Sender<Arc<InFlight>>,
    settled: mpsc::Receiver<Arc<InFlight>>,
    sink: JoinHandle<()>,
    office: JoinHandle<()>,
    letters: Arc<Mutex<Vec<Letter>>>,
}

impl Rig {
    pub(crate) fn influx(config: Influx) -> Self {
        Self::open(SinkKind::Influx(config))
    }

    pub(crate) fn open(kind: SinkKind) -> Self {
        let metrics = Arc::new(Metrics::new());
        let sink = Sink {
            name: "main".to_owned(),
            classes: Class::ALL.to_vec(),
            kind,
        };
        let writer = Writer::open(&sink, &metrics).unwrap();
        let (shares, input) = mpsc::channel(16);
        let (settle, settled) = mpsc::channel(1024);
        let (office, mail) = Office::open();
        let letters = Arc::default();
        Self {
            metrics,
            shares: Some(shares),
            settle,
            settled,
            sink: tokio::spawn(writer.run(input, office)),
            office: tokio::spawn(keep(mail, Arc::clone(&letters))),
            letters,
        }
    }

    pub(crate) async fn send(&mut self, batch: Batch) {
        let settle = self.settle.clone();
        let metrics = Arc::clone(&self.metrics);
        let (_, shares) = Share::split(batch, 1, settle, metrics, Instant::now());
        for share in shares {
            self.shares.as_ref().unwrap().send(share).await.unwrap();
        }
    }

    /// Waits until `count` more batches are settled.
    pub(crate) async fn settled(&mut self, count: usize) {
        for _ in 0..count {
            let settled = timeout(PATIENCE, self.settled.recv()).await;
            assert!(
                settled
                    .expect("the batch is settled in time")
                    .unwrap()
                    .is_settled()
            );
        }
    }

    pub(crate) fn settled_so_far(&mut self) -> usize {
        std::iter::from_fn(|| self.settled.try_recv().ok()).count()
    }

    pub(crate) fn close_office(&self) {
        self.office.abort();
    }

    /// Ends the sink as a drain's deadline does.
    pub(crate) async fn cut_off(self) {
        self.sink.abort();
        let ended = timeout(PATIENCE, self.sink).await.expect("the sink ends");
        assert!(ended.is_err_and(|error| error.is_cancelled()));
    }

    /// Ends the input and waits for the sink's end.
    pub(crate) async fn finish_sink(&mut self) {
        self.shares = None;
        timeout(PATIENCE, &mut self.sink)
            .await
            .expect("the sink ends")
            .unwrap();
    }

    /// As [`Rig::finish_sink`]; the letters kept.
    pub(crate) async fn finish(mut self) -> Vec<Letter> {
        self.finish_sink().await;
        timeout(PATIENCE, self.office)
            .await
            .expect("the office ends")
            .unwrap();
        std::mem::take(&mut self.letters.lock().unwrap())
    }
}

async fn keep(mut mail: mpsc::Receiver<Mail>, letters: Arc<Mutex<Vec<Letter>>>) {
    while let Some(mail) = mail.recv().await {
        let Mail::Letters(new, kept) = mail else {
            panic!("a sink hands in letters only");
        };
        letters.lock().unwrap().extend(new);
        kept.send(()).unwrap();
    }
}

/// A batch of `lines`, each in a message of its own.
pub(crate) fn batch(lines: &[String]) -> Batch {
    let text = lines
        .iter()
        .map(|line| format!("{line}\n"))
        .collect::<String>();
    let entries = lines.iter().enumerate().map(|(n, line)| Entry {
        delivery: Delivery {
            subject: "telemetry.app.test.points".into(),
            payload: Bytes::from(line.clone()),
            declared: Declared::Nothing,
            stamp: Stamp {
                time: 0,
                sequence: std::num::NonZeroU64::new(n as u64 + 1),
                attempt: Attempt::First,
            },
            ack: Ack::none(),
        },
        lines: 1,
    });
    // In two segments that do not end where a line does.
    let half = text.len() / 2;
    let text = Bytes::from(text);
    Batch {
        segments: vec![text.slice(..half), text.slice(half..)],
        lines: lines.len(),
        bytes: text.len(),
        entries: entries.collect(),
        ..Batch::default()
    }
}

/// Different points.
pub(crate) fn lines(numbers: Range<usize>) -> Vec<String> {
    numbers
        .map(|n| {
            format!(
                "m,host=h{} v={n} {}",
                n % 100,
                1_700_000_000_000_000_000 + n
            )
        })
        .collect()
}

pub(crate) fn influx(url: &str, api: InfluxApi) -> Influx {
    Influx {
        url: url.parse().unwrap(),
        api,
        auth: InfluxAuth::None,
        tls: Tls::default(),
        compression: Compression::None,
        in_flight: 2,
        timeout: Duration::from_secs(2),
        max_backoff: Duration::from_secs(1),
        line_patience: Duration::from_secs(60),
    }
}

/// Answers 413 to the headers of every request without reading its body, closes its own side and lets what still comes run out for
/// a moment, as servers in Go and nginx do so that the answer is not lost.
pub(crate) fn refuse_early(listener: &std::net::TcpListener) {
    for stream in listener.incoming() {
        let mut stream = stream.unwrap();
        std::thread::spawn(move || {
            let mut head = [0; 2048];
            let answer = "HTTP/1.1 413 Request Entity Too Large\r\nContent-Length: 2\r\nConnection: close\r\n\r\n{}";
            let answered = stream
                .read(&mut head)
                .and_then(|_| stream.write_all(answer.as_bytes()))
                .and_then(|()| stream.shutdown(std::net::Shutdown::Write))
                .and_then(|()| stream.set_read_timeout(Some(Duration::from_millis(500))));
            while answered.is_ok() && stream.read(&mut head).is_ok_and(|read| read > 0) {}
        });
    }
}
