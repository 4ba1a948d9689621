//! Texts come in; cut, joined, replaced or defaulted they go out. How long a result will be is counted before it is made.

use super::{Fault, made, texts};
use crate::template::format;
use crate::template::limits::{Bounded, LONGEST_LIST, LONGEST_TEXT, too_long, too_many};
use crate::template::value::{Text, Value};

/// The second argument if it is a text with something in it, otherwise the first, printed.
pub(super) fn default<'v>(arguments: &[Value<'v>]) -> Result<Value<'v>, Fault> {
    match arguments {
        [_, value @ Value::Text(text)] if !text.is_empty() => Ok(value.clone()),
        [value @ Value::Text(_), _] => Ok(value.clone()),
        [value, _] => made(|out| format::print(out, std::slice::from_ref(value))),
        _ => Err(Fault::new("default without two arguments")),
    }
}

/// The parts of a trimmed text; none of an empty one. Without a separator, its characters.
pub(super) fn split<'v>(arguments: &[Value<'v>]) -> Result<Value<'v>, Fault> {
    let [separator, text] = texts(arguments)?;
    let text = text.trim();
    let shared = |part: &str| Text::Shared(part.into());
    let parts: Vec<Text<'v>> = if text.is_empty() {
        Vec::new()
    } else if separator.is_empty() {
        let mut room = [0; 4];
        text.chars()
            .take(LONGEST_LIST + 1)
            .map(|character| shared(character.encode_utf8(&mut room)))
            .collect()
    } else {
        text.split(separator)
            .take(LONGEST_LIST + 1)
            .map(shared)
            .collect()
    };
    match parts.len() {
        0..=LONGEST_LIST => Ok(Value::Texts(parts.into())),
        _ => Err(too_many()),
    }
}

/// The elements of a list with a separator between them.
pub(super) fn join<'v>(arguments: &[Value<'v>]) -> Result<Value<'v>, Fault> {
    let [Value::Text(separator), list] = arguments else {
        return Err(Fault::new("join without two arguments"));
    };
    let Value::Texts(list) = list else {
        return Ok(Value::borrowed(""));
    };
    let mut out = Bounded::default();
    for (position, element) in list.iter().enumerate() {
        if position > 0 {
            out.push(separator);
        }
        out.push(element);
    }
    out.finish().map(Value::text)
}

/// Every occurrence of a text replaced; an empty one occurs around each character.
pub(super) fn replace_all<'v>([from, to, subject]: [&str; 3]) -> Result<Value<'v>, Fault> {
    let times = subject.matches(from).count();
    let length = subject
        .len()
        .saturating_add(times.saturating_mul(to.len()))
        .saturating_sub(times.saturating_mul(from.len()));
    if length > LONGEST_TEXT {
        return Err(too_long());
    }
    Ok(Value::text(subject.replace(from, to)))
}
