//! A regular expression of Go, a replacement and a subject come in, the subject with every match replaced goes out. The library
//! shares RE2's rules but not all of its spelling, so patterns are respelt.

use regex::{Captures, Regex, RegexBuilder};

use super::Fault;
use super::limits::{Bounded, LARGEST_PATTERN};
use super::render::Renderer;
use super::value::Value;

/// What compiling costs, in bytes looked at.
const COMPILING: usize = 1 << 15;

/// What matching costs for each byte of the subject: the largest pattern takes tens of µs for one. The longest variable that Linux
/// passes on, 128 KiB, can be matched once.
const MATCHING: usize = 120;

/// Compiled patterns that are kept: those of a loop's body.
const KEPT: usize = 16;

pub(super) fn replace_all<'v>(
    renderer: &mut Renderer<'v>,
    written: &str,
    replacement: &str,
    subject: &str,
) -> Result<Value<'v>, Fault> {
    let matching = subject.len().saturating_mul(MATCHING);
    renderer.work.spend(matching)?;
    let regex = match renderer.patterns.get(written) {
        Some(known) => known.clone(),
        None => {
            renderer.work.spend(COMPILING)?;
            let regex = compile(written)?;
            if renderer.patterns.len() >= KEPT {
                renderer.patterns.clear();
            }
            renderer.patterns.insert(written.to_owned(), regex.clone());
            regex
        }
    };
    let mut out = Bounded::default();
    let mut end = 0;
    for captures in regex.captures_iter(subject) {
        let found = captures.get_match();
        out.push(subject.get(end..found.start()).unwrap_or_default());
        expand(&mut out, replacement, &captures);
        end = found.end();
    }
    out.push(subject.get(end..).unwrap_or_default());
    out.finish().map(Value::text)
}

fn compile(written: &str) -> Result<Regex, Fault> {
    let built = RegexBuilder::new(&respelt(written))
        .size_limit(LARGEST_PATTERN)
        .dfa_size_limit(LARGEST_PATTERN)
        .build();
    built.map_err(|error| {
        let what = match error {
            regex::Error::CompiledTooBig(_) => "a regular expression is too large".to_owned(),
            // The whole message shows the pattern, which may hold a variable's value; its last line has the reason.
            error => {
                let message = error.to_string();
                let reason = message.lines().last().unwrap_or_default();
                let reason = reason.strip_prefix("error: ").unwrap_or_default();
                format!("a regular expression has a mistake: {reason}")
            }
        };
        Fault::new(what)
    })
}

/// What `\d` and its like mean: only ASCII, as in Go. Inside of brackets these are classes in a class.
const CLASSES: [(char, &str); 6] = [
    ('d', "[0-9]"),
    ('D', "[^0-9]"),
    ('w', "[0-9A-Za-z_]"),
    ('W', "[^0-9A-Za-z_]"),
    ('s', "[\\t\\n\\f\\r ]"),
    ('S', "[^\\t\\n\\f\\r ]"),
];

/// The same pattern in the library's spelling.
fn respelt(written: &str) -> String {
    let mut out = String::with_capacity(written.len() + 16);
    let mut rest = written;
    while let Some(character) = rest.chars().next() {
        let behind = rest.strip_prefix(character).unwrap_or_default();
        rest = match character {
            '\\' => escape(&mut out, behind),
            '[' => class(&mut out, behind),
            // Where it begins no repetition, it means itself in Go.
            '{' if !is_repetition(behind) => {
                out.push_str("\\{");
                behind
            }
            _ => {
                out.push(character);
                behind
            }
        };
    }
    out
}

