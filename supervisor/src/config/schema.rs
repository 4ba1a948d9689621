//! The table of keys comes in, a JSON Schema (draft 2020-12) of the rendered configuration goes out, weak types and all.
//!
//! Two things are beyond it: inside of nested objects any case of a key will do, and what must fit together is only checked by loading.

use serde_json::{Map, Value, json};

use crate::config::reference::jobs::FILE;
use crate::config::reference::{Default, Key, Kind, Object};
use crate::config::weak::FLAG_WORDS;

/// The schema of the whole file.
pub fn schema() -> Value {
    let definitions: Map<_, _> = FILE
        .all()
        .into_iter()
        .filter(|object| object.name != FILE.name)
        .map(|object| (object.name.to_owned(), self::object(object)))
        .collect();
    let mut schema = object(&FILE);
    if let Value::Object(schema) = &mut schema {
        let draft = "https://json-schema.org/draft/2020-12/schema";
        schema.insert("$schema".to_owned(), draft.into());
        schema.insert("$defs".to_owned(), definitions.into());
    }
    schema
}

fn object(object: &Object) -> Value {
    let properties: Map<_, _> = object
        .keys
        .iter()
        .map(|key| (key.name.to_owned(), property(key)))
        .collect();
    let needed = object
        .keys
        .iter()
        .filter(|key| key.default == Default::Needed);
    let needed: Vec<_> = needed.map(|key| key.name).collect();
    json!({
        "type": "object",
        "description": object.about,
        "properties": properties,
        "required": needed,
        "additionalProperties": false,
    })
}

fn property(key: &Key) -> Value {
    let mut kinds = alternatives(key.kind);
    if key.default != Default::Needed {
        kinds.push(json!({ "type": "null" }));
        if matches!(key.kind, Kind::Choice(_) | Kind::Word(_)) {
            kinds.push(json!({ "const": "" }));
        }
    }
    let without = match key.default {
        Default::Given(value) => format!(" Default: {value}."),
        Default::Unset(text) => format!(" Without it: {text}."),
        Default::Needed => String::new(),
    };
    json!({ "description": format!("{}{without}", key.about), "anyOf": kinds })
}

/// What a kind takes, each as a schema.
fn alternatives(kind: Kind) -> Vec<Value> {
    let text = || json!({ "type": ["string", "number", "boolean"] });
    match kind {
        Kind::Int => vec![
            json!({ "type": ["number", "boolean"] }),
            pattern("^[+-]?(0[xX][0-9a-fA-F]+|0o[0-7]+|0b[01]+|[0-9]+)$"),
        ],
        Kind::Text | Kind::Secret | Kind::Path => vec![text()],
        Kind::Address => vec![json!({ "type": "string" })],
        Kind::Flag => {
            let words: Vec<_> = FLAG_WORDS.into_iter().flatten().chain([""]).collect();
            vec![
                json!({ "type": ["boolean", "number"] }),
                json!({ "enum": words }),
            ]
        }
        Kind::List => vec![list(), json!({ "type": "object", "maxProperties": 0 })],
        Kind::Texts => {
            let mut kinds = alternatives(Kind::List);
            kinds.push(json!({ "type": "string" }));
            kinds
        }
        Kind::Duration => vec![
            json!({ "type": ["integer", "boolean"] }),
            pattern(
                "^([+-]?[0-9]+|[+-]?(([0-9]+\\.?[0-9]*|\\.[0-9]+)(ns|us|\u{b5}s|\u{3bc}s|ms|s|m|h))+)?$",
            ),
        ],
        Kind::Exec => vec![
            pattern("[^ ]"),
            json!({ "type": "array", "minItems": 1, "items": text() }),
        ],
        Kind::Choice(words) => vec![json!({ "enum": words })],
        Kind::Word(words) => vec![pattern(&any_case(words))],
        Kind::Signal => vec![
            json!({ "type": "integer", "minimum": 1 }),
            pattern("^([A-Za-z0-9]+)$"),
        ],
        Kind::Restarts => vec![
            json!({ "enum": ["unlimited", "never"] }),
            json!({ "type": "number", "minimum": 0 }),
            pattern("^\\+?[0-9]+$"),
        ],
        Kind::Off => vec![json!({ "const": false })],
        Kind::Variables => vec![json!({ "type": "object", "additionalProperties": text() })],
        Kind::Object(object) => vec![reference(object)],
        Kind::Objects(object) => vec![json!({ "type": "array", "items": reference(object) })],
        Kind::Any(kinds) => kinds.iter().flat_map(|kind| alternatives(*kind)).collect(),
    }
}

fn list() -> Value {
    json!({ "type": "array", "items": { "type": ["string", "number", "boolean"] } })
}

fn reference(object: &Object) -> Value {
    json!({ "$ref": format!("#/$defs/{}", object.name) })
}

fn pattern(pattern: &str) -> Value {
    json!({ "type": "string", "pattern": pattern })
}

/// The words in any mix of cases: patterns of a schema have no flag for it.
fn any_case(words: &[&str]) -> String {
    let any = |word: &&str| -> String {
        let letter = |c: char| format!("[{}{c}]", c.to_ascii_uppercase());
        word.chars().map(letter).collect()
    };
    let words: Vec<_> = words.iter().map(any).collect();
    format!("^({})$", words.join("|"))
}

#[cfg(test)]
mod tests;
