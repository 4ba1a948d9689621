//! JSON text comes in; whether it is well formed and where its parts stand comes out, as places in the text. Nothing is lost and
//! nothing is allocated: values are turned into Rust only where they stand, by serde_json or, where they are plain, without it.
//!
//! A message is checked as a whole before any of it is written, so that a broken one leaves nothing behind; the cursors trust
//! that check.

use std::borrow::Cow;

use crate::decode::scan::block::{Block, SIZE};

mod check;
mod number;
mod object;

use check::index;
pub(super) use check::{Malformed, check};
pub(super) use number::is_plain;
pub(super) use object::{Object, integer};

/// Where a part stands in the text.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Place {
    /// The first byte.
    pub(super) start: usize,
    /// One past the last.
    pub(super) end: usize,
}

impl Place {
    /// The bytes of `text` that it means.
    pub(super) fn of(self, text: &[u8]) -> &[u8] {
        &text[self.start..self.end]
    }
}

/// One entry of an object.
#[derive(Debug, Clone, Copy)]
pub(super) struct Entry {
    /// The key, with its quotes.
    pub(super) key: Place,
    /// How the key is written.
    pub(super) text: Text,
    pub(super) value: Place,
    /// What the value is.
    pub(super) form: Form,
}

/// What a value is, as far as it is told on the way past it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Form {
    /// A string in which nothing is escaped.
    Plain,
    /// Any other string, and maybe one of those.
    Escaped,
    /// Up to 15 digits without a sign, which [`is_plain`] holds for.
    Integer,
    /// The same with a point between two of them.
    Decimal,
    /// Any other number, and maybe one of those.
    Number,
    /// `true`
    True,
    /// `false`
    False,
    /// `null`
    Null,
    /// An object or an array.
    Other,
}

/// A value: where it stands, and what it is.
#[derive(Debug, Clone, Copy)]
pub(super) struct Found {
    pub(super) place: Place,
    pub(super) form: Form,
}

impl Found {
    /// What is told by the first byte of the value at `place`.
    pub(super) fn at(text: &[u8], place: Place) -> Self {
        let form = match text[place.start] {
            b'"' => Form::Escaped,
            b't' => Form::True,
            b'f' => Form::False,
            b'n' => Form::Null,
            b'{' | b'[' => Form::Other,
            _ => Form::Number,
        };
        Self { place, form }
    }
}

impl Entry {
    /// What is told by the first bytes of a key and its value.
    fn at(text: &[u8], key: Place, value: Place) -> Self {
        let Found { place, form } = Found::at(text, value);
        Self {
            key,
            text: Text::Escaped,
            value: place,
            form,
        }
    }

    /// Its value.
    pub(super) fn found(&self) -> Found {
        Found {
            place: self.value,
            form: self.form,
        }
    }
}

impl From<Text> for Form {
    fn from(text: Text) -> Self {
        match text {
            Text::Plain => Self::Plain,
            Text::Escaped => Self::Escaped,
        }
    }
}

/// Up to so many entries are compared pair by pair.
const FEW: usize = 16;
/// Up to so many entries of an object are noted, about 40 KiB of them: they take more room than their text, and the room is kept. Who
/// wants those beyond them looks them up again.
pub(super) const NOTED: usize = 1_024;

/// How a string is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Text {
    /// As it is.
    Plain,
    /// With something in it that is escaped, or maybe so.
    Escaped,
}

/// The elements of the checked array that stands at `place`.
pub(super) fn elements(text: &[u8], place: Place) -> Elements<'_> {
    Elements {
        text,
        at: blanks(text, place.start + 1),
    }
}

/// See [`elements`].
#[derive(Debug)]
pub(super) struct Elements<'t> {
    text: &'t [u8],
    at: usize,
}

impl Elements<'_> {
    /// The next element, and into `entries` its own, if it is an object.
    pub(super) fn next_with(&mut self, entries: &mut Vec<Entry>) -> Option<Place> {
        if self.text[self.at] == b']' {
            return None;
        }
        let place = index(self.text, self.at, entries);
        self.at = after(self.text, place.end);
        Some(place)
    }
}

