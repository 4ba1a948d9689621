//! What a server says the time is comes in; whether its clock and ours disagree goes out.

use std::time::{Duration, SystemTime};

use super::finding::{Code, Finding};
use crate::config::units::show_duration;

/// What a request and a header that counts whole seconds explain.
const EXPLAINED: Duration = Duration::from_secs(3);

/// Compares what `about` said with what was here before and after it was asked.
pub(super) fn judge(
    about: &str,
    theirs: SystemTime,
    (before, after): (SystemTime, SystemTime),
) -> Option<Finding> {
    let ahead = theirs.duration_since(after).unwrap_or_default();
    let behind = before.duration_since(theirs).unwrap_or_default();
    let (skew, word) = if ahead > behind {
        (ahead, "ahead of")
    } else {
        (behind, "behind")
    };
    (skew > EXPLAINED).then(|| {
        let shown = show_duration(Duration::from_secs(skew.as_secs()));
        Finding::warning(Code::ClockSkew, about)
            .found(format!("its clock is {shown} {word} this machine's"))
            .means(
                "lines without a timestamp get the time of the NATS server: they land in the future or the past of the store, where \
                 queries for now do not find them",
            )
            .cure("synchronise the clocks: chronyc tracking, timedatectl set-ntp true")
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_a_request_does_not_explain_is_a_skew() {
        let now = SystemTime::UNIX_EPOCH + Duration::from_secs(1_000);
        let asked = (now, now + Duration::from_secs(5));
        let judged = |offset: i64| {
            let theirs = SystemTime::UNIX_EPOCH
                + Duration::from_secs(1_000_u64.saturating_add_signed(offset));
            judge("nats", theirs, asked).map(|finding| finding.found)
        };
        for none in [-3, 0, 5, 8] {
            assert_eq!(judged(none), None, "{none}");
        }
        assert_eq!(
            judged(-4).as_deref(),
            Some("its clock is 4s behind this machine's")
        );
        assert_eq!(
            judged(65).as_deref(),
            Some("its clock is 1m ahead of this machine's")
        );
    }
}
