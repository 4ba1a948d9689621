//! The unit of a request's timestamps comes in as it is written in a query, nanoseconds go out, exactly or not at all.

use crate::decode::scan::TIMES;

/// The unit of the timestamps of one request.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Precision {
    /// `ns`
    Nanos,
    /// `us`
    Micros,
    /// `ms`
    Millis,
    /// `s`
    Seconds,
    /// `m`
    Minutes,
    /// `h`
    Hours,
    /// Told by the number itself, as InfluxDB 3 does unless it is told otherwise.
    Auto,
}

/// Below so many units a timestamp is in seconds, and so on by thousands: InfluxDB 3's own bounds. Five billion seconds are the year
/// 2128, five billion milliseconds February 1970.
const AUTO: u64 = 5_000_000_000;

impl Precision {
    /// As `/write` names it.
    pub(super) fn v1(text: &str) -> Option<Self> {
        Some(match text {
            "n" | "ns" => Self::Nanos,
            "u" | "µ" | "us" => Self::Micros,
            "ms" => Self::Millis,
            "s" => Self::Seconds,
            "m" => Self::Minutes,
            "h" => Self::Hours,
            _ => return None,
        })
    }

    /// As `/api/v2/write` names it.
    pub(super) fn v2(text: &str) -> Option<Self> {
        Some(match text {
            "ns" => Self::Nanos,
            "us" => Self::Micros,
            "ms" => Self::Millis,
            "s" => Self::Seconds,
            _ => return None,
        })
    }

    /// As `/api/v3/write_lp` names it.
    pub(super) fn v3(text: &str) -> Option<Self> {
        Some(match text {
            "auto" => Self::Auto,
            "nanosecond" | "ns" | "n" => Self::Nanos,
            "microsecond" | "us" | "u" => Self::Micros,
            "millisecond" | "ms" => Self::Millis,
            "second" | "s" => Self::Seconds,
            _ => return None,
        })
    }

    /// `time`, which is in this unit, in nanoseconds; `None` outside of what a line can say.
    pub(super) fn nanos(self, time: i64) -> Option<i64> {
        let factor = match self {
            Self::Nanos => 1,
            Self::Micros => 1_000,
            Self::Millis => 1_000_000,
            Self::Seconds => 1_000_000_000,
            Self::Minutes => 60_000_000_000,
            Self::Hours => 3_600_000_000_000,
            Self::Auto => return Self::guessed(time).nanos(time),
        };
        time.checked_mul(factor).filter(|time| TIMES.contains(time))
    }

    fn guessed(time: i64) -> Self {
        match time.unsigned_abs() {
            0..AUTO => Self::Seconds,
            time if time / 1_000 < AUTO => Self::Millis,
            time if time / 1_000_000 < AUTO => Self::Micros,
            _ => Self::Nanos,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_api_has_its_own_words() {
        for (text, v1, v2, v3) in [
            ("n", Some(1), None, Some(1)),
            ("ns", Some(1), Some(1), Some(1)),
            ("nanosecond", None, None, Some(1)),
            ("u", Some(1_000), None, Some(1_000)),
            ("µ", Some(1_000), None, None),
            ("us", Some(1_000), Some(1_000), Some(1_000)),
            ("microsecond", None, None, Some(1_000)),
            ("ms", Some(1_000_000), Some(1_000_000), Some(1_000_000)),
            ("millisecond", None, None, Some(1_000_000)),
            (
                "s",
                Some(1_000_000_000),
                Some(1_000_000_000),
                Some(1_000_000_000),
            ),
            ("second", None, None, Some(1_000_000_000)),
            ("m", Some(60_000_000_000), None, None),
            ("h", Some(3_600_000_000_000), None, None),
            ("auto", None, None, Some(1_000_000_000)),
            ("", None, None, None),
            ("S", None, None, None),
            ("d", None, None, None),
        ] {
            let one = |precision: Option<Precision>| precision.and_then(|unit| unit.nanos(1));
            assert_eq!(one(Precision::v1(text)), v1, "v1 {text}");
            assert_eq!(one(Precision::v2(text)), v2, "v2 {text}");
            assert_eq!(one(Precision::v3(text)), v3, "v3 {text}");
        }
    }

    #[test]
    fn the_unit_is_guessed_as_influxdb_3_guesses_it() {
        let billion = 1_000_000_000;
        for (time, nanos) in [
            (0, 0),
            (5 * billion - 1, (5 * billion - 1) * billion),
            (5 * billion, 5 * billion * 1_000_000),
            (-5 * billion, -5 * billion * 1_000_000),
            (5_000 * billion - 1, (5_000 * billion - 1) * 1_000_000),
            (5_000 * billion, 5_000 * billion * 1_000),
            (5_000_000 * billion, 5_000_000 * billion),
            (1_700_000_000, 1_700_000_000 * billion),
            (1_700_000_000 * billion, 1_700_000_000 * billion),
        ] {
            assert_eq!(Precision::Auto.nanos(time), Some(nanos), "{time}");
        }
    }

    #[test]
    fn what_does_not_fit_is_no_time() {
        assert_eq!(Precision::Seconds.nanos(9_223_372_037), None);
        assert_eq!(Precision::Seconds.nanos(-9_223_372_037), None);
        assert_eq!(Precision::Hours.nanos(i64::MAX), None);
        assert_eq!(Precision::Nanos.nanos(*TIMES.end()), Some(*TIMES.end()));
    }
}