impl Iterator for Elements<'_> {
    type Item = Place;

    fn next(&mut self) -> Option<Place> {
        if self.text[self.at] == b']' {
            return None;
        }
        let place = Place {
            start: self.at,
            end: value_end(self.text, self.at),
        };
        self.at = after(self.text, place.end);
        Some(place)
    }
}

/// The entries of the checked object that stands at `place`: keys with their quotes, and values.
pub(super) fn entries(text: &[u8], place: Place) -> Entries<'_> {
    Entries {
        text,
        at: blanks(text, place.start + 1),
    }
}

/// Those that follow the one whose value stands at `value`.
fn entries_after(text: &[u8], value: Place) -> Entries<'_> {
    Entries {
        text,
        at: after(text, value.end),
    }
}

/// See [`entries`].
#[derive(Debug)]
pub(super) struct Entries<'t> {
    text: &'t [u8],
    at: usize,
}

impl Iterator for Entries<'_> {
    type Item = (Place, Place);

    fn next(&mut self) -> Option<(Place, Place)> {
        if self.text[self.at] == b'}' {
            return None;
        }
        let key = Place {
            start: self.at,
            end: string_end(self.text, self.at),
        };
        let colon = blanks(self.text, key.end);
        let start = blanks(self.text, colon + 1);
        let value = Place {
            start,
            end: value_end(self.text, start),
        };
        self.at = after(self.text, value.end);
        Some((key, value))
    }
}

/// The text of a string with its quotes; borrowed if nothing in it is escaped.
///
/// # Errors
/// When it is not UTF-8, or half of a surrogate pair.
pub(super) fn string(quoted: &[u8]) -> Result<Cow<'_, str>, serde_json::Error> {
    let inner = &quoted[1..quoted.len() - 1];
    if memchr::memchr(b'\\', inner).is_none()
        && let Ok(text) = std::str::from_utf8(inner)
    {
        return Ok(Cow::Borrowed(text));
    }
    serde_json::from_slice::<String>(quoted).map(Cow::Owned)
}

fn blanks(text: &[u8], mut at: usize) -> usize {
    while matches!(text.get(at), Some(b' ' | b'\t' | b'\n' | b'\r')) {
        at += 1;
    }
    at
}

/// Behind a value and its comma, if it has one: where the next element starts or the container closes.
fn after(text: &[u8], end: usize) -> usize {
    let at = blanks(text, end);
    if text[at] == b',' {
        blanks(text, at + 1)
    } else {
        at
    }
}

fn string_end(text: &[u8], start: usize) -> usize {
    let mut at = start + 1;
    if let Some(bytes) = text.get(at..).and_then(<[u8]>::first_chunk) {
        let found = Block::new(*bytes).special_in_json();
        let length = found.trailing_zeros() as usize;
        if found != 0 && bytes[length & (SIZE - 1)] == b'"' {
            return at + length + 1;
        }
    }
    while let Some(found) = text
        .get(at..)
        .and_then(|rest| memchr::memchr2(b'"', b'\\', rest))
    {
        if text[at + found] == b'"' {
            return at + found + 1;
        }
        at += found + 2;
    }
    text.len()
}

fn value_end(text: &[u8], start: usize) -> usize {
    match text.get(start) {
        Some(b'"') => string_end(text, start),
        Some(b'{' | b'[') => container_end(text, start),
        _ => {
            let ends =
                |byte: &u8| matches!(byte, b',' | b'}' | b']' | b' ' | b'\t' | b'\n' | b'\r');
            let length = text[start..].iter().position(ends);
            length.map_or(text.len(), |length| start + length)
        }
    }
}

