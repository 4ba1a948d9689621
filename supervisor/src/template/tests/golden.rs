//! What Go's own text/template renders, recorded from Go 1.26 with the functions of ContainerPilot: one template a line, with its text
//! or that it fails. Where we differ on purpose is listed here, too.

use serde_json::Value;

use super::{Environment, environment, error, render};

const RECORDED: &str = include_str!("../../../../fixtures/data/supervisor/templates.ndjson");

#[test]
fn templates_render_what_go_renders() {
    let mut lines = RECORDED
        .lines()
        .map(|line| serde_json::from_str::<Value>(line).unwrap());
    let first = lines.next().unwrap();
    let environment: Environment = serde_json::from_value(first["environment"].clone()).unwrap();
    let mut wrong = Vec::new();
    let mut count = 0;
    for line in lines {
        count += 1;
        let source = line["template"].as_str().unwrap();
        match (render(source, &environment), line["text"].as_str()) {
            (Ok(rendered), Some(wanted)) if rendered.text == wanted => {}
            (Err(_), None) => assert_eq!(line["fails"], Value::Bool(true), "{source}"),
            (result, wanted) => wrong.push(format!("{source}: {result:?}, not {wanted:?}")),
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
    assert!(count > 1000, "{count} templates are recorded");
}

#[test]
fn what_go_has_and_we_do_not_is_an_error() {
    for source in [
        // Complex numbers, and fractions with base 16.
        "{{ 1i }}",
        "{{ 1+2i }}",
        "{{ 0x1p4 }}",
        // Texts that are not UTF-8.
        r#"{{ "\xff" }}"#,
        r#"{{ slice "é" 1 }}"#,
        // What lies behind a list in memory.
        "{{ slice (loop 5) 0 6 }}",
        // There is nothing in an environment to call.
        "{{ call .NAME }}",
    ] {
        error(source);
    }
}

#[test]
fn lists_are_printed_without_their_place_in_memory() {
    let text = super::text("{{ printf `%p` (loop 2) }}", &environment(&[]));
    assert_eq!(text, "%!p([]int=[0 1])");
}
