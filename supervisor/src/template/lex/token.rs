//! What the lexer makes of a source: words of the language by kind and place.

use crate::template::TemplateError;

/// What a token is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::template) enum Kind {
    /// Outside of actions, already trimmed.
    Text,
    /// `{{`
    Open,
    /// `}}`
    Close,
    Space,
    Assign,
    Declare,
    Pipe,
    Comma,
    LeftParen,
    RightParen,
    /// In double quotes, with them.
    Quoted,
    /// In back quotes, with them.
    Raw,
    /// In single quotes, with them.
    Character,
    Number,
    /// With its dot.
    Field,
    /// With its dollar.
    Variable,
    Dot,
    /// A function, `true`, `false` or `nil`.
    Word,
    Keyword(Keyword),
    /// A character that means nothing.
    Other,
    /// Here the source can't be read on; [`Tokens::broken`] has the reason.
    Broken,
    End,
}

/// Words that are no functions.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::template) enum Keyword {
    Block,
    Break,
    Continue,
    Define,
    Else,
    End,
    If,
    Range,
    Template,
    With,
}

impl Keyword {
    pub(super) fn named(word: &str) -> Option<Self> {
        Some(match word {
            "block" => Self::Block,
            "break" => Self::Break,
            "continue" => Self::Continue,
            "define" => Self::Define,
            "else" => Self::Else,
            "end" => Self::End,
            "if" => Self::If,
            "range" => Self::Range,
            "template" => Self::Template,
            "with" => Self::With,
            _ => return None,
        })
    }
}

/// A token by its place; u32 is enough for the longest source and halves the memory.
#[derive(Debug, Clone, Copy)]
pub(in crate::template) struct Token {
    pub(in crate::template) kind: Kind,
    pub(super) start: u32,
    pub(super) end: u32,
}

impl Token {
    pub(in crate::template) fn at(self) -> usize {
        self.start as usize
    }

    pub(in crate::template) fn text(self, source: &str) -> &str {
        source
            .get(self.start as usize..self.end as usize)
            .unwrap_or_default()
    }
}

/// All tokens of a source. The last is [`Kind::End`] or [`Kind::Broken`].
#[derive(Debug)]
pub(in crate::template) struct Tokens {
    pub(in crate::template) tokens: Vec<Token>,
    pub(in crate::template) broken: Option<TemplateError>,
}
