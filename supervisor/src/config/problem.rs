//! What is wrong with a configuration, as text for a person: the place in the file as typed, what is wrong, and what would be right.
//! Secrets are masked here, once.

use std::fmt::Write as _;
use std::path::PathBuf;

use crate::config::tree::Span;
use crate::template::Rendered;

/// What must not be shown.
mod mask;

/// How many problems are told at once: the rest is likely to follow from these.
pub const REPORT_LIMIT: usize = 50;

/// The longest line of an excerpt, in characters.
const WIDEST: usize = 160;
/// How much of a longer line is shown before the place.
const BEFORE: usize = 60;

/// A configuration file as typed.
#[derive(Debug, Clone)]
pub struct Source {
    /// Where it is.
    pub path: PathBuf,
    /// What stands in it.
    pub text: String,
    /// The same without secrets.
    shown: String,
}

impl Source {
    /// The file at `path`, which holds `text`.
    pub fn new(path: PathBuf, text: String) -> Self {
        let shown = mask::masked(&text);
        Self { path, text, shown }
    }
}

/// One thing that is wrong, or may not be meant.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Problem {
    /// Where, in the rendered text.
    pub(crate) at: Span,
    /// What is wrong, without a full stop.
    pub(crate) what: String,
    /// What to do about it.
    pub(crate) cure: String,
}

/// Everything that is wrong with a configuration, in the order of the file, ready to be printed.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{text}")]
pub struct Report {
    text: String,
    count: usize,
}

impl Report {
    /// Renders `problems`, whose places are in `rendered`, with places in `source`.
    pub(crate) fn new(problems: &[Problem], source: &Source, rendered: &Rendered) -> Self {
        let (findings, more) = Finding::all(problems, source, rendered);
        let mut text: String = findings
            .iter()
            .map(|finding| finding.text.as_str())
            .collect();
        if more > 0 {
            text.push_str(&format!("and {more} more\n"));
        }
        let count = findings.len() + more;
        Self { text, count }
    }

    /// One problem whose place is already that in the file.
    pub(crate) fn of_source(source: &Source, at: usize, what: &str, cure: &str) -> Self {
        let at = Span { start: at, end: at };
        let text = render(source, at, what, cure);
        Self { text, count: 1 }
    }

    /// How many things are wrong.
    pub fn count(&self) -> usize {
        self.count
    }
}

/// What is allowed but may not be meant, ready to be printed.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{text}")]
pub struct Finding {
    text: String,
}

impl Finding {
    /// The first [`REPORT_LIMIT`] of `problems` with their places in the file, in its order, and how many more there are.
    pub(crate) fn all(
        problems: &[Problem],
        source: &Source,
        rendered: &Rendered,
    ) -> (Vec<Self>, usize) {
        let mut placed: Vec<_> = problems
            .iter()
            .map(|problem| (typed(problem.at, rendered), problem))
            .collect();
        placed.sort_by_key(|(at, _)| at.start);
        placed.dedup();
        let more = placed.len().saturating_sub(REPORT_LIMIT);
        let one = |(at, problem): (Span, &Problem)| {
            let text = render(source, at, &problem.what, &problem.cure);
            Self { text }
        };
        let shown = placed.into_iter().take(REPORT_LIMIT);
        (shown.map(one).collect(), more)
    }
}

/// Where what stands at `at` of the rendered text was typed.
fn typed(at: Span, rendered: &Rendered) -> Span {
    let start = rendered.origin(at.start);
    let last = rendered.origin(at.end.saturating_sub(1).max(at.start));
    let end = last.max(start).saturating_add(1);
    Span { start, end }
}

fn render(source: &Source, at: Span, what: &str, cure: &str) -> String {
    let place = Place::find(source, at);
    let (line, column) = (place.line, place.column);
    let mut out = String::new();
    writeln!(out, "{}:{line}:{column}: {what}", source.path.display())
        .and_then(|()| place.excerpt(&mut out))
        .and_then(|()| writeln!(out, "   = {cure}"))
        .expect("writing to a String cannot fail");
    out
}

/// A line of a file, and the characters of it that are meant.
struct Place {
    line: usize,
    /// In characters, from 1.
    column: usize,
    /// How many characters are meant, at least 1.
    width: usize,
    /// The line above and the line itself, with what is secret masked.
    shown: Vec<String>,
}

impl Place {
    fn find(source: &Source, at: Span) -> Self {
        let text = &source.text;
        let (before, rest) = text.split_at(text.floor_char_boundary(at.start));
        let line_start = before.rfind('\n').map_or(0, |at| at + 1);
        let (earlier, head) = before.split_at(line_start);
        let line = earlier.matches('\n').count();
        let meant = rest.lines().next().unwrap_or_default();
        let span = at.end.saturating_sub(at.start);
        let shown = source.shown.lines().skip(line.saturating_sub(1));
        Self {
            line: line + 1,
            column: head.chars().count() + 1,
            width: meant
                .char_indices()
                .take_while(|(at, _)| *at < span)
                .count()
                .max(1),
            shown: shown.take(line.min(1) + 1).map(printable).collect(),
        }
    }

    fn excerpt(&self, out: &mut String) -> std::fmt::Result {
        let gutter = " ".repeat(self.line.to_string().len());
        let first = self.line - self.line.saturating_sub(1).min(1);
        let length = self.shown.last().map_or(0, |line| line.chars().count());
        // Masked text can be shorter than what was typed.
        let column = self.column.min(length + 1);
        let width = self.width.min((length + 1).saturating_sub(column)).max(1);
        // Of a long line, what stands around the place.
        let skipped = (column - 1).saturating_sub(BEFORE) * usize::from(length > WIDEST);
        writeln!(out, " {gutter} |")?;
        let numbered = (first..=self.line).zip(&self.shown);
        let worth =
            |(number, line): &(usize, &String)| *number == self.line || !line.trim().is_empty();
        for (number, line) in numbered.filter(worth) {
            let cut = if number == self.line { skipped } else { 0 };
            let line: String = line.chars().skip(cut).take(WIDEST).collect();
            writeln!(out, " {number:>width$} | {line}", width = gutter.len())?;
        }
        let blank = " ".repeat(column - 1 - skipped);
        let caret = "^".repeat(width.min(WIDEST - BEFORE));
        writeln!(out, " {gutter} | {blank}{caret}")
    }
}

/// A line without what a terminal would obey.
fn printable(line: &str) -> String {
    let printable = |c: char| if c.is_control() { ' ' } else { c };
    line.chars().map(printable).collect()
}

/// Text from outside as it can stand in a message: quoted, escaped, and not longer than a line.
pub(crate) fn quoted(text: &str) -> String {
    /// Longer than any key, event or usual name.
    const LONGEST: usize = 60;
    let short: String = text.chars().take(LONGEST).collect();
    let more = if short.len() < text.len() { "…" } else { "" };
    format!("{:?}", short + more)
}

#[cfg(test)]
mod tests;
