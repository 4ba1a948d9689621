//! Check results and life-cycle transitions come in as JSON, one line each goes out.

use flightline_contract::health::{Health, Status};
use flightline_contract::lifecycle::Transition;

use crate::decode::observe::Observer;
use crate::decode::pen::Pen;
use crate::decode::refusal::Refusal;
use crate::decode::write::Value;

/// The longest output of a check that is stored: enough to tell what was wrong; the rest is cut off, as Consul does.
const OUTPUT_LIMIT: usize = 4096;

/// One check result: measurement `health`.
pub(super) fn health<O: Observer>(
    pen: Pen<'_>,
    text: &[u8],
    time: i64,
    observer: &mut O,
) -> Result<(), Refusal> {
    let health: Health<'_> = serde_json::from_slice(text)?;
    if health.check.is_empty() {
        return Err(Refusal::value("a check must have a name"));
    }
    let route = pen.route;
    let mut line = pen.line_of_instance("health")?;
    line.tag("check", &health.check)?;
    line.field("status", Value::String(health.status.as_str()))?;
    line.field("code", Value::Integer(code(health.status)))?;
    if let Some(output) = &health.output {
        let end = output.floor_char_boundary(OUTPUT_LIMIT);
        line.field(
            "output",
            Value::String(output.get(..end).unwrap_or_default()),
        )?;
    }
    line.finish(health.time.map_or(time, |time| time.0))?;
    observer.health(route.service, route.token, &health);
    Ok(())
}

/// The index in [`Status::ALL`].
fn code(status: Status) -> i64 {
    match status {
        Status::Passing => 0,
        Status::Warning => 1,
        Status::Critical => 2,
        Status::Maintenance => 3,
    }
}

/// One transition: measurement `lifecycle`.
pub(super) fn transition<O: Observer>(
    pen: Pen<'_>,
    text: &[u8],
    time: i64,
    observer: &mut O,
) -> Result<(), Refusal> {
    let transition: Transition<'_> = serde_json::from_slice(text)?;
    let sequence = i64::try_from(transition.sequence)
        .map_err(|_| Refusal::value("sequence is beyond the largest signed integer"))?;
    let route = pen.route;
    let mut line = pen.line_of_instance("lifecycle")?;
    line.field("from", Value::String(transition.from.as_str()))?;
    line.field("to", Value::String(transition.to.as_str()))?;
    line.field("cause", Value::String(&transition.cause))?;
    if let Some(pid) = transition.pid {
        line.field("pid", Value::Integer(i64::from(pid)))?;
    }
    if let Some(exit) = transition.exit {
        line.field("exit", Value::Integer(i64::from(exit)))?;
    }
    line.field("attempt", Value::Integer(i64::from(transition.attempt)))?;
    line.field("sequence", Value::Integer(sequence))?;
    line.finish(transition.time.map_or(time, |time| time.0))?;
    observer.transition(route.service, route.token, &transition);
    Ok(())
}
