//! Names and values come in, one line of line protocol goes out, straight into the batch's buffer, with its spans beside it. What
//! comes from outside is escaped or refused: it never becomes syntax, in none of the dialects. After an error the buffer holds
//! half a line, which the caller takes back.

use bytes::BytesMut;
use flightline_contract::deadletter::Reason;

use crate::decode::dialect::Rules;
use crate::decode::line::{FieldSpan, FieldType, Line, Span, TagSpan};
use crate::decode::scan::twice::Seen;
use crate::decode::scan::{KEY_LIMIT, LINE_LIMIT, TIMES};

mod escape;

pub(super) use escape::with_decimal;

/// Keys that stores keep for themselves: they drop such a tag or field, or refuse the line.
const RESERVED: [&str; 3] = ["time", "_measurement", "_field"];

#[inline]
fn is_reserved(key: &str) -> bool {
    // Nearly every key is told by its first byte.
    matches!(key.as_bytes(), [b't' | b'_', ..]) && RESERVED.contains(&key)
}

/// Up to here keys are compared pair by pair; beyond they are sorted, so that a hostile object of many keys costs no quadratic
/// time.
const COMPARED_PAIRWISE: usize = 16;

/// What of a line is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Part {
    /// The measurement.
    Measurement,
    /// A tag's key.
    TagKey,
    /// A tag's value.
    TagValue,
    /// A field's key.
    FieldKey,
}

impl std::fmt::Display for Part {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self {
            Self::Measurement => "measurement",
            Self::TagKey => "tag key",
            Self::TagValue => "tag value",
            Self::FieldKey => "field key",
        })
    }
}

/// Why something has no place in line protocol.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum WriteError {
    /// A name without a character.
    #[error("a {0} is empty")]
    Empty(Part),
    /// A newline, a tab or another control character: there is no escape for it.
    #[error("a {0} has a control character, for which line protocol has no escape")]
    Control(Part),
    /// A backslash at the end, or before a backslash, comma, space or equals sign.
    #[error(
        "a {0} has a backslash at its end or before a backslash, comma, space or `=`, which stores read in different ways"
    )]
    Backslash(Part),
    /// A measurement that begins with `#`.
    #[error("a measurement that begins with `#` would be a comment")]
    Comment,
    /// `time`, `_measurement` or `_field` as a key.
    #[error(
        "the keys time, _measurement and _field are reserved by the stores: name it differently, or map time as the time"
    )]
    Reserved,
    /// NaN or infinity.
    #[error("a number is not finite")]
    NotFinite,
    /// The same tag twice.
    #[error("a tag key stands twice")]
    TagTwice,
    /// The same field twice.
    #[error("a field key stands twice")]
    FieldTwice,
    /// A tag and a field of the same name.
    #[error("a tag and a field have the same key, which InfluxDB 3 refuses")]
    TagAndField,
    /// No field.
    #[error("there is no field: at least one value must not be null")]
    NoField,
    /// A time that stores cannot hold.
    #[error("the time is outside of the years 1677 to 2262")]
    Time,
    /// Longer than [`KEY_LIMIT`].
    #[error("measurement, tags and a field key are longer than {KEY_LIMIT} bytes together")]
    KeyTooLong,
    /// Longer than [`LINE_LIMIT`].
    #[error("the line is longer than {LINE_LIMIT} bytes")]
    LineTooLong,
}

impl WriteError {
    /// The reason for the dead letter.
    pub fn reason(self) -> Reason {
        match self {
            Self::KeyTooLong | Self::LineTooLong => Reason::TooLarge,
            Self::Empty(_)
            | Self::Control(_)
            | Self::Backslash(_)
            | Self::Comment
            | Self::Reserved
            | Self::NotFinite
            | Self::TagTwice
            | Self::FieldTwice
            | Self::TagAndField
            | Self::NoField
            | Self::Time => Reason::Value,
        }
    }
}

