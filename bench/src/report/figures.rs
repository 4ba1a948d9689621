//! Figures as people read them: three digits, and the unit that fits.

/// A count or a rate: `612`, `61.2 k`, `5.91 M`.
pub fn count(value: f64) -> String {
    match value.abs() {
        small if small < 1e3 => digits(value),
        thousands if thousands < 1e6 => format!("{} k", digits(value / 1e3)),
        millions if millions < 1e9 => format!("{} M", digits(value / 1e6)),
        _ => format!("{} G", digits(value / 1e9)),
    }
}

/// Nanoseconds: `612 ns`, `2.13 µs`.
pub fn nanos(value: f64) -> String {
    if value < 1e3 {
        return format!("{value:.0} ns");
    }
    micros(value / 1e3)
}

/// Microseconds: `812 µs`, `14.0 ms`, `1.20 s`.
pub fn micros(value: f64) -> String {
    match value {
        small if small < 1e3 => format!("{} µs", digits(value)),
        millis if millis < 1e6 => format!("{} ms", digits(value / 1e3)),
        _ => format!("{} s", digits(value / 1e6)),
    }
}

/// A moment as recorded, to the minute.
pub fn minute(at: &str) -> String {
    let minute: String = at.chars().take("2026-11-22T10:00".len()).collect();
    minute.replace('T', " ") + " UTC"
}

/// Bytes as MiB.
#[expect(clippy::cast_precision_loss, reason = "three digits are shown")]
pub fn mebibytes(bytes: u64) -> String {
    digits(bytes as f64 / f64::from(1 << 20))
}

/// At least three digits, and no more after the point than that takes.
pub fn digits(value: f64) -> String {
    match value.abs() {
        0.0 => "0".to_owned(),
        small if small < 9.995 => format!("{value:.2}"),
        middle if middle < 99.95 => format!("{value:.1}"),
        _ => format!("{value:.0}"),
    }
}

/// A commit as people name it; `-dirty` stays.
pub fn commit(commit: &str) -> String {
    let (hash, rest) = match commit.split_once('-') {
        Some((hash, rest)) => (hash, format!("-{rest}")),
        None => (commit, String::new()),
    };
    let short: String = hash.chars().take(9).collect();
    format!("{short}{rest}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn three_digits_and_the_unit_that_fits() {
        let counts = [0.0, 612.0, 61_200.0, 5_910_000.0, 2e9].map(count);
        assert_eq!(counts, ["0", "612", "61.2 k", "5.91 M", "2.00 G"]);
        let times = [812.0, 14_000.0, 1_200_000.0].map(micros);
        assert_eq!(times, ["812 µs", "14.0 ms", "1.20 s"]);
        assert_eq!([612.0, 2_130.0].map(nanos), ["612 ns", "2.13 µs"]);
        assert_eq!(digits(9.996), "10.0");
        assert_eq!(mebibytes(20 << 20), "20.0");
    }

    #[test]
    fn a_moment_is_told_to_the_minute() {
        assert_eq!(minute("2026-11-22T21:27:55.4212Z"), "2026-11-22 21:27 UTC");
    }

    #[test]
    fn a_commit_is_short_and_still_dirty() {
        assert_eq!(commit("0123456789abcdef-dirty"), "012345678-dirty");
        assert_eq!(commit("abc"), "abc");
    }
}
