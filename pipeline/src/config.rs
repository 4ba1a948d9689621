//! The configuration as trusted: every value here has been checked, every file named here has been read or can be.
//! `raw` is the same as typed; nothing else parses settings.

use std::net::SocketAddr;
use std::path::PathBuf;
use std::time::Duration;

use flightline_contract::class::Class;
use flightline_contract::encoding::Encoding;
use flightline_link::nats::Nats;
use flightline_link::secret::Secret;
use flightline_link::tls::Tls;
use flightline_link::tls::server::ServerTls;

use crate::batch::Limits;
use crate::decode::dialect::Dialect;

/// Where a value was typed.
mod origin;
/// What is wrong, for a person.
pub mod problem;
/// Durations and sizes.
pub mod units;
/// `${…}` in strings.
mod expand;
/// The variables of the process.
pub mod environment;
/// Values between parsing and typing.
mod tree;
/// A typed value with its place.
mod spot;
/// As typed.
mod raw;
/// Values to raw structs.
mod typing;
/// Every key, its default and its purpose.
pub mod reference;
/// Secrets that others can read.
mod exposed;
/// Raw structs to what is trusted.
pub mod check;
/// Files and environment to what is trusted.
pub mod load;

/// Everything `flightline run` needs.
#[derive(Debug, Clone)]
pub struct Config {
    /// The first token of the contract's subjects.
    pub prefix: String,
    /// How to reach NATS.
    pub nats: Nats,
    /// Where messages come from.
    pub source: Source,
    /// Foreign subjects, in the order they are tried.
    pub mappings: Vec<Mapping>,
    /// When a batch is cut.
    pub batch: Limits,
    /// Where lines go, at least one.
    pub sinks: Vec<Sink>,
    /// Where dead letters go.
    pub deadletter: DeadLetters,
    /// The series table.
    pub exporter: Exporter,
    /// The operator's listener.
    pub admin: Admin,
    /// The write front, if there is one.
    pub ingest: Option<Ingest>,
    /// What `flightline observe` asks, if it may.
    pub observe: Option<Observe>,
    /// How long a drain may take.
    pub drain: Duration,
    /// What is logged, and how.
    pub log: Log,
}

/// What is logged, and how.
#[derive(Debug, Clone)]
pub struct Log {
    /// How it is written.
    pub format: LogFormat,
    /// Levels, as `RUST_LOG` has them.
    pub level: String,
}

/// How log lines are written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum LogFormat {
    /// Text on a terminal, JSON otherwise.
    Auto,
    /// Text.
    Text,
    /// One JSON object a line.
    Json,
}

/// Where messages come from.
#[derive(Debug, Clone)]
pub enum Source {
    /// A durable pull consumer.
    JetStream(JetStream),
    /// A queue group; at most once.
    Core(Core),
}

/// A durable pull consumer.
#[derive(Debug, Clone)]
pub struct JetStream {
    /// The stream, created if absent.
    pub stream: String,
    /// The durable consumer, created if absent, never deleted.
    pub consumer: String,
    /// How long the server waits for an ack before it delivers again.
    pub ack_wait: Duration,
    /// The most messages that may be un-acked.
    pub max_ack_pending: i64,
    /// The most bytes asked for ahead of decode.
    pub prefetch_bytes: usize,
    /// How the stream is divided among owners; `None`: not at all, the workers share one consumer.
    pub partitions: Option<Partitions>,
    /// Where the stream's history is remembered, so that damage to it is noticed also by a worker that starts after it.
    pub remember: Remember,
    /// On how many servers of a cluster the stream is kept, if it has to be created.
    pub replicas: usize,
}

/// Where a stream's history is remembered.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub enum Remember {
    /// In a bucket beside the stream, created if absent: shared by all workers.
    #[default]
    Nats,
    /// In files of this folder, created if absent: they outlive the server's disk, if they are on another one.
    Folder(PathBuf),
    /// Only as long as the process lives.
    Nowhere,
}

/// How a stream is divided among owners.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Partitions {
    /// By the hash of class, service and token, into so many; 1 leaves the stream as it is.
    Hashed(u32),
    /// By these subject patterns: they do not overlap, and together cover what the source reads.
    Filters(Vec<String>),
}

