//! What expressions evaluate to: their types, what counts as true, and what they cost. Cheap to clone.

use std::ops::Deref;
use std::rc::Rc;

use super::{Environment, Instance};

/// Any value. Lists are made by `split` and `loop`, or are the instances of a watched service; the one map is the environment.
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
    Instances(&'v [Instance]),
    Instance(&'v Instance),
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
    /// Lists, maps and structs, which never compare.
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
            Self::Instances(list) => !list.is_empty(),
            // As any struct.
            Self::Instance(_) => true,
        }
    }

    pub(super) fn class(&self) -> Class {
        match self {
            Self::Nil => Class::Nil,
            Self::Bool(_) => Class::Bool,
            Self::Int(_) | Self::Byte(_) => Class::Int,
            Self::Float(_) => Class::Float,
            Self::Text(_) => Class::Text,
            Self::Texts(_)
            | Self::Ints(_)
            | Self::Environment(_)
            | Self::Instances(_)
            | Self::Instance(_) => Class::Many,
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
            Self::Instances(_) => "[]template.Instance",
            Self::Instance(_) => "template.Instance",
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
            Self::Instances(_) => "a list of instances",
            Self::Instance(_) => "an instance",
        }
    }

    /// Elements, entries or bytes, where there are any.
    pub(super) fn length(&self) -> Option<usize> {
        match self {
            Self::Text(text) => Some(text.len()),
            Self::Texts(list) => Some(list.len()),
            Self::Ints(list) => Some(list.len()),
            Self::Environment(map) => Some(map.len()),
            Self::Instances(list) => Some(list.len()),
            Self::Nil
            | Self::Bool(_)
            | Self::Int(_)
            | Self::Byte(_)
            | Self::Float(_)
            | Self::Instance(_) => None,
        }
    }

    /// What making it or looking through it costs, in bytes.
    pub(super) fn cost(&self) -> usize {
        match self {
            Self::Texts(list) => list.iter().map(|text| text.len() + 16).sum(),
            Self::Ints(list) => list.len() * 8,
            Self::Text(text) => text.len(),
            Self::Environment(map) => map.len() * 16,
            Self::Instances(list) => list.iter().map(Instance::cost).sum(),
            Self::Instance(instance) => instance.cost(),
            Self::Nil | Self::Bool(_) | Self::Int(_) | Self::Byte(_) | Self::Float(_) => 0,
        }
    }
}
