//! JSON5 as a tree in which every key and value knows where it was typed.

/// From a byte to a byte, of the rendered text.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Span {
    /// The first byte.
    pub start: usize,
    /// The byte behind the last.
    pub end: usize,
}

/// A value and where it stands.
#[derive(Debug, Clone, PartialEq)]
pub struct Node {
    /// Where it stands.
    pub at: Span,
    /// What it is.
    pub value: Value,
}

/// What can be typed.
#[derive(Debug, Clone, PartialEq)]
pub enum Value {
    /// `null`.
    Null,
    /// `true`, `false`.
    Bool(bool),
    /// Any number: ContainerPilot knows no other than these, and weak decoding makes the rest of it.
    Number(f64),
    /// Text in quotes.
    Text(String),
    /// `[…]`.
    Array(Vec<Node>),
    /// `{…}`, in the order of the text, keys that come twice twice.
    Object(Vec<Entry>),
}

/// A key and its value.
#[derive(Debug, Clone, PartialEq)]
pub struct Entry {
    /// As typed, without quotes.
    pub key: String,
    /// Where the key stands.
    pub key_at: Span,
    /// Its value.
    pub node: Node,
}

impl Value {
    /// What it is called when something else was wanted.
    pub const fn kind(&self) -> &'static str {
        match self {
            Self::Null => "null",
            Self::Bool(_) => "true or false",
            Self::Number(_) => "a number",
            Self::Text(_) => "text",
            Self::Array(_) => "an array",
            Self::Object(_) => "an object",
        }
    }
}
