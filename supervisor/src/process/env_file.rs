//! A file of variables: `NAME=value` lines come in, pairs go out, the last of a name wins.
//!
//! `export` before a name, empty lines and lines that begin with `#` are passed over. A bare value ends at the end of the line or
//! at a blank with `#` behind it. In `'…'` every byte is itself; in `"…"` there are `\n`, `\r`, `\t`, `\"`, `\\` and `\$`. Nothing is
//! expanded, and no value is shown in an error.

use std::fs::File;
use std::io::{self, Read as _};
use std::path::{Path, PathBuf};

/// The longest file.
pub const FILE_LIMIT: u64 = 64 * 1024;
/// The most variables.
pub const VARIABLES_LIMIT: usize = 1024;

/// A file of variables is wrong.
#[derive(Debug, thiserror::Error)]
pub enum EnvFileError {
    /// It cannot be read.
    #[error("{}: {source}", path.display())]
    Unreadable {
        /// The file.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
    /// It is no ordinary file.
    #[error("{}: is no file", path.display())]
    NoFile {
        /// What is there instead.
        path: PathBuf,
    },
    /// It is too long.
    #[error("{}: is longer than {FILE_LIMIT} bytes", path.display())]
    TooLong {
        /// The file.
        path: PathBuf,
    },
    /// A line is wrong.
    #[error("{}:{line}: {problem}", path.display())]
    Line {
        /// The file.
        path: PathBuf,
        /// Counted from 1.
        line: usize,
        /// What is wrong, and what to write instead.
        problem: Problem,
    },
}

/// What is wrong with a line.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum Problem {
    /// There is no `=`.
    #[error("has no `=`; write NAME=value")]
    NoEquals,
    /// The name is none.
    #[error("the name before `=` may hold letters, digits and `_`, and not begin with a digit")]
    BadName,
    /// A quote is not closed.
    #[error("the quote is not closed in this line")]
    OpenQuote,
    /// Something follows a quoted value.
    #[error("only a comment may follow the closing quote")]
    AfterQuote,
    /// An escape is unknown.
    #[error("in double quotes `\\` may stand before n, r, t, \", \\ and $ only; use single quotes")]
    BadEscape,
    /// No variable can hold a NUL.
    #[error("holds a NUL byte")]
    Nul,
    /// It is not UTF-8.
    #[error("is not UTF-8")]
    NotText,
    /// There are too many.
    #[error("is one more than {VARIABLES_LIMIT} variables")]
    TooMany,
}

/// Reads a file of variables.
///
/// # Errors
/// [`EnvFileError`], which names the line.
pub fn read(path: &Path) -> Result<Vec<(String, String)>, EnvFileError> {
    let unreadable = |source| EnvFileError::Unreadable {
        path: path.to_owned(),
        source,
    };
    // Whoever opens a FIFO waits for its writer.
    if !path.metadata().map_err(unreadable)?.is_file() {
        return Err(EnvFileError::NoFile {
            path: path.to_owned(),
        });
    }
    let mut bytes = Vec::new();
    let file = File::open(path).map_err(unreadable)?;
    file.take(FILE_LIMIT + 1)
        .read_to_end(&mut bytes)
        .map_err(unreadable)?;
    if bytes.len() as u64 > FILE_LIMIT {
        return Err(EnvFileError::TooLong {
            path: path.to_owned(),
        });
    }
    parse(&bytes).map_err(|(line, problem)| EnvFileError::Line {
        path: path.to_owned(),
        line,
        problem,
    })
}

/// The variables that a text sets.
///
/// # Errors
/// The number of the first wrong line, from 1, and what is wrong with it.
pub fn parse(text: &[u8]) -> Result<Vec<(String, String)>, (usize, Problem)> {
    let mut variables = Vec::new();
    for (number, line) in (1..).zip(text.split(|byte| *byte == b'\n')) {
        let variable = std::str::from_utf8(line)
            .map_err(|_| Problem::NotText)
            .and_then(parse_line)
            .map_err(|problem| (number, problem))?;
        if variables.len() == VARIABLES_LIMIT && variable.is_some() {
            return Err((number, Problem::TooMany));
        }
        variables.extend(variable);
    }
    Ok(variables)
}

fn parse_line(line: &str) -> Result<Option<(String, String)>, Problem> {
    let line = line.trim();
    if line.is_empty() || line.starts_with('#') {
        return Ok(None);
    }
    if line.contains('\0') {
        return Err(Problem::Nul);
    }
    let bare = line
        .strip_prefix("export")
        .filter(|rest| rest.starts_with([' ', '\t']))
        .map_or(line, str::trim_start);
    let (name, value) = bare.split_once('=').ok_or(Problem::NoEquals)?;
    let mut letters = name.chars();
    let begins = |first: char| first.is_ascii_alphabetic() || first == '_';
    let goes_on = |other: char| other.is_ascii_alphanumeric() || other == '_';
    if !letters.next().is_some_and(begins) || !letters.all(goes_on) {
        return Err(Problem::BadName);
    }
    Ok(Some((name.to_owned(), parse_value(value)?)))
}

fn parse_value(value: &str) -> Result<String, Problem> {
    let (value, rest) = if let Some(quoted) = value.strip_prefix('\'') {
        let (value, rest) = quoted.split_once('\'').ok_or(Problem::OpenQuote)?;
        (value.to_owned(), rest)
    } else if let Some(quoted) = value.strip_prefix('"') {
        unescape(quoted)?
    } else {
        let comment = [" #", "\t#"]
            .iter()
            .filter_map(|mark| value.find(mark))
            .min();
        let bare = comment.and_then(|at| value.get(..at)).unwrap_or(value);
        return Ok(bare.trim().to_owned());
    };
    let rest = rest.trim_start();
    if rest.is_empty() || rest.starts_with('#') {
        Ok(value)
    } else {
        Err(Problem::AfterQuote)
    }
}

/// The text up to the closing quote, and what follows it.
fn unescape(quoted: &str) -> Result<(String, &str), Problem> {
    let mut value = String::new();
    let mut letters = quoted.chars();
    loop {
        match letters.next().ok_or(Problem::OpenQuote)? {
            '"' => return Ok((value, letters.as_str())),
            '\\' => value.push(match letters.next().ok_or(Problem::OpenQuote)? {
                'n' => '\n',
                'r' => '\r',
                't' => '\t',
                itself @ ('"' | '\\' | '$') => itself,
                _ => return Err(Problem::BadEscape),
            }),
            other => value.push(other),
        }
    }
}

#[cfg(test)]
mod tests;
