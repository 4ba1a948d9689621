//! What is wrong with a configuration, as text for a person: the place, what is wrong, and what would be right.
//! Secrets are masked here, once: no excerpt shows the value of a secret key, or user and query of a URL.

use std::fmt::Write as _;

use flightline_link::secret::{MASK, without_users};

use crate::config::origin::{Origin, Source, Sources};
use crate::config::reference::KEYS;

/// Keys whose values are never shown.
const SECRET_KEYS: [&str; 3] = ["password", "token", "nkey"];

/// One thing that is wrong.
pub(crate) struct Problem {
    /// Where, if it is anywhere.
    pub(crate) at: Option<Origin>,
    /// What is wrong, one sentence without a full stop.
    pub(crate) what: String,
    /// What to do about it.
    pub(crate) cure: String,
}

/// Everything that is wrong with a configuration, ready to be printed.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{text}")]
pub struct Report {
    text: String,
    count: usize,
}

impl Report {
    /// Renders `problems` in the order of their places.
    pub(crate) fn new(mut problems: Vec<Problem>, sources: &Sources) -> Self {
        problems.sort_by_key(|problem| problem.at.map(Origin::pack));
        let rendered: Vec<_> = problems.iter().map(|p| render(p, sources)).collect();
        Self {
            text: rendered.join("\n"),
            count: rendered.len(),
        }
    }

    /// How many things are wrong.
    pub fn count(&self) -> usize {
        self.count
    }
}

fn render(problem: &Problem, sources: &Sources) -> String {
    let Problem { at, what, cure } = problem;
    let place = at.and_then(|origin| Some((origin, sources.of(origin)?)));
    let mut out = String::new();
    let written = match place {
        None => writeln!(out, "{what}"),
        Some((_, Source::Variable(name))) => writeln!(out, "environment variable {name}: {what}"),
        Some((_, Source::Option(name))) => writeln!(out, "option {name}: {what}"),
        Some((origin, Source::File { path, text })) => {
            let place = Place::find(text, origin);
            let (line, column) = (place.line, place.column);
            writeln!(out, "{}:{line}:{column}: {what}", path.display())
                .and_then(|()| place.excerpt(&mut out))
        }
    };
    written
        .and_then(|()| writeln!(out, "   = {cure}"))
        .expect("writing to a String cannot fail");
    out
}

/// A line of a file, and the characters of it that are meant.
struct Place<'t> {
    line: usize,
    /// In characters, from 1.
    column: usize,
    /// How many characters are meant, at least 1.
    width: usize,
    /// `None` where the line may be the inside of a secret.
    shown: Option<&'t str>,
}

impl<'t> Place<'t> {
    fn find(text: &'t str, origin: Origin) -> Self {
        let offset = |at: u32| {
            let at = usize::try_from(at).unwrap_or(usize::MAX).min(text.len());
            (0..=at)
                .rev()
                .find(|at| text.is_char_boundary(*at))
                .unwrap_or(0)
        };
        let (before, rest) = text.split_at(offset(origin.start));
        let line_start = before.rfind('\n').map_or(0, |at| at + 1);
        let (earlier, head) = before.split_at(line_start);
        let (_, line) = text.split_at(line_start);
        let line = line.lines().next().unwrap_or("");
        let meant = rest.lines().next().unwrap_or("");
        let span = offset(origin.end).saturating_sub(before.len());
        let inside_text = ["\"\"\"", "'''"]
            .iter()
            .any(|quote| earlier.matches(quote).count() % 2 == 1);
        Self {
            line: earlier.matches('\n').count() + 1,
            column: head.chars().count() + 1,
            width: meant
                .char_indices()
                .take_while(|(at, _)| *at < span)
                .count()
                .max(1),
            shown: (!inside_text).then_some(line),
        }
    }

    fn excerpt(&self, out: &mut String) -> std::fmt::Result {
        let Some(line) = self.shown else {
            return Ok(());
        };
        let shown = masked(line);
        // A masked line has other columns than the file from the mask on; the caret then stands at the mask.
        let common = line
            .chars()
            .zip(shown.chars())
            .take_while(|(a, b)| a == b || a.is_control())
            .count();
        let (column, width) = if shown == line || self.column + self.width - 1 <= common {
            (self.column, self.width)
        } else {
            (self.column.min(common + 1), 1)
        };
        let number = self.line.to_string();
        let gutter = " ".repeat(number.len());
        writeln!(out, " {gutter} |")?;
        writeln!(out, " {number} | {shown}")?;
        writeln!(
            out,
            " {gutter} | {}{}",
            " ".repeat(column - 1),
            "^".repeat(width)
        )
    }
}

/// `line` without secrets, and without characters that a terminal would obey.
fn masked(line: &str) -> String {
    let mut shown = match secret_start(line) {
        Some(at) => format!("{} {MASK}", line.split_at(at).0),
        None => line.to_owned(),
    };
    shown = without_queries(&without_users(&shown));
    shown
        .chars()
        .map(|c| if c.is_control() { ' ' } else { c })
        .collect()
}

