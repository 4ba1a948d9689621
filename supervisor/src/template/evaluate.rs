//! Pipelines come in, values go out. The order of evaluation and the checks are Go's: how many arguments first, then each from left to
//! right with its type, and what comes down the pipeline last.

use super::function::{self, Function, Parameter};
use super::literal::Number;
use super::render::Renderer;
use super::tree::{Binding, Command, Operand, Pipe, Term};
use super::value::Value;
use super::{Fault, TemplateError};

/// What calling a function costs beside what it reads and makes.
const CALL: usize = 8;

/// Whether something stands behind a value, as behind a function.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Given {
    Nothing,
    Arguments,
}

impl<'v> Renderer<'v> {
    pub(super) fn pipeline(
        &mut self,
        dot: &Value<'v>,
        pipe: &'v Pipe<'v>,
    ) -> Result<Value<'v>, TemplateError> {
        self.enter(pipe.at)?;
        let mut last = None;
        for command in &pipe.commands {
            last = Some(self.command(dot, command, last)?);
        }
        // The parser lets no pipeline be empty.
        let value = last.unwrap_or(Value::Nil);
        for name in &pipe.variables {
            match pipe.binding {
                Binding::Declare => self.variables.push((name, value.clone())),
                Binding::Assign => self.assign(pipe.at, name, value.clone())?,
            }
        }
        self.leave();
        Ok(value)
    }

    pub(super) fn assign(
        &mut self,
        at: usize,
        name: &str,
        value: Value<'v>,
    ) -> Result<(), TemplateError> {
        let own = self.variables.get_mut(self.frame..).unwrap_or_default();
        match own.iter_mut().rev().find(|(known, _)| *known == name) {
            Some((_, variable)) => {
                *variable = value;
                Ok(())
            }
            None => Err(unset(name).at(at)),
        }
    }

    fn variable(&self, at: usize, name: &str) -> Result<Value<'v>, TemplateError> {
        let own = self.variables.get(self.frame..).unwrap_or_default();
        match own.iter().rev().find(|(known, _)| *known == name) {
            Some((_, value)) => Ok(value.clone()),
            None => Err(unset(name).at(at)),
        }
    }

    fn command(
        &mut self,
        dot: &Value<'v>,
        command: &'v Command<'v>,
        last: Option<Value<'v>>,
    ) -> Result<Value<'v>, TemplateError> {
        let Command { first, arguments } = command;
        let given = match (arguments.as_slice(), &last) {
            ([], None) => Given::Nothing,
            _ => Given::Arguments,
        };
        match &first.term {
            Term::Function(function) => self.call(*function, first.at, dot, arguments, last),
            Term::Field(names) => fields(first.at, dot.clone(), names, given),
            Term::Variable(name, names) if !names.is_empty() => {
                let value = self.variable(first.at, name)?;
                fields(first.at, value, names, given)
            }
            Term::Chain(inner, names) => {
                let value = self.operand(dot, inner)?;
                fields(first.at, value, names, given)
            }
            _ if given == Given::Arguments => {
                let fault = Fault::cured(
                    "only functions take arguments",
                    "put a function first, such as print",
                );
                Err(fault.at(first.at))
            }
            Term::Nil => Err(Fault::new("nil is only good as an argument").at(first.at)),
            Term::Dot
            | Term::Bool(_)
            | Term::Number(_)
            | Term::Text(_)
            | Term::Variable(..)
            | Term::Pipe(_) => self.operand(dot, first),
        }
    }

    /// A value that stands alone.
    fn operand(
        &mut self,
        dot: &Value<'v>,
        operand: &'v Operand<'v>,
    ) -> Result<Value<'v>, TemplateError> {
        let at = operand.at;
        match &operand.term {
            Term::Dot => Ok(dot.clone()),
            Term::Nil => Ok(Value::Nil),
            Term::Bool(value) => Ok(Value::Bool(*value)),
            Term::Number(Number::Int(value)) => Ok(Value::Int(*value)),
            Term::Number(Number::Float(value)) => Ok(Value::Float(*value)),
            Term::Text(text) => Ok(Value::borrowed(text)),
            Term::Field(names) => fields(at, dot.clone(), names, Given::Nothing),
            Term::Variable(name, names) => {
                let value = self.variable(at, name)?;
                fields(at, value, names, Given::Nothing)
            }
            Term::Function(function) => self.call(*function, at, dot, &[], None),
            Term::Pipe(pipe) => self.pipeline(dot, pipe),
            Term::Chain(inner, names) => {
                let value = self.operand(dot, inner)?;
                fields(at, value, names, Given::Nothing)
            }
        }
    }

    fn call(
        &mut self,
        function: Function,
        at: usize,
        dot: &Value<'v>,
        operands: &'v [Operand<'v>],
        last: Option<Value<'v>>,
    ) -> Result<Value<'v>, TemplateError> {
        let here = |fault: Fault| fault.at(at);
        let given = operands.len() + usize::from(last.is_some());
        function.check_count(given).map_err(here)?;
        self.work.spend(CALL).map_err(here)?;
        if let Some(decisive) = function.stops_at() {
            return self.shortcut(decisive, dot, operands, last);
        }
        let mut arguments = Vec::with_capacity(given);
        for (position, operand) in operands.iter().enumerate() {
            let value = self.operand(dot, operand)?;
            check(function, position, operand.at, &value)?;
            arguments.push(value);
        }
        if let Some(value) = last {
            check(function, given - 1, at, &value)?;
            arguments.push(value);
        }
        let read = arguments.iter().map(Value::cost).sum();
        self.work.spend(read).map_err(here)?;
        let value = function::apply(self, function, &arguments).map_err(here)?;
        self.work.spend(value.cost()).map_err(here)?;
        Ok(value)
    }

    /// `and` and `or` evaluate no more than they need, and give what they evaluated last.
    fn shortcut(
        &mut self,
        decisive: function::Truth,
        dot: &Value<'v>,
        operands: &'v [Operand<'v>],
        last: Option<Value<'v>>,
    ) -> Result<Value<'v>, TemplateError> {
        let mut value = Value::Nil;
        for operand in operands {
            value = self.operand(dot, operand)?;
            if function::Truth::of(&value) == decisive {
                return Ok(value);
            }
        }
        Ok(last.unwrap_or(value))
    }
}

