//! What expressions evaluate to: their types, what counts as true, and what they cost. Cheap to clone.

use std::ops::Deref;
use std::rc::Rc;

use super::Environment;

/// Any value. Lists are made by `split` and `loop`; the one map is the environment.
#[derive(Debug, Clone)]
pub(super) enum Value<'v> {
    /// No value at all: `nil`, and `.` in a template that got none.
    Nil,
    Bool(bool),
    Int(i64),
    /// One byte of a text, which is what `index` gives.
    Byte(u8),
    Float(f64),
    Text(Text<'v>),
    Texts(Rc<[Text<'v>]>),
    Ints(Rc<[i64]>),
    Environment(&'v Environment),
}

/// A text of the source, of the environment, or made on the way.
#[derive(Debug, Clone)]
pub(super) enum Text<'v> {
    Borrowed(&'v str),
    Shared(Rc<str>),
}

impl Deref for Text<'_> {
    type Target = str;

    fn deref(&self) -> &str {
        match self {
            Self::Borrowed(text) => text,
            Self::Shared(text) => text,
        }
    }
}

/// What kinds of values compare with each other.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Class {
    Nil,
    Bool,
    Int,
    Float,
    Text,
    /// Lists and maps, which never compare.
    Many,
}

impl<'v> Value<'v> {
    pub(super) fn text(text: String) -> Self {
        Self::Text(Text::Shared(text.into()))
    }

    pub(super) fn borrowed(text: &'v str) -> Self {
        Self::Text(Text::Borrowed(text))
    }

    /// Go's rule: everything that is zero or empty is false.
    pub(super) fn is_true(&self) -> bool {
        match self {
            Self::Nil => false,
            Self::Bool(value) => *value,
            Self::Int(value) => *value != 0,
            Self::Byte(value) => *value != 0,
            Self::Float(value) => *value != 0.0,
            Self::Text(text) => !text.is_empty(),
            Self::Texts(list) => !list.is_empty(),
            Self::Ints(list) => !list.is_empty(),
            Self::Environment(map) => !map.is_empty(),
        }
    }

    pub(super) fn class(&self) -> Class {
        match self {
            Self::Nil => Class::Nil,
            Self::Bool(_) => Class::Bool,
            Self::Int(_) | Self::Byte(_) => Class::Int,
            Self::Float(_) => Class::Float,
            Self::Text(_) => Class::Text,
            Self::Texts(_) | Self::Ints(_) | Self::Environment(_) => Class::Many,
        }
    }

    /// What ContainerPilot's templates print for `%T`.
    pub(super) fn go_type(&self) -> &'static str {
        match self {
            Self::Nil => "<nil>",
            Self::Bool(_) => "bool",
            Self::Int(_) => "int",
            Self::Byte(_) => "uint8",
            Self::Float(_) => "float64",
            Self::Text(_) => "string",
            Self::Texts(_) => "[]string",
            Self::Ints(_) => "[]int",
            Self::Environment(_) => "template.Environment",
        }
    }

    /// For errors.
    pub(super) fn described(&self) -> &'static str {
        match self {
            Self::Nil => "no value",
            Self::Bool(_) => "a bool",
            Self::Int(_) => "an integer",
            Self::Byte(_) => "a byte",
            Self::Float(_) => "a fraction",
            Self::Text(_) => "a text",
            Self::Texts(_) => "a list of texts",
            Self::Ints(_) => "a list of integers",
            Self::Environment(_) => "the environment",
        }
    }

    /// Elements, entries or bytes, where there are any.
    pub(super) fn length(&self) -> Option<usize> {
        match self {
            Self::Text(text) => Some(text.len()),
            Self::Texts(list) => Some(list.len()),
            Self::Ints(list) => Some(list.len()),
            Self::Environment(map) => Some(map.len()),
            Self::Nil | Self::Bool(_) | Self::Int(_) | Self::Byte(_) | Self::Float(_) => None,
        }
    }

    /// What making it or looking through it costs, in bytes.
    pub(super) fn cost(&self) -> usize {
        match self {
            Self::Texts(list) => list.iter().map(|text| text.len() + 16).sum(),
            Self::Ints(list) => list.len() * 8,
            Self::Text(text) => text.len(),
            Self::Environment(map) => map.len() * 16,
            Self::Nil | Self::Bool(_) | Self::Int(_) | Self::Byte(_) | Self::Float(_) => 0,
        }
    }
}
