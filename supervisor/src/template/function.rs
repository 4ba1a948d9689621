//! Functions: what they are called, what they take, and what they do. Arguments were counted and checked before a function is applied.
//! Subjects come last, so that they can come down a pipeline.

use super::Fault;
use super::limits::Bounded;
use super::render::Renderer;
use super::value::Value;
use super::{format, pattern};

/// Equal, less, and so on.
mod compare;
/// Lists, maps and texts by their elements.
mod element;
/// Texts made safe for HTML, JavaScript and URLs.
mod escape;
/// Texts cut, joined and replaced.
mod text;

/// Everything that can be called: Go's own, then ContainerPilot's, then ours.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Function {
    And,
    Or,
    Not,
    Len,
    Index,
    Slice,
    Print,
    Printf,
    Println,
    Eq,
    Ne,
    Lt,
    Le,
    Gt,
    Ge,
    Html,
    Js,
    UrlQuery,
    Default,
    Env,
    Split,
    Join,
    ReplaceAll,
    RegexReplaceAll,
    Loop,
    Instances,
}

/// What an argument has to be.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Parameter {
    Any,
    Text,
    /// `nil` is the empty one.
    Texts,
}

/// Whether something counts as true.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Truth {
    True,
    False,
}

impl Truth {
    pub(super) fn of(value: &Value<'_>) -> Self {
        match value.is_true() {
            true => Self::True,
            false => Self::False,
        }
    }
}

/// How many arguments a function takes.
enum Count {
    Exactly(usize),
    AtLeast(usize),
    Between(usize, usize),
}

impl Function {
    const ALL: [Self; 26] = [
        Self::And,
        Self::Or,
        Self::Not,
        Self::Len,
        Self::Index,
        Self::Slice,
        Self::Print,
        Self::Printf,
        Self::Println,
        Self::Eq,
        Self::Ne,
        Self::Lt,
        Self::Le,
        Self::Gt,
        Self::Ge,
        Self::Html,
        Self::Js,
        Self::UrlQuery,
        Self::Default,
        Self::Env,
        Self::Split,
        Self::Join,
        Self::ReplaceAll,
        Self::RegexReplaceAll,
        Self::Loop,
        Self::Instances,
    ];

    pub(super) fn name(self) -> &'static str {
        match self {
            Self::And => "and",
            Self::Or => "or",
            Self::Not => "not",
            Self::Len => "len",
            Self::Index => "index",
            Self::Slice => "slice",
            Self::Print => "print",
            Self::Printf => "printf",
            Self::Println => "println",
            Self::Eq => "eq",
            Self::Ne => "ne",
            Self::Lt => "lt",
            Self::Le => "le",
            Self::Gt => "gt",
            Self::Ge => "ge",
            Self::Html => "html",
            Self::Js => "js",
            Self::UrlQuery => "urlquery",
            Self::Default => "default",
            Self::Env => "env",
            Self::Split => "split",
            Self::Join => "join",
            Self::ReplaceAll => "replaceAll",
            Self::RegexReplaceAll => "regexReplaceAll",
            Self::Loop => "loop",
            Self::Instances => "instances",
        }
    }

    pub(super) fn named(word: &str) -> Result<Self, Fault> {
        let mut all = Self::ALL.into_iter();
        if let Some(function) = all.find(|function| function.name() == word) {
            return Ok(function);
        }
        let nearest = Self::ALL
            .into_iter()
            .map(|function| (strsim::damerau_levenshtein(function.name(), word), function))
            .min_by_key(|(distance, _)| *distance);
        let cure = match nearest {
            Some((1..=2, function)) if word.len() > 2 => {
                format!("did you mean {}", function.name())
            }
            // Variables are written in capitals, functions are not.
            _ if word.contains(char::is_lowercase) => {
                let names = Self::ALL.map(Self::name);
                format!(
                    "there are {}; the value of a variable is written .{word}",
                    names.join(", ")
                )
            }
            _ => format!("the value of a variable is written .{word}"),
        };
        Err(Fault::cured(format!("no function is called {word}"), cure))
    }

    fn count(self) -> Count {
        match self {
            Self::And | Self::Or | Self::Index | Self::Printf => Count::AtLeast(1),
            Self::Slice => Count::Between(1, 4),
            Self::Print | Self::Println | Self::Html | Self::Js | Self::UrlQuery => {
                Count::AtLeast(0)
            }
            Self::Eq => Count::AtLeast(2),
            Self::Instances => Count::Exactly(0),
            Self::Not | Self::Len | Self::Env => Count::Exactly(1),
            Self::Ne
            | Self::Lt
            | Self::Le
            | Self::Gt
            | Self::Ge
            | Self::Default
            | Self::Split
            | Self::Join => Count::Exactly(2),
            Self::ReplaceAll | Self::RegexReplaceAll => Count::Exactly(3),
            Self::Loop => Count::Between(1, 2),
        }
    }

    pub(super) fn check_count(self, given: usize) -> Result<(), Fault> {
        let wanted = match self.count() {
            Count::Exactly(count) if given != count => count.to_string(),
            Count::AtLeast(least) if given < least => format!("at least {least}"),
            Count::Between(least, most) if given < least || given > most => {
                format!("{least} to {most}")
            }
            Count::Exactly(_) | Count::AtLeast(_) | Count::Between(..) => return Ok(()),
        };
        let what = format!(
            "wrong number of arguments for {}: {given} instead of {wanted}",
            self.name()
        );
        Err(Fault::new(what))
    }

    /// Of the argument at a position from 0, the last of which may have come down a pipeline.
    pub(super) fn parameter(self, position: usize) -> Parameter {
        match (self, position) {
            (Self::Join, 1) => Parameter::Texts,
            (Self::Printf, 0)
            | (
                Self::Env | Self::Split | Self::Join | Self::ReplaceAll | Self::RegexReplaceAll,
                _,
            ) => Parameter::Text,
            _ => Parameter::Any,
        }
    }

    /// What ends the evaluation of its arguments early.
    pub(super) fn stops_at(self) -> Option<Truth> {
        match self {
            Self::And => Some(Truth::False),
            Self::Or => Some(Truth::True),
            _ => None,
        }
    }
}

