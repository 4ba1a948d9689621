//! Tokens inside of an action come in, its pipeline goes out.

use super::{Function, Kind, Parser};
use crate::template::lex::Token;
use crate::template::tree::{Binding, Command, Operand, Pipe, Term};
use crate::template::{Fault, TemplateError, literal};

impl<'s> Parser<'s> {
    /// Everything up to `end`; `of` says what for, in errors.
    pub(super) fn pipe(&mut self, of: &str, end: Kind) -> Result<Pipe<'s>, TemplateError> {
        let at = self.peek_past_space().at();
        let (variables, binding) = self.bound(of)?;
        let mut commands: Vec<Command<'s>> = Vec::new();
        loop {
            let token = self.peek_past_space();
            if token.kind == end {
                self.next += 1;
                break;
            }
            if !starts_term(token.kind) {
                return Err(self.unexpected(token, of));
            }
            let command = self.command()?;
            if !commands.is_empty() && command.first.term.is_plain() {
                let fault = Fault::cured(
                    "a plain value behind a `|`",
                    "only functions take what comes down a pipeline",
                );
                return Err(fault.at(command.first.at));
            }
            commands.push(command);
        }
        if commands.is_empty() {
            return Err(Fault::new(format!("{of} is missing")).at(at));
        }
        Ok(Pipe {
            at,
            binding,
            variables,
            commands,
        })
    }

    /// The variables before `:=` or `=`, if there are any.
    fn bound(&mut self, of: &str) -> Result<(Vec<&'s str>, Binding), TemplateError> {
        let mut variables = Vec::new();
        loop {
            let start = self.next;
            let variable = self.peek_past_space();
            if variable.kind != Kind::Variable {
                return Ok((variables, Binding::Declare));
            }
            self.next += 1;
            let behind = self.peek_past_space();
            let binding = match behind.kind {
                Kind::Declare => Binding::Declare,
                Kind::Assign => Binding::Assign,
                Kind::Comma => {
                    self.next += 1;
                    self.bind(&mut variables, variable);
                    if of != "range" || variables.len() > 1 {
                        let what = format!("too many variables before {of}");
                        return Err(Fault::new(what).at(variable.at()));
                    }
                    match self.peek_past_space().kind {
                        Kind::Variable | Kind::Close | Kind::RightParen => continue,
                        _ => {
                            let what = "a variable must follow the comma";
                            return Err(Fault::new(what).at(behind.at()));
                        }
                    }
                }
                _ => {
                    // It is the first operand.
                    self.next = start;
                    return Ok((variables, Binding::Declare));
                }
            };
            self.next += 1;
            self.bind(&mut variables, variable);
            return Ok((variables, binding));
        }
    }

    fn bind(&mut self, variables: &mut Vec<&'s str>, token: Token) {
        let name = self.text(token);
        variables.push(name);
        self.variables.push(name);
    }

    /// A function or value with its arguments; a `|` behind it is passed.
    fn command(&mut self) -> Result<Command<'s>, TemplateError> {
        let mut first = None;
        let mut arguments = Vec::new();
        let at = self.peek_past_space().at();
        loop {
            self.skip_space();
            if let Some(operand) = self.operand()? {
                match first {
                    None => first = Some(operand),
                    Some(_) => arguments.push(operand),
                }
            }
            let token = self.peek();
            match token.kind {
                Kind::Space => self.next += 1,
                Kind::Close | Kind::RightParen => break,
                Kind::Pipe => {
                    self.next += 1;
                    break;
                }
                _ => return Err(self.unexpected(token, "an argument")),
            }
        }
        match first {
            Some(first) => Ok(Command { first, arguments }),
            None => Err(Fault::new("an empty command").at(at)),
        }
    }

    /// A term and its fields; none when something else comes next.
    fn operand(&mut self) -> Result<Option<Operand<'s>>, TemplateError> {
        let at = self.peek_past_space().at();
        let Some(term) = self.term()? else {
            return Ok(None);
        };
        let mut fields = Vec::new();
        while self.peek().kind == Kind::Field {
            let token = self.advance();
            fields.push(self.field(token));
        }
        if fields.is_empty() {
            return Ok(Some(Operand { at, term }));
        }
        let term = match term {
            Term::Field(mut names) => {
                names.append(&mut fields);
                Term::Field(names)
            }
            Term::Variable(name, _) => Term::Variable(name, fields),
            term if term.is_plain() => {
                return Err(Fault::new("a field of a plain value").at(at));
            }
            term => Term::Chain(Box::new(Operand { at, term }), fields),
        };
        Ok(Some(Operand { at, term }))
    }

    fn field(&self, token: Token) -> &'s str {
        let text = self.text(token);
        text.strip_prefix('.').unwrap_or(text)
    }

    fn term(&mut self) -> Result<Option<Term<'s>>, TemplateError> {
        let token = self.peek();
        if !starts_term(token.kind) {
            return Ok(None);
        }
        self.next += 1;
        let (at, text) = (token.at(), self.text(token));
        let here = |fault: Fault| fault.at(at);
        let term = match token.kind {
            Kind::Dot => Term::Dot,
            Kind::Field => Term::Field(vec![self.field(token)]),
            Kind::Variable => {
                if !self.variables.contains(&text) {
                    let what = format!("the variable {text} is not declared here");
                    let cure = format!("declare it with {{{{ {text} := … }}}}");
                    return Err(Fault::cured(what, cure).at(at));
                }
                Term::Variable(text, Vec::new())
            }
            Kind::Number => Term::Number(literal::number(text).map_err(here)?),
            Kind::Character => {
                let value = literal::character(text).map_err(here)?;
                Term::Number(literal::Number::Int(value))
            }
            Kind::Quoted | Kind::Raw => Term::Text(literal::text(text).map_err(here)?),
            Kind::LeftParen => {
                self.enter(at)?;
                let pipe = self.pipe("a value in parentheses", Kind::RightParen)?;
                self.depth -= 1;
                Term::Pipe(Box::new(pipe))
            }
            _ => match text {
                "true" => Term::Bool(true),
                "false" => Term::Bool(false),
                "nil" => Term::Nil,
                name => Term::Function(Function::named(name).map_err(here)?),
            },
        };
        Ok(Some(term))
    }
}

fn starts_term(kind: Kind) -> bool {
    matches!(
        kind,
        Kind::Dot
            | Kind::Field
            | Kind::Variable
            | Kind::Number
            | Kind::Character
            | Kind::Quoted
            | Kind::Raw
            | Kind::LeftParen
            | Kind::Word
    )
}
