//! Failures come in, pauses go out: exponential with jitter, and never shorter than what the server asked for.

use std::time::{Duration, SystemTime};

use time::OffsetDateTime;
use time::format_description::well_known::Rfc2822;

/// The longest `Retry-After` that is obeyed: a server that asks for a day would else stop the path until a person looks.
pub const RETRY_AFTER_LIMIT: Duration = Duration::from_secs(300);

/// The first pause is this part of the longest.
const STEPS: u32 = 100;

/// The shortest pause, whatever is configured: a failing server is never asked in a tight loop.
const FLOOR: Duration = Duration::from_millis(10);

/// How pauses grow.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Backoff {
    max: Duration,
}

impl Backoff {
    /// Pauses of at most `max`.
    pub fn new(max: Duration) -> Self {
        Self {
            max: max.max(FLOOR),
        }
    }

    /// The pause after `failures` (from 1) in a row. `random` from 0 to 1 chooses between a half and the whole of the step, so that
    /// workers that failed together do not come back together.
    pub fn pause(self, failures: u32, random: f64) -> Duration {
        let first = (self.max / STEPS).max(FLOOR);
        let doublings = failures.saturating_sub(1).min(16);
        let step = first.saturating_mul(1 << doublings).min(self.max);
        step.mul_f64(0.5 + random.clamp(0.0, 1.0) / 2.0)
    }

    /// As [`Backoff::pause`], with the server's wish as the shortest.
    pub fn pause_obeying(self, failures: u32, wish: Option<Duration>, random: f64) -> Duration {
        let own = self.pause(failures, random);
        own.max(wish.unwrap_or(Duration::ZERO).min(RETRY_AFTER_LIMIT))
    }
}

/// What a `Retry-After` header asks for: seconds, or an HTTP date seen from `now`.
pub fn retry_after(value: &str, now: SystemTime) -> Option<Duration> {
    let value = value.trim();
    if !value.is_empty() && value.bytes().all(|byte| byte.is_ascii_digit()) {
        // More digits than a u64 holds is longer than any limit.
        return Some(value.parse().map_or(Duration::MAX, Duration::from_secs));
    }
    let date = OffsetDateTime::parse(value, &Rfc2822).ok()?;
    // A date that has passed asks for nothing.
    Some(
        SystemTime::from(date)
            .duration_since(now)
            .unwrap_or(Duration::ZERO),
    )
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    const MAX: Duration = Duration::from_secs(30);

    #[test]
    fn pauses_double_from_a_hundredth_to_the_longest() {
        let pauses: Vec<u64> = (1..=9)
            .map(|n| {
                Backoff::new(MAX)
                    .pause(n, 1.0)
                    .as_millis()
                    .try_into()
                    .unwrap()
            })
            .collect();
        assert_eq!(
            pauses,
            [300, 600, 1200, 2400, 4800, 9600, 19200, 30000, 30000]
        );
    }

    #[test]
    fn the_servers_wish_is_obeyed_up_to_the_limit() {
        let backoff = Backoff::new(MAX);
        let wish = Duration::from_secs(60);
        assert_eq!(backoff.pause_obeying(1, Some(wish), 0.5), wish);
        assert_eq!(
            backoff.pause_obeying(1, Some(Duration::from_secs(86_400)), 0.5),
            RETRY_AFTER_LIMIT
        );
        assert_eq!(
            backoff.pause_obeying(1, Some(Duration::ZERO), 1.0),
            MAX / 100
        );
    }

    #[test]
    fn retry_after_is_seconds_or_a_date() {
        let now = SystemTime::UNIX_EPOCH + Duration::from_secs(784_111_777); // Sun, 06 Nov 1994 08:49:37 GMT
        assert_eq!(retry_after("120", now), Some(Duration::from_secs(120)));
        assert_eq!(retry_after(" 0 ", now), Some(Duration::ZERO));
        assert_eq!(
            retry_after("Sun, 06 Nov 1994 08:50:07 GMT", now),
            Some(Duration::from_secs(30))
        );
        assert_eq!(
            retry_after("Sun, 06 Nov 1994 08:49:00 GMT", now),
            Some(Duration::ZERO)
        );
        assert_eq!(
            retry_after("99999999999999999999999", now),
            Some(Duration::MAX)
        );
        for junk in ["", "soon", "-1", "1.5", "06 Nov"] {
            assert_eq!(retry_after(junk, now), None, "{junk}");
        }
    }

    proptest! {
        #[test]
        fn a_pause_is_between_the_floor_and_the_longest(
            max in 0u64..10_000_000, failures in 0u32..u32::MAX, random in 0.0f64..=1.0,
        ) {
            let backoff = Backoff::new(Duration::from_millis(max));
            let pause = backoff.pause(failures, random);
            prop_assert!(pause <= Duration::from_millis(max).max(FLOOR));
            prop_assert!(pause >= FLOOR / 2);
        }

        #[test]
        fn any_text_as_retry_after_is_read_without_panic(text in ".{0,64}") {
            let _: Option<Duration> = retry_after(&text, SystemTime::UNIX_EPOCH);
        }
    }
}
