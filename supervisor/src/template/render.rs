//! A tree and an environment come in, the rendered text with its origins goes out. Every step is counted and every level, so that no
//! tree can hang or end the stack.

use std::collections::BTreeMap;

use regex::Regex;

use super::limits::{Bounded, DEEPEST_RUN, LONGEST_LIST, LONGEST_TEXT, Work, too_long, too_many};
use super::tree::{Binding, Branch, Definitions, Dot, Node, Pipe, Range};
use super::value::{Text, Value};
use super::{Environment, Fault, Instance, Rendered, TemplateError, Written, format};

/// What a node costs beside what it writes.
const NODE: usize = 4;

/// Renders the template without a name.
pub(super) fn render(
    definitions: &Definitions<'_>,
    environment: &Environment,
    instances: Option<&[Instance]>,
) -> Result<Rendered, TemplateError> {
    let mut renderer = Renderer {
        definitions,
        environment,
        instances,
        out: Rendered::default(),
        variables: Vec::new(),
        frame: 0,
        work: Work::new(),
        depth: 0,
        patterns: BTreeMap::new(),
    };
    if let Some(root) = definitions.get("") {
        let dot = Value::Environment(environment);
        renderer.template(&dot, root)?;
    }
    Ok(renderer.out)
}

pub(super) struct Renderer<'v> {
    definitions: &'v Definitions<'v>,
    pub(super) environment: &'v Environment,
    /// Of the watched service that a file is about; a configuration is about none.
    pub(super) instances: Option<&'v [Instance]>,
    out: Rendered,
    /// Of all templates that are being rendered; the innermost last.
    pub(super) variables: Vec<(&'v str, Value<'v>)>,
    /// Where those of the current template begin.
    pub(super) frame: usize,
    pub(super) work: Work,
    depth: usize,
    /// Compiled ones by how they are written, since a loop uses the same again.
    pub(super) patterns: BTreeMap<String, Regex>,
}

/// What follows a node.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Flow {
    Next,
    Break,
    Continue,
}

/// The rounds of a loop: index and element.
type Rounds<'v> = Box<dyn Iterator<Item = (Value<'v>, Value<'v>)> + 'v>;

impl<'v> Renderer<'v> {
    pub(super) fn enter(&mut self, at: usize) -> Result<(), TemplateError> {
        self.depth += 1;
        if self.depth > DEEPEST_RUN {
            let fault = Fault::cured(
                format!("more than {DEEPEST_RUN} levels inside of each other"),
                "look for a template that calls itself",
            );
            return Err(fault.at(at));
        }
        self.work.spend(NODE).map_err(|fault| fault.at(at))
    }

    pub(super) fn leave(&mut self) {
        self.depth -= 1;
    }

    fn write(&mut self, at: usize, written: Written, text: &str) -> Result<(), TemplateError> {
        let here = |fault: Fault| fault.at(at);
        self.work.spend(text.len()).map_err(here)?;
        if text.len() > LONGEST_TEXT - self.out.text.len() {
            return Err(too_long().at(at));
        }
        if !text.is_empty() {
            self.out.begin(at, written);
            self.out.text.push_str(text);
        }
        Ok(())
    }

    fn print(&mut self, at: usize, value: &Value<'v>) -> Result<(), TemplateError> {
        match value {
            Value::Text(text) => self.write(at, Written::Action, text),
            Value::Nil => self.write(at, Written::Action, "<no value>"),
            Value::Bool(_)
            | Value::Int(_)
            | Value::Byte(_)
            | Value::Float(_)
            | Value::Texts(_)
            | Value::Ints(_)
            | Value::Environment(_)
            | Value::Instances(_)
            | Value::Instance(_) => {
                let mut out = Bounded::default();
                format::print(&mut out, std::slice::from_ref(value));
                let text = out.finish().map_err(|fault| fault.at(at))?;
                self.write(at, Written::Action, &text)
            }
        }
    }

