//! The dialect, the places, and the library as a second opinion.

use proptest::prelude::*;
use serde_json::{Map, Value as Json};

use super::*;

fn json(node: &Node) -> Json {
    match &node.value {
        Value::Null => Json::Null,
        Value::Bool(value) => Json::Bool(*value),
        Value::Number(number) => serde_json::json!(number),
        Value::Text(text) => Json::String(text.clone()),
        Value::Array(items) => items.iter().map(json).collect(),
        Value::Object(entries) => {
            let pairs = entries
                .iter()
                .map(|entry| (entry.key.clone(), json(&entry.node)));
            Json::Object(pairs.collect::<Map<_, _>>())
        }
    }
}

fn read(text: &str) -> Json {
    match parse(text) {
        Ok(node) => json(&node),
        Err(error) => panic!("{text}: {error} at {}", error.at),
    }
}

#[test]
fn what_json5_allows_is_read() {
    let text = "\u{feff}// first\n{a: 1, 'b': .5, \"c\": 5., $d_1: +0x1F, e: -2e-1, /* * / ** */ f: 'x\\\ny',\n g: [1, 2,], 'h i': null, é: true,}";
    let expected = serde_json::json!({
        "a": 1.0, "b": 0.5, "c": 5.0, "$d_1": 31.0, "e": -0.2, "f": "xy", "g": [1.0, 2.0], "h i": null, "é": true
    });
    assert_eq!(read(text), expected);
}

#[test]
fn bug_a_block_comment_ends_where_it_should() {
    // ContainerPilot ends one at the first slash behind any star.
    assert_eq!(read("/* a * b / c: 1 */ 5"), serde_json::json!(5.0));
    assert_eq!(read("/***/ 5 /**/"), serde_json::json!(5.0));
    assert_eq!(parse("5 /* no end").unwrap_err().at, 2);
}

#[test]
fn numbers_that_are_no_finite_ones_are_read() {
    let number = |text| match parse(text).unwrap().value {
        Value::Number(number) => number,
        other => panic!("{other:?}"),
    };
    assert_eq!(number("Infinity"), f64::INFINITY);
    assert_eq!(number("-Infinity"), f64::NEG_INFINITY);
    assert!(number("NaN").is_nan());
    assert!(number("-NaN").is_nan());
    assert_eq!(number("1e+3"), 1000.0);
}

#[test]
fn escapes_are_read() {
    let text = r#"'\x41\u00e9\ud83d\ude00\v\0\'\"\/\q	'"#;
    assert_eq!(read(text), Json::from("Aé😀\u{b}\0'\"/q\t"));
    for text in [
        r"'\x4'",
        r"'\u12'",
        r"'\ud83d'",
        r"'\ud83d\u0041'",
        r"'\1'",
        r"'\",
    ] {
        assert!(parse(text).is_err(), "{text}");
    }
}

#[test]
fn what_is_wrong_is_found_where_it_is() {
    for (text, at, said) in [
        ("", 0, "end of the file"),
        ("{a: }", 4, "expected a value"),
        ("{a: 1 b: 2}", 6, "expected `,` or `}`"),
        ("{a: 1,, b: 2}", 6, "one comma too many"),
        ("[1,,2]", 3, "one comma too many"),
        ("{a 1}", 3, "expected `:`"),
        ("{a: <>}", 4, "found '<'"),
        ("{a: [1", 4, "end of the file"),
        ("{a: 'x\ny'}", 6, "next line"),
        ("{a: bare}", 4, "bare word"),
        ("{a: 01}", 4, "neither a number"),
        ("{a: 5s}", 4, "neither a number"),
        ("{a: 0x}", 4, "neither a number"),
        ("{a: 1}}", 6, "expected the end"),
        ("{1a: 1}", 1, "expected a key"),
    ] {
        let error = parse(text).unwrap_err();
        assert_eq!(error.at, at, "{text}: {error}");
        assert!(error.what.contains(said), "{text}: {error}");
    }
}

