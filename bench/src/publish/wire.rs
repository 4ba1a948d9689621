//! The publisher's side of the NATS protocol: commands go out as bytes, what the server says comes in as [`Heard`]. Nothing is
//! retried: a publisher that loses its server ends, and the trial with it.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use serde::Deserialize;
use tokio::io::{AsyncBufReadExt, AsyncReadExt, BufReader};
use tokio::net::TcpStream;
use tokio::net::tcp::{OwnedReadHalf, OwnedWriteHalf};
use tokio::sync::Notify;

/// Where answers of JetStream come.
pub const INBOX: &str = "_INBOX.bench";

/// What the server is told first.
const CONNECT: &str = "CONNECT {\"verbose\":false,\"pedantic\":false,\"tls_required\":false,\"lang\":\"rust\",\"name\":\"bench\",\"version\":\"0\",\"protocol\":1,\"echo\":false}\r\nSUB _INBOX.bench 1\r\n";

/// The server has ended the conversation, or does not speak NATS.
#[derive(Debug, Clone, thiserror::Error)]
pub enum WireError {
    /// It could not be reached, or is gone.
    #[error("the connection to the server: {0}")]
    Connection(String),
    /// It said so.
    #[error("the server says {0}")]
    Server(String),
    /// JetStream did not store what it was sent.
    #[error("the stream has {have} messages where {sent} were published: {reason}")]
    Stream {
        /// Messages acknowledged in order.
        have: u64,
        /// Messages published.
        sent: u64,
        /// The server's words.
        reason: String,
    },
}

impl From<std::io::Error> for WireError {
    fn from(error: std::io::Error) -> Self {
        Self::Connection(error.to_string())
    }
}

/// What the server has said so far.
#[derive(Debug, Default)]
pub struct Heard {
    pings: AtomicU64,
    pongs: AtomicU64,
    acks: AtomicU64,
    last_sequence: AtomicU64,
    over: std::sync::Mutex<Option<WireError>>,
    news: Notify,
}

/// An answer of JetStream.
#[derive(Deserialize)]
struct PubAck {
    #[serde(default)]
    seq: u64,
    error: Option<serde_json::Value>,
}

impl Heard {
    /// Pings, all of which want a pong.
    pub fn pings(&self) -> u64 {
        self.pings.load(Ordering::Relaxed)
    }

    /// Acknowledgements of JetStream.
    pub fn acks(&self) -> u64 {
        self.acks.load(Ordering::Relaxed)
    }

    /// The sequence that the latest of them told.
    pub fn last_sequence(&self) -> u64 {
        self.last_sequence.load(Ordering::Relaxed)
    }

    /// Waits until `wanted` holds.
    ///
    /// # Errors
    /// When the connection is over before.
    pub async fn wait(&self, wanted: impl Fn(&Self) -> bool) -> Result<(), WireError> {
        loop {
            let news = self.news.notified();
            if wanted(self) {
                return Ok(());
            }
            self.check()?;
            news.await;
        }
    }

    /// Whether the connection still stands.
    ///
    /// # Errors
    /// Why it does not.
    pub fn check(&self) -> Result<(), WireError> {
        match &*self.over.lock().expect("no holder panics") {
            Some(error) => Err(error.clone()),
            None => Ok(()),
        }
    }

    /// The server has worked off all that came before the pings answered here.
    pub fn pongs(&self) -> u64 {
        self.pongs.load(Ordering::Relaxed)
    }

    fn line(&self, line: &str) -> Result<Option<usize>, WireError> {
        let (verb, rest) = line.split_once(' ').unwrap_or((line, ""));
        match verb {
            "PING" => drop(self.pings.fetch_add(1, Ordering::Relaxed)),
            "PONG" => drop(self.pongs.fetch_add(1, Ordering::Relaxed)),
            "-ERR" => return Err(WireError::Server(rest.to_owned())),
            "MSG" => {
                let size = rest.rsplit(' ').next().and_then(|size| size.parse().ok());
                return size
                    .map(Some)
                    .ok_or_else(|| WireError::Server(format!("what is no message: {line}")));
            }
            _ => {}
        }
        Ok(None)
    }

    fn ack(&self, payload: &[u8]) -> Result<(), WireError> {
        let answer: PubAck = serde_json::from_slice(payload)
            .map_err(|error| WireError::Server(format!("no acknowledgement: {error}")))?;
        if let Some(error) = answer.error {
            return Err(WireError::Server(error.to_string()));
        }
        self.last_sequence.store(answer.seq, Ordering::Relaxed);
        self.acks.fetch_add(1, Ordering::Relaxed);
        Ok(())
    }
}

/// Connects to `address` (`127.0.0.1:4222`): where to write, and what is heard.
///
/// # Errors
/// When nobody is there.
pub async fn connect(address: &str) -> Result<(OwnedWriteHalf, Arc<Heard>), WireError> {
    let stream = TcpStream::connect(address).await?;
    stream.set_nodelay(true)?;
    let (read, write) = stream.into_split();
    let mut read = BufReader::new(read);
    let mut greeting = String::new();
    read.read_line(&mut greeting).await?;
    if !greeting.starts_with("INFO ") {
        return Err(WireError::Server(greeting));
    }
    let heard = Arc::new(Heard::default());
    tokio::spawn(listen(read, Arc::clone(&heard)));
    say(&write, CONNECT.as_bytes()).await?;
    Ok((write, heard))
}

/// Writes all of `bytes`.
///
/// # Errors
/// When the connection is gone.
pub async fn say(write: &OwnedWriteHalf, mut bytes: &[u8]) -> Result<(), WireError> {
    while !bytes.is_empty() {
        write.writable().await?;
        match write.try_write(bytes) {
            Ok(written) => bytes = &bytes[written..],
            Err(error) if error.kind() == std::io::ErrorKind::WouldBlock => {}
            Err(error) => return Err(error.into()),
        }
    }
    Ok(())
}

async fn listen(mut read: BufReader<OwnedReadHalf>, heard: Arc<Heard>) {
    let error = loop {
        if let Err(error) = hear(&mut read, &heard).await {
            break error;
        }
        heard.news.notify_one();
    };
    *heard.over.lock().expect("no holder panics") = Some(error);
    heard.news.notify_one();
}

async fn hear(read: &mut BufReader<OwnedReadHalf>, heard: &Heard) -> Result<(), WireError> {
    let mut line = String::new();
    if read.read_line(&mut line).await? == 0 {
        return Err(WireError::Connection("the server closed it".to_owned()));
    }
    if let Some(size) = heard.line(line.trim_end())? {
        let mut payload = vec![0; size + 2];
        read.read_exact(&mut payload).await?;
        heard.ack(&payload[..size])?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_the_server_says_is_counted() {
        let heard = Heard::default();
        assert_eq!(heard.line("PING").unwrap(), None);
        assert_eq!(heard.line("PONG").unwrap(), None);
        assert_eq!(heard.line("MSG _INBOX.bench 1 31").unwrap(), Some(31));
        heard.ack(br#"{"stream":"TELEMETRY","seq":2000}"#).unwrap();
        assert_eq!((heard.pings(), heard.pongs()), (1, 1));
        assert_eq!((heard.acks(), heard.last_sequence()), (1, 2000));
    }

    #[test]
    fn a_refusal_ends_the_publisher() {
        let heard = Heard::default();
        assert!(heard.line("-ERR 'Authorization Violation'").is_err());
        let refusal = br#"{"error":{"code":503,"description":"insufficient resources"}}"#;
        assert!(heard.ack(refusal).is_err());
    }
}