    /// One template with variables of its own.
    fn template(&mut self, dot: &Value<'v>, nodes: &'v [Node<'v>]) -> Result<(), TemplateError> {
        let frame = std::mem::replace(&mut self.frame, self.variables.len());
        self.variables.push(("$", dot.clone()));
        // The parser lets no `break` out of a template.
        self.list(dot, nodes)?;
        self.variables.truncate(self.frame);
        self.frame = frame;
        Ok(())
    }

    fn list(&mut self, dot: &Value<'v>, nodes: &'v [Node<'v>]) -> Result<Flow, TemplateError> {
        for node in nodes {
            let flow = match node {
                Node::Text { at, text } => {
                    self.work.spend(NODE).map_err(|fault| fault.at(*at))?;
                    self.write(*at, Written::Literal, text)?;
                    Flow::Next
                }
                Node::Action { at, pipe } => {
                    let value = self.pipeline(dot, pipe)?;
                    if pipe.variables.is_empty() {
                        self.print(*at, &value)?;
                    }
                    Flow::Next
                }
                Node::Choice {
                    at,
                    dot: taken,
                    branches,
                } => self.choice(*at, dot, *taken, branches)?,
                Node::Range(range) => self.range(dot, range)?,
                Node::Call { at, name, pipe } => {
                    self.call_template(*at, dot, name, pipe.as_ref())?;
                    Flow::Next
                }
                Node::Break => Flow::Break,
                Node::Continue => Flow::Continue,
            };
            if flow != Flow::Next {
                return Ok(flow);
            }
        }
        Ok(Flow::Next)
    }

    fn choice(
        &mut self,
        at: usize,
        dot: &Value<'v>,
        taken: Dot,
        branches: &'v [Branch<'v>],
    ) -> Result<Flow, TemplateError> {
        self.enter(at)?;
        let variables = self.variables.len();
        let mut flow = Flow::Next;
        for Branch { condition, body } in branches {
            let value = match condition {
                Some(pipe) => self.pipeline(dot, pipe)?,
                None => Value::Bool(true),
            };
            if value.is_true() {
                let dot = match (taken, condition) {
                    (Dot::Taken, Some(_)) => &value,
                    (Dot::Kept, _) | (_, None) => dot,
                };
                flow = self.list(dot, body)?;
                break;
            }
        }
        self.variables.truncate(variables);
        self.leave();
        Ok(flow)
    }

    fn range(&mut self, dot: &Value<'v>, range: &'v Range<'v>) -> Result<Flow, TemplateError> {
        let at = range.at;
        self.enter(at)?;
        let outside = self.variables.len();
        let value = self.pipeline(dot, &range.pipe)?;
        let rounds = rounds(&value, range.pipe.variables.len()).map_err(|fault| fault.at(at))?;
        let mut rounds = rounds.peekable();
        let mut flow = Flow::Next;
        if rounds.peek().is_none() {
            flow = self.list(dot, &range.otherwise)?;
        }
        let inside = self.variables.len();
        for (index, element) in rounds {
            self.work.spend(NODE).map_err(|fault| fault.at(at))?;
            self.bind_round(&range.pipe, inside, index, &element)?;
            let left = self.list(&element, &range.body)?;
            self.variables.truncate(inside);
            if left == Flow::Break {
                break;
            }
        }
        self.variables.truncate(outside);
        self.leave();
        Ok(flow)
    }

    /// The last variable is the element; with two, the first is the index. Those that the loop declares are on top.
    fn bind_round(
        &mut self,
        pipe: &'v Pipe<'v>,
        top: usize,
        index: Value<'v>,
        element: &Value<'v>,
    ) -> Result<(), TemplateError> {
        let values = [element.clone(), index];
        for (below, (name, value)) in pipe.variables.iter().rev().zip(values).enumerate() {
            match pipe.binding {
                Binding::Assign => self.assign(pipe.at, name, value)?,
                Binding::Declare => {
                    if let Some(variable) = self.variables.get_mut(top - 1 - below) {
                        variable.1 = value;
                    }
                }
            }
        }
        Ok(())
    }

    fn call_template(
        &mut self,
        at: usize,
        dot: &Value<'v>,
        name: &'v str,
        pipe: Option<&'v Pipe<'v>>,
    ) -> Result<(), TemplateError> {
        let definitions = self.definitions;
        let Some(nodes) = definitions.get(name) else {
            let what = format!("no template \"{name}\" is defined");
            return Err(Fault::new(what).at(at));
        };
        self.enter(at)?;
        let value = match pipe {
            Some(pipe) => self.pipeline(dot, pipe)?,
            None => Value::Nil,
        };
        self.template(&value, nodes)?;
        self.leave();
        Ok(())
    }
}

/// What a loop goes through: elements of a list, instances, entries of the environment by name, or numbers from zero.
fn rounds<'v>(value: &Value<'v>, variables: usize) -> Result<Rounds<'v>, Fault> {
    let position = |index: usize| Value::Int(i64::try_from(index).unwrap_or(i64::MAX));
    Ok(match value.clone() {
        Value::Nil => Box::new(std::iter::empty()),
        Value::Texts(list) => Box::new((0..list.len()).map(move |index| {
            let element = list.get(index).cloned().unwrap_or(Text::Borrowed(""));
            (position(index), Value::Text(element))
        })),
        Value::Ints(list) => Box::new((0..list.len()).map(move |index| {
            let element = list.get(index).copied().unwrap_or_default();
            (position(index), Value::Int(element))
        })),
        Value::Environment(map) => Box::new(
            map.iter()
                .map(|(name, value)| (Value::borrowed(name), Value::borrowed(value))),
        ),
        Value::Instances(list) => Box::new(
            list.iter()
                .enumerate()
                .map(move |(index, instance)| (position(index), Value::Instance(instance))),
        ),
        Value::Int(_) | Value::Byte(_) if variables > 1 => {
            return Err(Fault::new("a number gives one variable a value, not two"));
        }
        Value::Int(count) if count > LONGEST_LIST as i64 => return Err(too_many()),
        Value::Int(count) => Box::new((0..count).map(|value| (Value::Nil, Value::Int(value)))),
        Value::Byte(count) => Box::new((0..count).map(|value| (Value::Nil, Value::Byte(value)))),
        other @ (Value::Bool(_) | Value::Float(_) | Value::Text(_) | Value::Instance(_)) => {
            return Err(Fault::cured(
                format!("a loop can't go through {}", other.described()),
                "make a list with loop or split",
            ));
        }
    })
}
