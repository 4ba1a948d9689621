//! Bytes that JetStream answered with come in, what they mean goes out. Pure.

use async_nats::StatusCode;
use async_nats::header::{NATS_MESSAGE_ID, NATS_SEQUENCE};
use async_nats::jetstream::message::StreamMessage;
use async_nats::jetstream::publish::PublishAck;
use async_nats::jetstream::response::Response;
use async_nats::jetstream::stream::RawMessage;
use async_nats::jetstream::{self, ErrorCode};
use serde::Deserialize;

use super::door::{Answer, Cause, Refusal};

/// What became of a publish.
#[derive(Debug, PartialEq, Eq)]
pub enum Stored {
    /// The stream has it, at this sequence.
    At {
        /// The stream.
        stream: String,
        /// Its sequence there.
        sequence: u64,
    },
    /// The last message of the subject is not the one that was expected.
    NotExpected,
    /// The stream will never take it.
    Never(Refusal),
    /// The stream did not take it now; why.
    NotNow(String),
    /// Somebody answers on this subject who is no stream.
    Stranger,
}

impl Stored {
    /// What an answer to a publish means.
    pub fn read(payload: &[u8]) -> Self {
        match serde_json::from_slice::<Response<PublishAck>>(payload) {
            Ok(Response::Ok(ack)) => Self::At {
                stream: ack.stream,
                sequence: ack.sequence,
            },
            Ok(Response::Err { error }) => match error.error_code() {
                ErrorCode::STREAM_WRONG_LAST_SEQUENCE => Self::NotExpected,
                ErrorCode::STREAM_MESSAGE_EXCEEDS_MAXIMUM => Self::never(Cause::Size, &error),
                ErrorCode::STREAM_SEALED => Self::never(Cause::Sealed, &error),
                _ => Self::NotNow(error.to_string()),
            },
            Err(_) => Self::Stranger,
        }
    }

    fn never(cause: Cause, error: &jetstream::Error) -> Self {
        Self::Never(Refusal {
            cause,
            words: error.to_string(),
        })
    }
}

/// Which stream takes a subject.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Taker {
    /// This one.
    Stream(String),
    /// None does.
    Nobody,
    /// The server did not say.
    Unknown,
}

#[derive(Debug, Deserialize)]
struct Names {
    /// `null` if there are none.
    #[serde(default)]
    streams: Option<Vec<String>>,
}

impl Taker {
    /// What an answer to a search by subject means.
    pub fn read(payload: &[u8]) -> Self {
        match serde_json::from_slice::<Response<Names>>(payload) {
            Ok(Response::Ok(names)) => names
                .streams
                .and_then(|names| names.into_iter().next())
                .map_or(Self::Nobody, Self::Stream),
            Ok(Response::Err { error }) if is_off(&error) => Self::Nobody,
            Ok(Response::Err { .. }) | Err(_) => Self::Unknown,
        }
    }
}

fn is_off(error: &jetstream::Error) -> bool {
    matches!(
        error.error_code(),
        ErrorCode::JETSTREAM_NOT_ENABLED_FOR_ACCOUNT | ErrorCode::JETSTREAM_NOT_ENABLED
    )
}

/// The last message of a subject in its stream.
#[derive(Debug, PartialEq, Eq)]
pub enum Last {
    /// It is at this sequence and has this id.
    At(u64, Option<String>),
    /// There is none.
    None,
    /// The server did not say.
    Unknown,
}

#[derive(Debug, Deserialize)]
struct Got {
    message: RawMessage,
}

impl Last {
    /// What an answer to a request for it means.
    pub fn read(payload: &[u8]) -> Self {
        match serde_json::from_slice::<Response<Got>>(payload) {
            Ok(Response::Ok(got)) => {
                let sequence = got.message.sequence;
                let Ok(message) = StreamMessage::try_from(got.message) else {
                    return Self::At(sequence, None);
                };
                let id = message.headers.get(NATS_MESSAGE_ID);
                Self::At(sequence, id.map(|id| id.as_str().to_owned()))
            }
            Ok(Response::Err { error }) if error.error_code() == ErrorCode::NO_MESSAGE_FOUND => {
                Self::None
            }
            Ok(Response::Err { .. }) | Err(_) => Self::Unknown,
        }
    }

