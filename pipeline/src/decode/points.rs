//! Application points come in as JSON of the contract, one line each goes out: the tag `service` of the subject, the point's own
//! tags, its fields. What is null is left out.

use flightline_contract::app::{FieldValue, Point};

use crate::decode::json::Object;
use crate::decode::line::Line;
use crate::decode::observe::{OWN_SERVICE, Observer};
use crate::decode::pen::Pen;
use crate::decode::refusal::Refusal;
use crate::decode::write::Value;

/// One point.
pub(super) fn write<O: Observer>(
    mut pen: Pen<'_>,
    object: Object<'_, '_>,
    time: i64,
    observer: &mut O,
) -> Result<(), Refusal> {
    let start = pen.out.len();
    if let Some(line) = write_plain(pen.reborrow(), object, time) {
        observer.line(&line);
        return Ok(());
    }
    // Half a line may stand there.
    pen.out.truncate(start);
    observer.line(&write_any(pen, object, time)?);
    Ok(())
}

/// Every point.
pub(super) fn write_any<'p>(
    pen: Pen<'p>,
    object: Object<'_, '_>,
    time: i64,
) -> Result<Line<'p>, Refusal> {
    let point: Point<'_> = serde_json::from_slice(object.bytes())?;
    let route = pen.route;
    let measurement = point.measurement.as_deref().unwrap_or(route.token);
    let mut line = pen.line(measurement)?;
    line.tag("service", route.service)?;
    for (name, value) in &point.tags.0 {
        line.tag(tag_key(name), value)?;
    }
    for (name, value) in &point.fields.0 {
        let value = match value {
            FieldValue::Number(number) => Value::Float(*number),
            FieldValue::Boolean(boolean) => Value::Boolean(*boolean),
            FieldValue::String(text) => Value::String(text),
            FieldValue::Null => continue,
        };
        line.field(name, value)?;
    }
    Ok(line.finish(point.time.map_or(time, |time| time.0))?)
}

/// A point without anything unusual: what is refused, for whatever reason, is `None` here. What is left out of the line (an empty
/// tag, a null) is unusual, too, because a second one of that name would not be noticed.
pub(super) fn write_plain<'p>(pen: Pen<'p>, object: Object<'_, '_>, time: i64) -> Option<Line<'p>> {
    let (mut measurement, mut tags, mut fields, mut own_time) = (None, None, None, None);
    for (key, value) in object.plain()? {
        match key {
            "measurement" => measurement = Some(object.string(value)?),
            "tags" => tags = Some(object.nested(value)?),
            "fields" => fields = Some(object.nested(value)?),
            "time" => own_time = Some(object.time(value)?.0),
            _ => return None,
        }
    }
    let route = pen.route;
    let mut line = pen.line(measurement.unwrap_or(route.token)).ok()?;
    line.tag("service", route.service).ok()?;
    for (name, value) in tags.into_iter().flatten() {
        let value = object.string(value)?;
        if value.is_empty() {
            return None;
        }
        line.tag(tag_key(object.string(name)?), value).ok()?;
    }
    for (name, value) in fields? {
        let value = object.plain_value(value)?;
        line.field(object.string(name)?, value).ok()?;
    }
    line.finish(own_time.unwrap_or(time)).ok()
}

/// The subject says which service published it.
fn tag_key(name: &str) -> &str {
    if name == "service" { OWN_SERVICE } else { name }
}
