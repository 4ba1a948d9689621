//! Check results and life-cycle transitions come in as JSON, one line each goes out.

use flightline_contract::health::{Health, Status};
use flightline_contract::lifecycle::{LifecycleChange, State};
use flightline_contract::value::Text;

use crate::decode::json::Object;
use crate::decode::observe::Observer;
use crate::decode::pen::Pen;
use crate::decode::refusal::Refusal;
use crate::decode::write::Value;

/// The longest output of a check that is stored: enough to tell what was wrong; the rest is cut off, as Consul does.
const OUTPUT_LIMIT: usize = 4096;

/// One check result: measurement `health`.
pub(super) fn health<O: Observer>(
    pen: Pen<'_>,
    object: Object<'_, '_>,
    time: i64,
    observer: &mut O,
) -> Result<(), Refusal> {
    let health = match read_health(object) {
        Some(health) => health,
        None => serde_json::from_slice(object.bytes())?,
    };
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

/// A check result without anything unusual.
pub(super) fn read_health<'t>(object: Object<'t, '_>) -> Option<Health<'t>> {
    let (mut check, mut status, mut output, mut time) = (None, None, None, None);
    for (key, value) in object.plain()? {
        match key {
            "check" => check = Some(Text::from(object.string(value)?)),
            "status" => {
                let name = object.string(value)?;
                status = Some(
                    Status::ALL
                        .into_iter()
                        .find(|status| status.as_str() == name)?,
                );
            }
            "output" => output = Some(Text::from(object.string(value)?)),
            "time" => time = Some(object.time(value)?),
            _ => return None,
        }
    }
    Some(Health {
        check: check?,
        status: status?,
        output,
        time,
    })
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
    object: Object<'_, '_>,
    time: i64,
    observer: &mut O,
) -> Result<(), Refusal> {
    let transition = match read_transition(object) {
        Some(transition) => transition,
        None => serde_json::from_slice(object.bytes())?,
    };
    if transition.job.as_ref().is_some_and(|job| job.is_empty()) {
        return Err(Refusal::value(
            "a job must have a name; without `job` the change is the supervisor's own",
        ));
    }
    let sequence = i64::try_from(transition.sequence)
        .map_err(|_| Refusal::value("sequence is beyond the largest signed integer"))?;
    let route = pen.route;
    let mut line = pen.line_of_instance("lifecycle")?;
    if let Some(job) = &transition.job {
        line.tag("job", job)?;
    }
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

/// A transition without anything unusual.
pub(super) fn read_transition<'t>(object: Object<'t, '_>) -> Option<LifecycleChange<'t>> {
    let state = |value| {
        let name = object.string(value)?;
        State::ALL.into_iter().find(|state| state.as_str() == name)
    };
    let (mut job, mut from, mut to, mut cause, mut sequence) = (None, None, None, None, None);
    let (mut pid, mut exit, mut attempt, mut time) = (None, None, 0, None);
    for (key, value) in object.plain()? {
        match key {
            "job" => job = Some(Text::from(object.string(value)?)),
            "from" => from = Some(state(value)?),
            "to" => to = Some(state(value)?),
            "cause" => cause = Some(Text::from(object.string(value)?)),
            "pid" => pid = Some(u32::try_from(object.integer(value)?).ok()?),
            "exit" => exit = Some(i32::try_from(object.integer(value)?).ok()?),
            "attempt" => attempt = u32::try_from(object.integer(value)?).ok()?,
            "sequence" => sequence = Some(u64::try_from(object.integer(value)?).ok()?),
            "time" => time = Some(object.time(value)?),
            _ => return None,
        }
    }
    Some(LifecycleChange {
        job,
        from: from?,
        to: to?,
        cause: cause?,
        pid,
        exit,
        attempt,
        sequence: sequence?,
        time,
    })
}