/// A queue group on core subjects.
#[derive(Debug, Clone)]
pub struct Core {
    /// The queue group shared by the workers.
    pub queue_group: String,
    /// Messages the client holds for us before it drops new ones.
    pub capacity: usize,
    /// Bytes held for decode before new messages are dropped.
    pub buffer: usize,
    /// How often drops are said.
    pub report_interval: Duration,
}

/// A foreign subject's way into the contract.
#[derive(Debug, Clone)]
pub struct Mapping {
    /// Subject patterns with `*` and `>`; any of them.
    pub subjects: Vec<String>,
    /// The class its data belongs to: metric or app (JSON objects to points), or a class whose own JSON it carries.
    pub class: Class,
    /// The service it stands for.
    pub service: String,
    /// How payloads are written, if headers do not say.
    pub encoding: Option<Encoding>,
    /// Where the measurement's name comes from. Only for JSON points.
    pub measurement: Pick,
    /// Tags: name and where the value comes from.
    pub tags: Vec<(String, Pick)>,
    /// Fields; empty takes every number, string and boolean that is not used for measurement, tags or time.
    pub fields: Vec<MappedField>,
    /// Where the time comes from; the message's own time if absent.
    pub time: Option<(JsonPath, TimeUnit)>,
}

/// Where a piece of text comes from. Typed as `"$.path.in.json"`, `"$2"` (subject token, from 1) or a literal.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Pick {
    /// The text itself.
    Literal(String),
    /// The subject's token of that number, from 1.
    Token(usize),
    /// A value in the payload.
    Json(JsonPath),
}

/// The keys that lead to a value in a JSON object, outermost first.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct JsonPath(pub Vec<String>);

/// One field of a mapping.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct MappedField {
    /// Its key in line protocol.
    pub name: String,
    /// Where the value stands.
    pub path: JsonPath,
    /// How it is written.
    pub kind: FieldKind,
}

/// How a field of a mapping is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum FieldKind {
    /// As JSON says: numbers are floats.
    Auto,
    /// A float; a string of digits is taken too.
    Float,
    /// A signed integer: `42i`.
    Integer,
    /// A string.
    String,
    /// A boolean.
    Boolean,
}

/// The unit of a number that tells a time.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum TimeUnit {
    /// `s`
    Seconds,
    /// `ms`
    Millis,
    /// `us`
    Micros,
    /// `ns`
    Nanos,
    /// `rfc3339`: text, not a number.
    Rfc3339,
}

/// One place where lines go.
#[derive(Debug, Clone)]
pub struct Sink {
    /// Its name in metrics and logs: `main`, or the key under `[sinks]`.
    pub name: String,
    /// The classes it takes.
    pub classes: Vec<Class>,
    /// What it is.
    pub kind: SinkKind,
}

/// The kinds of sinks.
#[derive(Debug, Clone)]
#[expect(
    clippy::large_enum_variant,
    reason = "a handful of them, made once at the start"
)]
pub enum SinkKind {
    /// An InfluxDB write API.
    Influx(Influx),
    /// Line-protocol files.
    File(LineFile),
}

/// An InfluxDB write API.
#[derive(Debug, Clone)]
pub struct Influx {
    /// Base URL; a path prefix is kept.
    pub url: url::Url,
    /// Which API, and where in it.
    pub api: InfluxApi,
    /// Who we are.
    pub auth: InfluxAuth,
    /// How the connection is protected.
    pub tls: Tls,
    /// Whether bodies are compressed.
    pub compression: Compression,
    /// Batches in flight at once.
    pub in_flight: usize,
    /// For one request, from its first byte to the answer's last.
    pub timeout: Duration,
    /// The longest pause between two tries; the first is a hundredth of it.
    pub max_backoff: Duration,
    /// For how long the store must fail on a line, while it takes others, before the line is dead-lettered.
    pub line_patience: Duration,
}

/// The write APIs.
#[derive(Debug, Clone)]
pub enum InfluxApi {
    /// `/write?db=&rp=&precision=ns`
    V1 {
        /// The database.
        db: String,
        /// The retention policy; the database's default if absent.
        rp: Option<String>,
    },
    /// `/api/v2/write?org=&bucket=&precision=ns`
    V2 {
        /// The organisation.
        org: String,
        /// The bucket.
        bucket: String,
    },
    /// `/api/v3/write_lp?db=&precision=nanosecond&accept_partial=true`
    V3 {
        /// The database.
        db: String,
    },
}