/// What follows a backslash; returns what is left.
fn escape<'w>(out: &mut String, rest: &'w str) -> &'w str {
    let Some(character) = rest.chars().next() else {
        out.push('\\');
        return rest;
    };
    let behind = rest.strip_prefix(character).unwrap_or_default();
    if let Some((_, class)) = CLASSES.iter().find(|(name, _)| *name == character) {
        out.push_str(class);
        return behind;
    }
    match character {
        'b' => out.push_str("(?-u:\\b)"),
        'B' => out.push_str("(?-u:\\B)"),
        '<' | '>' => out.push(character),
        'Q' => {
            let (literal, behind) = behind.split_once("\\E").unwrap_or((behind, ""));
            out.push_str(&regex::escape(literal));
            return behind;
        }
        'p' | 'P' | 'x' if behind.starts_with('{') => {
            let (name, behind) = behind.split_once('}').unwrap_or((behind, ""));
            let (letter, name) = match (character, name.strip_prefix("{^")) {
                ('p', Some(negated)) => ('P', format!("{{{negated}")),
                ('P', Some(negated)) => ('p', format!("{{{negated}")),
                _ => (character, name.to_owned()),
            };
            out.extend(['\\', letter]);
            out.push_str(&name);
            out.push('}');
            return behind;
        }
        _ => out.extend(['\\', character]),
    }
    behind
}

/// What follows an opening bracket, to its end; returns what is left.
fn class<'w>(out: &mut String, rest: &'w str) -> &'w str {
    out.push('[');
    let mut rest = rest;
    for first in ["^", "]"] {
        if let Some(behind) = rest.strip_prefix(first) {
            out.push_str(match first {
                "^" => "^",
                _ => "\\]",
            });
            rest = behind;
        }
    }
    while let Some(character) = rest.chars().next() {
        let behind = rest.strip_prefix(character).unwrap_or_default();
        rest = match character {
            ']' => {
                out.push(']');
                return behind;
            }
            '\\' => escape(out, behind),
            '[' => match behind
                .strip_prefix(':')
                .and_then(|name| name.split_once(":]"))
            {
                Some((name, behind)) => {
                    out.push_str("[:");
                    out.push_str(name);
                    out.push_str(":]");
                    behind
                }
                None => {
                    out.push_str("\\[");
                    behind
                }
            },
            // Doubled, these would be operations on sets.
            '&' | '~' => {
                out.extend(['\\', character]);
                behind
            }
            '-' if behind.starts_with('-') => {
                out.push_str("-\\-");
                behind.strip_prefix('-').unwrap_or_default()
            }
            _ => {
                out.push(character);
                behind
            }
        };
    }
    rest
}

fn is_repetition(behind: &str) -> bool {
    let Some((counts, _)) = behind.split_once('}') else {
        return false;
    };
    let is_number = |text: &str| text.bytes().all(|byte| byte.is_ascii_digit());
    let (least, most) = counts.split_once(',').unwrap_or((counts, ""));
    !least.is_empty() && is_number(least) && is_number(most)
}

/// Writes a replacement: `$1`, `$name` and `${name}` are what the groups matched, `$$` is a dollar. A name is as long as it can be, and
/// one of no group is empty.
fn expand(out: &mut Bounded, replacement: &str, captures: &Captures<'_>) {
    let mut rest = replacement;
    while let Some((before, behind)) = rest.split_once('$') {
        out.push(before);
        if let Some(behind) = behind.strip_prefix('$') {
            out.push("$");
            rest = behind;
            continue;
        }
        let Some((name, behind)) = reference(behind) else {
            out.push("$");
            rest = behind;
            continue;
        };
        let is_number = name.bytes().all(|byte| byte.is_ascii_digit());
        let group = match name.parse::<usize>() {
            Ok(number) if is_number && (name == "0" || !name.starts_with('0')) => {
                captures.get(number)
            }
            _ => captures.name(name),
        };
        out.push(group.map_or("", |group| group.as_str()));
        rest = behind;
    }
    out.push(rest);
}

/// The name behind a dollar, and what follows it.
fn reference(text: &str) -> Option<(&str, &str)> {
    let inner = text.strip_prefix('{');
    let name = inner.unwrap_or(text);
    let length = name
        .find(|character: char| character != '_' && !character.is_alphanumeric())
        .unwrap_or(name.len());
    let (name, behind) = name.split_at_checked(length)?;
    let behind = match inner {
        Some(_) => behind.strip_prefix('}')?,
        None => behind,
    };
    (!name.is_empty()).then_some((name, behind))
}
