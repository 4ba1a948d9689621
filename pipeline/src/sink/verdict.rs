//! A status code comes in, what it says of the lines goes out. The table is data; nothing is lost here: what no row names is sent
//! again.

use std::ops::RangeInclusive;

use http::StatusCode;

use crate::metrics::RetryReason;

/// What an answer means for the lines that were sent.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Verdict {
    /// The server has them.
    Stored,
    /// Some of them were written and the answer names the others; without names, all are stored.
    Partly,
    /// At least one of them will never be taken; nothing is said about the others.
    Refused,
    /// The body was too large: smaller parts may pass.
    TooLarge,
    /// Not known to be stored: send them again.
    Again(RetryReason),
}

/// The first row that holds the status decides. Unknown is never "done": what no row names is sent again, loudly, because a status
/// that no write API documents says nothing about the data; a person has to correct the URL, the proxy or the account.
const TABLE: &[(RangeInclusive<u16>, Verdict)] = &[
    (200..=200, Verdict::Stored),
    // InfluxDB Cloud Serverless before 2024-09, Clustered: written in part, with the refused lines in the body.
    (201..=201, Verdict::Partly),
    (204..=204, Verdict::Stored),
    (400..=400, Verdict::Refused),
    (401..=401, Verdict::Again(RetryReason::Auth)),
    (403..=403, Verdict::Again(RetryReason::Auth)),
    (404..=404, Verdict::Again(RetryReason::Missing)),
    (408..=408, Verdict::Again(RetryReason::Throttled)),
    (413..=413, Verdict::TooLarge),
    (422..=422, Verdict::Refused),
    (425..=425, Verdict::Again(RetryReason::Throttled)),
    (429..=429, Verdict::Again(RetryReason::Throttled)),
    (500..=599, Verdict::Again(RetryReason::Server)),
];

/// What `status` means.
pub fn verdict(status: StatusCode) -> Verdict {
    TABLE
        .iter()
        .find(|(codes, _)| codes.contains(&status.as_u16()))
        .map_or(Verdict::Again(RetryReason::Unexpected), |(_, verdict)| {
            *verdict
        })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(code: u16) -> Verdict {
        verdict(StatusCode::from_u16(code).unwrap())
    }

    #[test]
    fn every_row_of_the_table() {
        for (code, expected) in [
            (200, Verdict::Stored),
            (204, Verdict::Stored),
            (201, Verdict::Partly),
            (400, Verdict::Refused),
            (422, Verdict::Refused),
            (413, Verdict::TooLarge),
            (401, Verdict::Again(RetryReason::Auth)),
            (403, Verdict::Again(RetryReason::Auth)),
            (404, Verdict::Again(RetryReason::Missing)),
            (408, Verdict::Again(RetryReason::Throttled)),
            (425, Verdict::Again(RetryReason::Throttled)),
            (429, Verdict::Again(RetryReason::Throttled)),
            (503, Verdict::Again(RetryReason::Server)),
            (500, Verdict::Again(RetryReason::Server)),
            (502, Verdict::Again(RetryReason::Server)),
            (504, Verdict::Again(RetryReason::Server)),
            (599, Verdict::Again(RetryReason::Server)),
        ] {
            assert_eq!(of(code), expected, "{code}");
        }
    }

    #[test]
    fn what_no_row_names_is_sent_again() {
        for code in [
            100, 202, 206, 301, 302, 307, 402, 405, 406, 410, 411, 415, 418, 451, 600, 999,
        ] {
            assert_eq!(of(code), Verdict::Again(RetryReason::Unexpected), "{code}");
        }
    }

    #[test]
    fn only_three_codes_say_that_data_is_stored() {
        let stored: Vec<u16> = (100..=999)
            .filter(|code| matches!(of(*code), Verdict::Stored | Verdict::Partly))
            .collect();
        assert_eq!(stored, [200, 201, 204]);
    }
}
