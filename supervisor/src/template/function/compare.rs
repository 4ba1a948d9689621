//! Two or more values come in, whether they are equal or in order goes out. Only values of one class compare.

use std::cmp::Ordering;

use super::{Fault, Function};
use crate::template::value::{Class, Value};

/// Whether the first is equal to any of the others.
pub(super) fn eq<'v>(arguments: &[Value<'v>]) -> Result<Value<'v>, Fault> {
    let [first, others @ ..] = arguments else {
        return Err(Fault::new("nothing to compare"));
    };
    for other in others {
        if equal(first, other)? {
            return Ok(Value::Bool(true));
        }
    }
    Ok(Value::Bool(false))
}

fn equal(one: &Value<'_>, other: &Value<'_>) -> Result<bool, Fault> {
    match (one.class(), other.class()) {
        (Class::Nil, Class::Nil) => Ok(true),
        (Class::Nil, _) | (_, Class::Nil) => Ok(false),
        (Class::Many, Class::Many) => Err(incomparable(one, other)),
        _ => match compared(one, other) {
            Some(ordering) => Ok(ordering == Ordering::Equal),
            None => Err(incomparable(one, other)),
        },
    }
}

/// `ne`, `lt`, `le`, `gt` and `ge`.
pub(super) fn order<'v>(function: Function, arguments: &[Value<'v>]) -> Result<Value<'v>, Fault> {
    let [one, other] = arguments else {
        return Err(Fault::new("not two values to compare"));
    };
    if function == Function::Ne {
        return Ok(Value::Bool(!equal(one, other)?));
    }
    let unordered =
        |value: &Value<'_>| matches!(value.class(), Class::Nil | Class::Bool | Class::Many);
    let ordering = match compared(one, other) {
        Some(ordering) if !unordered(one) => ordering,
        _ => return Err(incomparable(one, other)),
    };
    Ok(Value::Bool(match function {
        Function::Lt => ordering.is_lt(),
        Function::Le => ordering.is_le(),
        Function::Gt => ordering.is_gt(),
        _ => ordering.is_ge(),
    }))
}

fn compared(one: &Value<'_>, other: &Value<'_>) -> Option<Ordering> {
    match (one, other) {
        (Value::Bool(one), Value::Bool(other)) => Some(one.cmp(other)),
        (Value::Float(one), Value::Float(other)) => one.partial_cmp(other),
        (Value::Text(one), Value::Text(other)) => Some((**one).cmp(&**other)),
        _ => Some(integer(one)?.cmp(&integer(other)?)),
    }
}

fn integer(value: &Value<'_>) -> Option<i64> {
    match value {
        Value::Int(value) => Some(*value),
        Value::Byte(value) => Some(i64::from(*value)),
        _ => None,
    }
}

fn incomparable(one: &Value<'_>, other: &Value<'_>) -> Fault {
    let what = format!(
        "{} and {} can't be compared",
        one.described(),
        other.described()
    );
    let cure = match (one.class(), other.class()) {
        (Class::Text, Class::Int | Class::Float) | (Class::Int | Class::Float, Class::Text) => {
            "variables are texts: put the number in quotes"
        }
        _ => "",
    };
    Fault::cured(what, cure)
}