impl InfluxApi {
    /// The dialect of line protocol that the API takes.
    pub fn dialect(&self) -> Dialect {
        match self {
            Self::V1 { .. } => Dialect::V1,
            Self::V2 { .. } => Dialect::V2,
            Self::V3 { .. } => Dialect::V3,
        }
    }
}

/// Who we are to InfluxDB.
#[derive(Debug, Clone)]
pub enum InfluxAuth {
    /// Nobody.
    None,
    /// `Authorization: Basic`
    Basic {
        /// The user.
        user: String,
        /// The password.
        password: Secret,
    },
    /// `Authorization: Token` (v1, v2) or `Bearer` (v3).
    Token(Secret),
}

/// Whether bodies are compressed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Compression {
    /// As they are.
    None,
    /// gzip level 1.
    Gzip,
    /// zstd level 1 (files only).
    Zstd,
}

/// Line-protocol files.
#[derive(Debug, Clone)]
pub struct LineFile {
    /// The folder, created if absent.
    pub dir: PathBuf,
    /// Start a new file at this size (before compression).
    pub max_bytes: u64,
    /// Start a new file at this age.
    pub max_age: Duration,
    /// Delete the oldest files beyond this many bytes in all; `None` keeps everything.
    pub keep_bytes: Option<u64>,
    /// Whether files are compressed.
    pub compression: Compression,
}

/// Where dead letters go.
#[derive(Debug, Clone)]
pub enum DeadLetters {
    /// Subjects `deadletter.>` of a stream, created if absent.
    JetStream {
        /// The stream.
        stream: String,
        /// How long the stream keeps them.
        max_age: Duration,
        /// How many bytes the stream keeps.
        max_bytes: i64,
        /// On how many servers of a cluster it is kept, if it has to be created.
        replicas: usize,
    },
    /// A recorded stream that `replay` can read.
    File {
        /// The file, appended to.
        path: PathBuf,
    },
}

/// The series table.
#[derive(Debug, Clone)]
pub struct Exporter {
    /// Classes whose data is shown; empty turns the table off.
    pub classes: Vec<Class>,
    /// The most series.
    pub max_series: usize,
    /// The most bytes of names, labels and values.
    pub max_bytes: usize,
    /// The most labels on a series.
    pub max_labels: usize,
    /// A series that was not updated for so long is not shown any more.
    pub expire: Duration,
    /// Metric names (after cleaning) that are counters although line protocol cannot say so.
    pub counters: Vec<String>,
}

/// The operator's listener.
#[derive(Debug, Clone)]
pub struct Admin {
    /// Loopback unless configured.
    pub listen: SocketAddr,
    /// Bytes held by the worker over which it is not ready.
    pub high_water: usize,
    /// TLS, if it is protected.
    pub tls: Option<ServerTls>,
}

/// The write front.
#[derive(Debug, Clone)]
pub struct Ingest {
    /// Where it listens.
    pub listen: SocketAddr,
    /// The class of what is written to a database or bucket.
    pub class: Class,
    /// The service that it is published for.
    pub service: String,
    /// Plain unless configured.
    pub tls: Option<ServerTls>,
    /// Tokens, one a line; without a file everybody may write.
    pub token_file: Option<PathBuf>,
    /// The most bytes of one body, inflated.
    pub max_body: usize,
    /// The most bytes of all bodies under way.
    pub max_pending: usize,
    /// Requests at once.
    pub max_requests: usize,
    /// Connections at once.
    pub max_connections: usize,
    /// For one request, from its head to its answer.
    pub timeout: Duration,
    /// Without one more byte of a body.
    pub idle: Duration,
}

/// The most items of one list that `flightline observe` reads: 16 pages of 256, so that a stream with a flood of ephemeral consumers
/// costs no more.
pub const MOST_LISTED: u32 = 4096;

/// What `flightline observe` asks of NATS.
#[derive(Debug, Clone)]
pub struct Observe {
    /// Between the beginnings of two rounds.
    pub interval: Duration,
    /// The most streams shown.
    pub max_streams: usize,
    /// The most durable consumers shown, of all streams together.
    pub max_consumers: usize,
    /// Whose streams and consumers are asked for, if any.
    pub account: Option<Nats>,
    /// A login of the system account, for what servers tell of themselves.
    pub system: Option<Nats>,
}