/// A field's value.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Value<'v> {
    /// `1.5`
    Float(f64),
    /// A float in the digits that are to be written.
    Digits(&'v str),
    /// `3i`
    Integer(i64),
    /// An integer in the digits that are to be written.
    Whole(&'v str),
    /// `true`
    Boolean(bool),
    /// `"text"`
    String(&'v str),
}

/// The spans of the line that is written, kept from line to line.
#[derive(Debug, Default)]
pub struct Spans {
    tags: Vec<TagSpan>,
    fields: Vec<FieldSpan>,
    order: Vec<Span>,
}

/// Writes one line: measurement, tags, fields, time, in this order.
#[derive(Debug)]
pub struct LineWriter<'w> {
    out: &'w mut BytesMut,
    spans: &'w mut Spans,
    rules: Rules,
    start: usize,
    measurement: Span,
    series: Span,
    tag_keys: Seen,
    field_keys: Seen,
}

impl<'w> LineWriter<'w> {
    /// A line of `measurement` at the end of `out`.
    ///
    /// # Errors
    /// When the measurement has no place in line protocol.
    pub fn start(
        out: &'w mut BytesMut,
        spans: &'w mut Spans,
        rules: Rules,
        measurement: &str,
    ) -> Result<Self, WriteError> {
        spans.tags.clear();
        spans.fields.clear();
        if measurement.starts_with('#') {
            return Err(WriteError::Comment);
        }
        let start = out.len();
        escape::name(out, measurement, Part::Measurement)?;
        let measurement = span(start, start, out.len());
        Ok(Self {
            out,
            spans,
            rules,
            start,
            measurement,
            series: measurement,
            tag_keys: Seen::default(),
            field_keys: Seen::default(),
        })
    }

    /// A tag. An empty value is left out: to InfluxDB and Prometheus it is the same as none. All tags come before the first field.
    ///
    /// # Errors
    /// When key or value have no place in line protocol.
    pub fn tag(&mut self, key: &str, value: &str) -> Result<(), WriteError> {
        debug_assert!(self.spans.fields.is_empty(), "tags come before fields");
        if is_reserved(key) {
            return Err(WriteError::Reserved);
        }
        if value.is_empty() && !key.is_empty() {
            return Ok(());
        }
        self.tag_keys.add(key.as_bytes());
        self.out.extend_from_slice(b",");
        let start = self.out.len();
        escape::name(self.out, key, Part::TagKey)?;
        let key = span(self.start, start, self.out.len());
        self.out.extend_from_slice(b"=");
        let start = self.out.len();
        escape::name(self.out, value, Part::TagValue)?;
        let value = span(self.start, start, self.out.len());
        self.series.end = value.end;
        self.spans.tags.push(TagSpan { key, value });
        Ok(())
    }

    /// A field.
    ///
    /// # Errors
    /// When key or value have no place in line protocol.
    pub fn field(&mut self, key: &str, value: Value<'_>) -> Result<(), WriteError> {
        if is_reserved(key) {
            return Err(WriteError::Reserved);
        }
        self.field_keys.add(key.as_bytes());
        let delimiter: &[u8] = if self.spans.fields.is_empty() {
            b" "
        } else {
            b","
        };
        self.out.extend_from_slice(delimiter);
        let start = self.out.len();
        escape::name(self.out, key, Part::FieldKey)?;
        let key = span(self.start, start, self.out.len());
        self.out.extend_from_slice(b"=");
        let start = self.out.len();
        let kind = self.value(value)?;
        let value = span(self.start, start, self.out.len());
        self.spans.fields.push(FieldSpan { key, value, kind });
        Ok(())
    }

    fn value(&mut self, value: Value<'_>) -> Result<FieldType, WriteError> {
        match value {
            Value::Float(float) => {
                escape::float(self.out, float)?;
                Ok(FieldType::Float)
            }
            Value::Digits(digits) => {
                escape::short(self.out, digits);
                Ok(FieldType::Float)
            }
            Value::Integer(integer) => {
                self.out
                    .extend_from_slice(itoa::Buffer::new().format(integer).as_bytes());
                self.out.extend_from_slice(b"i");
                Ok(FieldType::Integer)
            }
            Value::Whole(digits) => {
                escape::short(self.out, digits);
                self.out.extend_from_slice(b"i");
                Ok(FieldType::Integer)
            }
            Value::Boolean(boolean) => {
                let word: &[u8] = if boolean { b"true" } else { b"false" };
                self.out.extend_from_slice(word);
                Ok(FieldType::Boolean)
            }
            Value::String(text) => {
                escape::string(self.out, text);
                Ok(FieldType::String)
            }
        }
    }

    /// Ends the line with its time, in nanoseconds, and a newline.
    ///
    /// # Errors
    /// When the line as a whole has no place in a store.
    pub fn finish(self, time: i64) -> Result<Line<'w>, WriteError> {
        if self.spans.fields.is_empty() {
            return Err(WriteError::NoField);
        }
        if !TIMES.contains(&time) {
            return Err(WriteError::Time);
        }
        self.out.extend_from_slice(b" ");
        self.out
            .extend_from_slice(itoa::Buffer::new().format(time).as_bytes());
        let end = self.out.len();
        self.out.extend_from_slice(b"\n");
        let Self {
            out,
            spans,
            rules,
            start,
            measurement,
            series,
            tag_keys,
            field_keys,
        } = self;
        let text = &out[start..end];
        check_lengths(text, series, &spans.fields)?;
        let is_doubtful = tag_keys.in_doubt() || field_keys.in_doubt();
        if is_doubtful || !rules.tag_named_as_field() && tag_keys.meets(field_keys) {
            check_keys(text, spans, rules)?;
        }
        Ok(Line {
            text,
            measurement,
            series,
            tags: &spans.tags,
            fields: &spans.fields,
            timestamp: Some(time),
        })
    }
}

