//! Durations as Go and ContainerPilot have them.

use proptest::prelude::*;

use super::*;

fn nanoseconds(text: &str) -> Result<Option<i64>, DurationError> {
    typed(text).map(|typed| typed.map(|Nanoseconds(nanoseconds)| nanoseconds))
}

#[test]
fn whole_numbers_are_seconds_and_nothing_is_nothing() {
    assert_eq!(nanoseconds(""), Ok(None));
    assert_eq!(nanoseconds("0"), Ok(Some(0)));
    assert_eq!(nanoseconds("1"), Ok(Some(SECOND)));
    assert_eq!(nanoseconds("+5"), Ok(Some(5 * SECOND)));
    assert_eq!(nanoseconds("-5"), Ok(Some(-5 * SECOND)));
}

#[test]
fn durations_are_those_of_go() {
    for (text, expected) in [
        ("1ns", 1),
        ("1us", 1_000),
        ("1µs", 1_000),
        ("1μs", 1_000),
        ("200ms", 200 * MILLISECOND),
        ("1.5s", 1_500 * MILLISECOND),
        (".5s", 500 * MILLISECOND),
        ("5.s", 5 * SECOND),
        ("1h15m", 75 * MINUTE),
        ("-1m30s", -90 * SECOND),
        ("0.3333333333333333333h", 1_199_999_999_999),
        ("9223372036854775807ns", i64::MAX),
    ] {
        assert_eq!(nanoseconds(text), Ok(Some(expected)), "{text}");
    }
}

#[test]
fn what_is_no_duration_is_refused() {
    for (text, expected) in [
        ("x", DurationError::NoNumber),
        ("-", DurationError::NoNumber),
        ("s", DurationError::NoNumber),
        (".s", DurationError::NoNumber),
        ("1.5", DurationError::NoUnit),
        ("1h5", DurationError::NoUnit),
        ("20yy", DurationError::UnknownUnit),
        ("1 s", DurationError::UnknownUnit),
        ("3000000h", DurationError::TooLong),
        ("99999999999999999999", DurationError::TooLong),
        ("9223372036854775808ns", DurationError::TooLong),
    ] {
        assert_eq!(nanoseconds(text), Err(expected), "{text}");
    }
    assert_eq!(go("5"), Err(DurationError::NoUnit));
    assert_eq!(go(""), Err(DurationError::NoNumber));
    assert_eq!(go("0"), Ok(Nanoseconds(0)));
}

#[test]
fn durations_are_shown_as_they_would_be_typed() {
    for text in ["5s", "1h15m", "100ms", "1m30s"] {
        let duration = go(text).ok().and_then(Nanoseconds::positive).unwrap();
        assert_eq!(show(duration), text);
    }
    assert_eq!(show(Duration::ZERO), "0s");
}

proptest! {
    #[test]
    fn any_text_is_a_duration_or_is_not(text in any::<String>()) {
        assert!(typed(&text).is_ok() || typed(&text).is_err());
    }

    #[test]
    fn what_is_shown_is_read_again(nanoseconds in 0..i64::MAX) {
        let shown = show(Nanoseconds(nanoseconds).positive().unwrap());
        prop_assert_eq!(go(&shown), Ok(Nanoseconds(nanoseconds)));
    }
}
