//! What ContainerPilot promises and its users write.

use super::{environment, error, render, text};

/// ContainerPilot's own cases, with its own environment.
#[test]
fn containerpilots_cases_hold() {
    let environment = environment(&[
        ("NAME", "Template"),
        ("USER", "pilot"),
        ("PARTS", "a:b:c"),
        ("COUNT", "3"),
        ("NAME_1", "Template"),
    ]);
    for (source, wanted) in [
        ("Hello, {{.NAME}}!", "Hello, Template!"),
        ("Hello, {{.NONAME}}!", "Hello, !"),
        ("{{ loop 2 5 }}", "[2 3 4]"),
        ("{{ loop 10 1 }}", "[10 9 8 7 6 5 4 3 2]"),
        ("{{ loop 5 }}", "[0 1 2 3 4]"),
        ("{{ loop .COUNT }}", "[0 1 2]"),
        ("{{ loop 1 .COUNT }}", "[1 2]"),
        (
            "{{ range $i := loop 2 5 -}}i={{$i}},{{ end }}",
            "i=2,i=3,i=4,",
        ),
        (
            r#"Hello, {{ env (printf "NA%s" "ME_1") }}!"#,
            "Hello, Template!",
        ),
        (r#"Hello, {{.NONAME | default "World" }}!"#, "Hello, World!"),
        ("Hello, {{.NONAME | default 100 }}!", "Hello, 100!"),
        ("Hello, {{.NONAME | default 10.1 }}!", "Hello, 10.1!"),
        (r#"{{.PARTS | split ":" | join "." }}"#, "a.b.c"),
        (r#"{{.NAME | replaceAll "e" "_" }}"#, "T_mplat_"),
        (r#"{{.NAME | regexReplaceAll "[epa]+" "_" }}"#, "T_m_l_t_"),
    ] {
        assert_eq!(text(source, &environment), wanted, "{source}");
    }
}

#[test]
fn each_function_does_what_its_table_says() {
    let environment = environment(&[("A", " x,y "), ("A-B", "dash"), ("EMPTY", "")]);
    for (source, wanted) in [
        (r#"{{ default "d" "v" }}"#, "v"),
        (r#"{{ default "d" "" }}"#, "d"),
        (r#"{{ default "d" 5 }}"#, "d"),
        (r#"{{ default 5 true }}"#, "5"),
        (r#"{{ default (loop 2) nil }}"#, "[0 1]"),
        (r#"[{{ env "UNSET" }}]"#, "[]"),
        (r#"{{ env "A-B" }}"#, "dash"),
        (r#"{{ index . "A-B" }}"#, "dash"),
        (r#"{{ split "," .A | len }}"#, "2"),
        (r#"{{ split "," .EMPTY | len }}"#, "0"),
        (r#"[{{ split "," .EMPTY | join "-" }}]"#, "[]"),
        (r#"{{ replaceAll "." "-" "a.b" }}"#, "a-b"),
        (
            r#"{{ regexReplaceAll "(a)(?P<n>b)" "${n}$1$2x$$" "ab" }}"#,
            "ba$",
        ),
        ("{{ loop 0 }}{{ loop 3 3 }}", "[][]"),
        (r#"{{ loop "2" "-1" }}"#, "[2 1 0]"),
    ] {
        assert_eq!(text(source, &environment), wanted, "{source}");
    }
    for source in [
        "{{ loop }}",
        "{{ loop 1 2 3 }}",
        "{{ strip .A }}",
        "{{ trim .A }}",
    ] {
        error(source);
    }
}

/// ContainerPilot cut what a template sees at the second equals sign.
#[test]
fn bug573_values_keep_their_equals_signs() {
    let environment = environment(&[("FOO", "a=b"), ("URL", "x?p=1&q==")]);
    let source = r#"{{ .FOO }} {{ env "FOO" }} {{ index . "FOO" }} {{ .URL }}"#;
    assert_eq!(text(source, &environment), "a=b a=b a=b x?p=1&q==");
}

#[test]
fn whole_objects_stand_inside_of_conditions() {
    let source = r#"{
  consul: '{{ .CONSUL | default "consul" }}:8500', // {{ "comments are rendered" }}, too
  jobs: [
    { name: "nats", port: {{ .PORT }}, interfaces: [{{ range $i, $name := split "," .INTERFACES -}}
      {{ if $i }}, {{ end }}"{{ $name }}"
    {{- end }}] }{{ if .CONSUL_AGENT }},
    { name: "consul-agent", restarts: "unlimited" }{{ end }}
  ]
}"#;
    let mut environment = environment(&[("PORT", "4222"), ("INTERFACES", "eth0,lo")]);
    let without = r#"{
  consul: 'consul:8500', // comments are rendered, too
  jobs: [
    { name: "nats", port: 4222, interfaces: ["eth0", "lo"] }
  ]
}"#;
    assert_eq!(text(source, &environment), without);
    environment.insert("CONSUL_AGENT".to_owned(), "1".to_owned());
    environment.insert("CONSUL".to_owned(), "localhost".to_owned());
    let with = without
        .replace("'consul:8500'", "'localhost:8500'")
        .replace(
            "\"lo\"] }\n",
            "\"lo\"] },\n    { name: \"consul-agent\", restarts: \"unlimited\" }\n",
        );
    assert_eq!(text(source, &environment), with);
}

#[test]
fn a_variable_that_is_not_set_leaves_a_hole() {
    let rendered = render("port: {{ .PORT }},", &environment(&[])).unwrap();
    assert_eq!(rendered.text, "port: ,");
}

#[test]
fn jobs_are_made_in_loops_and_templates() {
    let source = concat!(
        r#"{{ define "job" }}{ name: "worker-{{ . }}" }{{ end -}}"#,
        r#"{{ $last := "" }}{{ range loop (.WORKERS | default "2") }}"#,
        r#"{{ if eq . 3 }}{{ break }}{{ end }}{{ template "job" . }},{{ $last = print . }}{{ end }}"#,
        r#"{{ with $last }} // up to {{ . }} of {{ $.WORKERS | printf "%q" }}{{ end }}"#,
    );
    assert_eq!(
        text(source, &environment(&[("WORKERS", "9")])),
        r#"{ name: "worker-0" },{ name: "worker-1" },{ name: "worker-2" }, // up to 2 of "9""#
    );
    assert_eq!(
        text(source, &environment(&[])),
        r#"{ name: "worker-0" },{ name: "worker-1" }, // up to 1 of """#
    );
}
