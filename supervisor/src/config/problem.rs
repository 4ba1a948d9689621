//! What is wrong with a configuration, as text for a person: the place in the file as typed, what is wrong, and what would be right.
//! Secrets are masked here, once.

use std::fmt::Write as _;
use std::path::PathBuf;

use crate::config::tree::Span;
use crate::template::Rendered;

/// What must not be shown.
mod mask;

pub(crate) use mask::without_users;

/// How many problems are told at once: the rest is likely to follow from these.
pub const REPORT_LIMIT: usize = 50;

/// A configuration file as typed.
#[derive(Debug, Clone)]
pub struct Source {
    /// Where it is.
    pub path: PathBuf,
    /// What stands in it.
    pub text: String,
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
        let findings = Finding::all(problems, source, rendered);
        let mut text = String::new();
        for finding in findings.iter().take(REPORT_LIMIT) {
            text.push_str(&finding.text);
        }
        let more = findings.len().saturating_sub(REPORT_LIMIT);
        if more > 0 {
            text.push_str(&format!("and {more} more\n"));
        }
        Self {
            text,
            count: findings.len(),
        }
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
    /// `problems` with their places in the file, in its order.
    pub(crate) fn all(problems: &[Problem], source: &Source, rendered: &Rendered) -> Vec<Self> {
        let mut placed: Vec<_> = problems
            .iter()
            .map(|problem| (typed(problem.at, rendered), problem))
            .collect();
        placed.sort_by_key(|(at, _)| at.start);
        placed.dedup();
        let one = |(at, problem): (Span, &Problem)| {
            let text = render(source, at, &problem.what, &problem.cure);
            Self { text }
        };
        placed.into_iter().map(one).collect()
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
    let place = Place::find(&source.text, at);
    let (line, column) = (place.line, place.column);
    let mut out = String::new();
    writeln!(out, "{}:{line}:{column}: {what}", source.path.display())
        .and_then(|()| place.excerpt(&mut out))
        .and_then(|()| writeln!(out, "   = {cure}"))
        .expect("writing to a String cannot fail");
    out
}

/// Line and column of a byte of `text`, both from 1, columns in characters.
pub(crate) fn line_and_column(text: &str, at: usize) -> (usize, usize) {
    let place = Place::find(text, Span { start: at, end: at });
    (place.line, place.column)
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
    fn find(text: &str, at: Span) -> Self {
        let (before, rest) = text.split_at(text.floor_char_boundary(at.start));
        let line_start = before.rfind('\n').map_or(0, |at| at + 1);
        let (earlier, head) = before.split_at(line_start);
        let line = earlier.matches('\n').count();
        let meant = rest.lines().next().unwrap_or_default();
        let span = at.end.saturating_sub(at.start);
        let masked = mask::masked(text);
        let shown = masked.lines().skip(line.saturating_sub(1));
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
        writeln!(out, " {gutter} |")?;
        let numbered = (first..=self.line).zip(&self.shown);
        for (number, line) in
            numbered.filter(|(n, line)| *n == self.line || !line.trim().is_empty())
        {
            writeln!(out, " {number:>width$} | {line}", width = gutter.len())?;
        }
        let length = self.shown.last().map_or(0, |line| line.chars().count());
        // Masked text can be shorter than what was typed.
        let column = self.column.min(length + 1);
        let width = self.width.min((length + 1).saturating_sub(column)).max(1);
        writeln!(
            out,
            " {gutter} | {}{}",
            " ".repeat(column - 1),
            "^".repeat(width)
        )
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
