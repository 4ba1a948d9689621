//! Records in, bytes of one line each out, in ContainerPilot's three formats. What a job prints never becomes syntax: quotes are
//! escaped, and so is what would move a cursor or break a line; bytes that are no text become visible. Colours stay where people read.

use std::io::Write as _;

use time::OffsetDateTime;
use time::format_description::well_known::Rfc3339;
use tracing::Level;

use super::record::{Record, Value};
use crate::config::LogFormat;

/// Begins the commands of a terminal.
const ESCAPE: u8 = 0x1b;

/// Appends `record` with its line end.
pub(super) fn write(record: &Record, format: LogFormat, out: &mut Vec<u8>) {
    match format {
        LogFormat::Default => plain(record, out),
        LogFormat::Text => pairs(record, out),
        LogFormat::Json => json(record, out),
    }
    out.push(b'\n');
}

/// `<time> job pid message`, then what else there is as pairs.
fn plain(record: &Record, out: &mut Vec<u8>) {
    out.extend_from_slice(stamp(record.time).as_bytes());
    let leads = ["job", "check", "pid"];
    for lead in leads {
        for (_, value) in record.fields.iter().filter(|(name, _)| *name == lead) {
            out.push(b' ');
            escape(value.as_bytes(), Style::Plain, out);
        }
    }
    out.push(b' ');
    coloured(&record.message, out);
    for (name, value) in &record.fields {
        if !leads.contains(name) {
            out.push(b' ');
            pair(name, value.as_bytes(), out);
        }
    }
}

/// `key=value`, each with a space behind it.
fn pairs(record: &Record, out: &mut Vec<u8>) {
    out.extend_from_slice(b"time=\"");
    let seconds = record.time.replace_nanosecond(0).unwrap_or(record.time);
    out.extend_from_slice(stamp(seconds).as_bytes());
    out.extend_from_slice(b"\" level=");
    out.extend_from_slice(word(record.level).as_bytes());
    out.push(b' ');
    if !record.message.is_empty() {
        pair("msg", &record.message, out);
        out.push(b' ');
    }
    for (name, value) in &record.fields {
        pair(&unlike_ours(name), value.as_bytes(), out);
        out.push(b' ');
    }
}

/// One object, its keys sorted.
fn json(record: &Record, out: &mut Vec<u8>) {
    let time = stamp(record.time);
    let mut members: Vec<(String, Member<'_>)> = vec![
        ("time".to_owned(), Member::Text(time.as_bytes())),
        (
            "level".to_owned(),
            Member::Text(word(record.level).as_bytes()),
        ),
        ("msg".to_owned(), Member::Text(&record.message)),
    ];
    for (name, value) in &record.fields {
        let member = match value {
            Value::Text(text) => Member::Text(text.as_bytes()),
            Value::Bare(text) => Member::Bare(text.as_bytes()),
        };
        members.push((unlike_ours(name), member));
    }
    members.sort_by(|left, right| left.0.cmp(&right.0));
    let mut before = b'{';
    for (name, member) in members {
        out.push(before);
        before = b',';
        quoted(name.as_bytes(), Style::Json, out);
        out.push(b':');
        match member {
            Member::Text(text) => quoted(text, Style::Json, out),
            Member::Bare(text) => out.extend_from_slice(text),
        }
    }
    out.push(b'}');
}

enum Member<'a> {
    Text(&'a [u8]),
    Bare(&'a [u8]),
}

impl Value {
    fn as_bytes(&self) -> &[u8] {
        match self {
            Self::Text(text) => text.as_bytes(),
            Self::Bare(text) => text.as_bytes(),
        }
    }
}

/// Fields that are called as ours are get another name, as logrus gives it.
fn unlike_ours(name: &str) -> String {
    match name {
        "time" | "level" | "msg" => format!("fields.{name}"),
        _ => name.to_owned(),
    }
}

/// RFC 3339 in UTC, without zeros at the end of the fraction.
fn stamp(time: OffsetDateTime) -> String {
    // It fails for years that have not four digits.
    time.format(&Rfc3339).unwrap_or_default()
}

/// logrus' words.
fn word(level: Level) -> &'static str {
    match level {
        Level::ERROR => "error",
        Level::WARN => "warning",
        Level::INFO => "info",
        Level::DEBUG | Level::TRACE => "debug",
    }
}

