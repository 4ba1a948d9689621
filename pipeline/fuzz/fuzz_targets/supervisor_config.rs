//! Any text as the supervisor's configuration. Its template renders within its limits; JSON is read as JSON by the parser of JSON5, and what
//! is no JSON5 is refused at a place within the text; the whole is taken or refused, twice alike.
#![no_main]

use std::cell::LazyCell;
use std::net::IpAddr;
use std::path::Path;

use flightline_fuzz::{Scratch, places_lie_within};
use flightline_supervisor::config::interfaces::Addresses;
use flightline_supervisor::config::json5::{self, DEPTH_LIMIT};
use flightline_supervisor::config::load::{Look, load};
use flightline_supervisor::config::tree::{Node, Value};
use flightline_supervisor::template::limits::LONGEST_TEXT;
use flightline_supervisor::template::{Environment, Template};
use libfuzzer_sys::fuzz_target;
use serde_json::Value as Json;

thread_local! {
    static FILE: LazyCell<Scratch> = LazyCell::new(|| Scratch::named("app.json5"));
}

fuzz_target!(|input: &[u8]| {
    let environment: Environment = [("A", "a"), ("LIST", "x,y"), ("N", "3")]
        .map(|(name, value)| (name.to_owned(), value.to_owned()))
        .into();
    if let Ok(text) = std::str::from_utf8(input) {
        renders(text, &environment);
        parses(text);
    }
    FILE.with(|file| {
        let path = file.holding(input);
        let said = judge(path, &environment);
        assert_eq!(judge(path, &environment), said);
        if let Err(report) = said {
            places_lie_within(&report, path, input);
        }
    });
});

fn renders(text: &str, environment: &Environment) {
    let Ok(template) = Template::parse(text) else {
        return;
    };
    let Ok(rendered) = template.render(environment) else {
        return;
    };
    assert!(rendered.text.len() <= LONGEST_TEXT);
    for (offset, _) in rendered.text.char_indices() {
        let origin = rendered.origin(offset);
        assert!(origin <= text.len() && text.is_char_boundary(origin));
    }
    parses(&rendered.text);
}

fn parses(text: &str) {
    let ours = json5::parse(text);
    match &ours {
        Ok(node) => lies_within(node, 0, text.len()),
        Err(error) => assert!(text.is_char_boundary(error.at), "{error:?}"),
    }
    if let Ok(json) = serde_json::from_str::<Json>(text)
        && depth(&json) <= DEPTH_LIMIT
    {
        let node = ours.expect("JSON is JSON5");
        assert_eq!(as_json(&node.value), floats(json));
    }
}

fn lies_within(node: &Node, start: usize, end: usize) {
    let at = &node.at;
    assert!(start <= at.start && at.start <= at.end && at.end <= end);
    match &node.value {
        Value::Array(items) => items
            .iter()
            .for_each(|item| lies_within(item, at.start, at.end)),
        Value::Object(entries) => {
            for entry in entries {
                assert!(at.start <= entry.key_at.start && entry.key_at.end <= entry.node.at.start);
                lies_within(&entry.node, at.start, at.end);
            }
        }
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::Text(_) => {}
    }
}

fn depth(json: &Json) -> usize {
    match json {
        Json::Array(items) => 1 + items.iter().map(depth).max().unwrap_or_default(),
        Json::Object(entries) => 1 + entries.values().map(depth).max().unwrap_or_default(),
        Json::Null | Json::Bool(_) | Json::Number(_) | Json::String(_) => 0,
    }
}

/// Of keys that come twice the last counts.
fn as_json(value: &Value) -> Json {
    match value {
        Value::Null => Json::Null,
        Value::Bool(value) => (*value).into(),
        Value::Number(number) => (*number).into(),
        Value::Text(text) => text.as_str().into(),
        Value::Array(items) => items.iter().map(|item| as_json(&item.value)).collect(),
        Value::Object(entries) => {
            let pairs = entries
                .iter()
                .map(|entry| (entry.key.clone(), as_json(&entry.node.value)));
            Json::Object(pairs.collect())
        }
    }
}

/// The supervisor knows no numbers but these.
fn floats(json: Json) -> Json {
    match json {
        Json::Number(number) => number.as_f64().into(),
        Json::Array(items) => items.into_iter().map(floats).collect(),
        Json::Object(entries) => entries
            .into_iter()
            .map(|(key, value)| (key, floats(value)))
            .collect(),
        Json::Null | Json::Bool(_) | Json::String(_) => json,
    }
}

/// What it comes to, or why it is refused.
fn judge(path: &Path, environment: &Environment) -> Result<String, String> {
    let address = IpAddr::from([10, 0, 0, 1]);
    let addresses = Addresses::new(vec![("eth0".to_owned(), address)]);
    let loaded =
        load(path, environment, &addresses, Look::AtTheFile).map_err(|error| error.to_string())?;
    Ok(format!("{loaded:?}"))
}
