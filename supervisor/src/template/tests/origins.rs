//! An offset of the text leads back to the source.

use super::{environment, render};

#[test]
fn literal_text_maps_exactly_and_actions_to_their_start() {
    let source = "a {{ .X }} b {{- /* gone */ -}}  c{{ if .X }}d{{ end }}";
    let rendered = render(source, &environment(&[("X", "123")])).unwrap();
    assert_eq!(rendered.text, "a 123 bcd");
    let origins: Vec<usize> = (0..=9).map(|offset| rendered.origin(offset)).collect();
    let at = |part: &str| source.find(part).unwrap();
    let action = at("{{ .X }}");
    let space = at(" b ");
    assert_eq!(
        origins,
        [
            0,
            1,
            action,
            action,
            action,
            space,
            at("b "),
            at("c{{"),
            at("d{{"),
            at("d{{") + 1
        ]
    );
    assert_eq!(rendered.origin(usize::MAX), at("d{{") + 1);
}

#[test]
fn what_a_definition_writes_maps_into_it() {
    let source = "{{ define `x` }}<{{ . }}>{{ end }}-{{ template `x` 7 }}-{{ template `x` 8 }}";
    let rendered = render(source, &environment(&[])).unwrap();
    assert_eq!(rendered.text, "-<7>-<8>");
    let inside = source.find('<').unwrap();
    for (offset, origin) in [(1, inside), (2, inside + 1), (3, inside + 8), (5, inside)] {
        assert_eq!(rendered.origin(offset), origin, "{offset}");
    }
}

#[test]
fn each_round_of_a_loop_maps_to_the_same_place() {
    let source = "{{ range loop 3 }}ab{{ . }}{{ end }}";
    let rendered = render(source, &environment(&[])).unwrap();
    assert_eq!(rendered.text, "ab0ab1ab2");
    let body = source.find("ab").unwrap();
    let round = [body, body + 1, body + 2];
    let origins: Vec<usize> = (0..9).map(|offset| rendered.origin(offset)).collect();
    assert_eq!(origins, [round, round, round].concat());
}

#[test]
fn the_end_of_an_action_is_not_behind_it() {
    let rendered = render("x{{ print `long` }}", &environment(&[])).unwrap();
    assert_eq!(rendered.origin(rendered.text.len()), 1);
    let empty = render("{{ if false }}x{{ end }}", &environment(&[])).unwrap();
    assert_eq!((empty.text.as_str(), empty.origin(5)), ("", 0));
}
