//! No text is a way to hang, to take all memory, to end the stack or to panic.

use proptest::prelude::*;

use super::super::limits::{
    DEEPEST_RUN, DEEPEST_SOURCE, LONGEST_LIST, LONGEST_SOURCE, LONGEST_TEXT,
};
use super::super::{Rendered, Written};
use super::{environment, error, render, text};

/// Templates that reach a limit, and what they are told.
const OVER: [(&str, &str); 15] = [
    (
        "{{ loop -9223372036854775808 9223372036854775807 }}",
        "100000 elements",
    ),
    (
        "{{ printf `%0200000d` 1 | split `` | len }}",
        "100000 elements",
    ),
    (
        "{{ printf `%01000000d` 1 | replaceAll `` `abcdefgh` | len }}",
        "longer than 4 MiB",
    ),
    (
        "{{ printf `%01000000d` 1 | regexReplaceAll `0` `$0$0$0$0$0` | len }}",
        "too much",
    ),
    (
        "{{ html (printf `%01000000d` 1 | replaceAll `0` `<<`) | len }}",
        "longer than 4 MiB",
    ),
    (
        "{{ printf `%1000000d%1000000d%1000000d%1000000d%1000000d` 1 2 3 4 5 }}",
        "longer than 4 MiB",
    ),
    (
        "{{ printf `%1000000d` (loop 100000) }}",
        "longer than 4 MiB",
    ),
    (
        "{{ range loop 99999 }}{{ range loop 99999 }}{{ end }}{{ end }}",
        "too much",
    ),
    (
        "{{ range loop 99999 }}{{ range loop 99999 }}x{{ end }}{{ end }}",
        "too much",
    ),
    (
        "{{ range 99999 }}{{ $x := printf `%1000000d` 1 }}{{ end }}",
        "too much",
    ),
    (
        "{{ range 99999 }}{{ $x := regexReplaceAll (print .) `` `` }}{{ end }}",
        "too much",
    ),
    (
        "{{ define `x` }}{{ template `x` }}{{ end }}{{ template `x` }}",
        "levels",
    ),
    (
        "{{ define `x` }}{{ template `x` }}{{ template `x` }}{{ end }}{{ template `x` }}",
        "levels",
    ),
    (
        "{{ regexReplaceAll `((a{100}){100}){100}` `` `` }}",
        "too large",
    ),
    (
        "{{ range 99999 }}0123456789012345678901234567890123456789012345678901234567890123456789{{ end }}",
        "longer than 4 MiB",
    ),
];

