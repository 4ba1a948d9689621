//! Bytes come in, lines go out as spans: one pass that finds a line's end and checks its grammar, without an allocation.
//!
//! Nothing is lost here: comments and blank lines are skipped, and a line that breaks the rules comes out as an error with its
//! place, so that the caller can keep its bytes. What is accepted is accepted by every store the `Rules` stand for.
//!
//! **Where a line ends.** At the first newline outside of a quoted string. In a bad line, too, a string counts that has a closing
//! quote with a comma, a blank or the line's end behind it: text within a string never becomes a line of its own. Any other
//! quote does not count: a publisher who forgot one has swallowed the lines that follow, and they are to survive.
//!
//! **What must not be passed on.** Bytes between two lines: a comment with a quote in it makes InfluxDB 1 swallow the lines
//! that follow, and it takes no carriage return. A run of lines can go out as it came as long as each starts where the one
//! before it said `Scanned::next`, and ends with `LineEnd::Lf`.

use std::ops::Range;

use crate::decode::dialect::Rules;
use crate::decode::line::{FieldSpan, Line, Span, TagSpan};
use fault::LineError;
use pass::Pass;
use usual::Pairs;
pub(crate) use value::TIMES;
use walk::{At, span};
use window::Window;

/// What can be wrong with a line.
pub mod fault;
pub(super) mod block;
mod marks;
pub(super) mod value;
pub(super) mod twice;
mod resume;
mod usual;
mod walk;
mod window;
/// One pass over a payload.
pub mod pass;
/// Lines found again in bytes that have been scanned before.
pub mod lines;

/// The longest line: as large as a message of NATS is by default, and as the longest string that InfluxDB 1.8 and 2 take.
pub const LINE_LIMIT: usize = 1024 * 1024;

/// The longest series key together with a field key: InfluxDB 1 and 2 keep both in one key of 65,535 bytes with four between.
pub const KEY_LIMIT: usize = 65_535 - 4;

/// What is looked at from a line's start: spans are 32 bits wide. No line within the limit is cut off by it.
const WINDOW: usize = u32::MAX as usize;

/// How a line ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum LineEnd {
    /// `\n` directly behind the line: both can be passed on together.
    Lf,
    /// `\n` behind blanks or a carriage return: pass on the line without it, and a `\n` of your own.
    Padded,
    /// None: the payload ended.
    EndOfInput,
}

/// One line of a payload.
#[derive(Debug)]
pub struct Scanned<'a> {
    /// Its place in the payload, without blanks around it and without its end.
    pub range: Range<usize>,
    /// Where to go on.
    pub next: usize,
    /// How it ended.
    pub end: LineEnd,
    /// Its parts, or what is wrong with it.
    pub line: Result<Line<'a>, LineError>,
}

/// Finds and checks lines; keeps its buffers from line to line.
#[derive(Debug)]
pub struct Scanner {
    rules: Rules,
    tags: Vec<TagSpan>,
    fields: Vec<FieldSpan>,
    order: Vec<Span>,
    window: Window,
    pairs: Pairs,
}

impl Scanner {
    /// A scanner for lines that all of `rules` must take.
    pub fn new(rules: Rules) -> Self {
        Self {
            rules,
            tags: Vec::with_capacity(16),
            fields: Vec::with_capacity(16),
            order: Vec::new(),
            window: Window::default(),
            pairs: Pairs::default(),
        }
    }

    /// A pass over the lines of `payload` from `at` on, where a line must start.
    #[inline]
    pub fn pass<'s, 'p>(&'s mut self, payload: &'p [u8], at: usize) -> Pass<'s, 'p> {
        Pass::new(self, payload, at)
    }

    /// The first line at or after `at`, where a line must start; `None` if only comments and blank lines are left. For all
    /// lines of a payload [`Scanner::pass`] gives the same, and costs half.
    #[inline]
    pub fn next<'a>(&'a mut self, payload: &'a [u8], at: usize) -> Option<Scanned<'a>> {
        let start = skip(payload, at)?;
        let text = &payload[start..];
        let line = match self.walk(&text[..text.len().min(WINDOW)]) {
            Ok(parts) => parts,
            Err(error) => return Some(refused(text, start, error)),
        };
        let text = &text[..line.end];
        Some(Scanned {
            range: start..start + line.end,
            next: start + line.next,
            end: line.line_end,
            line: Ok(Line {
                text,
                measurement: span(0, line.measurement),
                series: span(0, line.series),
                tags: &self.tags,
                fields: &self.fields,
                timestamp: line.timestamp,
            }),
        })
    }
}

/// Whether a line ends at `at`: at `\n`, `\r\n`, or the last byte.
#[inline(always)]
fn line_ends(text: &[u8], at: usize) -> bool {
    match text.get(at) {
        None | Some(b'\n') => true,
        Some(b'\r') => matches!(text.get(at + 1), None | Some(b'\n')),
        Some(_) => false,
    }
}

/// The start of the first line at or after `at` that is neither blank nor a comment.
#[inline(always)]
fn skip(payload: &[u8], mut at: usize) -> Option<usize> {
    loop {
        match payload.get(at)? {
            b' ' | b'\t' | b'\n' => at += 1,
            b'\r' if line_ends(payload, at) => at += 1,
            // Stores differ in where a comment with a quote in it ends; here it is the next newline.
            b'#' => at += memchr::memchr(b'\n', &payload[at..])?,
            _ => return Some(at),
        }
    }
}

/// The bad line that starts at `start` of a payload, of which `text` is the rest.
#[cold]
fn refused(text: &[u8], start: usize, (at, fault): At) -> Scanned<'_> {
    let newline = resume::newline(text);
    let mut end = newline.unwrap_or(text.len());
    let mut line_end = if newline.is_some() {
        LineEnd::Lf
    } else {
        LineEnd::EndOfInput
    };
    if end > 0 && text[end - 1] == b'\r' {
        end -= 1;
        if newline.is_some() {
            line_end = LineEnd::Padded;
        }
    }
    Scanned {
        range: start..start + end,
        next: start + newline.map_or(text.len(), |newline| newline + 1),
        end: line_end,
        line: Err(LineError {
            fault,
            column: at + 1,
        }),
    }
}

#[cfg(test)]
mod tests;
