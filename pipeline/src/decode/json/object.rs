//! One object of a checked text, with its entries at hand: keys and values come out as what they mean, where that can be told without
//! serde_json. Everything else is `None`, and serde_json decides what it means or why it is refused.

use std::borrow::Cow;

use flightline_contract::value::Timestamp;

use crate::decode::json::{self, Entry, Form, Found, NOTED, Place};
use crate::decode::scan::block::{self, Block, SIZE};
use crate::decode::scan::twice::Seen;
use crate::decode::scan::value::{is_usual_time, timestamp};
use crate::decode::write::Value;

/// Digits that fit every integer of 64 bits.
const SURE_DIGITS: usize = 18;

/// See the module.
#[derive(Debug, Clone, Copy)]
pub(in crate::decode) struct Object<'t, 'e> {
    /// The text it stands in.
    pub(in crate::decode) text: &'t [u8],
    /// The same, if all of it is UTF-8.
    pub(in crate::decode) utf8: Option<&'t str>,
    /// Where it stands.
    pub(in crate::decode) place: Place,
    /// The first [`NOTED`] of what it holds.
    pub(in crate::decode) entries: &'e [Entry],
}

impl<'t, 'e> Object<'t, 'e> {
    /// Its bytes.
    pub(in crate::decode) fn bytes(self) -> &'t [u8] {
        self.place.of(self.text)
    }

    /// The text of an entry's key.
    ///
    /// # Errors
    /// When it is not UTF-8, or half of a surrogate pair.
    #[inline]
    pub(in crate::decode) fn key(self, entry: &Entry) -> Result<Cow<'t, str>, serde_json::Error> {
        if entry.text == json::Text::Plain
            && let Some(key) = self.within(entry.key)
        {
            return Ok(Cow::Borrowed(key));
        }
        json::string(entry.key.of(self.text))
    }

    /// Does something with every entry, also with those that are not noted.
    ///
    /// # Errors
    /// What `take` gives first.
    #[inline]
    pub(in crate::decode) fn each<E>(
        self,
        mut take: impl FnMut(&Entry) -> Result<(), E>,
    ) -> Result<(), E> {
        self.entries.iter().try_for_each(&mut take)?;
        match self.entries.last() {
            Some(last) if self.is_cut() => json::entries_after(self.text, last.value)
                .map(|(key, value)| Entry::at(self.text, key, value))
                .try_for_each(|entry| take(&entry)),
            _ => Ok(()),
        }
    }

    /// Whether it may hold more than is noted.
    fn is_cut(self) -> bool {
        self.entries.len() >= NOTED
    }

    /// Keys and values, if every key is plain and none stands twice.
    pub(in crate::decode) fn plain(
        self,
    ) -> Option<impl Iterator<Item = (&'t str, Place)> + use<'t, 'e>> {
        if self.is_cut() {
            return None;
        }
        let mut seen = Seen::default();
        for entry in self.entries {
            let key = entry.key.of(self.text);
            // With its quotes.
            if entry.text != json::Text::Plain || key.len() == 2 {
                return None;
            }
            seen.add(&key[1..key.len() - 1]);
        }
        if self.utf8.is_none() || seen.in_doubt() && self.has_twice() {
            return None;
        }
        let pair = move |entry: &Entry| (self.within(entry.key).unwrap_or_default(), entry.value);
        Some(self.entries.iter().map(pair))
    }

    /// Whether a key stands twice; also if there are too many to look.
    #[cold]
    fn has_twice(self) -> bool {
        let is_twice = |(number, entry): (usize, &Entry)| {
            let same = |earlier: &Entry| earlier.key.of(self.text) == entry.key.of(self.text);
            self.entries[..number].iter().any(same)
        };
        self.entries.len() > json::FEW || self.entries.iter().enumerate().any(is_twice)
    }

    /// The entries of the object at `place`, keys and values; `None` if that is no object.
    pub(in crate::decode) fn nested(self, place: Place) -> Option<json::Entries<'t>> {
        (self.text[place.start] == b'{').then(|| json::entries(self.text, place))
    }

    /// What stands between the quotes of a string.
    #[inline]
    pub(in crate::decode) fn within(self, quoted: Place) -> Option<&'t str> {
        self.utf8?.get(quoted.start + 1..quoted.end - 1)
    }

    /// The text of a string in which nothing is escaped.
    pub(in crate::decode) fn string(self, value: Place) -> Option<&'t str> {
        if self.text[value.start] != b'"' {
            return None;
        }
        let text = self.within(value)?;
        let is_plain = match self
            .text
            .get(value.start + 1..)
            .and_then(<[u8]>::first_chunk)
        {
            // Nothing is special before the quote that closes it.
            Some(bytes) if text.len() < SIZE => {
                Block::new(*bytes).special_in_json().trailing_zeros() as usize == text.len()
            }
            _ => memchr::memchr(b'\\', text.as_bytes()).is_none(),
        };
        is_plain.then_some(text)
    }

    /// A number, text or boolean that can be written as it stands.
    pub(in crate::decode) fn plain_value(self, value: Place) -> Option<Value<'t>> {
        let text = value.of(self.text);
        match text {
            b"true" => Some(Value::Boolean(true)),
            b"false" => Some(Value::Boolean(false)),
            [b'"', ..] => self.string(value).map(Value::String),
            _ if json::is_plain(text) => self.scalar(value).map(Value::Digits),
            _ => None,
        }
    }

    /// The same, by what was told of it on the way past it.
    #[inline]
    pub(in crate::decode) fn quick_value(self, found: Found) -> Option<Value<'t>> {
        match found.form {
            Form::Plain => self.within(found.place).map(Value::String),
            Form::Integer | Form::Decimal => self.digits(found.place).map(Value::Digits),
            Form::True => Some(Value::Boolean(true)),
            Form::False => Some(Value::Boolean(false)),
            Form::Escaped | Form::Number | Form::Null | Form::Other => {
                self.plain_value(found.place)
            }
        }
    }

    /// A number's text.
    #[inline]
    pub(in crate::decode) fn digits(self, value: Place) -> Option<&'t str> {
        self.utf8?.get(value.start..value.end)
    }

    /// A number of any kind.
    pub(in crate::decode) fn number(self, value: Place) -> Option<f64> {
        let number: f64 = self.scalar(value)?.parse().ok()?;
        number.is_finite().then_some(number)
    }

    /// An integer of at most 18 digits.
    pub(in crate::decode) fn integer(self, value: Place) -> Option<i64> {
        integer(value.of(self.text))
    }

    /// A point in time, written as an integer.
    pub(in crate::decode) fn time(self, value: Place) -> Option<Timestamp> {
        let text = value.of(self.text);
        if is_usual_time(text) {
            return timestamp(text).ok().map(Timestamp);
        }
        integer(text).map(Timestamp)
    }

    /// A number's text; `None` if it is something else.
    fn scalar(self, value: Place) -> Option<&'t str> {
        match self.text[value.start] {
            b'-' | b'0'..=b'9' => self.digits(value),
            _ => None,
        }
    }
}

/// An integer of at most 18 digits; a zero with a sign is none, because JSON's is a double.
pub(in crate::decode) fn integer(text: &[u8]) -> Option<i64> {
    let digits = text.strip_prefix(b"-").unwrap_or(text);
    if digits.is_empty() || digits.len() > SURE_DIGITS {
        return None;
    }
    let (mut number, mut rest) = (0, digits);
    while let Some((eight, behind)) = rest.split_first_chunk() {
        if !eight.iter().all(u8::is_ascii_digit) {
            return None;
        }
        number = number * 100_000_000 + i64::try_from(block::number(*eight)).ok()?;
        rest = behind;
    }
    for digit in rest {
        if !digit.is_ascii_digit() {
            return None;
        }
        number = number * 10 + i64::from(digit & 15);
    }
    match (digits.len() == text.len(), number) {
        (true, number) => Some(number),
        (false, 0) => None,
        (false, number) => Some(-number),
    }
}
