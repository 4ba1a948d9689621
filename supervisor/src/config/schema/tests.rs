//! The schema holds what it promises, as far as a reader of the words that it uses can tell.

use std::path::Path;

use regex::Regex;

use super::*;
use crate::config::testing::{config, env, load_text, report};
use crate::template::Template;

/// Whether `value` is what `schema` describes. Only the words that the schema uses are known.
fn holds(root: &Value, schema: &Value, value: &Value) -> bool {
    let all = |(word, wanted): (&String, &Value)| match word.as_str() {
        "$schema" | "$defs" | "description" => true,
        "$ref" => {
            let name = wanted.as_str().unwrap().strip_prefix("#/$defs/").unwrap();
            holds(root, &root["$defs"][name], value)
        }
        "anyOf" => wanted
            .as_array()
            .unwrap()
            .iter()
            .any(|one| holds(root, one, value)),
        "type" => match wanted {
            Value::Array(names) => names.iter().any(|name| is_of(value, name)),
            name => is_of(value, name),
        },
        "enum" => wanted.as_array().unwrap().contains(value),
        "const" => wanted == value,
        "minimum" => value
            .as_f64()
            .is_none_or(|number| number >= wanted.as_f64().unwrap()),
        "minItems" => value.as_array().is_none_or(|items| !items.is_empty()),
        "maxProperties" => value.as_object().is_none_or(Map::is_empty),
        "pattern" => {
            let pattern = Regex::new(wanted.as_str().unwrap()).unwrap();
            value.as_str().is_none_or(|text| pattern.is_match(text))
        }
        "items" => {
            let items = value.as_array();
            items.is_none_or(|items| items.iter().all(|item| holds(root, wanted, item)))
        }
        "required" => value.as_object().is_none_or(|object| {
            let names = wanted.as_array().unwrap();
            names
                .iter()
                .all(|name| object.contains_key(name.as_str().unwrap()))
        }),
        "properties" => value.as_object().is_none_or(|object| {
            let known = object
                .iter()
                .filter_map(|(key, value)| Some((wanted.get(key)?, value)));
            known
                .into_iter()
                .all(|(schema, value)| holds(root, schema, value))
        }),
        "additionalProperties" => value.as_object().is_none_or(|object| {
            let named = schema.get("properties");
            let is_named = |key: &str| named.is_some_and(|named| named.get(key).is_some());
            let mut others = object.iter().filter(|(key, _)| !is_named(key));
            match wanted {
                Value::Bool(false) => others.next().is_none(),
                schema => others.all(|(_, value)| holds(root, schema, value)),
            }
        }),
        word => panic!("the test does not know {word}"),
    };
    schema.as_object().unwrap().iter().all(all)
}

fn is_of(value: &Value, name: &Value) -> bool {
    match name.as_str().unwrap() {
        "null" => value.is_null(),
        "boolean" => value.is_boolean(),
        "number" => value.is_number(),
        "integer" => value.as_f64().is_some_and(|number| number.fract() == 0.0),
        "string" => value.is_string(),
        "array" => value.is_array(),
        "object" => value.is_object(),
        name => panic!("no type {name}"),
    }
}

fn accepts(text: &str) -> bool {
    let value: Value = json5::from_str(text).unwrap();
    let schema = schema();
    holds(&schema, &schema, &value)
}

#[test]
fn the_reference_configurations_are_accepted() {
    let folder =
        Path::new(env!("CARGO_MANIFEST_DIR")).join("../fixtures/data/supervisor/reference");
    let variables = env(&[("PORT", "80"), ("SENSOR_TYPE", "motion")]);
    let mut count = 0;
    for file in std::fs::read_dir(folder).unwrap() {
        let text = std::fs::read_to_string(file.unwrap().path()).unwrap();
        let rendered = Template::parse(&text).unwrap().render(&variables).unwrap();
        assert!(accepts(&rendered.text), "{text}");
        count += 1;
    }
    assert_eq!(count, 5);
}

