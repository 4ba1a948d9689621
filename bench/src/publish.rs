//! Traffic comes in, PUB commands go out over one plain connection, in large writes: never the bottleneck. As fast as the server
//! takes them, or each message at its own moment; into a stream, with an acknowledgement for each few thousand messages, or for
//! each of the large ones that a write front makes.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use serde::{Deserialize, Serialize};
use tokio::net::tcp::OwnedWriteHalf;
use tokio::time::Instant;

use crate::body::{Bodies, pieces};
use crate::payload::{Payloads, Traffic};
use crate::proc;
use crate::record::Latency;
use wire::{Heard, INBOX, WireError};

/// The protocol.
pub mod wire;

/// One write to the socket, roughly.
const BUFFER: usize = 256 * 1024;
/// Messages for which the stream is asked for one acknowledgement.
const ACK_EACH: u64 = 2_000;
/// Acknowledgements that may be awaited at once: the server drops what a stream has not taken beyond 10,000 messages.
const ACKS_OPEN: u64 = 4;
/// Of messages each of which is acknowledged: 4 MiB, so that a server on the same machine always has one to store.
const PIECES_OPEN: u64 = 64;

/// How messages are published.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Pace {
    /// As fast as the server takes them, to whoever listens.
    Full,
    /// As fast as a stream takes them: the last one is acknowledged with the number of all.
    Fill,
    /// As fast as a stream takes bodies of lines, in the messages that a write front makes of them; each is acknowledged.
    Pieces,
    /// Each at the moment its timestamp says. Who is late is not waited for, and what is late here is sent at once, so that the
    /// delay is a part of what is measured.
    Clock,
}

/// What the publisher did.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct Report {
    /// When the first message was written, in nanoseconds since the Unix epoch.
    pub began: u64,
    /// When the server had all.
    pub ended: u64,
    /// CPU seconds.
    pub cpu: f64,
    /// How long requests took, if there were any.
    pub latency: Option<Latency>,
}