fn unset(name: &str) -> Fault {
    Fault::new(format!("the variable {name} has no value here"))
}

fn check(
    function: Function,
    position: usize,
    at: usize,
    value: &Value<'_>,
) -> Result<(), TemplateError> {
    let wanted = match (function.parameter(position), value) {
        (Parameter::Any, _)
        | (Parameter::Text, Value::Text(_))
        | (Parameter::Texts, Value::Texts(_) | Value::Nil) => return Ok(()),
        (Parameter::Text, _) => "a text",
        (Parameter::Texts, _) => "a list of texts",
    };
    let what = format!(
        "argument {} of {} is {}, not {wanted}",
        position + 1,
        function.name(),
        value.described()
    );
    Err(Fault::new(what).at(at))
}

/// The environment has fields, its variables, of which one that is not set is empty, and an instance has; no value has no value in it.
fn fields<'v>(
    at: usize,
    mut value: Value<'v>,
    names: &[&'v str],
    given: Given,
) -> Result<Value<'v>, TemplateError> {
    for (position, name) in names.iter().enumerate() {
        value = match value {
            Value::Nil => Value::Nil,
            Value::Environment(_) if given == Given::Arguments && position + 1 == names.len() => {
                let fault = Fault::cured(
                    format!("the variable {name} takes no arguments"),
                    "put a function before it",
                );
                return Err(fault.at(at));
            }
            Value::Environment(map) => Value::borrowed(map.get(*name).map_or("", String::as_str)),
            Value::Instance(_) if given == Given::Arguments && position + 1 == names.len() => {
                let what = format!("the field {name} takes no arguments");
                return Err(Fault::cured(what, "put a function before it").at(at));
            }
            Value::Instance(instance) => instance.field(name).map_err(|fault| fault.at(at))?,
            other => {
                let what = format!("{} has no field {name}", other.described());
                return Err(Fault::new(what).at(at));
            }
        };
    }
    Ok(value)
}
