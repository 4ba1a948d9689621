//! Why a piece of a message was refused, on its way into a dead letter.

use flightline_contract::deadletter::Reason;
use flightline_contract::metric::SampleError;

use crate::decode::json::Malformed;
use crate::decode::write::WriteError;

/// Reason and one sentence. Only made for what is refused, so its allocation costs good messages nothing.
#[derive(Debug)]
pub(super) struct Refusal {
    pub(super) reason: Reason,
    pub(super) detail: String,
}

impl Refusal {
    /// A value that has no place in the store.
    pub(super) fn value(detail: impl Into<String>) -> Self {
        Self {
            reason: Reason::Value,
            detail: detail.into(),
        }
    }

    /// JSON of another shape than the class or mapping has.
    pub(super) fn shape(detail: impl Into<String>) -> Self {
        Self {
            reason: Reason::JsonShape,
            detail: detail.into(),
        }
    }

    /// An encoding that the class does not have.
    pub(super) fn encoding(detail: impl Into<String>) -> Self {
        Self {
            reason: Reason::Encoding,
            detail: detail.into(),
        }
    }
}

impl From<Malformed> for Refusal {
    fn from(error: Malformed) -> Self {
        Self::shape(error.to_string())
    }
}

impl From<WriteError> for Refusal {
    fn from(error: WriteError) -> Self {
        Self {
            reason: error.reason(),
            detail: error.to_string(),
        }
    }
}

impl From<SampleError> for Refusal {
    fn from(error: SampleError) -> Self {
        Self::value(error.to_string())
    }
}

impl From<serde_json::Error> for Refusal {
    /// The grammar was checked before, so what is no error of shape is a value: a number out of range, text that is not UTF-8.
    fn from(error: serde_json::Error) -> Self {
        if error.is_data() {
            Self::shape(error.to_string())
        } else {
            Self::value(error.to_string())
        }
    }
}
