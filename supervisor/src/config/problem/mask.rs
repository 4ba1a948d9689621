//! A configuration's text comes in, the same text without its secrets goes out, line for line.

use crate::config::json5::blank_length;

/// What a masked value looks like.
const MASK: &str = "*****";

/// Words whose values are not shown, wherever they stand in a name: also in variables and arguments of commands.
const SECRETS: [&str; 7] = [
    "token",
    "password",
    "passwd",
    "secret",
    "nkey",
    "credential",
    "apikey",
];

/// `text` with masks for what secret names are given, to the end of the line, and for users in URLs. Lines keep their numbers.
pub(super) fn masked(text: &str) -> String {
    let lower = text.to_ascii_lowercase();
    let mut out = String::with_capacity(text.len());
    let mut at = 0;
    while let Some(start) = next_secret(&lower, at) {
        let (_, rest) = text.split_at(start);
        let length = value_length(rest);
        out.push_str(text.get(at..start).unwrap_or_default());
        let (value, _) = rest.split_at(length);
        out.push_str(MASK);
        out.push_str(&"\n".repeat(value.matches('\n').count()));
        at = start + length;
    }
    out.push_str(text.get(at..).unwrap_or_default());
    without_users(&out)
}

/// Where the next value of a secret name begins.
fn next_secret(lower: &str, from: usize) -> Option<usize> {
    let (_, rest) = lower.split_at(from);
    let found = SECRETS.iter().flat_map(|secret| rest.match_indices(secret));
    found
        .filter_map(|(at, secret)| value_start(lower, from + at, secret.len()))
        .filter(|start| *start >= from)
        .min()
}

/// Where the value starts of the name that holds a secret word at `at`; nothing if it is not the name of a value.
fn value_start(lower: &str, at: usize, length: usize) -> Option<usize> {
    let is_part = |c: char| c.is_alphanumeric() || matches!(c, '_' | '-');
    let (before, rest) = lower.split_at(at);
    let (word, after) = rest.split_at(length);
    let tail_length = after.find(|c| !is_part(c)).unwrap_or(after.len());
    let (tail, after) = after.split_at(tail_length);
    if format!("{word}{tail}").ends_with("file") {
        return None;
    }
    let head = before.trim_end_matches(is_part);
    let name = before.strip_prefix(head).unwrap_or_default();
    let rest = after.trim_start_matches(['"', '\'', '`']);
    let (_, rest) = rest.split_at(blank_length(rest));
    let is_given = |rest: &str| {
        let separators: &[char] = if name.starts_with('-') {
            // An argument of a command.
            &[':', '=', ',', '|', '\'', '"']
        } else {
            // A key, a variable, a default of a template.
            &[':', '=', '|']
        };
        rest.starts_with(separators)
    };
    if is_given(rest) {
        let rest = rest.trim_start_matches([':', '=', ',', '|', '\'', '"']);
        let (_, rest) = rest.split_at(blank_length(rest));
        Some(lower.len() - rest.len())
    } else if name.starts_with('-') && after.starts_with(' ') {
        Some(lower.len() - after.len() + 1)
    } else {
        None
    }
}

/// To the end of the line, and of the lines that it is continued on.
fn value_length(rest: &str) -> usize {
    let mut length = 0;
    for line in rest.split_inclusive('\n') {
        length += line.len();
        if !line.trim_end_matches(['\n', '\r']).ends_with('\\') {
            return length - (line.len() - line.trim_end_matches(['\n', '\r']).len());
        }
    }
    length
}

/// `text` with the user part of every URL masked.
pub(crate) fn without_users(text: &str) -> String {
    let mut parts = text.split("://");
    let mut out = parts.next().unwrap_or_default().to_owned();
    for part in parts {
        out.push_str("://");
        let end = part
            .find(|c: char| c.is_whitespace() || matches!(c, '/' | '"' | '\'' | ','))
            .unwrap_or(part.len());
        let (authority, rest) = part.split_at(end);
        match authority.rsplit_once('@') {
            Some((_, host)) => {
                out.push_str(MASK);
                out.push('@');
                out.push_str(host);
            }
            None => out.push_str(authority),
        }
        out.push_str(rest);
    }
    out
}