/// Applies a function to arguments that fit it.
pub(super) fn apply<'v>(
    renderer: &mut Renderer<'v>,
    function: Function,
    arguments: &[Value<'v>],
) -> Result<Value<'v>, Fault> {
    match function {
        // Evaluated with short cuts before it comes to this.
        Function::And | Function::Or => Err(Fault::new("not a plain function")),
        Function::Not => Ok(Value::Bool(!one(arguments)?.is_true())),
        Function::Len => element::len(one(arguments)?),
        Function::Index => element::index(arguments),
        Function::Slice => element::slice(arguments),
        Function::Print => made(|out| format::print(out, arguments)),
        Function::Println => made(|out| format::println(out, arguments)),
        Function::Printf => {
            let [Value::Text(text), rest @ ..] = arguments else {
                return Err(Fault::new("printf without a format"));
            };
            made(|out| format::printf(out, text, rest))
        }
        Function::Eq => compare::eq(arguments),
        Function::Ne | Function::Lt | Function::Le | Function::Gt | Function::Ge => {
            compare::order(function, arguments)
        }
        Function::Html => made(|out| escape::html(out, arguments)),
        Function::Js => made(|out| escape::js(out, arguments)),
        Function::UrlQuery => made(|out| escape::url_query(out, arguments)),
        Function::Default => text::default(arguments),
        Function::Env => {
            let [name] = texts(arguments)?;
            let value = renderer.environment.get(name);
            Ok(Value::borrowed(value.map_or("", String::as_str)))
        }
        Function::Split => text::split(arguments),
        Function::Join => text::join(arguments),
        Function::ReplaceAll => text::replace_all(texts(arguments)?),
        Function::RegexReplaceAll => {
            let [written, replacement, subject] = texts(arguments)?;
            pattern::replace_all(renderer, written, replacement, subject)
        }
        Function::Loop => element::numbers(arguments),
        Function::Instances => match renderer.instances {
            Some(instances) => Ok(Value::Instances(instances)),
            None => Err(Fault::cured(
                "no instances are known in a configuration",
                "let a watch `render` a template of its own",
            )),
        },
    }
}

fn one<'a, 'v>(arguments: &'a [Value<'v>]) -> Result<&'a Value<'v>, Fault> {
    arguments.first().ok_or_else(|| Fault::new("no argument"))
}

/// All of `N` arguments as texts.
fn texts<'a, const N: usize>(arguments: &'a [Value<'_>]) -> Result<[&'a str; N], Fault> {
    let texts: Vec<&str> = arguments
        .iter()
        .filter_map(|argument| match argument {
            Value::Text(text) => Some(&**text),
            _ => None,
        })
        .collect();
    <[&str; N]>::try_from(texts).map_err(|_| Fault::new("an argument is not a text"))
}

/// What `write` makes, if it is not too long.
fn made<'v>(write: impl FnOnce(&mut Bounded)) -> Result<Value<'v>, Fault> {
    let mut out = Bounded::default();
    write(&mut out);
    out.finish().map(Value::text)
}
