//! The series table in, the text of a scrape out, one chunk at a time: the table may change between two of them, and yet each
//! series that was there throughout is written exactly once, and the series of a family stand together.

use flightline_contract::health::Status;

use super::accept::Format;
use super::family::{Family, Kind};
use super::name::TOTAL;
use super::slot::{NONE, Phase, Slot, Value};
use super::table::Table;

/// Bytes after which a chunk ends: one write to the socket, and well under a millisecond of the table's lock.
pub(super) const CHUNK_BYTES: usize = 64 * 1024;
/// Series looked at after which a chunk ends, shown or not.
pub(super) const CHUNK_SERIES: usize = 2_000;

/// Where a scrape stands in the table.
#[derive(Debug, Clone, Copy)]
pub(super) struct Cursor {
    scrape: u32,
    family: usize,
    place: usize,
    header: Header,
}

/// Whether the present family's header is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Header {
    Due,
    Written,
}

/// Whether a scrape goes on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum More {
    /// There may be more series.
    Yes,
    /// That was the last chunk.
    No,
}

impl Cursor {
    /// The beginning of scrape number `scrape`.
    pub(super) fn new(scrape: u32) -> Self {
        Self {
            scrape,
            family: 0,
            place: 0,
            header: Header::Due,
        }
    }
}

impl Table {
    /// Appends the next chunk.
    pub(super) fn chunk(&self, cursor: &mut Cursor, format: Format, out: &mut Vec<u8>) -> More {
        let mut left = CHUNK_SERIES;
        while let Some(family) = self.families.all().get(cursor.family) {
            let places = family.as_ref().map_or(&[][..], |family| &family.places);
            let rest = places.get(cursor.place..).unwrap_or_default();
            for id in rest {
                if left == 0 || out.len() >= CHUNK_BYTES {
                    return More::Yes;
                }
                left -= 1;
                cursor.place += 1;
                let Some(family) = family else { break };
                let Some(slot) = self.visible(*id, cursor.scrape) else {
                    continue;
                };
                if cursor.header == Header::Due {
                    let suffix = match family.kind {
                        Kind::Counter => header_suffix(format),
                        Kind::Gauge | Kind::State | Kind::Histogram => "",
                    };
                    header(&family.base, suffix, word(family, format), family.help, out);
                    cursor.header = Header::Written;
                }
                series(family, slot, out);
            }
            cursor.family += 1;
            cursor.place = 0;
            cursor.header = Header::Due;
        }
        More::No
    }

    fn visible(&self, id: u32, scrape: u32) -> Option<&Slot> {
        if id == NONE {
            return None;
        }
        let slot = self.slab.get(id);
        // Scrapes are numbered around the clock; made before this one began means at most half a round ago.
        let made_before = scrape.wrapping_sub(slot.born).wrapping_sub(1) < u32::MAX / 2;
        let shown = slot.phase == Phase::Live && !self.wheel.is_over(slot);
        (made_before && shown).then_some(slot)
    }
}

/// What stands behind a counter's base name in its header: OpenMetrics names the family without the `_total` of its samples.
pub(super) fn header_suffix(format: Format) -> &'static str {
    match format {
        Format::Text => TOTAL,
        Format::OpenMetrics => "",
    }
}

/// Suffixes that say what a series is; a gauge from outside may have one all the same, such as the field `total` of `mem`.
const TELLING: [&str; 4] = [TOTAL, "_bucket", "_count", "_sum"];

/// The word behind `# TYPE`. A gauge whose name says that it is something else is of no type: promtool and who reads the name
/// would be told two things at once.
fn word(family: &Family, format: Format) -> &'static str {
    let told = |suffix: &&str| family.base.ends_with(*suffix);
    match (family.kind, format) {
        (Kind::Gauge, Format::Text) if TELLING.iter().any(told) => "untyped",
        (Kind::Gauge, Format::OpenMetrics) if TELLING.iter().any(told) => "unknown",
        (kind, _) => kind.as_str(),
    }
}

/// Appends `# HELP` and `# TYPE`. Help texts are our own literals: nothing in them needs an escape.
pub(super) fn header(base: &str, suffix: &str, kind: &str, help: &str, out: &mut Vec<u8>) {
    let help = ["# HELP ", base, suffix, " ", help, "\n"];
    let kind = ["# TYPE ", base, suffix, " ", kind, "\n"];
    for part in help.into_iter().chain(kind) {
        out.extend_from_slice(part.as_bytes());
    }
}

