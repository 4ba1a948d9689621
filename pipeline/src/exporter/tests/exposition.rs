//! A strict reader of both formats: the text of a scrape in, its samples out, or a panic that names the line.

use std::collections::{BTreeMap, BTreeSet};

use crate::exporter::accept::Format;

/// One sample line: name and sorted labels to value.
pub(super) type Samples = BTreeMap<String, f64>;

struct Family {
    name: String,
    kind: String,
}

/// Reads `text` and checks all that the formats ask for.
pub(super) fn read(text: &str, format: Format) -> Samples {
    let body = match format {
        Format::Text => text,
        Format::OpenMetrics => text
            .strip_suffix("# EOF\n")
            .expect("OpenMetrics ends with # EOF"),
    };
    assert!(
        body.is_empty() || body.ends_with('\n'),
        "the last line is complete"
    );
    let mut samples = Samples::new();
    let mut types = BTreeSet::new();
    let mut helps = BTreeSet::new();
    let mut family: Option<Family> = None;
    for line in body.split_terminator('\n') {
        if let Some(rest) = line.strip_prefix("# HELP ") {
            let (name, _) = rest.split_once(' ').expect(line);
            assert!(helps.insert(name.to_owned()), "second help: {line}");
            family = None;
        } else if let Some(rest) = line.strip_prefix("# TYPE ") {
            let (name, kind) = rest.split_once(' ').expect(line);
            assert!(is_metric_name(name), "{line}");
            assert!(["counter", "gauge", "histogram"].contains(&kind), "{line}");
            assert!(types.insert(name.to_owned()), "second type: {line}");
            family = Some(Family {
                name: name.to_owned(),
                kind: kind.to_owned(),
            });
        } else {
            let family = family.as_ref().expect("a sample stands under its type");
            let (name, labels, value) = sample(line);
            check_suffix(family, &name, &labels, format, line);
            let key = format!("{name}{{{}}}", render(&labels));
            assert!(samples.insert(key, value).is_none(), "twice: {line}");
        }
    }
    samples
}

fn render(labels: &BTreeMap<String, String>) -> String {
    let parts: Vec<String> = labels
        .iter()
        .map(|(name, value)| format!("{name}={value:?}"))
        .collect();
    parts.join(",")
}

fn check_suffix(
    family: &Family,
    name: &str,
    labels: &BTreeMap<String, String>,
    format: Format,
    line: &str,
) {
    let suffix = name
        .strip_prefix(&*family.name)
        .unwrap_or_else(|| panic!("not of its family: {line}"));
    let fits = match (family.kind.as_str(), format) {
        ("counter", Format::OpenMetrics) => suffix == "_total",
        ("counter", Format::Text) => suffix.is_empty() && name.ends_with("_total"),
        ("histogram", _) => match suffix {
            "_bucket" => labels.contains_key("le"),
            "_sum" | "_count" => true,
            _ => false,
        },
        _ => suffix.is_empty(),
    };
    assert!(fits, "suffix: {line}");
}

fn sample(line: &str) -> (String, BTreeMap<String, String>, f64) {
    let end = line.find(['{', ' ']).expect(line);
    let (name, rest) = line.split_at(end);
    assert!(is_metric_name(name), "{line}");
    let (labels, rest) = match rest.strip_prefix('{') {
        Some(inside) => read_labels(inside, line),
        None => (BTreeMap::new(), rest),
    };
    let text = rest.strip_prefix(' ').expect(line);
    let value = match text {
        "+Inf" => f64::INFINITY,
        "-Inf" => f64::NEG_INFINITY,
        "NaN" => f64::NAN,
        number => {
            assert!(
                number
                    .bytes()
                    .all(|b| b.is_ascii_digit() || b"+-.eE".contains(&b)),
                "{line}"
            );
            number.parse().expect(line)
        }
    };
    (name.to_owned(), labels, value)
}

fn read_labels<'l>(mut rest: &'l str, line: &str) -> (BTreeMap<String, String>, &'l str) {
    let mut labels = BTreeMap::new();
    loop {
        let (name, after) = rest.split_once("=\"").expect(line);
        assert!(is_label_name(name), "label {name:?}: {line}");
        let mut value = String::new();
        let mut chars = after.char_indices();
        let end = loop {
            match chars.next().expect(line) {
                (at, '"') => break at,
                (_, '\\') => match chars.next().expect(line).1 {
                    'n' => value.push('\n'),
                    c @ ('\\' | '"') => value.push(c),
                    c => panic!("escape {c:?}: {line}"),
                },
                (_, c) => value.push(c),
            }
        };
        assert!(!value.is_empty(), "empty label: {line}");
        assert!(
            labels.insert(name.to_owned(), value).is_none(),
            "label twice: {line}"
        );
        let after = after.get(end + 1..).expect(line);
        if let Some(after) = after.strip_prefix('}') {
            return (labels, after);
        }
        rest = after.strip_prefix(',').expect(line);
    }
}

fn is_metric_name(name: &str) -> bool {
    !name.is_empty()
        && !name.starts_with(|c: char| c.is_ascii_digit())
        && name
            .bytes()
            .all(|b| b.is_ascii_alphanumeric() || b == b'_' || b == b':')
}

fn is_label_name(name: &str) -> bool {
    is_metric_name(name) && !name.contains(':') && !name.starts_with("__")
}
