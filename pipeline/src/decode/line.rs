//! One line of line protocol, as spans into its bytes: what the scanner finds and what the writer leaves behind.

/// A stretch of a line's bytes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Span {
    /// The first byte.
    pub start: u32,
    /// One past the last.
    pub end: u32,
}

impl Span {
    /// The bytes of `text` that it means.
    pub fn of(self, text: &[u8]) -> &[u8] {
        &text[self.start as usize..self.end as usize]
    }
}

/// One tag: both parts still escaped.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct TagSpan {
    /// The key.
    pub key: Span,
    /// The value.
    pub value: Span,
}

/// One field: the key still escaped, the value with its quotes or suffix.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct FieldSpan {
    /// The key.
    pub key: Span,
    /// The value as written: `1.5`, `3i`, `7u`, `"text"`, `true`.
    pub value: Span,
    /// Its type.
    pub kind: FieldType,
}

/// The types of field values.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum FieldType {
    /// `1.5`
    Float,
    /// `3i`
    Integer,
    /// `7u`
    Unsigned,
    /// `"text"`
    String,
    /// `true`
    Boolean,
}

/// A line that keeps the grammar. All spans are into `text`.
#[derive(Debug, Clone, Copy)]
pub struct Line<'a> {
    /// The line without its line end.
    pub text: &'a [u8],
    /// The measurement's name, still escaped.
    pub measurement: Span,
    /// Measurement and tags: what identifies the series.
    pub series: Span,
    /// The tags in the order of the line.
    pub tags: &'a [TagSpan],
    /// The fields in the order of the line, at least one.
    pub fields: &'a [FieldSpan],
    /// The timestamp, if the line has one.
    pub timestamp: Option<i64>,
}
