//! A message of the dead-letter stream, or a record of the dead-letter file, comes in; what it tells goes out. Whatever somebody else
//! has put there is read as far as it goes, and no byte of it is trusted: text is for `shown`, which escapes it.

use bytes::Bytes;
use flightline_contract::deadletter::{
    CUT, DETAIL, LINE, REASON, Reason, SEQUENCE, STREAM, SUBJECT, TIME,
};
use flightline_contract::encoding::CONTENT_TYPE;
use flightline_contract::filter::Filter;

use crate::bus::Kept;
use crate::stream::Record;

/// A dead letter as it was filed.
#[derive(Debug, Clone)]
pub(super) struct Filed {
    /// Its sequence in the stream, or its line in the file.
    pub(super) number: u64,
    /// When it was filed, in nanoseconds since the Unix epoch; a file does not tell.
    pub(super) time: Option<i64>,
    /// All of its headers, in their order.
    pub(super) headers: Vec<(String, String)>,
    /// The original bytes, or the first of them.
    pub(super) payload: Bytes,
}

impl From<Kept> for Filed {
    fn from(kept: Kept) -> Self {
        let headers = kept.headers.iter().flat_map(|(name, values)| {
            values
                .iter()
                .map(move |value| (name.to_string(), value.as_str().to_owned()))
        });
        let mut headers: Vec<_> = headers.collect();
        headers.sort();
        Self {
            number: kept.sequence.get(),
            time: Some(kept.time),
            headers,
            payload: kept.payload,
        }
    }
}

impl Filed {
    /// Record `number` (from 1) of a file.
    pub(super) fn of_record(number: u64, record: Record) -> Self {
        Self {
            number,
            time: None,
            headers: record.headers,
            payload: record.payload,
        }
    }

    fn header(&self, name: &str) -> Option<&str> {
        let mut headers = self.headers.iter();
        let found = headers.find(|(known, _)| known.eq_ignore_ascii_case(name));
        found.map(|(_, value)| value.as_str())
    }

    /// Why it could not be stored.
    pub(super) fn reason(&self) -> Option<&str> {
        self.header(REASON)
    }

    /// The sentence for a person.
    pub(super) fn detail(&self) -> Option<&str> {
        self.header(DETAIL)
    }

    /// The subject the message came on.
    pub(super) fn subject(&self) -> Option<&str> {
        self.header(SUBJECT)
    }

    /// The stream the message came from, and its sequence there.
    pub(super) fn origin(&self) -> Option<(&str, u64)> {
        let sequence = self.header(SEQUENCE)?.parse().ok()?;
        Some((self.header(STREAM)?, sequence))
    }

    /// When the message entered its stream, in nanoseconds since the Unix epoch.
    pub(super) fn entered(&self) -> Option<i64> {
        self.header(TIME)?.parse().ok()
    }

    /// The time of its line, if that has none of its own: each line of a message is a nanosecond behind the one before it.
    pub(super) fn time_of_line(&self) -> Option<i64> {
        let before = self.line().map_or(0, |line| line.saturating_sub(1));
        Some(self.entered()?.saturating_add(i64::from(before)))
    }

    /// The line within the message, from 1.
    pub(super) fn line(&self) -> Option<u32> {
        self.header(LINE)?.parse().ok()
    }

    /// How the message's encoding was declared.
    pub(super) fn content_type(&self) -> Option<&str> {
        self.header(CONTENT_TYPE)
    }

    /// How long the payload was, if it is not all here.
    pub(super) fn cut(&self) -> Option<u64> {
        self.header(CUT).map(|length| length.parse().unwrap_or(0))
    }
}

/// Which letters are meant.
#[derive(Debug, Default)]
pub(super) struct Sieve {
    /// With this reason.
    pub(super) reason: Option<Reason>,
    /// Of messages on such a subject.
    pub(super) subject: Option<Filter>,
}

impl Sieve {
    /// Whether `letter` is one of them.
    pub(super) fn lets_through(&self, letter: &Filed) -> bool {
        let reason = self
            .reason
            .is_none_or(|reason| letter.reason() == Some(reason.as_str()));
        let subject = self.subject.as_ref().is_none_or(|pattern| {
            letter
                .subject()
                .is_some_and(|subject| pattern.matches(subject))
        });
        reason && subject
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn filed(headers: &[(&str, &str)]) -> Filed {
        let headers = headers.iter();
        Filed {
            number: 1,
            time: None,
            headers: headers
                .map(|(name, value)| ((*name).to_owned(), (*value).to_owned()))
                .collect(),
            payload: Bytes::new(),
        }
    }

    #[test]
    fn a_message_that_is_no_letter_is_read_as_far_as_it_goes() {
        let stranger = filed(&[(SEQUENCE, "many"), (LINE, "-1"), (CUT, "x"), (STREAM, "S")]);
        assert_eq!(stranger.origin(), None);
        assert_eq!((stranger.line(), stranger.cut()), (None, Some(0)));
        assert_eq!((stranger.reason(), stranger.subject()), (None, None));
    }

    #[test]
    fn letters_are_sifted_by_reason_and_by_the_subject_of_their_message() {
        let letter = filed(&[(REASON, "value"), (SUBJECT, "telemetry.app.a.b")]);
        for (reason, subject, through) in [
            (None, None, true),
            (Some(Reason::Value), None, true),
            (Some(Reason::Refused), None, false),
            (None, Some("telemetry.app.>"), true),
            (None, Some("telemetry.*.a.b"), true),
            (Some(Reason::Value), Some("telemetry.metric.>"), false),
        ] {
            let subject = subject.map(|pattern| Filter::parse(pattern).unwrap());
            let sieve = Sieve { reason, subject };
            assert_eq!(sieve.lets_through(&letter), through);
        }
        let stranger = filed(&[]);
        let sieve = Sieve {
            reason: None,
            subject: Some(Filter::parse(">").unwrap()),
        };
        assert!(!sieve.lets_through(&stranger));
    }
}