fn check_lengths(text: &[u8], series: Span, fields: &[FieldSpan]) -> Result<(), WriteError> {
    if text.len() <= KEY_LIMIT {
        return Ok(());
    }
    if text.len() > LINE_LIMIT {
        return Err(WriteError::LineTooLong);
    }
    let long = |field: &FieldSpan| series.of(text).len() + field.key.of(text).len() > KEY_LIMIT;
    if fields.iter().any(long) {
        Err(WriteError::KeyTooLong)
    } else {
        Ok(())
    }
}

#[cold]
#[inline(never)]
fn check_keys(text: &[u8], spans: &mut Spans, rules: Rules) -> Result<(), WriteError> {
    let Spans {
        tags,
        fields,
        order,
    } = spans;
    let mut twice = |keys: &mut dyn Iterator<Item = Span>| {
        order.clear();
        order.extend(keys);
        any_twice(text, order)
    };
    if twice(&mut tags.iter().map(|tag| tag.key)) {
        return Err(WriteError::TagTwice);
    }
    if twice(&mut fields.iter().map(|field| field.key)) {
        return Err(WriteError::FieldTwice);
    }
    let all = tags
        .iter()
        .map(|tag| tag.key)
        .chain(fields.iter().map(|field| field.key));
    if !rules.tag_named_as_field() && twice(&mut { all }) {
        return Err(WriteError::TagAndField);
    }
    Ok(())
}

fn any_twice(text: &[u8], keys: &mut [Span]) -> bool {
    if keys.len() <= COMPARED_PAIRWISE {
        let earlier = |at: usize| {
            keys[..at]
                .iter()
                .any(|key| key.of(text) == keys[at].of(text))
        };
        return (1..keys.len()).any(earlier);
    }
    keys.sort_unstable_by(|a, b| a.of(text).cmp(b.of(text)));
    keys.windows(2)
        .any(|pair| pair[0].of(text) == pair[1].of(text))
}

/// A span of the line that starts at `line`. A payload of NATS is at most 64 MiB, and an escaped one at most twice that; what
/// would not fit is cut off here and refused as too long at the end.
fn span(line: usize, start: usize, end: usize) -> Span {
    let place = |at: usize| u32::try_from(at - line).unwrap_or(u32::MAX);
    Span {
        start: place(start),
        end: place(end),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::decode::dialect::Dialect;

    fn line(dialect: Dialect, tags: &[&str], fields: &[&str]) -> Result<Vec<u8>, WriteError> {
        let (mut out, mut spans) = (BytesMut::new(), Spans::default());
        let mut line = LineWriter::start(&mut out, &mut spans, Rules::of([dialect]), "m")?;
        tags.iter().try_for_each(|key| line.tag(key, "v"))?;
        let one = Value::Float(1.0);
        fields.iter().try_for_each(|key| line.field(key, one))?;
        line.finish(1).map(|line| line.text.to_vec())
    }

    #[test]
    fn a_key_that_stands_twice_is_found_among_few_and_among_many() {
        let names: Vec<String> = (0..40).map(|number| format!("k{number}")).collect();
        let many: Vec<&str> = names.iter().map(String::as_str).collect();
        assert!(line(Dialect::V1, &many, &many).is_ok());
        let twice = [&many[..], &["k7"]].concat();
        assert_eq!(line(Dialect::V1, &twice, &["f"]), Err(WriteError::TagTwice));
        assert_eq!(line(Dialect::V1, &[], &twice), Err(WriteError::FieldTwice));
        assert_eq!(
            line(Dialect::V1, &["a", "b", "a"], &["f"]),
            Err(WriteError::TagTwice)
        );
    }

    #[test]
    fn a_tag_and_a_field_of_one_name_are_refused_for_influxdb_3_only() {
        assert_eq!(
            line(Dialect::V3, &["a"], &["a"]),
            Err(WriteError::TagAndField)
        );
        assert_eq!(line(Dialect::V1, &["a"], &["a"]).unwrap(), b"m,a=v a=1 1");
    }

    #[test]
    fn a_number_that_is_not_finite_is_refused() {
        let (mut out, mut spans) = (BytesMut::new(), Spans::default());
        let rules = Rules::of([Dialect::V2]);
        let mut line = LineWriter::start(&mut out, &mut spans, rules, "m").unwrap();
        for number in [f64::NAN, f64::INFINITY, f64::NEG_INFINITY] {
            assert_eq!(
                line.field("f", Value::Float(number)),
                Err(WriteError::NotFinite)
            );
        }
    }
}