/// `line` without the queries of its URLs: InfluxDB 1 takes a password there.
fn without_queries(line: &str) -> String {
    let mut parts = line.split("://");
    let mut out = parts.next().unwrap_or_default().to_owned();
    for part in parts {
        out.push_str("://");
        let end = part.find(['"', '\'', ' ']).unwrap_or(part.len());
        let (url, rest) = part.split_at(end);
        match url.split_once('?') {
            Some((before, _)) => {
                out.push_str(before);
                out.push('?');
                out.push_str(MASK);
            }
            None => out.push_str(url),
        }
        out.push_str(rest);
    }
    out
}

/// Where in `line` the first value starts that is a secret: after the `=` of its key.
fn secret_start(line: &str) -> Option<usize> {
    let mut signs = line.match_indices('=');
    signs.find_map(|(at, sign)| {
        let (before, _) = line.split_at(at);
        let key = before.trim_end_matches(['"', '\'', ' ', '\t']);
        let word = |c: char| c.is_alphanumeric() || c == '_';
        let name = key.rsplit(|c| !word(c)).next().unwrap_or_default();
        is_secret(name).then_some(at + sign.len())
    })
}

/// Whether `name` is the key of a secret, or was probably meant to be.
fn is_secret(name: &str) -> bool {
    if SECRET_KEYS.contains(&name) {
        return true;
    }
    let is_known = KEYS
        .iter()
        .any(|entry| entry.key.rsplit('.').next() == Some(name));
    let lower = name.to_ascii_lowercase();
    let has_secret = SECRET_KEYS.iter().any(|key| lower.contains(key));
    !is_known && (has_secret || nearest(&lower, SECRET_KEYS).is_some())
}

/// The one of `known` that `typed` was meant to be, if one is near.
pub(crate) fn nearest<'k>(
    typed: &str,
    known: impl IntoIterator<Item = &'k str>,
) -> Option<&'k str> {
    /// A third of the letters may be wrong, and two in short words.
    fn near(typed: &str, distance: usize) -> bool {
        distance <= (typed.chars().count() / 3).max(2)
    }
    known
        .into_iter()
        .map(|key| (strsim::damerau_levenshtein(typed, key), key))
        .filter(|(distance, key)| near(typed, *distance) && *distance < key.len())
        .min_by_key(|(distance, _)| *distance)
        .map(|(_, key)| key)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn report(text: &str, meant: &str) -> String {
        let mut sources = Sources::default();
        let start = text.find(meant).unwrap();
        let source = sources.add(Source::File {
            path: "f.toml".into(),
            text: text.to_owned(),
        });
        let problem = Problem {
            at: Some(Origin::new(source, &(start..start + meant.len()))),
            what: "it is wrong".to_owned(),
            cure: "make it right".to_owned(),
        };
        Report::new(vec![problem], &sources).to_string()
    }

    #[test]
    fn a_problem_is_shown_where_it_stands() {
        assert_eq!(
            report("[batch]\nage = \"x\"\n", "\"x\""),
            "f.toml:2:7: it is wrong\n   |\n 2 | age = \"x\"\n   |       ^^^\n   = make it right\n"
        );
    }

    #[test]
    fn columns_count_characters() {
        assert!(report("a = \"äöü\", b = 5", "b").contains("f.toml:1:12:"));
    }

    #[test]
    fn secrets_are_masked_in_excerpts() {
        for text in [
            "token = \"hunter2\" BAD",
            "\"password\"= 'hunter2' BAD",
            "sink = { url = 'x', nkey = \"hunter2\", BAD = 1 }",
            "x = BAD, url = \"nats://joe:hunter2@host:4222\"",
            "password = \"\"\"\nhunter2 BAD\"\"\"",
            "tokn = \"hunter2\" BAD",
            "sink.Password = \"hunter2\" BAD",
            "x = BAD, url = \"http://host/?u=joe&p=hunter2\"",
        ] {
            let report = report(text, "BAD");
            assert!(!report.contains("hunter2"), "{report}");
        }
        for text in ["token_file = \"BAD\"", "time = \"BAD\"", "name = \"BAD\""] {
            assert!(report(text, "BAD").contains("BAD"));
        }
    }

    #[test]
    fn nothing_in_an_excerpt_reaches_the_terminal_as_a_command() {
        assert!(!report("a = \"\u{1b}[2J\" BAD", "BAD").contains('\u{1b}'));
    }

    #[test]
    fn the_nearest_key_is_found_and_strangers_are_not() {
        let known = ["url", "bucket", "token_file", "in_flight"];
        assert_eq!(nearest("ulr", known), Some("url"));
        assert_eq!(nearest("tokenfile", known), Some("token_file"));
        assert_eq!(nearest("inflight", known), Some("in_flight"));
        assert_eq!(nearest("frobnicate", known), None);
    }
}