#[test]
fn each_limit_holds_and_says_so() {
    let growing = "{{ $x := `0123456789abcdef` }}".to_owned()
        + &"{{ $x = print $x $x $x $x $x $x $x $x }}".repeat(7)
        + "{{ $x }}";
    let long = "x".repeat(LONGEST_SOURCE + 1);
    let wide = format!("{{{{ printf `%{}d` 1 }}}}", LONGEST_TEXT + 1);
    let list = format!("{{{{ loop {} }}}}", LONGEST_LIST + 1);
    let rounds = format!("{{{{ range {} }}}}{{{{ end }}}}", LONGEST_LIST + 1);
    let mut wrong = Vec::new();
    for (source, what) in OVER.into_iter().chain([
        (growing.as_str(), "too much"),
        (&wide, "longer than 4 MiB"),
        (&long, "longer than 1 MiB"),
        (&list, "100000 elements"),
        (&rounds, "100000 elements"),
    ]) {
        let error = error(source);
        if !error.what.contains(what) {
            let start: String = source.chars().take(60).collect();
            wrong.push(format!("{start}: {error}, not {what}"));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn depth_ends_before_the_stack_does() {
    let nested =
        |open: &str, close: &str, levels: usize| open.repeat(levels) + &close.repeat(levels);
    let parens = |levels| format!("{{{{ {}1{} }}}}", "(".repeat(levels), ")".repeat(levels));
    let chain = "{{ if false }}".to_owned() + &"{{ else if false }}".repeat(10_000) + "{{ end }}";
    // Each level of a call takes as much as one can.
    let deepest = format!(
        "{{{{ define `x` }}}}{}{{{{ template `x` . }}}}{}{{{{ end }}}}{{{{ template `x` . }}}}",
        "{{ range loop 1 }}{{ with (((1))) }}".repeat(40),
        "{{ end }}{{ end }}".repeat(40)
    );
    let run = move || {
        let none = environment(&[]);
        for levels in [DEEPEST_SOURCE + 1, 100_000] {
            for source in [
                nested("{{ if true }}", "{{ end }}", levels),
                nested("{{ range 1 }}", "{{ end }}", levels),
                nested("{{ if true }}{{ else }}", "{{ end }}", levels),
                parens(levels),
            ] {
                if source.len() < LONGEST_SOURCE {
                    let error = render(&source, &none).unwrap_err();
                    assert!(error.what.contains("levels"), "{error}");
                }
            }
        }
        assert_eq!(text(&parens(DEEPEST_SOURCE), &none), "1");
        assert_eq!(text(&chain, &none), "");
        let error = render(&deepest, &none).unwrap_err();
        assert!(error.what.contains(&DEEPEST_RUN.to_string()), "{error}");
    };
    // A quarter of what a thread has by default.
    let thread = std::thread::Builder::new().stack_size(512 << 10);
    thread.spawn(run).unwrap().join().unwrap();
}

/// What is known of every rendering.
fn check(source: &str, rendered: &Rendered) {
    let bytes = source.as_bytes();
    for pair in rendered.pieces.windows(2) {
        assert!(pair[0].text < pair[1].text, "{source}");
    }
    for offset in 0..rendered.text.len() {
        assert!(rendered.origin(offset) < source.len(), "{source}");
    }
    for (number, piece) in rendered.pieces.iter().enumerate() {
        let start = piece.text as usize;
        let next = rendered.pieces.get(number + 1);
        let end = next.map_or(rendered.text.len(), |next| next.text as usize);
        let origin = piece.source as usize;
        match piece.written {
            Written::Literal => assert_eq!(
                rendered.text.as_bytes()[start..end],
                bytes[origin..origin + end - start],
                "{source}"
            ),
            Written::Action => assert!(bytes[origin..].starts_with(b"{{"), "{source}"),
        }
    }
}

const TOKENS: [&str; 64] = [
    "{{",
    "}}",
    "{{ ",
    " }}",
    "{{- ",
    " -}}",
    "{{",
    "}}",
    " ",
    " ",
    ".",
    "$",
    "$x",
    ".A",
    ".B.C",
    ":=",
    "=",
    ",",
    "|",
    "(",
    ")",
    "\"",
    "`",
    "'",
    "\\",
    "1",
    "-2",
    "0x",
    "1.5",
    "9999999",
    "true",
    "nil",
    "if",
    "else",
    "end",
    "range",
    "with",
    "define",
    "block",
    "template",
    "break",
    "continue",
    "\"x\"",
    "\"%*[1]d\"",
    "printf",
    "print",
    "index",
    "slice",
    "loop",
    "split",
    "regexReplaceAll",
    "replaceAll",
    "default",
    "eq",
    "lt",
    "and",
    "html",
    "js",
    "/*",
    "*/",
    "\n",
    "é",
    "\u{0}",
    "text",
];

proptest! {
    #![proptest_config(ProptestConfig::with_cases(2000))]

    #[test]
    fn no_text_panics(source in "\\PC{0,60}|[{}%.()|$a\"` \\-]{0,40}") {
        if let Ok(rendered) = render(&source, &environment(&[("A", "a")])) {
            check(&source, &rendered);
        }
    }

    #[test]
    fn no_soup_of_tokens_panics(
        tokens in proptest::collection::vec(proptest::sample::select(&TOKENS[..]), 0..24),
        joint in "[ ]?",
    ) {
        let source = tokens.join(&joint);
        match render(&source, &environment(&[("A", "a"), ("x", "3")])) {
            Ok(rendered) => check(&source, &rendered),
            Err(error) => prop_assert!(error.at <= source.len()),
        }
    }

    #[test]
    fn no_pattern_panics(pattern in "[\\[\\]{}()^$.*+?|a-z0-9&~\\\\:<>QEpPwW,-]{0,20}", to in "[${}a0-9]{0,6}") {
        let variables = environment(&[("RE", &pattern), ("TO", &to)]);
        let source = "{{ regexReplaceAll .RE .TO `a1-[x]{é}` }}";
        if let Ok(rendered) = render(source, &variables) {
            check(source, &rendered);
        }
    }

    #[test]
    fn no_format_panics(format in "(%[-+# 0]{0,3}[0-9*]{0,3}(\\.[0-9*]{0,3})?(\\[[0-9]?\\])?\\PC){0,4}") {
        let variables = environment(&[("F", &format)]);
        let source = "{{ printf .F 65 `tëxt` 1.5 (loop 2) nil true (index `a` 0) . }}";
        if let Ok(rendered) = render(source, &variables) {
            check(source, &rendered);
        }
    }
}

/// Linux passes no longer ones on.
#[test]
fn the_longest_variable_can_be_matched_once() {
    let longest = "ab".repeat(64 << 10);
    let variables = environment(&[("A", &longest)]);
    let once = "{{ .A | regexReplaceAll `[b]` `` | len }}";
    assert_eq!(text(once, &variables), (64 << 10).to_string());
}
