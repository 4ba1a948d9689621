//! The time that a foreign payload tells: a JSON value and its unit come in, nanoseconds since the Unix epoch come out, exactly.

use flightline_contract::value::Timestamp;

use crate::config::TimeUnit;
use crate::decode::json;
use crate::decode::refusal::Refusal;
use crate::decode::scan::value::{is_usual_time, timestamp};

/// The time that `value` tells: a number, or a string of one; for RFC 3339 a string.
pub(super) fn nanos(value: &[u8], unit: TimeUnit) -> Result<i64, Refusal> {
    let quoted = value.len() >= 2 && value[0] == b'"';
    let digits = match unit {
        TimeUnit::Rfc3339 if quoted => return Ok(serde_json::from_slice::<Timestamp>(value)?.0),
        TimeUnit::Rfc3339 => return Err(Refusal::shape("the time must be a string in RFC 3339")),
        TimeUnit::Seconds => 9,
        TimeUnit::Millis => 6,
        TimeUnit::Micros => 3,
        TimeUnit::Nanos => 0,
    };
    let number = if quoted {
        &value[1..value.len() - 1]
    } else {
        value
    };
    if unit == TimeUnit::Nanos && is_usual_time(number) {
        return timestamp(number).map_err(|_| out_of_range());
    }
    if let Some(nanos) =
        json::integer(number).and_then(|units| units.checked_mul(10_i64.pow(digits)))
    {
        return Ok(nanos);
    }
    let scaled = std::str::from_utf8(number)
        .ok()
        .and_then(|text| scale(text, digits));
    scaled.ok_or_else(out_of_range)
}

fn out_of_range() -> Refusal {
    Refusal::value("the time is not a number of its unit within the years 1677 to 2262")
}

/// `text` times ten to the power of `digits`. What is finer than a nanosecond is cut off. Not by way of a double, which is off by
/// hundreds of nanoseconds in our days.
fn scale(text: &str, digits: u32) -> Option<i64> {
    let (whole, fraction) = text.split_once('.').unwrap_or((text, ""));
    let is_negative = whole.starts_with('-');
    let mut nanos = i128::from(whole.parse::<i64>().ok()?);
    if !fraction.bytes().all(|byte| byte.is_ascii_digit()) {
        return None;
    }
    for place in 0..digits as usize {
        let digit = fraction
            .as_bytes()
            .get(place)
            .map_or(0, |byte| i128::from(byte - b'0'));
        nanos = nanos * 10 + if is_negative { -digit } else { digit };
    }
    i64::try_from(nanos).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_time_is_exact_in_every_unit() {
        for (value, unit, nanos) in [
            ("1502675000000", TimeUnit::Millis, 1_502_675_000_000_000_000),
            (
                "\"1502675000000\"",
                TimeUnit::Millis,
                1_502_675_000_000_000_000,
            ),
            (
                "1502675000.123456789",
                TimeUnit::Seconds,
                1_502_675_000_123_456_789,
            ),
            (
                "1502675000123456.7899",
                TimeUnit::Micros,
                1_502_675_000_123_456_789,
            ),
            (
                "1502675000123456789",
                TimeUnit::Nanos,
                1_502_675_000_123_456_789,
            ),
            ("-1.5", TimeUnit::Seconds, -1_500_000_000),
            ("-0.5", TimeUnit::Seconds, -500_000_000),
            (
                "\"2017-08-14T01:43:20Z\"",
                TimeUnit::Rfc3339,
                1_502_675_000_000_000_000,
            ),
        ] {
            assert_eq!(
                super::nanos(value.as_bytes(), unit).unwrap(),
                nanos,
                "{value}"
            );
        }
    }

    #[test]
    fn what_is_no_time_is_refused() {
        for (value, unit) in [
            ("1502675000000", TimeUnit::Seconds),
            ("99999999999999999999", TimeUnit::Nanos),
            ("1e9", TimeUnit::Seconds),
            ("true", TimeUnit::Millis),
            ("{}", TimeUnit::Millis),
            ("\"\"", TimeUnit::Millis),
            ("\"soon\"", TimeUnit::Rfc3339),
            ("1502675000", TimeUnit::Rfc3339),
            ("1.-5", TimeUnit::Seconds),
        ] {
            assert!(nanos(value.as_bytes(), unit).is_err(), "{value}");
        }
    }
}
