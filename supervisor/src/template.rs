//! A text with Go template actions and the environment come in, the rendered text goes out, and with it where each piece of it stands
//! in the source. What ContainerPilot's templates can do is here, and nothing that could hang or grow without end.
//!
//! `parse` makes tokens (`lex`) into a tree (`tree`); `render` walks it (`render`, `evaluate`), calls functions (`function`) and
//! prints values as Go does (`format`).

use std::collections::BTreeMap;
use std::fmt;

/// How much a template may take.
pub mod limits;
/// Text to tokens.
mod lex;
/// Quoted texts, characters and numbers, as Go reads them.
mod literal;
/// What was parsed.
mod tree;
/// Tokens to a tree.
mod parse;
/// What expressions evaluate to.
mod value;
/// What of a watched service a template of a file can ask.
mod instance;
/// What can be called, and with what.
mod function;
/// Go's regular expressions.
mod pattern;
/// Values as Go prints them.
mod format;
/// Nodes of the tree: text, conditions, loops, calls of templates.
mod render;
/// Expressions: pipelines, commands, arguments.
mod evaluate;

#[cfg(test)]
mod tests;

pub use instance::Instance;

/// Variables that a template sees.
pub type Environment = BTreeMap<String, String>;

/// A parsed template, with all that it defines.
#[derive(Debug)]
pub struct Template<'s> {
    definitions: tree::Definitions<'s>,
}

impl<'s> Template<'s> {
    /// Parses a whole file, its comments included.
    ///
    /// # Errors
    /// When an action is not one of Go's, or the file is too long or nested too deep.
    pub fn parse(source: &'s str) -> Result<Self, TemplateError> {
        Ok(Self {
            definitions: parse::parse(source)?,
        })
    }

    /// Renders over an environment; a variable that is not set is empty.
    ///
    /// # Errors
    /// When a value has the wrong type for what is done with it, or a limit is reached. No value is shown.
    pub fn render(&self, env: &Environment) -> Result<Rendered, TemplateError> {
        render::render(&self.definitions, env, None)
    }

    /// Renders a file over an environment and the instances of a watched service, which `instances` gives in this order.
    ///
    /// # Errors
    /// As [`Template::render`].
    pub fn render_over(
        &self,
        env: &Environment,
        instances: &[Instance],
    ) -> Result<Rendered, TemplateError> {
        render::render(&self.definitions, env, Some(instances))
    }
}

/// Rendered text, and where each piece of it comes from in the source.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Rendered {
    /// What was rendered.
    pub text: String,
    /// Without gaps, in the order of the text; no piece is empty.
    pieces: Vec<Piece>,
}

/// Where a piece of the rendered text begins, there and in the source. Both fit: source and text have limits far below 4 GiB.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Piece {
    text: u32,
    source: u32,
    written: Written,
}

/// Who wrote a piece.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Written {
    /// Copied: each byte has its own place.
    Literal,
    /// An action: all of it comes from one place.
    Action,
}

impl Rendered {
    /// Byte offset in the source for a byte offset of the text: literal text maps exactly, what an action wrote maps to the start of
    /// that action. An offset behind the end counts as the end.
    pub fn origin(&self, offset: usize) -> usize {
        let offset = offset.min(self.text.len());
        let behind = self
            .pieces
            .partition_point(|piece| piece.text as usize <= offset);
        match behind.checked_sub(1).and_then(|last| self.pieces.get(last)) {
            None => 0,
            Some(piece) => match piece.written {
                Written::Literal => piece.source as usize + (offset - piece.text as usize),
                Written::Action => piece.source as usize,
            },
        }
    }

    /// Notes who writes next, before it writes. The same action twice in a row is one piece.
    fn begin(&mut self, source: usize, written: Written) {
        let piece = Piece {
            text: u32::try_from(self.text.len()).unwrap_or(u32::MAX),
            source: u32::try_from(source).unwrap_or(u32::MAX),
            written,
        };
        match self.pieces.last_mut() {
            // The one before wrote nothing.
            Some(last) if last.text == piece.text => *last = piece,
            Some(last)
                if written == Written::Action
                    && last.written == written
                    && last.source == piece.source => {}
            _ => self.pieces.push(piece),
        }
    }
}

/// Why a template can't be parsed or rendered. Its Display has no position; [`place`] makes one of `at`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TemplateError {
    /// Byte offset in the source.
    pub at: usize,
    /// What is wrong, lower case, without a stop, and without values of variables.
    pub what: String,
    /// What to do about it; empty when nobody knows.
    pub cure: String,
}

impl fmt::Display for TemplateError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.what)?;
        if !self.cure.is_empty() {
            write!(f, ": {}", self.cure)?;
        }
        Ok(())
    }
}

impl std::error::Error for TemplateError {}

/// Why something failed, before it is known where.
#[derive(Debug)]
struct Fault {
    what: String,
    cure: String,
}

impl Fault {
    fn new(what: impl Into<String>) -> Self {
        Self::cured(what, "")
    }

    fn cured(what: impl Into<String>, cure: impl Into<String>) -> Self {
        Self {
            what: what.into(),
            cure: cure.into(),
        }
    }

    fn at(self, at: usize) -> TemplateError {
        TemplateError {
            at,
            what: self.what,
            cure: self.cure,
        }
    }
}

/// Line and column of a byte offset, both from 1, the column in characters. An offset inside of a character is the character's; one
/// behind the end is the end's.
pub fn place(source: &str, offset: usize) -> (usize, usize) {
    let before = source
        .get(..source.floor_char_boundary(offset))
        .unwrap_or_default();
    let line = before.rsplit('\n').next().unwrap_or_default();
    (before.matches('\n').count() + 1, line.chars().count() + 1)
}
