//! How a payload is written.

use serde::{Deserialize, Serialize};

/// The header that names the encoding of a payload.
pub const CONTENT_TYPE: &str = "Content-Type";

/// The encodings of the contract.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Encoding {
    /// UTF-8 JSON, one object or an array of them.
    Json,
    /// InfluxDB line protocol, any number of lines.
    LineProtocol,
}

impl Encoding {
    /// The encoding named by a `Content-Type`, parameters ignored; `None` for a type the contract does not know.
    pub fn from_content_type(value: &str) -> Option<Self> {
        let essence = value.split(';').next().unwrap_or(value).trim();
        let is = |name: &str| essence.eq_ignore_ascii_case(name);
        if is("application/json") || is("text/json") {
            Some(Self::Json)
        } else if is("text/plain")
            || is("application/vnd.influx.line-protocol")
            || is("application/x-influxdb-line-protocol")
        {
            Some(Self::LineProtocol)
        } else {
            None
        }
    }

    /// The media type that a publisher should put into [`CONTENT_TYPE`].
    pub const fn content_type(self) -> &'static str {
        match self {
            Self::Json => "application/json",
            Self::LineProtocol => "application/vnd.influx.line-protocol",
        }
    }

    /// The encoding that the first byte that is no white space tells: `{` or `[` is JSON, anything else line protocol.
    pub fn sniff(payload: &[u8]) -> Self {
        match payload.iter().find(|byte| !byte.is_ascii_whitespace()) {
            Some(b'{' | b'[') => Self::Json,
            _ => Self::LineProtocol,
        }
    }
}