/// Something in the way of publishing.
#[derive(Debug, thiserror::Error)]
pub enum PublishError {
    /// The server.
    #[error(transparent)]
    Wire(#[from] WireError),
    /// The system.
    #[error(transparent)]
    System(#[from] proc::Unreadable),
}

/// One publisher.
#[derive(Debug)]
struct Publisher {
    payloads: Payloads,
    write: OwnedWriteHalf,
    heard: std::sync::Arc<Heard>,
    buffer: Vec<u8>,
    subject: Vec<u8>,
    ponged: u64,
    asked: u64,
}

/// Publishes all of `traffic` at `address`.
///
/// # Errors
/// When the server goes away or the stream does not take it.
pub async fn run(address: &str, traffic: Traffic, pace: Pace) -> Result<Report, PublishError> {
    let (write, heard) = wire::connect(address).await?;
    let mut publisher = Publisher {
        payloads: Payloads::new(traffic),
        write,
        heard,
        buffer: Vec::with_capacity(BUFFER * 2),
        subject: Vec::new(),
        ponged: 0,
        asked: 0,
    };
    // The server has taken the connection before the first message's time is noted.
    publisher.settle().await?;
    let began = match pace {
        Pace::Full | Pace::Fill | Pace::Pieces => now(),
        Pace::Clock => traffic.clock.base,
    };
    match pace {
        Pace::Full => publisher.full().await?,
        Pace::Fill => publisher.fill().await?,
        Pace::Pieces => publisher.pieces().await?,
        Pace::Clock => publisher.by_the_clock().await?,
    }
    publisher.settle().await?;
    Ok(Report {
        began,
        ended: now(),
        cpu: proc::own_cpu()?,
        latency: None,
    })
}

/// Nanoseconds since the Unix epoch.
pub fn now() -> u64 {
    let since = SystemTime::now()
        .duration_since(UNIX_EPOCH)
        .unwrap_or_default();
    u64::try_from(since.as_nanos()).unwrap_or(u64::MAX)
}

impl Publisher {
    async fn full(&mut self) -> Result<(), WireError> {
        for message in 0..self.payloads.traffic().messages {
            self.add(message, "");
            if self.buffer.len() >= BUFFER {
                self.flush().await?;
            }
        }
        self.flush().await
    }

    async fn fill(&mut self) -> Result<(), WireError> {
        let messages = self.payloads.traffic().messages;
        for message in 0..messages {
            let asks = (message + 1) % ACK_EACH == 0 || message + 1 == messages;
            self.add(message, if asks { INBOX } else { "" });
            if asks {
                self.asked += 1;
                self.flush().await?;
                self.wait_open(ACKS_OPEN).await?;
            } else if self.buffer.len() >= BUFFER {
                self.flush().await?;
            }
        }
        self.wait_stored(messages).await
    }

    async fn pieces(&mut self) -> Result<(), WireError> {
        let bodies = Bodies::new(*self.payloads.traffic());
        let mut body = Vec::new();
        self.subject.clear();
        self.payloads.subject(0, &mut self.subject);
        for number in 0..bodies.count() {
            body.clear();
            bodies.body(number, &mut body);
            for piece in pieces(&body) {
                self.command(piece.len(), INBOX);
                self.buffer.extend_from_slice(piece);
                self.buffer.extend_from_slice(b"\r\n");
                self.asked += 1;
                if self.buffer.len() >= BUFFER {
                    self.flush().await?;
                    self.wait_open(PIECES_OPEN).await?;
                }
            }
        }
        self.flush().await?;
        self.wait_stored(self.asked).await
    }

    /// Waits until fewer than `most` acknowledgements are awaited.
    async fn wait_open(&self, most: u64) -> Result<(), WireError> {
        let asked = self.asked;
        self.heard.wait(|heard| heard.acks() + most > asked).await
    }

    /// Waits for the last acknowledgement, which tells that the stream has all `messages`.
    async fn wait_stored(&self, messages: u64) -> Result<(), WireError> {
        let asked = self.asked;
        self.heard.wait(|heard| heard.acks() == asked).await?;
        let have = self.heard.last_sequence();
        if have == messages {
            Ok(())
        } else {
            Err(WireError::Stream {
                have,
                sent: messages,
                reason: "it was not empty before, or took less".to_owned(),
            })
        }
    }

    async fn by_the_clock(&mut self) -> Result<(), WireError> {
        let traffic = *self.payloads.traffic();
        let mut next = 0;
        while next < traffic.messages {
            let time = now();
            while next < traffic.messages && traffic.clock.time(next) <= time {
                self.add(next, "");
                next += 1;
                if self.buffer.len() >= BUFFER {
                    self.flush().await?;
                }
            }
            self.flush().await?;
            if next < traffic.messages {
                let wait = traffic.clock.time(next).saturating_sub(now());
                tokio::time::sleep_until(Instant::now() + Duration::from_nanos(wait)).await;
            }
        }
        Ok(())
    }

    /// One PUB command into the buffer.
    fn add(&mut self, message: u64, reply: &str) {
        self.subject.clear();
        self.payloads.subject(message, &mut self.subject);
        self.command(self.payloads.len(message), reply);
        self.payloads.payload(message, &mut self.buffer);
        self.buffer.extend_from_slice(b"\r\n");
    }

    /// What comes before a payload of `length` bytes.
    fn command(&mut self, length: usize, reply: &str) {
        let buffer = &mut self.buffer;
        buffer.extend_from_slice(b"PUB ");
        buffer.extend_from_slice(&self.subject);
        buffer.push(b' ');
        if !reply.is_empty() {
            buffer.extend_from_slice(reply.as_bytes());
            buffer.push(b' ');
        }
        decimal(length, buffer);
        buffer.extend_from_slice(b"\r\n");
    }

    async fn flush(&mut self) -> Result<(), WireError> {
        self.heard.check()?;
        while self.ponged < self.heard.pings() {
            self.ponged += 1;
            self.buffer.extend_from_slice(b"PONG\r\n");
        }
        let sent = wire::say(&self.write, &self.buffer).await;
        self.buffer.clear();
        sent
    }

    /// Returns when the server has worked off all that was written.
    async fn settle(&mut self) -> Result<(), WireError> {
        let before = self.heard.pongs();
        self.buffer.extend_from_slice(b"PING\r\n");
        self.flush().await?;
        self.heard.wait(|heard| heard.pongs() > before).await
    }
}

fn decimal(number: usize, out: &mut Vec<u8>) {
    let start = out.len();
    let mut rest = number;
    loop {
        out.push(b'0' + u8::try_from(rest % 10).expect("a digit is below 10"));
        rest /= 10;
        if rest == 0 {
            break;
        }
    }
    out[start..].reverse();
}