fn pair(name: &str, value: &[u8], out: &mut Vec<u8>) {
    escape(name.as_bytes(), Style::Plain, out);
    out.push(b'=');
    let bare = |byte: &u8| byte.is_ascii_alphanumeric() || b".-".contains(byte);
    if !value.is_empty() && value.iter().all(bare) {
        out.extend_from_slice(value);
    } else {
        quoted(value, Style::Quoted, out);
    }
}

fn quoted(text: &[u8], style: Style, out: &mut Vec<u8>) {
    out.push(b'"');
    escape(text, style, out);
    out.push(b'"');
}

/// What must be escaped where.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Style {
    /// Only what is invisible, and tabs stay.
    Plain,
    /// Between quotes: these and the backslash, too.
    Quoted,
    /// As JSON has it.
    Json,
}

/// As [`Style::Plain`], but commands for colours stay: this format is for people, and these change nothing but how text looks.
fn coloured(message: &[u8], out: &mut Vec<u8>) {
    let mut rest = message;
    while !rest.is_empty() {
        let (text, behind) = if let Some((colour, behind)) = split_colour(rest) {
            out.extend_from_slice(colour);
            (&[][..], behind)
        } else {
            let next = rest.iter().skip(1).position(|byte| *byte == ESCAPE);
            rest.split_at(next.map_or(rest.len(), |next| next + 1))
        };
        escape(text, Style::Plain, out);
        rest = behind;
    }
}

/// The command at the beginning, if it is one for colours (`ESC [ 1 ; 31 m`), and what is behind it.
fn split_colour(bytes: &[u8]) -> Option<(&[u8], &[u8])> {
    let inside = bytes.strip_prefix(&[ESCAPE, b'['])?;
    let digits = |byte: &u8| byte.is_ascii_digit() || *byte == b';';
    let end = inside.iter().position(|byte| !digits(byte))?;
    (inside.get(end) == Some(&b'm')).then(|| bytes.split_at(end + 3))
}

fn escape(bytes: &[u8], style: Style, out: &mut Vec<u8>) {
    for chunk in bytes.utf8_chunks() {
        for char in chunk.valid().chars() {
            escape_char(char, style, out);
        }
        match (chunk.invalid(), style) {
            ([], _) => {}
            (_, Style::Json) => out.extend_from_slice("\u{fffd}".as_bytes()),
            (invalid, Style::Plain | Style::Quoted) => {
                for byte in invalid {
                    put(out, format_args!("\\x{byte:02x}"));
                }
            }
        }
    }
}

fn escape_char(char: char, style: Style, out: &mut Vec<u8>) {
    match (char, style) {
        ('\t', Style::Plain) => out.push(b'\t'),
        ('"' | '\\', Style::Quoted | Style::Json) => put(out, format_args!("\\{char}")),
        ('\t', _) => out.extend_from_slice(b"\\t"),
        ('\r', _) => out.extend_from_slice(b"\\r"),
        ('\n', _) => out.extend_from_slice(b"\\n"),
        // C1 too: some terminals take U+009B for the start of a command.
        (control, Style::Json) if control.is_control() => {
            put(out, format_args!("\\u{:04x}", u32::from(control)));
        }
        (control, _) if control.is_ascii_control() => {
            put(out, format_args!("\\x{:02x}", u32::from(control)));
        }
        (control, _) if control.is_control() => {
            put(out, format_args!("\\u{:04x}", u32::from(control)));
        }
        (other, _) => {
            let mut bytes = [0; 4];
            out.extend_from_slice(other.encode_utf8(&mut bytes).as_bytes());
        }
    }
}

fn put(out: &mut Vec<u8>, text: std::fmt::Arguments<'_>) {
    out.write_fmt(text).expect("a vector takes everything");
}

#[cfg(test)]
mod tests;
