//! How a scene differs from others comes in, a worker's configuration and what it may take of memory by it goes out.

/// What a worker is resident with when it holds nothing: the program as tests build it, the exporter's table and the runtime.
const PROGRAM: u64 = 32 << 20;

/// How a scene differs from others.
#[derive(Debug, Clone)]
pub(crate) struct Setting {
    /// Messages a second.
    pub(crate) rate: u32,
    /// `source.ack_wait`, in milliseconds: what a killed worker held comes again so late.
    pub(crate) ack_wait: u64,
    /// `source.prefetch`, in bytes.
    pub(crate) prefetch: u64,
    /// `batch.bytes`.
    pub(crate) batch: u64,
    /// `batch.age`, in milliseconds.
    pub(crate) age: u64,
    /// `sink.timeout`, in milliseconds.
    pub(crate) timeout: u64,
}

impl Default for Setting {
    fn default() -> Self {
        Self {
            rate: 300,
            ack_wait: 3_000,
            prefetch: 256 << 10,
            batch: 256 << 10,
            age: 300,
            timeout: 2_000,
        }
    }
}

impl Setting {
    /// `sink.in_flight`.
    const IN_FLIGHT: u64 = 2;

    pub(crate) fn config(&self, nats: &str, store: &str, database: &str) -> String {
        let Self {
            ack_wait,
            prefetch,
            batch,
            age,
            timeout,
            rate: _,
        } = self;
        format!(
            r#"
[nats]
url = "nats://{nats}"
[source]
ack_wait = "{ack_wait}ms"
prefetch = "{prefetch}B"
[batch]
lines = 500
bytes = "{batch}B"
age = "{age}ms"
[sink]
kind = "influxdb"
api = "v1"
url = "http://{store}"
db = "{database}"
timeout = "{timeout}ms"
max_backoff = "1s"
in_flight = {}
[run]
drain = "20s"
"#,
            Self::IN_FLIGHT
        )
    }

    /// What a worker may be resident with, in bytes. Each byte of a batch is there up to three times: as payload, as lines, as the
    /// client's request; one batch is open while others are in flight.
    pub(crate) fn ceiling(&self) -> u64 {
        PROGRAM + 2 * self.prefetch + 3 * self.batch * (Self::IN_FLIGHT + 1)
    }
}
