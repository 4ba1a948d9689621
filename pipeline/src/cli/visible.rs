//! Text from anywhere comes in, text that a terminal or a reader of lines shows instead of obeying goes out: control characters, line
//! separators and marks that turn the direction of writing are escaped.

use std::borrow::Cow;

/// Whether `character` would be obeyed.
fn is_obeyed(character: char) -> bool {
    let turns = matches!(character, '\u{200e}'..='\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}');
    let breaks = matches!(character, '\u{2028}' | '\u{2029}');
    character.is_control() || turns || breaks
}

/// `text` on one line.
pub fn one_line(text: &str) -> Cow<'_, str> {
    escaped(text, is_obeyed, char::escape_default)
}

/// `text` with its lines and tabs.
pub fn lines(text: &str) -> Cow<'_, str> {
    let unlike = |character| is_obeyed(character) && !matches!(character, '\n' | '\t');
    escaped(text, unlike, char::escape_default)
}

/// `text`, a line of JSON with its end, where only strings can hold such characters.
pub fn json(text: &str) -> Cow<'_, str> {
    let unlike = |character| is_obeyed(character) && character != '\n';
    // All of them are in the first plane, so one code unit each.
    escaped(text, unlike, |character| {
        let escape = format!("\\u{:04x}", u32::from(character));
        escape.chars().collect::<Vec<_>>()
    })
}

fn escaped<I: IntoIterator<Item = char>>(
    text: &str,
    is_obeyed: impl Fn(char) -> bool,
    escape: impl Fn(char) -> I,
) -> Cow<'_, str> {
    if !text.contains(&is_obeyed) {
        return Cow::Borrowed(text);
    }
    let mut shown = String::with_capacity(text.len() + 16);
    for character in text.chars() {
        if is_obeyed(character) {
            shown.extend(escape(character));
        } else {
            shown.push(character);
        }
    }
    Cow::Owned(shown)
}

#[cfg(test)]
mod tests {
    use flightline_fixtures::hostile;

    use super::*;

    #[test]
    fn no_hostile_text_is_obeyed() {
        for text in hostile::texts() {
            let shown = one_line(&text);
            assert!(!shown.contains(hostile::is_obeyed), "{shown:?}");
            let value = serde_json::json!({ "message": text }).to_string();
            let shown = json(&value);
            assert!(!shown.contains(hostile::is_obeyed), "{shown:?}");
            let read: serde_json::Value = serde_json::from_str(&shown).unwrap();
            assert_eq!(read["message"], text);
        }
        assert!(matches!(one_line("plain é"), Cow::Borrowed(_)));
    }
}