fn container_end(text: &[u8], start: usize) -> usize {
    let (mut at, mut depth) = (start, 0_usize);
    while let Some(&byte) = text.get(at) {
        match byte {
            b'"' => {
                at = string_end(text, at);
                continue;
            }
            b'{' | b'[' => depth += 1,
            b'}' | b']' => {
                depth -= 1;
                if depth == 0 {
                    return at + 1;
                }
            }
            _ => {}
        }
        at += 1;
    }
    text.len()
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use serde_json::Value;

    fn parts(text: &str) -> Vec<String> {
        let bytes = text.as_bytes();
        let root = check(bytes, &mut Vec::new()).unwrap();
        let show = |place: Place| String::from_utf8(place.of(bytes).to_vec()).unwrap();
        match bytes[root.start] {
            b'[' => elements(bytes, root).map(show).collect(),
            b'{' => entries(bytes, root)
                .map(|(key, value)| format!("{}={}", show(key), show(value)))
                .collect(),
            _ => vec![show(root)],
        }
    }

    #[test]
    fn parts_stand_where_the_text_has_them() {
        assert_eq!(
            parts(" [ 1 , {\"a\":[2]} ,\"x,]\\\"\" ] "),
            ["1", "{\"a\":[2]}", "\"x,]\\\"\""]
        );
        assert_eq!(
            parts("{\"a\" : -1e5,\"b}\":{\"c\":\"}\"}\n}"),
            ["\"a\"=-1e5", "\"b}\"={\"c\":\"}\"}"]
        );
        assert_eq!(parts("[]"), [""; 0]);
        assert_eq!(parts(" { } "), [""; 0]);
        assert_eq!(parts(" true "), ["true"]);
    }

    #[test]
    fn a_string_is_borrowed_unless_something_in_it_is_escaped() {
        assert!(matches!(
            string(b"\"caf\xc3\xa9\""),
            Ok(Cow::Borrowed("café"))
        ));
        assert!(matches!(string(b"\"a\\u0062\""), Ok(Cow::Owned(text)) if text == "ab"));
        assert!(string(b"\"\xff\"").is_err());
        assert!(string(b"\"\\ud800\"").is_err());
    }

    fn value() -> impl Strategy<Value = Value> {
        let leaf = prop_oneof![
            Just(Value::Null),
            any::<bool>().prop_map(Value::from),
            any::<i64>().prop_map(Value::from),
            any::<f64>().prop_map(Value::from),
            "[ -~\"\\\\{}\\[\\],:\u{e9}\n]{0,8}".prop_map(Value::from),
        ];
        leaf.prop_recursive(4, 32, 6, |inner| {
            prop_oneof![
                prop::collection::vec(inner.clone(), 0..6).prop_map(Value::from),
                prop::collection::btree_map("[a-c\"\\\\]{0,3}", inner, 0..6)
                    .prop_map(|pairs| Value::Object(pairs.into_iter().collect())),
            ]
        })
    }

    proptest! {
        #[test]
        fn parts_read_alone_make_the_whole(value in value(), pretty in any::<bool>()) {
            let print = if pretty { serde_json::to_vec_pretty } else { serde_json::to_vec };
            let text = print(&value).unwrap();
            let mut noted = Vec::new();
            let root = check(&text, &mut noted).unwrap();
            let read = |place: Place| serde_json::from_slice::<Value>(place.of(&text)).unwrap();
            match &value {
                Value::Array(items) => {
                    prop_assert_eq!(&elements(&text, root).map(read).collect::<Vec<_>>(), items);
                }
                Value::Object(pairs) => {
                    let noted: Vec<_> = noted.iter().map(|entry| (entry.key, entry.value)).collect();
                    prop_assert_eq!(noted, entries(&text, root).collect::<Vec<_>>());
                    let found = entries(&text, root)
                        .map(|(key, value)| (string(key.of(&text)).unwrap().into_owned(), read(value)));
                    prop_assert_eq!(&found.collect::<serde_json::Map<_, _>>(), pairs);
                }
                scalar => prop_assert_eq!(&read(root), scalar),
            }
        }
    }
}
