//! Application points come in as JSON of the contract, one line each goes out: the tag `service` of the subject, the point's own
//! tags, its fields. What is null is left out.

use flightline_contract::app::{FieldValue, Point};

use crate::decode::observe::{OWN_SERVICE, Observer};
use crate::decode::pen::Pen;
use crate::decode::refusal::Refusal;
use crate::decode::write::Value;

/// One point.
pub(super) fn write<O: Observer>(
    pen: Pen<'_>,
    text: &[u8],
    time: i64,
    observer: &mut O,
) -> Result<(), Refusal> {
    let point: Point<'_> = serde_json::from_slice(text)?;
    let route = pen.route;
    let measurement = point.measurement.as_deref().unwrap_or(route.token);
    let mut line = pen.line(measurement)?;
    line.tag("service", route.service)?;
    for (name, value) in &point.tags.0 {
        let name = if name.as_str() == "service" {
            OWN_SERVICE
        } else {
            name.as_str()
        };
        line.tag(name, value)?;
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
    observer.line(&line.finish(point.time.map_or(time, |time| time.0))?);
    Ok(())
}
