//! A configuration's text comes in, the same text without its secrets goes out, line for line.

use flightline_link::secret::{MASK, without_users};

use crate::config::json5::blank_length;

/// Words whose values are not shown, wherever they stand in a name: also in variables and arguments of commands. Names are held against
/// them without `_` and `-`.
const SECRETS: [&str; 10] = [
    "token",
    "pass",
    "pwd",
    "secret",
    "nkey",
    "credential",
    "auth",
    "apikey",
    "accesskey",
    "privatekey",
];

/// `text` with masks for what secret names are given, to the end of the line, and for users in URLs. Lines keep their numbers.
pub(super) fn masked(text: &str) -> String {
    let starts = words(text).filter_map(|(at, word)| value_start(text, at, word));
    let mut out = String::with_capacity(text.len());
    let mut at = 0;
    for start in starts {
        if start < at {
            // Inside of what is masked already.
            continue;
        }
        let (_, rest) = text.split_at(start);
        let (value, _) = rest.split_at(value_length(rest));
        out.push_str(text.get(at..start).unwrap_or_default());
        out.push_str(MASK);
        out.push_str(&"\n".repeat(value.matches('\n').count()));
        at = start + value.len();
    }
    out.push_str(text.get(at..).unwrap_or_default());
    without_users(&out)
}

/// Every name in `text`, and where it begins.
fn words(text: &str) -> impl Iterator<Item = (usize, &str)> {
    let is_part = |c: char| c.is_alphanumeric() || matches!(c, '_' | '-');
    let mut at = 0;
    text.split_inclusive(move |c| !is_part(c))
        .map(move |piece| {
            let start = at;
            at += piece.len();
            (start, piece.trim_end_matches(|c| !is_part(c)))
        })
}

/// Where the value starts of the name `word`, which stands at `at`; nothing if the name is that of no secret, or has no value.
fn value_start(text: &str, at: usize, word: &str) -> Option<usize> {
    let lower = word.to_ascii_lowercase().replace(['_', '-'], "");
    if !SECRETS.iter().any(|secret| lower.contains(secret)) || lower.ends_with("file") {
        return None;
    }
    let (_, after) = text.split_at(at + word.len());
    let is_argument = word.starts_with('-');
    let separators: &[char] = if is_argument {
        &[':', '=', ',', '|', '\'', '"']
    } else {
        // A key, a variable, a default of a template.
        &[':', '=', '|']
    };
    let rest = without_blank(after.trim_start_matches(['"', '\'', '`']));
    if rest.starts_with(separators) {
        let value = rest.trim_start_matches([':', '=', ',', '|', '\'', '"']);
        Some(text.len() - without_blank(value).len())
    } else {
        (is_argument && after.starts_with(' ')).then(|| text.len() - after.len() + 1)
    }
}

/// `text` without the white space and comments that it begins with.
fn without_blank(text: &str) -> &str {
    /// A longer comment is not looked through.
    const FAR: usize = 4096;
    let near = text.get(..text.floor_char_boundary(FAR)).unwrap_or(text);
    text.split_at(blank_length(near)).1
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
