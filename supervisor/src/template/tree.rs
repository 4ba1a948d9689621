//! What a source means, with the places that errors and origins point at: the output of `parse`, which `render` and `evaluate` walk.

use std::borrow::Cow;
use std::collections::BTreeMap;

use super::function::Function;
use super::literal::Number;

/// Every defined template; the file itself is the one without a name.
pub(super) type Definitions<'s> = BTreeMap<Cow<'s, str>, Vec<Node<'s>>>;

/// One step of a template.
#[derive(Debug)]
pub(super) enum Node<'s> {
    Text {
        at: usize,
        text: &'s str,
    },
    /// Writes a value, unless its pipeline declares or assigns.
    Action {
        /// Of its `{{`, to which what it writes is traced back.
        at: usize,
        pipe: Pipe<'s>,
    },
    /// The first branch that holds.
    Choice {
        at: usize,
        dot: Dot,
        branches: Vec<Branch<'s>>,
    },
    Range(Range<'s>),
    /// Renders a template here.
    Call {
        at: usize,
        name: Cow<'s, str>,
        pipe: Option<Pipe<'s>>,
    },
    Break,
    Continue,
}

/// What `.` is in a branch.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Dot {
    /// As outside: `if`.
    Kept,
    /// What the condition evaluated to: `with`.
    Taken,
}

#[derive(Debug)]
pub(super) struct Branch<'s> {
    /// None in a last `else`.
    pub(super) condition: Option<Pipe<'s>>,
    pub(super) body: Vec<Node<'s>>,
}

#[derive(Debug)]
pub(super) struct Range<'s> {
    pub(super) at: usize,
    pub(super) pipe: Pipe<'s>,
    pub(super) body: Vec<Node<'s>>,
    /// When there is nothing to go through.
    pub(super) otherwise: Vec<Node<'s>>,
}

/// Commands, each of which gets what the one before gave as its last argument.
#[derive(Debug)]
pub(super) struct Pipe<'s> {
    pub(super) at: usize,
    pub(super) binding: Binding,
    /// With their dollars; at most two, and two only in `range`.
    pub(super) variables: Vec<&'s str>,
    /// At least one.
    pub(super) commands: Vec<Command<'s>>,
}

/// What a pipeline does with its variables.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Binding {
    /// `:=`, or nothing at all.
    Declare,
    /// `=`
    Assign,
}

#[derive(Debug)]
pub(super) struct Command<'s> {
    pub(super) first: Operand<'s>,
    pub(super) arguments: Vec<Operand<'s>>,
}

#[derive(Debug)]
pub(super) struct Operand<'s> {
    pub(super) at: usize,
    pub(super) term: Term<'s>,
}

#[derive(Debug)]
pub(super) enum Term<'s> {
    Dot,
    Nil,
    Bool(bool),
    Number(Number),
    Text(Cow<'s, str>),
    /// Of `.`, and fields of that.
    Field(Vec<&'s str>),
    /// With its dollar, and fields of it.
    Variable(&'s str, Vec<&'s str>),
    Function(Function),
    Pipe(Box<Pipe<'s>>),
    /// Fields of what is in parentheses.
    Chain(Box<Operand<'s>>, Vec<&'s str>),
}

impl Term<'_> {
    /// Whether it may take what came down the pipeline.
    pub(super) fn is_plain(&self) -> bool {
        matches!(
            self,
            Self::Dot | Self::Nil | Self::Bool(_) | Self::Number(_) | Self::Text(_)
        )
    }
}

/// Nothing but space: such a template gives way to another of its name.
pub(super) fn is_empty(nodes: &[Node<'_>]) -> bool {
    nodes
        .iter()
        .all(|node| matches!(node, Node::Text { text, .. } if text.trim().is_empty()))
}
