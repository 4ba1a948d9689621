//! Recorded streams: one JSON object a line with the time since the stream's start, the subject, the headers and the payload, as text
//! where it is UTF-8 and as base64 where it is not. Written by `record` and as dead letters, read by `replay` and `demo`; a name that
//! ends in `.zst` means packed. Nothing is lost but the order of headers of different names.

use std::fmt;
use std::io;
use std::path::Path;
use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use bytes::Bytes;
use serde::de::{Deserializer, MapAccess, Visitor};
use serde::ser::SerializeMap as _;
use serde::{Deserialize, Serialize, Serializer};

/// Streams from files, record by record.
pub mod read;
/// Files of line protocol as messages.
pub mod blocks;
/// Streams to files.
pub mod write;

/// The longest line of a stream: a payload of 8 MiB, the most that nats-server recommends, with every byte escaped sixfold.
pub const LINE_LIMIT: usize = 50 << 20;

/// One message of a recorded stream.
#[derive(Debug, Clone, PartialEq)]
pub struct Record {
    /// Milliseconds since the stream's start; finite and not negative.
    pub offset_ms: f64,
    /// The subject it came on.
    pub subject: String,
    /// Its headers; a name may stand several times.
    pub headers: Vec<(String, String)>,
    /// The payload.
    pub payload: Bytes,
}

/// A line is no record.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum RecordError {
    /// It is no JSON, or lacks something, or has something else.
    #[error("not a record: {0}")]
    Json(String),
    /// `payload_base64` is not base64.
    #[error("payload_base64 is not base64")]
    Base64,
    /// Both `payload` and `payload_base64`, or neither.
    #[error("a record has either payload or payload_base64")]
    Payload,
    /// `offset_ms` below zero.
    #[error("offset_ms is negative")]
    Offset,
}

impl Record {
    /// When it is due, counted from the stream's start.
    pub fn offset(&self) -> Duration {
        Duration::try_from_secs_f64(self.offset_ms / 1000.0).unwrap_or_default()
    }

    /// Appends the record to `out` as one line.
    ///
    /// # Errors
    /// When the offset is not finite or below zero.
    pub fn write(&self, out: &mut Vec<u8>) -> io::Result<()> {
        if !self.offset_ms.is_finite() || self.offset_ms < 0.0 {
            let error = "the offset of a record must be finite and not negative";
            return Err(io::Error::new(io::ErrorKind::InvalidInput, error));
        }
        let text = std::str::from_utf8(&self.payload);
        let encoded = text.is_err().then(|| STANDARD.encode(&self.payload));
        let line = Written {
            offset_ms: Offset(self.offset_ms),
            subject: &self.subject,
            headers: Grouped(&self.headers),
            payload: text.ok(),
            payload_base64: encoded.as_deref(),
        };
        serde_json::to_writer(&mut *out, &line)?;
        out.push(b'\n');
        Ok(())
    }

    /// The record on `line`.
    ///
    /// # Errors
    /// When there is none, see [`RecordError`].
    pub fn parse(line: &[u8]) -> Result<Self, RecordError> {
        let typed: Typed =
            serde_json::from_slice(line).map_err(|error| RecordError::Json(error.to_string()))?;
        if typed.offset_ms < 0.0 {
            return Err(RecordError::Offset);
        }
        let payload = match (typed.payload, typed.payload_base64) {
            (Some(text), None) => Bytes::from(text),
            (None, Some(encoded)) => {
                Bytes::from(STANDARD.decode(encoded).map_err(|_| RecordError::Base64)?)
            }
            (None, None) | (Some(_), Some(_)) => return Err(RecordError::Payload),
        };
        Ok(Self {
            // JSON has a `-0`, which would be written as `0`.
            offset_ms: typed.offset_ms.abs(),
            subject: typed.subject,
            headers: typed.headers.0,
            payload,
        })
    }
}

/// Whether a file of this name is packed.
pub(crate) fn packed(path: &Path) -> bool {
    path.extension().is_some_and(|extension| extension == "zst")
}

/// Whether a file of this name holds line protocol: `.lp`, `.lp.zst`, `.line`, `.txt`.
pub fn is_line_protocol(path: &Path) -> bool {
    let inner = if packed(path) {
        path.file_stem().map(Path::new)
    } else {
        Some(path)
    };
    let extension = inner.and_then(Path::extension);
    extension.is_some_and(|extension| {
        ["lp", "line", "txt"]
            .iter()
            .any(|known| extension == *known)
    })
}

#[derive(Serialize)]
struct Written<'r> {
    offset_ms: Offset,
    subject: &'r str,
    #[serde(skip_serializing_if = "Grouped::is_empty")]
    headers: Grouped<'r>,
    #[serde(skip_serializing_if = "Option::is_none")]
    payload: Option<&'r str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    payload_base64: Option<&'r str>,
}

/// Whole milliseconds without a fraction: shorter, and what other programs write.
struct Offset(f64);

impl Serialize for Offset {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        /// Up to here every whole number is one of `f64`.
        const EXACT: f64 = 9_007_199_254_740_992.0;
        if self.0.fract() == 0.0 && self.0 < EXACT {
            #[expect(
                clippy::cast_possible_truncation,
                clippy::cast_sign_loss,
                clippy::as_conversions,
                reason = "whole, not negative and below 2^53"
            )]
            serializer.serialize_u64(self.0 as u64)
        } else {
            serializer.serialize_f64(self.0)
        }
    }
}

/// Headers as a map: a text, or a list where a name stands several times.
struct Grouped<'r>(&'r [(String, String)]);

impl Grouped<'_> {
    fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}

impl Serialize for Grouped<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut map = serializer.serialize_map(None)?;
        for (number, (name, value)) in self.0.iter().enumerate() {
            let of_name = |(other, _): &&(String, String)| other == name;
            if self.0.iter().take(number).any(|pair| of_name(&pair)) {
                continue;
            }
            let values: Vec<_> = self
                .0
                .iter()
                .filter(of_name)
                .map(|(_, value)| value)
                .collect();
            if values.len() == 1 {
                map.serialize_entry(name, value)?;
            } else {
                map.serialize_entry(name, &values)?;
            }
        }
        map.end()
    }
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Typed {
    offset_ms: f64,
    subject: String,
    #[serde(default)]
    headers: Headers,
    payload: Option<String>,
    payload_base64: Option<String>,
}

#[derive(Default)]
struct Headers(Vec<(String, String)>);

impl<'de> Deserialize<'de> for Headers {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Pairs;

        #[derive(Deserialize)]
        #[serde(untagged)]
        enum Values {
            One(String),
            Many(Vec<String>),
        }

        impl<'de> Visitor<'de> for Pairs {
            type Value = Headers;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a map of headers")
            }

            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Headers, A::Error> {
                let mut headers = Vec::new();
                while let Some((name, values)) = map.next_entry::<String, Values>()? {
                    match values {
                        Values::One(value) => headers.push((name, value)),
                        Values::Many(values) => {
                            headers.extend(values.into_iter().map(|value| (name.clone(), value)))
                        }
                    }
                }
                Ok(Headers(headers))
            }
        }

        deserializer.deserialize_map(Pairs)
    }
}

#[cfg(test)]
mod tests;
