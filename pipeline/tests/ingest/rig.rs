//! A worker with a write front between a real nats-server and a real InfluxDB, and its clients: one that sends whole requests, and one
//! that sends bytes as it likes.

use std::io::{Read, Write};
use std::net::{Shutdown, TcpStream};
use std::time::Duration;

use flightline_fixtures::http::{self, Answer};
use flightline_fixtures::influxd::Influxd;
use flightline_fixtures::nats::Nats;
use flightline_fixtures::server::free_port;
use flightline_fixtures::wait;
use flightline_fixtures::worker::Worker;
use serde_json::Value;

/// The program under test.
pub(crate) const BINARY: &str = env!("CARGO_BIN_EXE_flightline");

/// For lines to get from an answer into the store, in a debug build on a busy machine.
pub(crate) const PATIENCE: Duration = Duration::from_secs(90);

/// The database behind the worker.
pub(crate) const DB: &str = "flight";

/// Everything that a test of the front needs.
pub(crate) struct Rig {
    pub(crate) nats: Nats,
    pub(crate) influx: Influxd,
    pub(crate) worker: Worker,
    /// `127.0.0.1:PORT`
    pub(crate) front: String,
}

impl Rig {
    /// With no keys but the address.
    pub(crate) fn start() -> Self {
        Self::with("", "", "")
    }

    /// With more keys for `[ingest]`, more sections, and more keys for `[admin]`.
    pub(crate) fn with(ingest: &str, sections: &str, admin: &str) -> Self {
        let rig = Self::unseen(ingest, sections, admin);
        // Ready is said before the source has made the stream.
        let stream = || {
            rig.post("/write?db=first&p=first-token", b"first v=1 1")
                .status
                == 204
        };
        rig.worker
            .wait_for("the stream takes what is written", PATIENCE, stream);
        rig
    }

    /// The same without a first write.
    pub(crate) fn unseen(ingest: &str, sections: &str, admin: &str) -> Self {
        let (nats, influx) = (Nats::start(), Influxd::start());
        influx.create_database(DB);
        let front = format!("127.0.0.1:{}", free_port());
        let config = format!(
            "[nats]\nurl = \"{}\"\n[source]\nack_wait = \"5s\"\nprefetch = \"1MiB\"\n[ingest]\nlisten = \"{front}\"\n{ingest}\n{sections}\n\
             [sink]\nkind = \"influxdb\"\napi = \"v1\"\nurl = \"{}\"\ndb = \"{DB}\"\nmax_backoff = \"1s\"\n",
            nats.url(),
            influx.url()
        );
        let config = match sections.contains("[batch]") {
            true => config,
            false => format!("[batch]\nage = \"100ms\"\n{config}"),
        };
        let worker = Worker::start_with(BINARY, &config, admin);
        Self {
            nats,
            influx,
            worker,
            front,
        }
    }

    /// `POST path`
    pub(crate) fn post(&self, path: &str, body: &[u8]) -> Answer {
        self.post_with(path, &[], body)
    }

    /// The same with headers.
    pub(crate) fn post_with(&self, path: &str, headers: &[(&str, &str)], body: &[u8]) -> Answer {
        let url = format!("http://{}{path}", self.front);
        match http::request("POST", &url, headers, body) {
            Ok(answer) => answer,
            Err(error) => panic!("POST {path}: {error}\n{}", self.worker.log()),
        }
    }

    /// How many points of a measurement the store has.
    pub(crate) fn stored(&self, measurement: &str) -> u64 {
        let query = format!("SELECT count(v) FROM \"{measurement}\"");
        let answer = self.influx.query(DB, &query);
        let count = answer.pointer("/results/0/series/0/values/0/1");
        count.and_then(Value::as_u64).unwrap_or_default()
    }

    /// Waits until the store has so many points of a measurement.
    pub(crate) fn wait_stored(&self, measurement: &str, points: u64) {
        let held = wait::until(PATIENCE, || self.stored(measurement) >= points);
        let stored = self.stored(measurement);
        assert!(
            held.is_ok() && stored == points,
            "{stored} points of {measurement} instead of {points}:\n{}",
            self.worker.log()
        );
    }

    /// Waits until one of the worker's metrics has this value.
    pub(crate) fn wait_metric(&self, series: &str, value: f64) {
        let says = || (self.worker.metric(series) - value).abs() < 0.5;
        self.worker.wait_for(series, PATIENCE, says);
    }

    /// A connection on which bytes are sent as the test likes.
    pub(crate) fn connect(&self) -> Raw {
        Raw::to(&self.front)
    }
}

/// A client that knows no HTTP.
pub(crate) struct Raw(TcpStream);

impl Raw {
    fn to(address: &str) -> Self {
        let stream = TcpStream::connect(address).unwrap();
        stream.set_read_timeout(Some(PATIENCE)).unwrap();
        Self(stream)
    }

    /// Sends a head: `POST path`, a host, and these headers.
    pub(crate) fn head(&mut self, path: &str, headers: &[&str]) {
        let headers = headers.join("\r\n");
        self.send(format!("POST {path} HTTP/1.1\r\nHost: x\r\n{headers}\r\n\r\n").as_bytes());
    }

    /// Sends bytes. A server that has closed already has its reasons, which its answer tells.
    pub(crate) fn send(&mut self, bytes: &[u8]) {
        self.0.write_all(bytes).ok();
    }

    /// Says that nothing more comes.
    pub(crate) fn end(&mut self) {
        self.0.shutdown(Shutdown::Write).unwrap();
    }

    /// The next answer: status and body.
    pub(crate) fn answer(&mut self) -> (u16, String) {
        let mut bytes = Vec::new();
        let (head, length) = loop {
            let mut byte = [0];
            assert_eq!(
                self.0.read(&mut byte).unwrap(),
                1,
                "closed after {:?}",
                String::from_utf8_lossy(&bytes)
            );
            bytes.push(byte[0]);
            if bytes.ends_with(b"\r\n\r\n") {
                let head = String::from_utf8(bytes.clone())
                    .unwrap()
                    .to_ascii_lowercase();
                let length = head
                    .lines()
                    .find_map(|line| line.strip_prefix("content-length: "));
                break (
                    head.clone(),
                    length.map_or(0, |length| length.parse().unwrap()),
                );
            }
        };
        let mut body = vec![0; length];
        self.0.read_exact(&mut body).unwrap();
        let status = head.split(' ').nth(1).unwrap().parse().unwrap();
        (status, String::from_utf8(body).unwrap())
    }
}
