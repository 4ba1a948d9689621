//! Foreign JSON objects come in, one line each goes out, as their mapping says. Without a list of fields every number, string and
//! boolean that is not used otherwise becomes a field, nested keys joined by `_`; null and arrays are left out.

use std::borrow::Cow;

use flightline_contract::app::FieldValue;

use crate::config::FieldKind;
use crate::decode::json::{self, Place};
use crate::decode::mapping::{Field, Paths, Points, Source};
use crate::decode::observe::Observer;
use crate::decode::pen::Pen;
use crate::decode::refusal::Refusal;
use crate::decode::time;
use crate::decode::write::{LineWriter, Value};

/// The buffers that one object needs.
pub(super) struct Buffers<'s> {
    pub(super) key: &'s mut String,
    pub(super) found: &'s mut Vec<Option<Place>>,
}

/// The object at `object` of `text`, from a message on `subject`.
pub(super) fn write<O: Observer>(
    pen: Pen<'_>,
    buffers: Buffers<'_>,
    points: &Points,
    subject: &str,
    (text, object): (&[u8], Place),
    time: i64,
    observer: &mut O,
) -> Result<(), Refusal> {
    let Buffers { key, found } = buffers;
    points.collect(text, object, found)?;
    let input = Input {
        text,
        subject,
        found,
    };
    let time = match points.time {
        Some((slot, unit)) => match input.value(slot) {
            Some(value) => time::nanos(value, unit)?,
            None => time,
        },
        None => time,
    };
    let route = pen.route;
    let measurement = input.pick(&points.measurement)?;
    let measurement =
        measurement.ok_or_else(|| Refusal::shape("the value for the measurement is missing"))?;
    let mut line = pen.line(&measurement)?;
    if !points.tags.iter().any(|(name, _)| name == "service") {
        line.tag("service", route.service)?;
    }
    for (name, source) in &points.tags {
        if let Some(value) = input.pick(source)? {
            line.tag(name, &value)?;
        }
    }
    if points.fields.is_empty() {
        key.clear();
        leftover(&mut line, text, object, Some(&points.paths), key)?;
    }
    for field in &points.fields {
        if let Some(value) = input.value(field.slot) {
            convert(&mut line, field, value)?;
        }
    }
    observer.line(&line.finish(time)?);
    Ok(())
}

/// What sources are read from.
struct Input<'i> {
    text: &'i [u8],
    subject: &'i str,
    found: &'i [Option<Place>],
}

impl<'i> Input<'i> {
    /// The value in `slot`, unless it is missing or null.
    fn value(&self, slot: usize) -> Option<&'i [u8]> {
        let value = self.found[slot]?.of(self.text);
        (value != b"null").then_some(value)
    }

    /// The text that `source` means; `None` if it is missing or null.
    fn pick<'p: 'i>(&self, source: &'p Source) -> Result<Option<Cow<'i, str>>, Refusal> {
        match source {
            Source::Literal(text) => Ok(Some(Cow::Borrowed(text))),
            Source::Token(number) => match self.subject.split('.').nth(number.wrapping_sub(1)) {
                Some(token) => Ok(Some(Cow::Borrowed(token))),
                None => Err(Refusal::shape(format!("the subject has no token {number}"))),
            },
            Source::Slot(slot) => self.value(*slot).map(scalar).transpose(),
        }
    }
}

/// A string's text, or a number or boolean as it is written.
fn scalar(value: &[u8]) -> Result<Cow<'_, str>, Refusal> {
    match value.first() {
        Some(b'"') => Ok(json::string(value)?),
        Some(b'{' | b'[') => Err(Refusal::shape(
            "an object or array stands where a text is wanted",
        )),
        _ => std::str::from_utf8(value)
            .map(Cow::Borrowed)
            .map_err(|error| Refusal::value(error.to_string())),
    }
}

/// Writes every scalar of `object` that `paths` does not name; `key` is the joined key of what it stands in.
fn leftover(
    line: &mut LineWriter<'_>,
    text: &[u8],
    object: Place,
    paths: Option<&Paths>,
    key: &mut String,
) -> Result<(), Refusal> {
    let outer = key.len();
    for (name, value) in json::entries(text, object) {
        let name = json::string(name.of(text))?;
        let below = paths.and_then(|paths| paths.child(&name));
        if below.is_some_and(|below| below.slot.is_some()) || text[value.start] == b'[' {
            continue;
        }
        if outer > 0 {
            key.push('_');
        }
        key.push_str(&name);
        if text[value.start] == b'{' {
            leftover(line, text, value, below, key)?;
        } else {
            automatic(line, key, value.of(text))?;
        }
        key.truncate(outer);
    }
    Ok(())
}

/// As JSON says: numbers are floats.
fn automatic(line: &mut LineWriter<'_>, key: &str, value: &[u8]) -> Result<(), Refusal> {
    match serde_json::from_slice(value)? {
        FieldValue::Number(number) => line.field(key, Value::Float(number))?,
        FieldValue::Boolean(boolean) => line.field(key, Value::Boolean(boolean))?,
        FieldValue::String(text) => line.field(key, Value::String(&text))?,
        FieldValue::Null => {}
    }
    Ok(())
}

/// As the mapping says.
fn convert(line: &mut LineWriter<'_>, field: &Field, value: &[u8]) -> Result<(), Refusal> {
    if field.kind == FieldKind::Auto {
        return automatic(line, &field.name, value);
    }
    let text = scalar(value)?;
    let is_text = value.first() == Some(&b'"');
    let converted = match field.kind {
        FieldKind::Auto | FieldKind::String => Some(Value::String(&text)),
        FieldKind::Float => text.trim().parse().ok().map(Value::Float),
        FieldKind::Integer => integer(text.trim()).map(Value::Integer),
        FieldKind::Boolean => text.trim().parse().ok().map(Value::Boolean),
    };
    let Some(converted) = converted else {
        let found = if is_text { "this text" } else { "this value" };
        let (name, kind) = (&field.name, field.kind);
        return Err(Refusal::value(format!(
            "field `{name}` is to be of kind {kind:?}, and {found} is not"
        )));
    };
    line.field(&field.name, converted)?;
    Ok(())
}

/// Digits, also with a point and zeros behind them.
fn integer(text: &str) -> Option<i64> {
    let (whole, fraction) = text.split_once('.').unwrap_or((text, "0"));
    let is_whole = !fraction.is_empty() && fraction.bytes().all(|byte| byte == b'0');
    if is_whole { whole.parse().ok() } else { None }
}
