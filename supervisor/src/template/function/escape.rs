//! Values come in, printed and made safe for another language they go out: HTML, JavaScript, a URL's query.

use std::borrow::Cow;

use crate::template::format::{self, is_printable};
use crate::template::limits::Bounded;
use crate::template::value::Value;

/// The arguments as print has them, except that no value says so. What did not fit has filled `out`.
fn printed<'a>(out: &mut Bounded, arguments: &'a [Value<'_>]) -> Cow<'a, str> {
    if let [Value::Text(text)] = arguments {
        return Cow::Borrowed(text);
    }
    let named: Vec<Value<'_>> = arguments
        .iter()
        .map(|argument| match argument {
            Value::Nil => Value::borrowed("<no value>"),
            other => other.clone(),
        })
        .collect();
    let mut text = Bounded::default();
    format::print(&mut text, &named);
    match text.finish() {
        Ok(text) => Cow::Owned(text),
        Err(_) => {
            out.fill();
            Cow::Borrowed("")
        }
    }
}

pub(super) fn html(out: &mut Bounded, arguments: &[Value<'_>]) {
    for character in printed(out, arguments).chars() {
        match character {
            '\0' => out.push("\u{fffd}"),
            '"' => out.push("&#34;"),
            '\'' => out.push("&#39;"),
            '&' => out.push("&amp;"),
            '<' => out.push("&lt;"),
            '>' => out.push("&gt;"),
            other => out.push_char(other),
        }
    }
}

pub(super) fn js(out: &mut Bounded, arguments: &[Value<'_>]) {
    for character in printed(out, arguments).chars() {
        match character {
            '\\' => out.push("\\\\"),
            '\'' => out.push("\\'"),
            '"' => out.push("\\\""),
            '\0'..' ' | '<' | '>' | '&' | '=' => {
                out.push(&format!("\\u{:04X}", u32::from(character)));
            }
            // DEL is not escaped in Go either.
            ' '..='\x7f' => out.push_char(character),
            other if is_printable(other) => out.push_char(other),
            other => out.push(&format!("\\u{:04X}", u32::from(other))),
        }
    }
}

pub(super) fn url_query(out: &mut Bounded, arguments: &[Value<'_>]) {
    for byte in printed(out, arguments).bytes() {
        match byte {
            b' ' => out.push("+"),
            b'-' | b'_' | b'.' | b'~' => out.push_char(char::from(byte)),
            _ if byte.is_ascii_alphanumeric() => out.push_char(char::from(byte)),
            _ => out.push(&format!("%{byte:02X}")),
        }
    }
}
