//! What may be named, what may not, and that nothing hostile is.

use flightline_fixtures::hostile;
use proptest::prelude::*;

use super::*;

fn instance(id: &str, address: &str, port: i64, tags: &[&str]) -> payload::Instance {
    payload::Instance {
        id: id.to_owned(),
        address: address.to_owned(),
        port,
        tags: tags.iter().map(|&tag| tag.to_owned()).collect(),
        node: "10.0.0.9".to_owned(),
    }
}

fn one(id: &str, address: &str, port: i64) -> Result<Instance, Reason> {
    let mut sorted = sort(&[instance(id, address, port, &[])]);
    match sorted.named.pop() {
        Some(named) => Ok(named),
        None => Err(sorted.left_out.pop().unwrap().reason),
    }
}

#[test]
fn an_instance_is_named_as_it_can_be_connected_to() {
    let address = |address| one("a", address, 80).map(|named| named.address);
    assert_eq!(address("10.0.0.1").unwrap(), "10.0.0.1");
    assert_eq!(address("fe80::1").unwrap(), "[fe80::1]");
    assert_eq!(
        address("worker_1.example.org").unwrap(),
        "worker_1.example.org"
    );
    // It has none of its own: it is where its node is.
    assert_eq!(address("").unwrap(), "10.0.0.9");
    assert_eq!(address("[::1]"), Err(Reason::Address));
    assert_eq!(address("10.0.0.1:80"), Err(Reason::Address));
    for port in [0, -1, 65536] {
        assert_eq!(one("a", "h", port), Err(Reason::Port));
    }
}

#[test]
fn ids_are_named_once_and_in_order() {
    let sorted = sort(&[
        instance("b", "h", 2, &[]),
        instance("a", "i", 1, &[]),
        instance("a", "h", 1, &[]),
    ]);
    let named: Vec<_> = sorted
        .named
        .iter()
        .map(|one| (&*one.id, &*one.address))
        .collect();
    assert_eq!(named, [("a", "h"), ("b", "h")]);
    let left_out = LeftOut {
        id: "a".to_owned(),
        reason: Reason::Twice,
    };
    assert_eq!(sorted.left_out, [left_out]);
}

#[test]
fn too_many_are_cut_off_in_the_order_of_ids() {
    let all: Vec<_> = (0..MOST_INSTANCES + 3)
        .rev()
        .map(|number| instance(&format!("a{number:05}"), "h", 1, &[]))
        .collect();
    let sorted = sort(&all);
    assert_eq!(sorted.named.len(), MOST_INSTANCES);
    assert_eq!(sorted.named[0].id, "a00000");
    let reasons = sorted.left_out.iter().map(|one| one.reason);
    assert_eq!(reasons.collect::<Vec<_>>(), [Reason::Many; 3]);
}

#[test]
fn a_tag_that_could_be_syntax_costs_only_itself() {
    let rule = "traefik.http.routers.ingest.rule=PathPrefix(`/write`)";
    let tags = ["metrics", rule, "metrics-path=/m", "", "a b", "//c", "-o"];
    let sorted = sort(&[instance("a", "h", 1, &tags)]);
    assert_eq!(sorted.named[0].tags, ["metrics", "metrics-path=/m"]);
    assert!(sorted.left_out.is_empty());
    let many = vec!["t"; MOST_TAGS + 1];
    let sorted = sort(&[instance("a", "h", 1, &many)]);
    assert_eq!(sorted.named[0].tags.len(), MOST_TAGS);
}

/// Every hostile text alone and inside of a word, and every character of ASCII inside of one.
fn hostile_words() -> Vec<String> {
    let texts = hostile::texts();
    let inside = texts.iter().map(|text| format!("a{text}b"));
    let characters = (0..0x80_u8).map(|byte| format!("a{}b", char::from(byte)));
    texts
        .iter()
        .cloned()
        .chain(inside)
        .chain(characters)
        .collect()
}

fn is_harmless(text: &str, besides: &[u8]) -> bool {
    text.bytes()
        .all(|b| b.is_ascii_alphanumeric() || besides.contains(&b))
}

#[test]
fn each_hostile_text_is_left_out_wherever_it_stands() {
    for word in hostile_words() {
        let named = |instance| sort(&[instance]).named;
        if !is_harmless(&word, b"._:-") {
            assert!(named(instance(&word, "h", 1, &[])).is_empty(), "{word:?}");
            let placed = named(instance("a", &word, 1, &[]));
            assert!(placed.is_empty(), "{word:?}");
        }
        if !is_harmless(&word, b"._:-=/") {
            let tagged = named(instance("a", "h", 1, &[&word, "t"]));
            assert_eq!(tagged[0].tags, ["t"], "{word:?}");
        }
    }
}

/// Texts that nobody means well with, and harmless ones, so that often only one of an instance is bad.
fn any_text() -> impl Strategy<Value = String> {
    prop_oneof![
        1 => prop::sample::select(hostile_words()),
        1 => any::<String>(),
        3 => "[a-z][a-z0-9.-]{0,8}",
    ]
}

/// What is syntax somewhere: comments, quotes, escapes, variables, ends of statements, blocks, tags.
const SYNTAX: [char; 12] = [
    '#', '"', '\'', '\\', '$', '`', ';', '{', '}', '%', '<', '\n',
];

proptest! {
    #[test]
    fn nothing_from_outside_becomes_syntax_of_a_file(
        texts in prop::collection::vec((any_text(), any_text(), -1..70_000_i64, any_text(), any_text()), 0..8)
    ) {
        let instances: Vec<_> = texts
            .iter()
            .map(|(id, address, port, tag, node)| payload::Instance {
                node: node.clone(),
                ..instance(id, address, *port, &[tag])
            })
            .collect();
        let sorted = sort(&instances);
        prop_assert_eq!(sorted.named.len() + sorted.left_out.len(), instances.len());
        for Instance { id, address, port, tags } in &sorted.named {
            let begins = |text: &str| !text.is_empty() && !text.starts_with(['-', '.', ':']);
            prop_assert!(is_harmless(id, b"._:-") && begins(id), "{}", id);
            prop_assert!(is_harmless(address, b"._:-[]") && begins(address), "{}", address);
            prop_assert!(*port > 0);
            // One line of a file stays one, with as many words as the template has.
            let line = format!("server {id} {address}:{port} {}", tags.join(" "));
            prop_assert_eq!(line.trim_end().split_ascii_whitespace().count(), 3 + tags.len());
            let is_syntax = line.contains(SYNTAX);
            prop_assert!(!is_syntax, "{}", line);
        }
        let mut shuffled = instances;
        shuffled.reverse();
        prop_assert_eq!(sort(&shuffled), sorted);
    }
}
