//! The headers of a message come in; what they say of its encoding and of its time goes out.

use async_nats::HeaderMap;
use flightline_contract::deadletter::TIME;
use flightline_contract::encoding::{CONTENT_TYPE, Encoding};

use crate::decode::scan::TIMES;
use crate::delivery::{Declared, Stamp};

/// What the headers of a message say.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Said {
    /// Of its encoding.
    pub(crate) encoding: Declared,
    /// Of the time of its lines, in nanoseconds since the Unix epoch.
    time: Option<i64>,
}

impl Said {
    /// By the headers of a message, if it has any. A time that no line can have is none.
    pub(crate) fn by(headers: Option<&HeaderMap>) -> Self {
        let Some(headers) = headers else {
            return Self {
                encoding: Declared::Nothing,
                time: None,
            };
        };
        let encoding = headers.get(CONTENT_TYPE).map(|value| {
            Encoding::from_content_type(value.as_str()).map_or(Declared::Unknown, Declared::Known)
        });
        let time = headers
            .get(TIME)
            .and_then(|time| time.as_str().parse().ok());
        Self {
            encoding: encoding.unwrap_or(Declared::Nothing),
            time: time.filter(|time| TIMES.contains(time)),
        }
    }

    /// The stamp of a message that came with `own`.
    pub(crate) fn stamp(self, own: Stamp) -> Stamp {
        Stamp {
            time: self.time.unwrap_or(own.time),
            ..own
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::delivery::Attempt;

    const OWN: Stamp = Stamp {
        time: 7,
        sequence: None,
        attempt: Attempt::First,
    };

    fn said(pairs: &[(&str, &str)]) -> Said {
        let mut headers = HeaderMap::new();
        for (name, value) in pairs {
            headers.insert(*name, *value);
        }
        Said::by(Some(&headers))
    }

    #[test]
    fn a_time_that_no_line_can_have_is_none() {
        assert_eq!(said(&[(TIME, "1700000000")]).stamp(OWN).time, 1_700_000_000);
        assert_eq!(said(&[(TIME, "-1")]).stamp(OWN).time, -1);
        for bad in [
            "",
            "now",
            "1.5",
            "9223372036854775807",
            "9223372036854775808",
            " 1",
        ] {
            assert_eq!(said(&[(TIME, bad)]).stamp(OWN), OWN, "{bad}");
        }
        assert_eq!(Said::by(None).stamp(OWN), OWN);
    }

    #[test]
    fn a_type_that_nothing_decodes_is_not_no_type() {
        assert_eq!(said(&[(TIME, "1")]).encoding, Declared::Nothing);
        assert_eq!(
            said(&[(CONTENT_TYPE, "image/png")]).encoding,
            Declared::Unknown
        );
    }
}
