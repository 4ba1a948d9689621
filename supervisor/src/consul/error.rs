//! A failed call comes in, what to do about it goes out: ask again, register again, or have somebody correct something.

use std::path::PathBuf;
use std::time::Duration;

use http::StatusCode;

/// What is shown of a refusal: Consul's are a sentence, what else answers on that port may send a page.
const SAID_LIMIT: usize = 200;

/// What a 500 says that means "I have no such service or check": Consul before 1.11 has no better status for it.
const UNKNOWN: [&str; 3] = [
    "unknown check",
    "unknown service",
    "does not have associated ttl",
];

/// An address is not that of a server.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{address:?} is no address ({reason}); write it as host:port")]
pub struct AddressError {
    /// As typed, without a user.
    pub address: String,
    /// Why.
    pub reason: String,
}

/// A call that did not succeed.
#[derive(Debug, thiserror::Error)]
pub enum CallError {
    /// There is nowhere to ask.
    #[error("cannot be asked: {0}")]
    Address(#[from] AddressError),
    /// No connection, or one that broke.
    #[error("cannot be reached: {0}")]
    Away(String),
    /// Silence. Whether the call was heeded is not known.
    #[error("gives no answer within {0:?}")]
    Late(Duration),
    /// It is there and cannot, at the moment.
    #[error("answers {status}: {said}")]
    Failing {
        /// The status.
        status: StatusCode,
        /// The beginning of its words.
        said: String,
    },
    /// It has no service or check of that name.
    #[error("knows no such service: {0}")]
    Unknown(String),
    /// It will not, however often it is asked.
    #[error("refuses with {status}: {said}{}", cure(*.status))]
    Refused {
        /// The status.
        status: StatusCode,
        /// The beginning of its words.
        said: String,
    },
    /// The answer is longer than any that is wanted.
    #[error("sends an answer of more than {0} bytes")]
    TooLong(usize),
    /// The answer is not what this call is answered with: something else listens there.
    #[error("sends an answer that is not understood: {0}")]
    Unreadable(String),
    /// The token cannot be read, or cannot be sent.
    #[error("cannot be asked, the token{} is unusable: {reason}", file.as_ref().map(|file| format!(" in {}", file.display())).unwrap_or_default())]
    Token {
        /// Where it should be.
        file: Option<PathBuf>,
        /// Why.
        reason: String,
    },
}

/// What to do about a failed call.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Remedy {
    /// Ask again soon.
    Retry,
    /// Register the service first.
    Register,
    /// Somebody has to correct something; ask again now and then.
    Correct,
}

impl CallError {
    /// What an answer other than 200 means.
    pub fn of(status: StatusCode, body: &[u8]) -> Self {
        let said = shown(body);
        let words = said.to_ascii_lowercase();
        let is_unknown = status == StatusCode::NOT_FOUND
            || (status == StatusCode::INTERNAL_SERVER_ERROR
                && UNKNOWN.iter().any(|known| words.contains(known)));
        if is_unknown {
            Self::Unknown(said)
        } else if status.is_server_error() || status == StatusCode::TOO_MANY_REQUESTS {
            Self::Failing { status, said }
        } else {
            Self::Refused { status, said }
        }
    }

    /// What to do about it.
    pub const fn remedy(&self) -> Remedy {
        match self {
            Self::Away(_) | Self::Late(_) | Self::Failing { .. } => Remedy::Retry,
            Self::Unknown(_) => Remedy::Register,
            Self::Address(_)
            | Self::Refused { .. }
            | Self::TooLong(_)
            | Self::Unreadable(_)
            | Self::Token { .. } => Remedy::Correct,
        }
    }
}

const fn cure(status: StatusCode) -> &'static str {
    match status {
        StatusCode::FORBIDDEN | StatusCode::UNAUTHORIZED => {
            " (give consul.token a policy for this)"
        }
        _ => "",
    }
}

/// The beginning of what a server said, on one line.
fn shown(body: &[u8]) -> String {
    let text = String::from_utf8_lossy(body);
    let line = text
        .chars()
        .map(|c| if c.is_control() { ' ' } else { c })
        .take(SAID_LIMIT);
    line.collect::<String>().trim().to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn remedy(status: u16, body: &str) -> Remedy {
        let status = StatusCode::from_u16(status).unwrap();
        CallError::of(status, body.as_bytes()).remedy()
    }

    #[test]
    fn every_version_s_way_to_say_that_it_knows_no_such_check_means_to_register() {
        let old = "CheckID \"service:a\" does not have associated TTL";
        assert_eq!(remedy(500, old), Remedy::Register);
        assert_eq!(remedy(500, "Unknown check \"service:a\""), Remedy::Register);
        assert_eq!(
            remedy(404, "Unknown check ID \"service:a\""),
            Remedy::Register
        );
        assert_eq!(remedy(500, "No cluster leader"), Remedy::Retry);
    }

    #[test]
    fn a_refusal_is_not_asked_again_at_once() {
        assert_eq!(remedy(403, "Permission denied"), Remedy::Correct);
        assert_eq!(remedy(400, "Invalid"), Remedy::Correct);
        assert_eq!(remedy(301, ""), Remedy::Correct);
        assert_eq!(remedy(204, ""), Remedy::Correct);
        assert_eq!(remedy(429, ""), Remedy::Retry);
        assert_eq!(remedy(503, ""), Remedy::Retry);
    }

    #[test]
    fn what_a_server_says_is_shown_short_and_on_one_line() {
        let page = format!("<html>\r\n{}", "ü".repeat(1000));
        let said = CallError::of(StatusCode::BAD_REQUEST, page.as_bytes()).to_string();
        assert!(said.len() < 600 && !said.contains('\n'), "{said}");
    }
}
