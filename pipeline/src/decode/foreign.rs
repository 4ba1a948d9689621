//! Foreign JSON objects come in, one line each goes out, as their mapping says. Without a list of fields every number, string and
//! boolean that is not used otherwise becomes a field, nested keys joined by `_`; null and arrays are left out.

use std::borrow::Cow;

use flightline_contract::app::FieldValue;

use crate::config::FieldKind;
use crate::decode::json::{self, Form, Found, Object, Place};
use crate::decode::mapping::{Collected, Field, Paths, Points, Source};
use crate::decode::observe::Observer;
use crate::decode::pen::Pen;
use crate::decode::refusal::Refusal;
use crate::decode::time;
use crate::decode::write::{LineWriter, Value};

/// The buffers that one object needs.
pub(super) struct Buffers<'s> {
    pub(super) key: &'s mut String,
    pub(super) collected: &'s mut Collected,
}

/// One object from a message on `subject`.
pub(super) fn write<O: Observer>(
    pen: Pen<'_>,
    buffers: Buffers<'_>,
    points: &Points,
    subject: &str,
    object: &Object<'_, '_>,
    time: i64,
    observer: &mut O,
) -> Result<(), Refusal> {
    let Buffers { key, collected } = buffers;
    points.collect(object, collected)?;
    let input = Input {
        object,
        subject,
        collected,
    };
    let time = match points.time {
        Some((slot, unit)) => match collected.value(slot) {
            Some(value) => time::nanos(value.place.of(object.text), unit)?,
            None => time,
        },
        None => time,
    };
    let route = pen.route;
    let measurement = input.pick(&points.measurement)?;
    let measurement =
        measurement.ok_or_else(|| Refusal::shape("the value for the measurement is missing"))?;
    let mut line = pen.line(&measurement)?;
    if !points.has_service {
        line.tag("service", route.service)?;
    }
    for (name, source) in &points.tags {
        if let Some(value) = input.pick(source)? {
            line.tag(name, &value)?;
        }
    }
    if points.fields.is_empty() {
        key.clear();
        leftover(&mut line, object, (&points.paths, collected), key)?;
    }
    for field in &points.fields {
        if let Some(value) = collected.value(field.slot) {
            convert(&mut line, object, field, value)?;
        }
    }
    observer.line(&line.finish(time)?);
    Ok(())
}

/// What sources are read from.
struct Input<'i> {
    object: &'i Object<'i, 'i>,
    subject: &'i str,
    collected: &'i Collected,
}

