//! Tokens come in, a tree for each template of the source goes out. Variables are known while parsing: one that was not declared is an
//! error even where nothing would ever read it.

use std::borrow::Cow;
use std::mem;

use super::function::Function;
use super::lex::{Keyword, Kind, Token, Tokens, lex};
use super::limits::{DEEPEST_SOURCE, LONGEST_SOURCE};
use super::tree::{Branch, Definitions, Dot, Node, Range, is_empty};
use super::{Fault, TemplateError, literal};

/// Pipelines and what they are made of.
mod pipe;

/// Parses a whole source.
pub(super) fn parse(source: &str) -> Result<Definitions<'_>, TemplateError> {
    if source.len() > LONGEST_SOURCE {
        let what = format!(
            "a template is longer than {} MiB",
            LONGEST_SOURCE / (1 << 20)
        );
        return Err(Fault::new(what).at(LONGEST_SOURCE));
    }
    let Tokens { tokens, broken } = lex(source);
    let mut parser = Parser {
        source,
        tokens,
        broken,
        next: 0,
        variables: vec!["$"],
        loops: 0,
        depth: 0,
        definitions: Definitions::new(),
    };
    let root = parser.root()?;
    parser.define(0, Cow::Borrowed(""), root)?;
    Ok(parser.definitions)
}

struct Parser<'s> {
    source: &'s str,
    tokens: Vec<Token>,
    /// Why the last token is [`Kind::Broken`].
    broken: Option<TemplateError>,
    next: usize,
    /// Those that may be used here; the innermost last.
    variables: Vec<&'s str>,
    /// Loops around here, for `break` and `continue`.
    loops: usize,
    depth: usize,
    definitions: Definitions<'s>,
}

/// One step of a list of nodes.
enum Step<'s> {
    Node(Node<'s>),
    Stop(Stop),
}

/// What ends a list of nodes.
enum Stop {
    End,
    Else,
}

impl<'s> Parser<'s> {
    fn peek(&self) -> Token {
        // The last token is never passed.
        let last = self.tokens.len() - 1;
        self.tokens[self.next.min(last)]
    }

    fn advance(&mut self) -> Token {
        let token = self.peek();
        self.next += 1;
        token
    }

    fn skip_space(&mut self) {
        while self.peek().kind == Kind::Space {
            self.next += 1;
        }
    }

    fn peek_past_space(&mut self) -> Token {
        self.skip_space();
        self.peek()
    }

    fn advance_past_space(&mut self) -> Token {
        self.skip_space();
        self.advance()
    }

