//! Errors name the place and, where there is one, the cure; they show no value of a variable.

use super::super::{TemplateError, place};
use super::{environment, error, render};

#[test]
fn errors_point_at_what_is_wrong() {
    for (source, at, what) in [
        ("ab {{ .A }", 9, "`}`"),
        ("ab {{ .A", 8, "no end"),
        ("{{ if .A }}x", 12, "ends too early"),
        ("x {{ end }}", 2, "`end` without"),
        ("x {{ else }}", 2, "`else` without"),
        (
            "{{ range loop 2 }}{{ else }}{{ else }}{{ end }}",
            38,
            "second `else`",
        ),
        ("é {{ nope 1 }}", 6, "no function is called nope"),
        ("{{ $x }}", 3, "$x is not declared"),
        ("{{ print 1 | split `:` `a` }}", 13, "3 instead of 2"),
        ("{{ print (1 }}", 12, "not closed"),
        ("{{ .A-B }}", 5, "ends no name"),
        ("{{ split 5 .A }}", 9, "argument 1 of split is an integer"),
        ("{{ eq .A 1 }}", 3, "can't be compared"),
        ("{{ .A.B }}", 3, "no field B"),
        ("{{ template `x` }}", 0, "no template \"x\""),
        ("{{ regexReplaceAll `(a` `` .A }}", 3, "unclosed group"),
        ("{{ 1 }} {{ index (loop 2) 2 }}", 11, "behind the end"),
        ("{{ printf }}", 3, "0 instead of at least 1"),
        (
            "{{ define `x` }}1{{ end }}{{ define `x` }}2{{ end }}",
            29,
            "twice",
        ),
        (
            "{{ range loop 2 }}{{ define `x` }}{{ end }}{{ end }}",
            21,
            "`define` inside",
        ),
        ("{{ break }}", 3, "`break` outside"),
        ("{{ 99999999999999999999 }}", 3, "64 bits"),
        ("{{ 'ab' }}", 3, "one character"),
        ("{{ \"a\nb\" }}", 3, "does not end on its line"),
        ("{{ /* x */ }}", 3, "`/`"),
        ("{{/* x }}", 0, "no end"),
    ] {
        let error = error(source);
        assert!(error.what.contains(what), "{source}: {error}");
        assert_eq!(error.at, at, "{source}: {error}");
        assert!(!error.what.ends_with('.'), "{source}: {error}");
    }
}

#[test]
fn errors_know_the_cure_of_common_mistakes() {
    for (source, cure) in [
        ("{{ .A-B }}", "index"),
        ("{{ replaceall `a` `b` .A }}", "replaceAll"),
        ("{{ PORT }}", ".PORT"),
        ("{{ eq .COUNT 3 }}", "quotes"),
        ("{{ loop .COUNT }}", "default"),
        ("{{ $x = 1 }}{{ $x }}{{ $y }}", ":="),
    ] {
        let error = error(source);
        // Assigning what was not declared is found when it is rendered.
        let found = error.cure.contains(cure) || error.what.contains("$x has no value");
        assert!(found, "{source}: {error}");
    }
}

#[test]
fn errors_show_no_values() {
    for source in [
        "{{ range .SECRET }}{{ end }}",
        "{{ loop .SECRET }}",
        "{{ index .SECRET `x` }}",
        "{{ eq .SECRET 1 }}",
        "{{ .SECRET.FIELD }}",
        "{{ .SECRET 1 }}",
        "{{ len 1 | split .SECRET }}",
        "{{ regexReplaceAll (print `(` .SECRET) `` `` }}",
        "{{ regexReplaceAll (print .SECRET `{1000}{1000}`) `` `` }}",
        "{{ slice .SECRET 99 }}",
    ] {
        let TemplateError { what, cure, .. } = error(source);
        for text in [what, cure] {
            assert!(!text.contains("hunter2"), "{source}: {text}");
        }
    }
}

#[test]
fn display_has_the_cure_and_no_position() {
    let error = error("\n\n{{ PORT }}");
    assert_eq!(
        error.to_string(),
        "no function is called PORT: the value of a variable is written .PORT"
    );
}

#[test]
fn places_count_from_one_and_in_characters() {
    let source = "ab\né{{ x }}\n";
    assert_eq!(place(source, 0), (1, 1));
    assert_eq!(place(source, 2), (1, 3));
    assert_eq!(place(source, 3), (2, 1));
    // Inside of the character, and behind it.
    assert_eq!(place(source, 4), (2, 1));
    assert_eq!(place(source, 5), (2, 2));
    assert_eq!(place(source, source.len()), (3, 1));
    assert_eq!(place(source, usize::MAX), (3, 1));
    assert_eq!(place("", 0), (1, 1));
    let fault = render("x\n  {{ nope }}", &environment(&[])).unwrap_err();
    assert_eq!(place("x\n  {{ nope }}", fault.at), (2, 6));
}
