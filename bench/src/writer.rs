//! Bodies come in, requests to a write front go out, from clients each of which has one connection and waits for an answer before it
//! writes again. Anything but 204 ends it: no request is sent twice.

use std::cell::{Cell, RefCell};
use std::io::Write;
use std::time::Instant;

use bytes::Bytes;
use flate2::Compression;
use flate2::write::GzEncoder;
use futures_util::future::try_join_all;
use hdrhistogram::Histogram;
use http::header::{CONTENT_ENCODING, CONTENT_TYPE, HOST};
use http::{Request, StatusCode};
use http_body_util::{BodyExt, Full};
use hyper::client::conn::http1::{SendRequest, handshake};
use hyper_util::rt::TokioIo;
use tokio::net::TcpStream;

use crate::body::Bodies;
use crate::payload::Traffic;
use crate::proc;
use crate::program::PLACE;
use crate::publish::{Report, now};
use crate::record::Latency;
use crate::scenario::Coding;

/// More than a body has: one that grows is copied more than once.
const ROOM: usize = 1 << 20;

/// Something in the way of writing.
#[derive(Debug, thiserror::Error)]
pub enum WriteError {
    /// The front could not be reached.
    #[error("the connection to the front: {0}")]
    Connection(#[from] std::io::Error),
    /// It closed the connection, or broke the protocol.
    #[error("a request to the front: {0}")]
    Request(#[from] hyper::Error),
    /// The request is none.
    #[error("the front's address: {0}")]
    Address(#[from] http::Error),
    /// It did not take a body.
    #[error("the front answered {status} instead of 204: {text}")]
    Refused {
        /// What it answered,
        status: StatusCode,
        /// and its words.
        text: String,
    },
    /// The system.
    #[error(transparent)]
    System(#[from] proc::Unreadable),
}

/// What all clients share.
#[derive(Debug)]
struct Writer<'a> {
    /// `127.0.0.1:8186`
    address: &'a str,
    coding: Coding,
    bodies: Bodies,
    /// Packed beforehand: a client that packs takes more CPU than a front that inflates, and would be what is measured.
    packed: Vec<Bytes>,
    next: Cell<u64>,
    latencies: RefCell<Histogram<u64>>,
}

/// Writes all of `traffic` to the front at `address`, from so many `clients`.
///
/// # Errors
/// When the front does not take it.
pub async fn run(
    address: &str,
    traffic: Traffic,
    clients: u32,
    coding: Coding,
) -> Result<Report, WriteError> {
    let bodies = Bodies::new(traffic);
    let packed = match coding {
        Coding::Identity => Vec::new(),
        Coding::Gzip => packed(&bodies)?,
    };
    let writer = Writer {
        address,
        coding,
        bodies,
        packed,
        next: Cell::new(0),
        latencies: RefCell::new(Latency::histogram()),
    };
    // Connections are there before the first body.
    let clients = try_join_all((0..clients).map(|_| connect(address))).await?;
    let before = proc::own_cpu()?;
    let began = now();
    try_join_all(clients.into_iter().map(|client| writer.write(client))).await?;
    Ok(Report {
        began,
        ended: now(),
        cpu: proc::own_cpu()? - before,
        latency: Latency::of(&writer.latencies.borrow()),
    })
}

async fn connect(address: &str) -> Result<SendRequest<Full<Bytes>>, WriteError> {
    let stream = TcpStream::connect(address).await?;
    stream.set_nodelay(true)?;
    let (sender, connection) = handshake(TokioIo::new(stream)).await?;
    // It ends with its sender, which is told of what ends it before.
    tokio::spawn(connection);
    Ok(sender)
}

fn packed(bodies: &Bodies) -> std::io::Result<Vec<Bytes>> {
    let mut body = Vec::new();
    let pack = |number| {
        body.clear();
        bodies.body(number, &mut body);
        let mut packer = GzEncoder::new(Vec::new(), Compression::default());
        packer.write_all(&body)?;
        packer.finish().map(Bytes::from)
    };
    (0..bodies.count()).map(pack).collect()
}

impl Writer<'_> {
    /// One client, until there is no body left.
    async fn write(&self, mut client: SendRequest<Full<Bytes>>) -> Result<(), WriteError> {
        while let Some(body) = self.body() {
            let request = self.request(body)?;
            let begun = Instant::now();
            client.ready().await?;
            let answer = client.send_request(request).await?;
            let status = answer.status();
            let text = answer.into_body().collect().await?.to_bytes();
            if status != StatusCode::NO_CONTENT {
                return Err(WriteError::Refused {
                    status,
                    text: String::from_utf8_lossy(&text).into_owned(),
                });
            }
            let micros = u64::try_from(begun.elapsed().as_micros()).unwrap_or(u64::MAX);
            self.latencies.borrow_mut().saturating_record(micros);
        }
        Ok(())
    }

    fn body(&self) -> Option<Bytes> {
        let number = self.next.get();
        if number == self.bodies.count() {
            return None;
        }
        self.next.set(number + 1);
        let packed = usize::try_from(number)
            .ok()
            .and_then(|at| self.packed.get(at));
        Some(packed.cloned().unwrap_or_else(|| {
            let mut body = Vec::with_capacity(ROOM);
            self.bodies.body(number, &mut body);
            Bytes::from(body)
        }))
    }

    fn request(&self, body: Bytes) -> Result<Request<Full<Bytes>>, http::Error> {
        let uri = format!("/api/v2/write?org={PLACE}&bucket={PLACE}&precision=ns");
        let request = Request::post(uri)
            .header(HOST, self.address)
            .header(CONTENT_TYPE, "text/plain; charset=utf-8");
        let request = match self.coding {
            Coding::Identity => request,
            Coding::Gzip => request.header(CONTENT_ENCODING, "gzip"),
        };
        request.body(Full::new(body))
    }
}