    fn text(&self, token: Token) -> &'s str {
        token.text(self.source)
    }

    fn unexpected(&mut self, token: Token, wanted: &str) -> TemplateError {
        match (token.kind, self.broken.take()) {
            (Kind::Broken, Some(broken)) => broken,
            (Kind::End, _) => {
                Fault::cured("the template ends too early", "add {{ end }}").at(token.at())
            }
            _ => {
                let text = match token.kind {
                    Kind::Close => "}}",
                    _ => self.text(token),
                };
                Fault::new(format!("`{text}` instead of {wanted}")).at(token.at())
            }
        }
    }

    fn expect_close(&mut self, of: &str) -> Result<(), TemplateError> {
        let token = self.advance_past_space();
        match token.kind {
            Kind::Close => Ok(()),
            _ => Err(self.unexpected(token, &format!("the end of {of}"))),
        }
    }

    fn enter(&mut self, at: usize) -> Result<(), TemplateError> {
        self.depth += 1;
        if self.depth > DEEPEST_SOURCE {
            let what = format!("more than {DEEPEST_SOURCE} levels inside of each other");
            return Err(Fault::new(what).at(at));
        }
        Ok(())
    }

    fn root(&mut self) -> Result<Vec<Node<'s>>, TemplateError> {
        let mut nodes = Vec::new();
        loop {
            match self.peek().kind {
                Kind::End => return Ok(nodes),
                Kind::Open => {
                    let open = self.next;
                    self.next += 1;
                    let at = self.peek_past_space();
                    if at.kind == Kind::Keyword(Keyword::Define) {
                        self.next += 1;
                        self.definition(at.at())?;
                        continue;
                    }
                    self.next = open;
                }
                _ => {}
            }
            let token = self.peek();
            match self.step()? {
                Step::Node(node) => nodes.push(node),
                Step::Stop(Stop::End) => {
                    let what = "`end` without a beginning";
                    return Err(Fault::new(what).at(token.at()));
                }
                Step::Stop(Stop::Else) => {
                    let what = "`else` without a beginning";
                    return Err(Fault::new(what).at(token.at()));
                }
            }
        }
    }

    fn step(&mut self) -> Result<Step<'s>, TemplateError> {
        let token = self.advance_past_space();
        match token.kind {
            Kind::Text => Ok(Step::Node(Node::Text {
                at: token.at(),
                text: self.text(token),
            })),
            Kind::Open => self.action(token.at()),
            _ => Err(self.unexpected(token, "text or an action")),
        }
    }

    /// Nodes up to `end` or `else`.
    fn list(&mut self) -> Result<(Vec<Node<'s>>, Stop), TemplateError> {
        let mut nodes = Vec::new();
        loop {
            match self.step()? {
                Step::Node(node) => nodes.push(node),
                Step::Stop(stop) => return Ok((nodes, stop)),
            }
        }
    }

    fn action(&mut self, at: usize) -> Result<Step<'s>, TemplateError> {
        let token = self.peek_past_space();
        let Kind::Keyword(keyword) = token.kind else {
            let pipe = self.pipe("a value", Kind::Close)?;
            return Ok(Step::Node(Node::Action { at, pipe }));
        };
        self.next += 1;
        let node = match keyword {
            Keyword::Block => self.block(at)?,
            Keyword::Break => self.leave_loop(token, Node::Break)?,
            Keyword::Continue => self.leave_loop(token, Node::Continue)?,
            Keyword::Else => {
                let chained = self.peek_past_space().kind;
                if chained != Kind::Keyword(Keyword::If) && chained != Kind::Keyword(Keyword::With)
                {
                    self.expect_close("`else`")?;
                }
                return Ok(Step::Stop(Stop::Else));
            }
            Keyword::End => {
                self.expect_close("`end`")?;
                return Ok(Step::Stop(Stop::End));
            }
            Keyword::If => self.choice(at, Dot::Kept, Keyword::If)?,
            Keyword::With => self.choice(at, Dot::Taken, Keyword::With)?,
            Keyword::Range => self.range(at)?,
            Keyword::Template => self.call(at)?,
            Keyword::Define => {
                let fault = Fault::cured(
                    "`define` inside of something else",
                    "define templates at the top level",
                );
                return Err(fault.at(token.at()));
            }
        };
        Ok(Step::Node(node))
    }

    fn leave_loop(&mut self, token: Token, node: Node<'s>) -> Result<Node<'s>, TemplateError> {
        let word = self.text(token);
        self.expect_close(&format!("`{word}`"))?;
        match self.loops {
            0 => Err(Fault::new(format!("`{word}` outside of a range")).at(token.at())),
            _ => Ok(node),
        }
    }

    fn choice(&mut self, at: usize, dot: Dot, keyword: Keyword) -> Result<Node<'s>, TemplateError> {
        self.enter(at)?;
        let variables = self.variables.len();
        let mut branches = Vec::new();
        loop {
            let condition = Some(self.pipe("a condition", Kind::Close)?);
            let (body, stop) = self.list()?;
            branches.push(Branch { condition, body });
            match stop {
                Stop::End => break,
                Stop::Else if self.peek().kind == Kind::Keyword(keyword) => self.next += 1,
                Stop::Else => {
                    let (condition, body) = (None, self.last_branch()?);
                    branches.push(Branch { condition, body });
                    break;
                }
            }
        }
        self.variables.truncate(variables);
        self.depth -= 1;
        Ok(Node::Choice { at, dot, branches })
    }

    /// What follows `else`, up to `end`.
    fn last_branch(&mut self) -> Result<Vec<Node<'s>>, TemplateError> {
        let (nodes, stop) = self.list()?;
        match stop {
            Stop::End => Ok(nodes),
            Stop::Else => {
                let at = self.peek().at();
                Err(Fault::new("a second `else`").at(at))
            }
        }
    }

    fn range(&mut self, at: usize) -> Result<Node<'s>, TemplateError> {
        self.enter(at)?;
        let variables = self.variables.len();
        let pipe = self.pipe("range", Kind::Close)?;
        self.loops += 1;
        let (body, stop) = self.list()?;
        self.loops -= 1;
        let otherwise = match stop {
            Stop::End => Vec::new(),
            Stop::Else => self.last_branch()?,
        };
        self.variables.truncate(variables);
        self.depth -= 1;
        Ok(Node::Range(Range {
            at,
            pipe,
            body,
            otherwise,
        }))
    }

    fn name(&mut self) -> Result<Cow<'s, str>, TemplateError> {
        let token = self.advance_past_space();
        match token.kind {
            Kind::Quoted | Kind::Raw => {
                literal::text(self.text(token)).map_err(|fault| fault.at(token.at()))
            }
            _ => Err(self.unexpected(token, "the name of a template, in quotes")),
        }
    }

    /// A template that is defined and called at once.
    fn block(&mut self, at: usize) -> Result<Node<'s>, TemplateError> {
        let name = self.name()?;
        let pipe = self.pipe("the value of a block", Kind::Close)?;
        self.body(at, name.clone())?;
        Ok(Node::Call {
            at,
            name,
            pipe: Some(pipe),
        })
    }

    fn definition(&mut self, at: usize) -> Result<(), TemplateError> {
        let name = self.name()?;
        self.expect_close("`define`")?;
        self.body(at, name)
    }

    /// The body of a template, which sees no variables and no loops from outside.
    fn body(&mut self, at: usize, name: Cow<'s, str>) -> Result<(), TemplateError> {
        self.enter(at)?;
        let variables = mem::replace(&mut self.variables, vec!["$"]);
        let loops = mem::take(&mut self.loops);
        let (nodes, stop) = self.list()?;
        self.variables = variables;
        self.loops = loops;
        self.depth -= 1;
        match stop {
            Stop::End => self.define(at, name, nodes),
            Stop::Else => Err(Fault::new("`else` in a template without a condition").at(at)),
        }
    }

    fn define(
        &mut self,
        at: usize,
        name: Cow<'s, str>,
        nodes: Vec<Node<'s>>,
    ) -> Result<(), TemplateError> {
        match self.definitions.get(&name) {
            Some(known) if !is_empty(known) => {
                if !is_empty(&nodes) {
                    let what = format!("the template \"{name}\" is defined twice");
                    return Err(Fault::new(what).at(at));
                }
            }
            _ => {
                self.definitions.insert(name, nodes);
            }
        }
        Ok(())
    }

    fn call(&mut self, at: usize) -> Result<Node<'s>, TemplateError> {
        let name = self.name()?;
        let pipe = match self.peek_past_space().kind {
            Kind::Close => {
                self.next += 1;
                None
            }
            _ => Some(self.pipe("the value of a template", Kind::Close)?),
        };
        Ok(Node::Call { at, name, pipe })
    }
}
