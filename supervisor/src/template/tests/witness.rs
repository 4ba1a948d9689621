//! Another implementation of Go templates agrees with us where it agrees with Go; where it is known not to, we are the ones who do.

use std::collections::HashMap;

use gtmpl::{Context, FuncError, Value};

use super::{environment, render, text};

const VARIABLES: [(&str, &str); 4] = [
    ("NAME", "pilot"),
    ("PORT", "8080"),
    ("EMPTY", ""),
    ("PARTS", "a:b:c"),
];

/// What the other one makes of it.
fn other(source: &str) -> Option<String> {
    let mut template = gtmpl::Template::default();
    template.add_func("default", default);
    template.add_func("loop", |_| Ok(Value::from(vec![0, 1, 2])));
    template.parse(source).ok()?;
    let variables: HashMap<String, Value> = VARIABLES
        .into_iter()
        .map(|(name, value)| (name.to_owned(), value.into()))
        .collect();
    template.render(&Context::from(variables)).ok()
}

fn default(arguments: &[Value]) -> Result<Value, FuncError> {
    Ok(match arguments {
        [_, Value::String(text)] if !text.is_empty() => text.into(),
        [value, _] => value.clone(),
        _ => Value::Nil,
    })
}

const AGREED: [&str; 37] = [
    "plain",
    "{{ .NAME }}",
    "{{.NAME}}:{{.PORT}}",
    "a {{- .NAME -}} b",
    "a  {{- /* c */ -}}  b",
    r#"{{ .NAME | default "x" }}"#,
    r#"{{ .EMPTY | default "x" }}"#,
    r#"'{{ .UNSET | default "consul" }}'"#,
    "{{ if .NAME }}y{{ end }}",
    "{{ if .EMPTY }}y{{ else }}n{{ end }}",
    "{{ if .UNSET }}y{{ else if .NAME }}z{{ else }}n{{ end }}",
    "{{ if and .NAME .PORT }}y{{ end }}",
    "{{ if or .EMPTY .PORT }}y{{ end }}",
    "{{ if not .EMPTY }}y{{ end }}",
    r#"{{ if eq .NAME "pilot" }}y{{ end }}"#,
    r#"{{ if ne .NAME "pilot" }}y{{ else }}n{{ end }}"#,
    r#"{{ eq .NAME "pilot" }}"#,
    "{{ range $i, $n := loop 3 }}{{ $i }}={{ $n }},{{ end }}",
    "{{ lt 1 2 }} {{ le 2 2 }} {{ gt 1 2 }} {{ ge 2 1 }}",
    "{{ with .NAME }}<{{ . }}>{{ end }}",
    "{{ with .EMPTY }}<{{ . }}>{{ else }}none{{ end }}",
    "{{ with $x := .NAME }}{{ $x }}{{ $.PORT }}{{ end }}",
    "{{ $x := .NAME }}{{ $x }}",
    r#"{{ define "a" }}[{{ . }}]{{ end }}{{ template "a" .NAME }}"#,
    r#"{{ define "a" }}[{{ .PORT }}]{{ end }}{{ template "a" . }}"#,
    r#"{{ block "b" .NAME }}({{ . }}){{ end }}"#,
    r#"{{ index . "NAME" }}"#,
    "{{ len .NAME }}",
    r#"{{ print "a" "b" }}"#,
    r#"{{ print .NAME "-" .PORT }}"#,
    r#"{{ println "a" }}"#,
    r#"{{ printf "%s:%s" .NAME .PORT }}"#,
    r#"{{ printf "%x %X %o %b" 255 255 8 5 }}"#,
    r#"{{ printf "%v" true }}"#,
    "{{ `raw \"text\"` }}",
    r#"{{ "tab\tend" }}"#,
    r#"{{ (print "a" "b") | len }}"#,
];

#[test]
fn both_agree() {
    let environment = environment(&VARIABLES);
    let differing = AGREED.into_iter().filter_map(|source| {
        let (ours, theirs) = (text(source, &environment), other(source));
        (Some(&ours) != theirs.as_ref()).then(|| format!("{source}: {ours}, not {theirs:?}"))
    });
    let differing: Vec<String> = differing.collect();
    assert!(differing.is_empty(), "{}", differing.join("\n"));
}

/// What we and Go render, which the other one does not.
const DIFFERENT: [(&str, &str); 12] = [
    ("[{{ .UNSET }}]", "[]"),
    ("{{ $x := 1 }}{{ $x = 2 }}{{ $x }}", "2"),
    (
        "{{ range loop 3 }}{{ if . }}{{ break }}{{ end }}a{{ . }}{{ end }}",
        "a0",
    ),
    (r#"{{ slice "pilot" 1 3 }}"#, "il"),
    (r#"{{ html "<a>" }}"#, "&lt;a&gt;"),
    (r#"{{ js "it's" }}"#, r"it\'s"),
    (r#"{{ printf "%q" .NAME }}"#, r#""pilot""#),
    (r#"{{ printf "%d" }}"#, "%!d(MISSING)"),
    (r#"{{ printf "%-5d|%05d" 42 42 }}"#, "42   |00042"),
    (r#"{{ urlquery "a b&c" }}"#, "a+b%26c"),
    (
        "{{ $x := 1 }}{{ if true }}{{ $x := 2 }}{{ $x }}{{ end }}{{ $x }}",
        "21",
    ),
    (r#"{{ eq .NAME "x" "pilot" }}"#, "true"),
];

#[test]
fn where_both_differ_we_are_with_go() {
    let environment = environment(&VARIABLES);
    for (source, wanted) in DIFFERENT {
        assert_eq!(text(source, &environment), wanted, "{source}");
        assert_ne!(other(source), Some(wanted.to_owned()), "{source}");
    }
}

/// It gave line 6 of a text of one line.
#[test]
fn where_both_fail_our_place_is_in_the_text() {
    let source = "{{ .NAME }} {{ nope }}";
    assert_eq!(other(source), None);
    let error = render(source, &environment(&VARIABLES)).unwrap_err();
    assert_eq!(error.at, source.find("nope").unwrap());
}