    /// What the message itself means, which is sent where it is asked for directly.
    pub fn direct(answer: &Answer) -> Self {
        let header = |name| answer.headers.get(name).map(|value| value.as_str());
        let sequence = || header(NATS_SEQUENCE)?.parse().ok();
        match (answer.status, sequence()) {
            (Some(StatusCode::NOT_FOUND), _) => Self::None,
            (None, Some(sequence)) => {
                Self::At(sequence, header(NATS_MESSAGE_ID).map(str::to_owned))
            }
            (Some(_), _) | (None, None) => Self::Unknown,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn a_refusal_for_ever_is_told_from_one_for_now() {
        let error = |code: u64| {
            let text = format!(
                r#"{{"type":"x","error":{{"code":400,"err_code":{code},"description":"why"}},"stream":"S","seq":0}}"#
            );
            Stored::read(text.as_bytes())
        };
        assert!(matches!(error(10_054), Stored::Never(refusal) if refusal.words.contains("why")));
        assert!(matches!(error(10_109), Stored::Never(_)));
        assert_eq!(error(10_071), Stored::NotExpected);
        assert!(matches!(error(10_077), Stored::NotNow(_)));
        assert_eq!(Stored::read(b"pong"), Stored::Stranger);
        let stored = Stored::read(br#"{"stream":"S","seq":7,"duplicate":true}"#);
        let stream = "S".to_owned();
        assert_eq!(
            stored,
            Stored::At {
                stream,
                sequence: 7
            }
        );
    }

    #[test]
    fn no_stream_and_no_jetstream_are_told_from_no_answer() {
        let of = |text: &str| Taker::read(text.as_bytes());
        let stream = Taker::Stream("S".to_owned());
        assert_eq!(of(r#"{"total":1,"streams":["S"]}"#), stream);
        assert_eq!(of(r#"{"total":0,"streams":null}"#), Taker::Nobody);
        assert_eq!(
            of(r#"{"error":{"code":503,"err_code":10039,"description":"x"}}"#),
            Taker::Nobody
        );
        assert_eq!(
            of(r#"{"error":{"code":503,"err_code":10008,"description":"x"}}"#),
            Taker::Unknown
        );
        assert_eq!(of("x"), Taker::Unknown);
    }

    #[test]
    fn a_message_that_is_sent_itself_tells_its_id_and_sequence() {
        let mut answer = Answer::default();
        assert_eq!(Last::direct(&answer), Last::Unknown);
        answer.headers.insert(NATS_SEQUENCE, "9");
        assert_eq!(Last::direct(&answer), Last::At(9, None));
        answer.headers.insert(NATS_MESSAGE_ID, "a-1-7");
        assert_eq!(Last::direct(&answer), Last::At(9, Some("a-1-7".to_owned())));
        answer.headers.insert(NATS_SEQUENCE, "x");
        assert_eq!(Last::direct(&answer), Last::Unknown);
        answer.status = Some(StatusCode::NOT_FOUND);
        assert_eq!(Last::direct(&answer), Last::None);
        answer.status = Some(StatusCode::TIMEOUT);
        assert_eq!(Last::direct(&answer), Last::Unknown);
    }

    #[test]
    fn the_last_message_tells_its_id() {
        let headers = "TkFUUy8xLjANCk5hdHMtTXNnLUlkOiBhLTEtNw0KDQo=";
        let text = format!(
            r#"{{"message":{{"subject":"s","seq":9,"hdrs":"{headers}","data":"","time":"2026-01-01T00:00:00Z"}}}}"#
        );
        assert_eq!(
            Last::read(text.as_bytes()),
            Last::At(9, Some("a-1-7".to_owned()))
        );
        let none = br#"{"error":{"code":404,"err_code":10037,"description":"no message found"}}"#;
        assert_eq!(Last::read(none), Last::None);
        assert_eq!(Last::read(b"{}"), Last::Unknown);
    }

    proptest! {
        #[test]
        fn no_answer_makes_it_panic(payload in any::<Vec<u8>>(), text in "\\{\"(message|error|streams|seq)\":.{0,20}\\}") {
            for bytes in [payload.as_slice(), text.as_bytes()] {
                Stored::read(bytes);
                Taker::read(bytes);
                Last::read(bytes);
            }
        }
    }
}