impl<'i> Input<'i> {
    /// The text that `source` means; `None` if it is missing or null.
    fn pick<'p: 'i>(&self, source: &'p Source) -> Result<Option<Cow<'i, str>>, Refusal> {
        match source {
            Source::Literal(text) => Ok(Some(Cow::Borrowed(text))),
            Source::Token(number) => match token(self.subject, *number) {
                Some(token) => Ok(Some(Cow::Borrowed(token))),
                None => Err(Refusal::shape(format!("the subject has no token {number}"))),
            },
            Source::Slot(slot) => {
                let value = self.collected.value(*slot);
                value.map(|value| scalar(self.object, value)).transpose()
            }
        }
    }
}

/// The token of that number, from 1. A loop over so few bytes costs less than to set out for a search.
fn token(subject: &str, number: usize) -> Option<&str> {
    let dot = |rest: &str| rest.bytes().position(|byte| byte == b'.');
    let mut rest = subject;
    for _ in 0..number.checked_sub(1)? {
        (_, rest) = rest.split_at_checked(dot(rest)? + 1)?;
    }
    rest.get(..dot(rest).unwrap_or(rest.len()))
}

/// A string's text, or a number or boolean as it is written.
fn scalar<'t>(object: &Object<'t, '_>, found: Found) -> Result<Cow<'t, str>, Refusal> {
    let text = match found.form {
        Form::Plain => object.within(found.place),
        Form::Escaped => object.string(found.place),
        _ => object
            .digits(found.place)
            .filter(|_| found.form != Form::Other),
    };
    if let Some(text) = text {
        return Ok(Cow::Borrowed(text));
    }
    let value = found.place.of(object.text);
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

/// Writes every scalar of `object` that `paths` does not name.
fn leftover(
    line: &mut LineWriter<'_>,
    object: &Object<'_, '_>,
    (paths, collected): (&Paths, &Collected),
    key: &mut String,
) -> Result<(), Refusal> {
    let mut number = 0;
    object.each(|entry| {
        let below = collected.below(paths, object, (number, entry))?;
        number += 1;
        if below.is_some_and(|below| below.slot.is_some()) {
            return Ok(());
        }
        let name = object.key(entry)?;
        match object.text[entry.value.start] {
            b'[' => Ok(()),
            b'{' => nested(line, object, (&name, entry.value), below, key),
            _ => automatic(line, object, &name, entry.found()),
        }
    })
}

/// The same for what the entry `name` holds; `key` is the joined key of what that stands in.
fn nested(
    line: &mut LineWriter<'_>,
    object: &Object<'_, '_>,
    (name, value): (&str, Place),
    paths: Option<&Paths>,
    key: &mut String,
) -> Result<(), Refusal> {
    let (text, outer) = (object.text, key.len());
    if outer > 0 {
        key.push('_');
    }
    key.push_str(name);
    if text[value.start] == b'{' {
        for (name, value) in json::entries(text, value) {
            let name = json::string(name.of(text))?;
            let below = paths.and_then(|paths| paths.child(&name));
            let is_used = below.is_some_and(|below| below.slot.is_some());
            if !is_used && text[value.start] != b'[' {
                nested(line, object, (&name, value), below, key)?;
            }
        }
    } else {
        automatic(line, object, key, Found::at(text, value))?;
    }
    key.truncate(outer);
    Ok(())
}

/// As JSON says: numbers are floats.
#[inline]
fn automatic(
    line: &mut LineWriter<'_>,
    object: &Object<'_, '_>,
    key: &str,
    value: Found,
) -> Result<(), Refusal> {
    if let Some(value) = object.quick_value(value) {
        line.field(key, value)?;
        return Ok(());
    }
    match serde_json::from_slice(value.place.of(object.text))? {
        FieldValue::Number(number) => line.field(key, Value::Float(number))?,
        FieldValue::Boolean(boolean) => line.field(key, Value::Boolean(boolean))?,
        FieldValue::String(text) => line.field(key, Value::String(&text))?,
        FieldValue::Null => {}
    }
    Ok(())
}

/// As the mapping says.
fn convert(
    line: &mut LineWriter<'_>,
    object: &Object<'_, '_>,
    field: &Field,
    value: Found,
) -> Result<(), Refusal> {
    if field.kind == FieldKind::Auto {
        return automatic(line, object, &field.name, value);
    }
    if let Some(value) = quick(object, field.kind, value) {
        line.field(&field.name, value)?;
        return Ok(());
    }
    let text = scalar(object, value)?;
    let is_text = object.text[value.place.start] == b'"';
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

/// A value that is of its kind already, and can be written as it stands.
fn quick<'t>(object: &Object<'t, '_>, kind: FieldKind, value: Found) -> Option<Value<'t>> {
    match (kind, value.form) {
        (FieldKind::Float, Form::Integer | Form::Decimal) => {
            object.digits(value.place).map(Value::Digits)
        }
        (FieldKind::Integer, Form::Integer) => object.digits(value.place).map(Value::Whole),
        (FieldKind::Boolean, Form::True) => Some(Value::Boolean(true)),
        (FieldKind::Boolean, Form::False) => Some(Value::Boolean(false)),
        _ => None,
    }
}

/// Digits, also with a point and zeros behind them.
fn integer(text: &str) -> Option<i64> {
    let (whole, fraction) = text.split_once('.').unwrap_or((text, "0"));
    let is_whole = !fraction.is_empty() && fraction.bytes().all(|byte| byte == b'0');
    if is_whole { whole.parse().ok() } else { None }
}
