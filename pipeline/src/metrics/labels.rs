//! What a stage and a retry are called in labels: closed sets, and their words.

/// The stages, in the order of the path: the values of the label `stage`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Stage {
    /// Requests to the stream, in front of the path.
    Ingest,
    /// Messages in.
    Source,
    /// Bytes to lines.
    Decode,
    /// Lines to batches.
    Batch,
    /// Batches to stores.
    Sink,
    /// Told to the server.
    Ack,
}

impl Stage {
    /// The label value.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Ingest => "ingest",
            Self::Source => "source",
            Self::Decode => "decode",
            Self::Batch => "batch",
            Self::Sink => "sink",
            Self::Ack => "ack",
        }
    }
}

/// Why a write is tried again: the values of the label `reason` of `flightline_sink_retries_total`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum RetryReason {
    /// No connection, or it broke.
    Connection,
    /// No answer in time.
    Timeout,
    /// 401 or 403.
    Auth,
    /// 404: the database or bucket is missing.
    Missing,
    /// 408 or 429.
    Throttled,
    /// 5xx.
    Server,
    /// An answer that says nothing about the lines.
    Unexpected,
    /// The disk: full, or not writable.
    Disk,
}

impl RetryReason {
    /// Every reason.
    pub const ALL: [Self; 8] = [
        Self::Connection,
        Self::Timeout,
        Self::Auth,
        Self::Missing,
        Self::Throttled,
        Self::Server,
        Self::Unexpected,
        Self::Disk,
    ];

    /// The label value.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Connection => "connection",
            Self::Timeout => "timeout",
            Self::Auth => "auth",
            Self::Missing => "missing",
            Self::Throttled => "throttled",
            Self::Server => "server",
            Self::Unexpected => "unexpected",
            Self::Disk => "disk",
        }
    }
}