fn series(family: &Family, slot: &Slot, out: &mut Vec<u8>) {
    let (base, labels) = (family.base.as_bytes(), slot.labels());
    let mut line = |suffix: &str, extra: Extra, value: Number| {
        out.extend_from_slice(base);
        out.extend_from_slice(suffix.as_bytes());
        let separator = if labels.is_empty() { "" } else { "," };
        if !labels.is_empty() || extra != Extra::None {
            out.push(b'{');
            out.extend_from_slice(labels);
            match extra {
                Extra::None => {}
                Extra::Status(status) => {
                    for part in [separator, "status=\"", status.as_str(), "\""] {
                        out.extend_from_slice(part.as_bytes());
                    }
                }
                Extra::Bound(bound) => {
                    out.extend_from_slice(separator.as_bytes());
                    out.extend_from_slice(b"le=\"");
                    le(bound, out);
                    out.push(b'"');
                }
            }
            out.push(b'}');
        }
        out.push(b' ');
        match value {
            Number::Float(value) => float(value, out),
            Number::Whole(value) => whole(value, out),
        }
        out.push(b'\n');
    };
    match &slot.value {
        Value::Number(value) => {
            let suffix = if family.kind == Kind::Counter {
                TOTAL
            } else {
                ""
            };
            line(suffix, Extra::None, Number::Float(*value));
        }
        Value::State(present) => {
            for status in Status::ALL {
                line(
                    "",
                    Extra::Status(status),
                    Number::Whole(u64::from(status == *present)),
                );
            }
        }
        Value::Histogram(histogram) => {
            for bucket in &histogram.buckets {
                line(
                    "_bucket",
                    Extra::Bound(bucket.le),
                    Number::Whole(bucket.count),
                );
            }
            line(
                "_bucket",
                Extra::Bound(f64::INFINITY),
                Number::Whole(histogram.count),
            );
            line("_sum", Extra::None, Number::Float(histogram.sum));
            line("_count", Extra::None, Number::Whole(histogram.count));
        }
    }
}

/// A label that only this line has.
#[derive(Clone, Copy, PartialEq)]
enum Extra {
    None,
    Status(Status),
    Bound(f64),
}

#[derive(Clone, Copy)]
enum Number {
    Float(f64),
    Whole(u64),
}

/// Appends a bound. Always with a fraction or exponent, as OpenMetrics wants it: the label is the same in both formats.
pub(super) fn le(bound: f64, out: &mut Vec<u8>) {
    match special(bound) {
        Some(word) => out.extend_from_slice(word),
        None => out.extend_from_slice(zmij::Buffer::new().format_finite(bound).as_bytes()),
    }
}

/// Appends a number, whole ones without a fraction.
pub(super) fn float(value: f64, out: &mut Vec<u8>) {
    /// Below it every whole double is exact and shorter as an integer.
    const WHOLE: f64 = 1e15;
    if let Some(word) = special(value) {
        out.extend_from_slice(word);
    } else if value.abs() < WHOLE && value.fract() == 0.0 {
        #[expect(clippy::cast_possible_truncation, reason = "whole and below 10^15")]
        let whole = value as i64;
        out.extend_from_slice(itoa::Buffer::new().format(whole).as_bytes());
    } else {
        out.extend_from_slice(zmij::Buffer::new().format_finite(value).as_bytes());
    }
}

/// Appends a count.
pub(super) fn whole(value: u64, out: &mut Vec<u8>) {
    out.extend_from_slice(itoa::Buffer::new().format(value).as_bytes());
}

fn special(value: f64) -> Option<&'static [u8]> {
    if value.is_nan() {
        Some(b"NaN")
    } else if value == f64::INFINITY {
        Some(b"+Inf")
    } else if value == f64::NEG_INFINITY {
        Some(b"-Inf")
    } else {
        None
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn text(f: impl FnOnce(&mut Vec<u8>)) -> String {
        let mut out = Vec::new();
        f(&mut out);
        String::from_utf8(out).unwrap()
    }

    #[test]
    fn numbers_read_back_as_they_were() {
        for (value, written) in [
            (0.0, "0"),
            (-3.0, "-3"),
            (1.5, "1.5"),
            (1e15, "1000000000000000.0"),
            (-1e300, "-1e+300"),
            (f64::NAN, "NaN"),
            (f64::INFINITY, "+Inf"),
            (f64::NEG_INFINITY, "-Inf"),
        ] {
            assert_eq!(text(|out| float(value, out)), written);
        }
        for value in [f64::MAX, f64::MIN_POSITIVE, 0.1, 1e-7, 123_456_789.125] {
            let read: f64 = text(|out| float(value, out)).parse().unwrap();
            assert_eq!(read.to_bits(), value.to_bits());
        }
        assert_eq!(text(|out| le(1.0, out)), "1.0");
        assert_eq!(text(|out| le(f64::INFINITY, out)), "+Inf");
    }
}
