//! Values with elements come in, an element, a part or their number goes out; and `loop`, which makes such a value.

use super::{Fault, one};
use crate::template::limits::{LONGEST_LIST, too_many};
use crate::template::value::{Text, Value};

/// How many elements, entries or bytes.
pub(super) fn len<'v>(value: &Value<'v>) -> Result<Value<'v>, Fault> {
    let length = value
        .length()
        .ok_or_else(|| Fault::new(format!("{} has no length", value.described())))?;
    Ok(Value::Int(i64::try_from(length).unwrap_or(i64::MAX)))
}

/// What stands in the first argument at the second, in that at the third, and so on.
pub(super) fn index<'v>(arguments: &[Value<'v>]) -> Result<Value<'v>, Fault> {
    let mut item = one(arguments)?.clone();
    if matches!(item, Value::Nil) {
        return Err(Fault::new("no value has no elements"));
    }
    for key in arguments.iter().skip(1) {
        item = element(&item, key)?;
    }
    Ok(item)
}

fn element<'v>(item: &Value<'v>, key: &Value<'v>) -> Result<Value<'v>, Fault> {
    let found = match item {
        Value::Environment(map) => {
            let Value::Text(name) = key else {
                let what = format!("{} is not the name of a variable", key.described());
                return Err(Fault::new(what));
            };
            Some(Value::borrowed(map.get(&**name).map_or("", String::as_str)))
        }
        Value::Texts(list) => list.get(position(key)?).cloned().map(Value::Text),
        Value::Ints(list) => list.get(position(key)?).copied().map(Value::Int),
        Value::Instances(list) => list.get(position(key)?).map(Value::Instance),
        Value::Text(text) => text
            .as_bytes()
            .get(position(key)?)
            .copied()
            .map(Value::Byte),
        Value::Nil
        | Value::Bool(_)
        | Value::Int(_)
        | Value::Byte(_)
        | Value::Float(_)
        | Value::Instance(_) => {
            let what = format!("{} has no elements", item.described());
            return Err(Fault::new(what));
        }
    };
    found.ok_or_else(|| out_of_range(item))
}

fn position(key: &Value<'_>) -> Result<usize, Fault> {
    let wrong = || Fault::new(format!("{} is not a position", key.described()));
    match key {
        Value::Int(value) => {
            usize::try_from(*value).map_err(|_| Fault::new("a position is negative"))
        }
        Value::Byte(value) => Ok(usize::from(*value)),
        _ => Err(wrong()),
    }
}

fn out_of_range(item: &Value<'_>) -> Fault {
    let length = item.length().unwrap_or_default();
    Fault::new(format!(
        "a position is behind the end of {} of length {length}",
        item.described()
    ))
}

/// The part of the first argument from the second to the third, whose default is the end. A fourth, the capacity in Go, only has to be
/// in order.
pub(super) fn slice<'v>(arguments: &[Value<'v>]) -> Result<Value<'v>, Fault> {
    let item = one(arguments)?;
    let length = match item {
        Value::Text(_) if arguments.len() > 3 => {
            return Err(Fault::new("a part of a text has a start and an end only"));
        }
        Value::Text(_) | Value::Texts(_) | Value::Ints(_) => item.length().unwrap_or_default(),
        _ => {
            let what = format!("{} has no parts", item.described());
            return Err(Fault::new(what));
        }
    };
    let mut bounds = [0, length, length];
    for (bound, argument) in bounds.iter_mut().zip(arguments.iter().skip(1)) {
        *bound = position(argument)?;
        if *bound > length {
            return Err(out_of_range(item));
        }
    }
    let [start, end, capacity] = bounds;
    if start > end || end > capacity {
        return Err(Fault::new("a part ends before it begins"));
    }
    let part = match item {
        Value::Text(Text::Borrowed(text)) => text.get(start..end).map(Value::borrowed),
        Value::Text(text) => text
            .get(start..end)
            .map(|part| Value::text(part.to_owned())),
        Value::Texts(list) => list.get(start..end).map(|part| Value::Texts(part.into())),
        Value::Ints(list) => list.get(start..end).map(|part| Value::Ints(part.into())),
        _ => None,
    };
    part.ok_or_else(|| Fault::new("a part of a text begins or ends inside of a character"))
}

/// `loop N` is 0 to below N; `loop A B` is A to below B, or down to above B.
pub(super) fn numbers<'v>(arguments: &[Value<'v>]) -> Result<Value<'v>, Fault> {
    let bounds: Vec<i64> = arguments.iter().map(bound).collect::<Result<_, _>>()?;
    let (start, stop) = match bounds.as_slice() {
        [start, stop] => (*start, *stop),
        [stop] => (0, *stop),
        _ => return Err(Fault::new("loop without bounds")),
    };
    if start.abs_diff(stop) > LONGEST_LIST as u64 {
        return Err(too_many());
    }
    Ok(Value::Ints(if stop < start {
        (stop + 1..=start).rev().collect()
    } else {
        (start..stop).collect()
    }))
}

fn bound(value: &Value<'_>) -> Result<i64, Fault> {
    match value {
        Value::Int(value) => Ok(*value),
        Value::Text(text) => text.parse().map_err(|_| {
            Fault::cured(
                "a bound of loop is a text that is not an integer",
                "give it a default, as in {{ loop (.COUNT | default \"1\") }}",
            )
        }),
        _ => {
            let what = format!("a bound of loop is {}, not an integer", value.described());
            Err(Fault::new(what))
        }
    }
}
