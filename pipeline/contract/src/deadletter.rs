//! Why something was dead-lettered, and the headers that say so.

use std::fmt;

use serde::{Deserialize, Serialize};

/// Header: the [`Reason`], as its label value.
pub const REASON: &str = "Flightline-Reason";
/// Header: one line of text for a person, escaped, at most [`DETAIL_LIMIT`] bytes.
pub const DETAIL: &str = "Flightline-Detail";
/// Header: the subject the message came on.
pub const SUBJECT: &str = "Flightline-Subject";
/// Header: the stream it came from; absent for core NATS.
pub const STREAM: &str = "Flightline-Stream";
/// Header: its sequence in that stream; absent for core NATS.
pub const SEQUENCE: &str = "Flightline-Sequence";
/// Header: when the message entered its stream (core NATS: when it was received), in nanoseconds since the Unix epoch. A line without a
/// timestamp is of this time. On a message that is published it says the same: so a letter that is published again is of its old time.
pub const TIME: &str = "Flightline-Time";
/// Header: the line within the message, from 1; absent when the whole message is meant.
pub const LINE: &str = "Flightline-Line";

/// Header: the original length in bytes, if the payload had to be cut to fit beside these headers.
pub const CUT: &str = "Flightline-Cut";

/// The longest [`DETAIL`]: enough for a server's sentence, too short to carry a payload.
pub const DETAIL_LIMIT: usize = 512;

/// Why something could not be stored: the closed set behind every `reason` label.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Reason {
    /// The line breaks the grammar of line protocol.
    LineSyntax,
    /// The payload is not JSON of its class's shape.
    JsonShape,
    /// A value has no place in the store: not finite, out of range, of the wrong type for its field.
    Value,
    /// The payload has the wrong encoding for its class.
    Encoding,
    /// The subject belongs to no class and no mapping.
    Subject,
    /// The message or line is larger than the configured limit.
    TooLarge,
    /// The store refused it and will always do so.
    Refused,
    /// The store fails on it, again and again, while it takes other lines.
    StoreFails,
    /// The consumer gave it up: it was delivered as often as the consumer allows, or somebody terminated it.
    GivenUp,
    /// Workers died while they had nothing else in hand.
    KillsWorkers,
}

impl Reason {
    /// Every reason.
    pub const ALL: [Self; 10] = [
        Self::LineSyntax,
        Self::JsonShape,
        Self::Value,
        Self::Encoding,
        Self::Subject,
        Self::TooLarge,
        Self::Refused,
        Self::StoreFails,
        Self::GivenUp,
        Self::KillsWorkers,
    ];

    /// The label and header value.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::LineSyntax => "line_syntax",
            Self::JsonShape => "json_shape",
            Self::Value => "value",
            Self::Encoding => "encoding",
            Self::Subject => "subject",
            Self::TooLarge => "too_large",
            Self::Refused => "refused",
            Self::StoreFails => "store_fails",
            Self::GivenUp => "given_up",
            Self::KillsWorkers => "kills_workers",
        }
    }
}

impl fmt::Display for Reason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}
