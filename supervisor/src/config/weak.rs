//! Weak typing: a value as typed comes in, the value that a key wants goes out. ContainerPilot takes numbers for text, text for numbers
//! and either for yes and no, and configurations rely on it.

use crate::config::duration::{self, DurationError, Nanoseconds};
use crate::config::jobs::Exec;
use crate::config::tree::{Node, Value};

/// Why a value is not what a key wants.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum WeakError {
    /// Something else was typed.
    #[error("must be {wanted}, not {found}")]
    Kind {
        /// What is wanted.
        wanted: &'static str,
        /// What was found.
        found: &'static str,
    },
    /// Text that is no whole number.
    #[error("must be a whole number, and this text is none")]
    NoNumber,
    /// Infinite, or so large that its neighbours could not be told from it.
    #[error("is not a number that a whole one can be made of")]
    TooLarge,
    /// Text that says neither yes nor no.
    #[error("must be true or false, and this text is neither")]
    NoFlag,
    /// Not a duration.
    #[error("{0}")]
    Duration(#[from] DurationError),
    /// A command without a program.
    #[error("has a zero-length argument for a program")]
    NoProgram,
}

fn wanted(wanted: &'static str, value: &Value) -> WeakError {
    let found = value.kind();
    WeakError::Kind { wanted, found }
}

/// A whole number: numbers are cut towards zero, yes is 1, text is parsed with the prefixes of C.
///
/// # Errors
/// When it is none of these.
pub fn int(value: &Value) -> Result<i64, WeakError> {
    match value {
        Value::Number(number) => whole(*number),
        Value::Bool(value) => Ok(i64::from(*value)),
        Value::Text(text) => parse_int(text),
        Value::Null | Value::Array(_) | Value::Object(_) => Err(wanted("a whole number", value)),
    }
}

#[expect(
    clippy::cast_possible_truncation,
    reason = "the range was looked at: what is cut off are the digits behind the point"
)]
fn whole(number: f64) -> Result<i64, WeakError> {
    /// The largest number below which every whole one can be told from its neighbours.
    const LARGEST: f64 = 9_007_199_254_740_992.0;
    if number.abs() <= LARGEST {
        Ok(number as i64)
    } else {
        Err(WeakError::TooLarge)
    }
}

fn parse_int(text: &str) -> Result<i64, WeakError> {
    let (sign, digits) = match text.strip_prefix('-') {
        Some(digits) => ("-", digits),
        None => ("", text.strip_prefix('+').unwrap_or(text)),
    };
    let prefixes = [("0x", 16), ("0X", 16), ("0o", 8), ("0b", 2), ("0", 8)];
    let (digits, base) = prefixes
        .into_iter()
        .find_map(|(prefix, base)| Some((digits.strip_prefix(prefix)?, base)))
        .filter(|(digits, _)| !digits.is_empty())
        .unwrap_or((digits, 10));
    // What follows a sign or a prefix must not bring a sign of its own.
    if !digits.starts_with(|c: char| c.is_ascii_hexdigit()) {
        return Err(WeakError::NoNumber);
    }
    i64::from_str_radix(&format!("{sign}{digits}"), base).map_err(|_| WeakError::NoNumber)
}

/// Text: numbers become the shortest decimal without an exponent, yes and no become 1 and 0.
///
/// # Errors
/// When it is an array or an object.
pub fn text(value: &Value) -> Result<String, WeakError> {
    match value {
        Value::Text(text) => Ok(text.clone()),
        Value::Number(number) => Ok(decimal(*number)),
        Value::Bool(value) => Ok(i64::from(*value).to_string()),
        Value::Null | Value::Array(_) | Value::Object(_) => Err(wanted("text", value)),
    }
}

fn decimal(number: f64) -> String {
    if number == f64::INFINITY {
        "+Inf".to_owned()
    } else if number == f64::NEG_INFINITY {
        "-Inf".to_owned()
    } else {
        number.to_string()
    }
}

/// The words that Go takes for yes, and those for no.
pub const FLAG_WORDS: [[&str; 6]; 2] = [
    ["1", "t", "T", "TRUE", "true", "True"],
    ["0", "f", "F", "FALSE", "false", "False"],
];

/// Yes or no as Go reads the word; nothing if it is neither.
pub fn flag_word(text: &str) -> Option<bool> {
    let [yes, no] = FLAG_WORDS;
    yes.contains(&text)
        .then_some(true)
        .or_else(|| no.contains(&text).then_some(false))
}

/// Yes or no: numbers are yes unless 0, text is one of Go's words or empty for no.
///
/// # Errors
/// When it is none of these.
pub fn flag(value: &Value) -> Result<bool, WeakError> {
    match value {
        Value::Bool(value) => Ok(*value),
        Value::Number(number) => Ok(*number != 0.0),
        Value::Text(text) if text.is_empty() => Ok(false),
        Value::Text(text) => flag_word(text).ok_or(WeakError::NoFlag),
        Value::Null | Value::Array(_) | Value::Object(_) => Err(wanted("true or false", value)),
    }
}

/// A list of texts: an array, or an empty object for an empty one.
///
/// # Errors
/// When it is something else, a single text too, or holds something else.
pub fn list(value: &Value) -> Result<Vec<String>, WeakError> {
    match value {
        Value::Array(items) => items.iter().map(|item| text(&item.value)).collect(),
        Value::Object(entries) if entries.is_empty() => Ok(Vec::new()),
        _ => Err(wanted("an array of texts", value)),
    }
}

/// One text, or a list of them.
///
/// # Errors
/// When it is neither.
pub fn texts(value: &Value) -> Result<Vec<String>, WeakError> {
    match value {
        Value::Text(text) => Ok(vec![text.clone()]),
        Value::Array(_) | Value::Object(_) => list(value),
        Value::Null | Value::Bool(_) | Value::Number(_) => {
            Err(wanted("a text or an array of texts", value))
        }
    }
}

/// A duration, or nothing for empty text: whole numbers are seconds.
///
/// # Errors
/// When it is none.
pub fn duration(value: &Value) -> Result<Option<Nanoseconds>, WeakError> {
    match value {
        Value::Array(_) | Value::Object(_) | Value::Null => Err(wanted("a duration", value)),
        Value::Bool(_) | Value::Number(_) | Value::Text(_) => Ok(duration::typed(&text(value)?)?),
    }
}

/// A command: text is divided at each single space and nowhere else, an array is taken as it is.
///
/// # Errors
/// When it is neither, or names no program.
pub fn exec(value: &Value) -> Result<Exec, WeakError> {
    let words: Vec<String> = match value {
        Value::Text(text) => text.trim().split(' ').map(str::to_owned).collect(),
        Value::Array(items) => items.iter().map(argument).collect::<Result<_, _>>()?,
        _ => return Err(wanted("a text or an array of texts", value)),
    };
    let mut words = words.into_iter();
    let program = words.next().filter(|program| !program.is_empty());
    Ok(Exec {
        program: program.ok_or(WeakError::NoProgram)?,
        args: words.collect(),
    })
}

/// In an array of arguments, yes and no stay words.
fn argument(item: &Node) -> Result<String, WeakError> {
    match &item.value {
        Value::Bool(value) => Ok(value.to_string()),
        value => text(value),
    }
}

#[cfg(test)]
mod tests;
