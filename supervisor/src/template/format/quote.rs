//! Texts come in, Go literals of them go out.

use std::fmt::Write as _;

/// What may stand in quotes as it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::template) enum Charset {
    Printable,
    Ascii,
}

/// A text in quotes, with everything else escaped.
pub(super) fn quoted(text: &str, quote: char, charset: Charset) -> String {
    let mut out = String::with_capacity(text.len() + 2);
    out.push(quote);
    for character in text.chars() {
        push(&mut out, character, quote, charset);
    }
    out.push(quote);
    out
}

fn push(out: &mut String, character: char, quote: char, charset: Charset) {
    let escape = match character {
        '\x07' => "\\a",
        '\x08' => "\\b",
        '\x0c' => "\\f",
        '\n' => "\\n",
        '\r' => "\\r",
        '\t' => "\\t",
        '\x0b' => "\\v",
        '\\' => "\\\\",
        _ if character == quote => {
            out.extend(['\\', quote]);
            return;
        }
        _ if (charset == Charset::Printable || character.is_ascii()) && is_printable(character) => {
            out.push(character);
            return;
        }
        _ => "",
    };
    let code = u32::from(character);
    let written = match code {
        _ if !escape.is_empty() => {
            out.push_str(escape);
            Ok(())
        }
        0..=0x1f | 0x7f => write!(out, "\\x{code:02x}"),
        0..=0xffff => write!(out, "\\u{code:04x}"),
        _ => write!(out, "\\U{code:08x}"),
    };
    written.expect("writing to a String does not fail");
}

/// Letters, marks, numbers, punctuation, symbols and the plain space.
pub(in crate::template) fn is_printable(character: char) -> bool {
    if character.is_ascii() {
        return (' '..='~').contains(&character);
    }
    // std knows but does not tell, except by escaping; as the first character marks would be escaped, too.
    let mut room = [b'a'; 5];
    let length = character.len_utf8();
    if let Some(behind) = room.get_mut(1..) {
        character.encode_utf8(behind);
    }
    let text = room
        .get(..=length)
        .and_then(|bytes| std::str::from_utf8(bytes).ok());
    text.is_some_and(|text| text.escape_debug().count() == 2)
}

/// Whether it is one line that back quotes can hold.
pub(super) fn fits_back_quotes(text: &str) -> bool {
    text.chars().all(|character| {
        character == '\t' || !matches!(character, '\0'..='\x1f' | '`' | '\x7f' | '\u{feff}')
    })
}
