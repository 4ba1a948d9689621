//! What can be wrong with a line, and where. Nothing of the line itself is repeated: it may hold anything.

use flightline_contract::deadletter::Reason;

use crate::decode::scan::{KEY_LIMIT, LINE_LIMIT};

/// A line that no store may get.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("{fault} (byte {column} of the line)")]
pub struct LineError {
    /// What is wrong.
    pub fault: Fault,
    /// Where, in bytes from the line's first one, which is 1.
    pub column: usize,
}

/// What can be wrong with a line.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, thiserror::Error)]
pub enum Fault {
    /// `,t=a v=1`
    #[error("the measurement is missing")]
    Measurement,
    /// `m,=a v=1`, `m,t=a, v=1`
    #[error("a tag key is missing")]
    TagKey,
    /// `m,t v=1`, `m,t= v=1`
    #[error("a tag has no value: write key=value, and leave an empty tag out")]
    TagValue,
    /// `m,t=a=b v=1`
    #[error("an equals sign in a tag value must be escaped with a backslash")]
    TagEquals,
    /// `m,t=a,t=b v=1`
    #[error("a tag key stands twice")]
    TagTwice,
    /// `m`, `m,t=a`
    #[error("the line ends before its fields")]
    Fields,
    /// `m =1`, `m v=1,=2`
    #[error("a field key is missing")]
    FieldKey,
    /// `m v`, `m v=`
    #[error("a field has no value: write key=value")]
    FieldValue,
    /// `m v=1,v=2`
    #[error("a field key stands twice: the store would keep only the last value")]
    FieldTwice,
    /// `m,v=a v=1`
    #[error("a tag and a field have the same key, which InfluxDB 3 refuses")]
    TagAndField,
    /// `m time=1`, `m,time=a v=1`
    #[error("the key time is reserved: a store drops such a field or refuses the line")]
    Time,
    /// `m,t=a\\ v=1`
    #[error("a name ends with a backslash, which stores read in different ways")]
    Backslash,
    /// A byte that ends or changes a name in some store.
    #[error("a name has a NUL, or a tab where a store takes none")]
    Blank,
    /// `m v=yes`, `m v=+1`, `m v=NaN`
    #[error("not a value: write 1.5, 3i, true or \"text\"; NaN and infinities cannot be stored")]
    Value,
    /// `m v=.5` for InfluxDB 3.
    #[error("a number needs digits on both sides of its point for InfluxDB 3")]
    BarePoint,
    /// `m v=7u` for InfluxDB 1.
    #[error("InfluxDB 1 takes no unsigned integers")]
    Unsigned,
    /// `m v=9223372036854775808i`, `m v=1e400`
    #[error("a number is out of the range of its type")]
    Range,
    /// `m v="a`
    #[error("a string is not closed")]
    Unclosed,
    /// `m v="a"b`
    #[error(
        "something follows the closing quote of a string: escape a quote within a string with a backslash"
    )]
    AfterString,
    /// `m v=1 12:00`
    #[error("the timestamp is not an integer")]
    Timestamp,
    /// `m v=1 9223372036854775807`
    #[error("the timestamp is out of range")]
    TimestampRange,
    /// `m v=1 10 20`
    #[error("something follows the timestamp")]
    AfterTimestamp,
    /// Bytes that are not UTF-8 where a store needs it.
    #[error("the bytes are not UTF-8")]
    Utf8,
    /// Longer than [`LINE_LIMIT`].
    #[error("the line is longer than {LINE_LIMIT} bytes")]
    LineTooLong,
    /// Series and field key are longer than [`KEY_LIMIT`] together.
    #[error("measurement, tags and a field key are longer than {KEY_LIMIT} bytes together")]
    KeyTooLong,
}

impl LineError {
    /// The reason for the dead letter.
    pub const fn reason(&self) -> Reason {
        match self.fault {
            Fault::Range | Fault::TimestampRange | Fault::Unsigned => Reason::Value,
            Fault::LineTooLong | Fault::KeyTooLong => Reason::TooLarge,
            Fault::Measurement
            | Fault::TagKey
            | Fault::TagValue
            | Fault::TagEquals
            | Fault::TagTwice
            | Fault::Fields
            | Fault::FieldKey
            | Fault::FieldValue
            | Fault::FieldTwice
            | Fault::TagAndField
            | Fault::Time
            | Fault::Backslash
            | Fault::Blank
            | Fault::Value
            | Fault::BarePoint
            | Fault::Unclosed
            | Fault::AfterString
            | Fault::Timestamp
            | Fault::AfterTimestamp
            | Fault::Utf8 => Reason::LineSyntax,
        }
    }
}