#[test]
fn depth_has_a_limit() {
    let deep = |depth| "[".repeat(depth) + &"]".repeat(depth);
    assert!(parse(&deep(DEPTH_LIMIT)).is_ok());
    assert!(parse(&deep(DEPTH_LIMIT + 2)).is_err());
    assert!(parse(&deep(100_000)).is_err());
}

#[test]
fn each_value_knows_its_place() {
    let text = "{ a: [1, 'two'], /* c */ b : {c: null} }";
    let Value::Object(entries) = parse(text).unwrap().value else {
        panic!("an object");
    };
    let shown = |at: Span| text.get(at.start..at.end).unwrap();
    assert_eq!(shown(entries[0].key_at), "a");
    assert_eq!(shown(entries[0].node.at), "[1, 'two']");
    assert_eq!(shown(entries[1].key_at), "b");
    assert_eq!(shown(entries[1].node.at), "{c: null}");
}

/// Pieces of which texts are put together that are nearly, and often really, JSON5.
fn soup() -> impl Strategy<Value = String> {
    let piece = prop::sample::select(vec![
        "{",
        "}",
        "[",
        "]",
        "{",
        "}",
        "[",
        "]",
        ",",
        ",",
        ":",
        ":",
        "a",
        "b:",
        "'k':",
        "1",
        "-2",
        ".5",
        "5.",
        "0x1F",
        "+7",
        "1e3",
        "5.e-1",
        "true",
        "false",
        "null",
        "'s'",
        "\"t\"",
        "'\\n\\x41'",
        " ",
        "\n",
        "/* c */",
        "// d\n",
        "é:",
        "01",
        "\\u0061:",
        "'\\\n'",
    ]);
    prop::collection::vec(piece, 0..12).prop_map(|pieces| pieces.concat())
}

fn places(node: &Node, length: usize) -> bool {
    let inside = |at: Span| at.start < at.end && at.end <= length;
    inside(node.at)
        && match &node.value {
            Value::Array(items) => items.iter().all(|item| places(item, length)),
            Value::Object(entries) => entries
                .iter()
                .all(|entry| inside(entry.key_at) && places(&entry.node, length)),
            _ => true,
        }
}

fn values() -> impl Strategy<Value = Json> {
    let leaf = prop_oneof![
        Just(Json::Null),
        any::<bool>().prop_map(Json::from),
        any::<f64>().prop_filter_map("finite", |number| {
            serde_json::Number::from_f64(number).map(Json::Number)
        }),
        any::<String>().prop_map(Json::from),
    ];
    leaf.prop_recursive(4, 32, 6, |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..6).prop_map(Json::from),
            prop::collection::btree_map(any::<String>(), inner, 0..6)
                .prop_map(|map| Json::Object(map.into_iter().collect())),
        ]
    })
}

proptest! {
    #[test]
    fn any_text_is_read_or_refused_inside_of_it(text in any::<String>()) {
        match parse(&text) {
            Ok(node) => prop_assert!(places(&node, text.len())),
            Err(error) => prop_assert!(error.at <= text.len() && text.is_char_boundary(error.at)),
        }
    }

    #[test]
    fn the_library_agrees_on_what_is_json5(text in soup()) {
        let theirs: Option<Json> = json5::from_str(&text).ok();
        let ours = parse(&text).ok();
        let ours = ours.map(|node| json(&node));
        // Numbers of ours are all of one kind.
        let theirs = theirs.map(|value| read(&value.to_string()));
        prop_assert_eq!(ours, theirs, "{}", text);
    }

    #[test]
    fn what_was_written_as_json_is_read_as_it_was(value in values()) {
        let text = value.to_string();
        let node = parse(&text).unwrap();
        prop_assert!(places(&node, text.len()));
        prop_assert_eq!(json(&node).to_string(), floats(&value).to_string());
    }
}

/// Every number as the kind that is read.
fn floats(value: &Json) -> Json {
    match value {
        Json::Number(number) => serde_json::json!(number.as_f64()),
        Json::Array(items) => items.iter().map(floats).collect(),
        Json::Object(map) => {
            let pairs = map.iter().map(|(key, value)| (key.clone(), floats(value)));
            Json::Object(pairs.collect())
        }
        other => other.clone(),
    }
}
