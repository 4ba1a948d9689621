//! Foreign text in, valid Prometheus names and escaped label values out; nothing is lost but what the rules forbid.

use super::refusal::Refusal;

/// Own metrics start so; nothing from outside may.
pub(super) const OWN: &str = "flightline_";
/// What a counter's name ends with, in both formats.
pub(super) const TOTAL: &str = "_total";
/// Put before a label whose name Prometheus keeps for itself, as Prometheus does with a scraped `instance`.
pub(super) const EXPORTED: &str = "exported_";

/// Appends `raw` without line protocol's escapes: a backslash before a comma, a blank or an equals sign goes.
pub(super) fn unescape(raw: &[u8], out: &mut Vec<u8>) {
    let mut rest = raw;
    while let Some(at) = memchr::memchr(b'\\', rest) {
        let escapes = matches!(rest.get(at + 1), Some(b',' | b' ' | b'='));
        // The byte after the backslash is copied here, so that it cannot be taken for an escape itself.
        let next = rest.len().min(at + 2);
        out.extend_from_slice(&rest[..at]);
        out.extend_from_slice(&rest[if escapes { at + 1 } else { at }..next]);
        rest = &rest[next..];
    }
    out.extend_from_slice(rest);
}

/// The text of `bytes`.
pub(super) fn utf8(bytes: &[u8]) -> Result<&str, Refusal> {
    std::str::from_utf8(bytes).map_err(|_| Refusal::InvalidUtf8)
}

/// Appends `text` as a metric name: `[a-zA-Z_:][a-zA-Z0-9_:]*`, one underscore for each other character.
pub(super) fn metric(text: &str, out: &mut String) -> Result<(), Refusal> {
    if text.is_empty() {
        return Err(Refusal::InvalidName);
    }
    if text.starts_with(|first: char| first.is_ascii_digit()) {
        out.push('_');
    }
    out.extend(text.chars().map(|c| match c {
        'a'..='z' | 'A'..='Z' | '0'..='9' | '_' | ':' => c,
        _ => '_',
    }));
    Ok(())
}

/// Appends `text` as a label name: `[a-zA-Z_][a-zA-Z0-9_]*`, not one of those that Prometheus keeps for itself.
pub(super) fn label(text: &str, out: &mut String) -> Result<(), Refusal> {
    if text.is_empty() {
        return Err(Refusal::InvalidName);
    }
    let start = out.len();
    if text.starts_with(|first: char| first.is_ascii_digit()) {
        out.push('_');
    }
    out.extend(text.chars().map(|c| match c {
        'a'..='z' | 'A'..='Z' | '0'..='9' | '_' => c,
        _ => '_',
    }));
    let name = out.get(start..).unwrap_or_default();
    if name == "le" || name == "quantile" || name.starts_with("__") {
        out.insert_str(start, EXPORTED);
    }
    Ok(())
}

/// Appends `text` as the inside of a quoted label value. A NUL, which ends Prometheus' input, becomes U+FFFD.
pub(super) fn value(text: &str, out: &mut String) {
    for c in text.chars() {
        match c {
            '\\' => out.push_str("\\\\"),
            '"' => out.push_str("\\\""),
            '\n' => out.push_str("\\n"),
            '\0' => out.push('\u{fffd}'),
            _ => out.push(c),
        }
    }
}

/// A counter's name without its `_total`.
pub(super) fn counter_base(name: &str) -> &str {
    match name.strip_suffix(TOTAL) {
        Some("") | None => name,
        Some(base) => base,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn with(f: impl FnOnce(&mut String) -> Result<(), Refusal>) -> Result<String, Refusal> {
        let mut out = String::new();
        f(&mut out).map(|()| out)
    }

    #[test]
    fn line_protocol_escapes_are_taken_off_and_other_backslashes_stay() {
        for (raw, plain) in [
            (&b"a\\,b\\ c\\=d"[..], &b"a,b c=d"[..]),
            (b"a\\nb", b"a\\nb"),
            (b"end\\", b"end\\"),
            (b"\\\\,x", b"\\\\,x"),
            (b"", b""),
        ] {
            let mut out = Vec::new();
            unescape(raw, &mut out);
            assert_eq!(out, plain, "{}", raw.escape_ascii());
        }
    }

    #[test]
    fn names_become_valid() {
        for (text, name) in [
            ("cpu", "cpu"),
            ("9lives", "_9lives"),
            ("a.b-c:d", "a_b_c:d"),
            ("größe", "gr__e"),
        ] {
            assert_eq!(with(|out| metric(text, out)), Ok(name.to_owned()));
        }
        for (text, name) in [
            ("host", "host"),
            ("a:b", "a_b"),
            ("1st", "_1st"),
            ("le", "exported_le"),
            ("quantile", "exported_quantile"),
            ("__name__", "exported___name__"),
            ("--x", "exported___x"),
        ] {
            assert_eq!(with(|out| label(text, out)), Ok(name.to_owned()));
        }
        assert_eq!(with(|out| metric("", out)), Err(Refusal::InvalidName));
        assert_eq!(with(|out| label("", out)), Err(Refusal::InvalidName));
    }

    #[test]
    fn label_values_cannot_end_their_quotes_or_their_line() {
        let mut out = String::new();
        value("a\"b\\c\nd\0é", &mut out);
        assert_eq!(out, "a\\\"b\\\\c\\nd\u{fffd}é");
    }

    #[test]
    fn a_counter_is_named_with_and_without_total() {
        assert_eq!(counter_base("http_requests_total"), "http_requests");
        assert_eq!(counter_base("http_requests"), "http_requests");
        assert_eq!(counter_base("_total"), "_total");
    }
}