#[test]
fn what_is_accepted_when_it_is_loaded_is_accepted_by_the_schema() {
    for text in [
        "{}",
        "{consul: false}",
        "{consul: {address: 'c:8500', tls: {verify: 1}}, logging: {level: 'Debug'}, stopTimeout: '0x5'}",
        "{jobs: [{name: 5, exec: ['a', 1, true], restarts: '3', timeout: true, tags: {}, interfaces: null}]}",
        "{jobs: [{name: 'a', stopSignal: 'quit', env: {A: 1}, rlimits: {core: 'unlimited', nofile: {soft: 1, hard: '2'}}}]}",
        "{jobs: [{name: 'a', when: {interval: '1.5s'}, health: {http: {url: 'http://a'}, interval: true, ttl: '5'}}]}",
        "{nats: {urls: 'nats://a', beat: 5, metrics: 't'}}",
    ] {
        config(text);
        assert!(accepts(text), "{text}");
    }
}

#[test]
fn what_the_schema_refuses_is_refused_when_it_is_loaded() {
    for text in [
        "{jobz: []}",
        "{jobs: {}}",
        "{jobs: [null]}",
        "{jobs: [{exec: 'a'}]}",
        "{jobs: [{name: 'a', ttl: 5}]}",
        "{jobs: [{name: 'a', exec: ''}]}",
        "{jobs: [{name: 'a', exec: true}]}",
        "{jobs: [{name: 'a', tags: 'single'}]}",
        "{jobs: [{name: 'a', restarts: 'often'}]}",
        "{jobs: [{name: 'a', restarts: -1}]}",
        "{jobs: [{name: 'a', timeout: '5'}, {name: 'b', timeout: 1.5}]}",
        "{jobs: [{name: 'a', timeout: '5 s'}]}",
        "{jobs: [{name: 'a', port: '80b'}]}",
        "{jobs: [{name: 'a', main: 'yes'}]}",
        "{jobs: [{name: 'a', rlimits: {files: 5}}]}",
        "{jobs: [{name: 'a', health: {ttl: 5}}]}",
        "{consul: true}",
        "{watches: [{name: 'db'}]}",
        "{logging: {level: 'loud'}}",
        "{exitWhen: 'never'}",
        "{telemetry: {metrics: [{name: 'm', help: 'h', type: 'Counter'}]}}",
    ] {
        report(text);
        assert!(!accepts(text), "{text}");
    }
}

#[test]
fn the_schema_knows_the_keys_of_the_table() {
    let schema = schema();
    for object in FILE.all() {
        let described = match object.name {
            "file" => &schema["properties"],
            name => &schema["$defs"][name]["properties"],
        };
        let described: Vec<_> = described.as_object().unwrap().keys().cloned().collect();
        let mut named: Vec<_> = object.keys.iter().map(|key| key.name.to_owned()).collect();
        named.sort();
        assert_eq!(described, named, "{}", object.name);
        for key in object.keys {
            let value: Value = json5::from_str(key.example).unwrap();
            assert!(holds(&schema, &property(key), &value), "{}", key.name);
            if let Default::Given(text) = key.default {
                let value: Value = json5::from_str(text).unwrap();
                assert!(holds(&schema, &property(key), &value), "{}", key.name);
            }
        }
    }
}

#[test]
fn weak_text_that_is_loaded_is_that_of_the_schema() {
    for (value, kind) in [
        ("'0b11'", Kind::Int),
        ("'1e5'", Kind::Int),
        ("'+5s'", Kind::Duration),
        ("'5.5.5s'", Kind::Duration),
    ] {
        let json: Value = json5::from_str(value).unwrap();
        let accepted = alternatives(kind).iter().any(|one| holds(one, one, &json));
        let key = if matches!(kind, Kind::Int) {
            "stopTimeout"
        } else {
            "timeout"
        };
        let text = match kind {
            Kind::Int => format!("{{{key}: {value}}}"),
            _ => format!("{{jobs: [{{name: 'a', {key}: {value}}}]}}"),
        };
        assert_eq!(load_text(&text).is_ok(), accepted, "{text}");
    }
}
