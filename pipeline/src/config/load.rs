//! Files and environment come in, the trusted configuration or a report of everything that is wrong goes out. No socket is opened.

use std::path::{Path, PathBuf};

use serde::Deserialize as _;

use crate::config::Config;
use crate::config::check::{Checker, Taken, whole};
use crate::config::environment::{Environment, read_limited};
use crate::config::exposed::exposed;
use crate::config::origin::{Origin, Source, Sources};
use crate::config::problem::{Problem, Report};
use crate::config::raw::Raw;
use crate::config::tree::{self, Node, Table, Value, expand_all, overlay};
use crate::config::typing::{Typer, Typing};

/// Largest configuration file: such a file is typed by hand, or made from something that was.
pub const FILE_LIMIT: u64 = 4 << 20;

/// A checked configuration and where it came from.
#[derive(Debug, Clone)]
pub struct Loaded {
    /// What is trusted.
    pub config: Config,
    /// The files it was read from, later ones over earlier ones.
    pub files: Vec<PathBuf>,
    /// Every default that holds.
    pub defaults: Vec<Taken>,
    /// What is allowed but may not be meant.
    pub notes: Vec<String>,
    /// Secrets that others can read; these are notes, too.
    pub exposed: Vec<String>,
}

impl Loaded {
    /// Whether nobody has said anything about `key`.
    pub fn is_default(&self, key: &str) -> bool {
        self.defaults.iter().any(|taken| taken.key == key)
    }
}

/// Reads `files` in order, lays the overrides of `environment` on top, expands `${…}`, and checks the result.
///
/// # Errors
/// Everything that is wrong, ready to be printed.
pub fn load(files: &[PathBuf], environment: &Environment) -> Result<Loaded, Report> {
    let mut sources = Sources::default();
    let mut problems = Vec::new();
    let mut root = Table::new();
    for path in files {
        match read(path, &mut sources) {
            Ok(table) => overlay(&mut root, table),
            Err(found) => problems.extend(found),
        }
    }
    overlay(
        &mut root,
        environment.overrides(&mut sources, &mut problems),
    );
    if problems.is_empty() {
        expand_all(&mut root, environment, &mut problems);
    }
    if !problems.is_empty() {
        // Half a tree would only give problems that are none.
        return Err(Report::new(problems, &sources));
    }
    let raw = typed(root, &sources, &mut problems);
    let mut check = Checker::default();
    let config = whole::check(&mut check, raw);
    problems.append(&mut check.problems);
    if !problems.is_empty() {
        return Err(Report::new(problems, &sources));
    }
    let exposed = exposed(&check.plain, &sources);
    check.notes.extend(exposed.iter().cloned());
    Ok(Loaded {
        config,
        files: files.to_vec(),
        defaults: check.taken,
        notes: check.notes,
        exposed,
    })
}

fn read(path: &Path, sources: &mut Sources) -> Result<Table, Vec<Problem>> {
    let text = read_limited(path, FILE_LIMIT).map_err(|error| {
        vec![Problem {
            at: None,
            what: format!("{}: cannot read the configuration: {error}", path.display()),
            cure: "name a file that exists and that this user may read".to_owned(),
        }]
    })?;
    let source = sources.add(Source::File {
        path: path.to_owned(),
        text: text.clone(),
    });
    tree::parse(&text, source)
}

fn typed(root: Table, sources: &Sources, problems: &mut Vec<Problem>) -> Raw {
    let root = Node {
        value: Value::Table(root),
        at: Origin::new(u32::MAX, &(0..0)),
    };
    let typing = Typing {
        sources,
        problems: std::cell::RefCell::default(),
    };
    let raw = Raw::deserialize(Typer::root(&root, &typing));
    problems.append(&mut typing.problems.into_inner());
    raw.unwrap_or_else(|error| {
        // Only a mistake in the raw structs comes here: every key catches its own.
        problems.push(Problem {
            at: None,
            what: error.to_string(),
            cure: "check the types of the keys".to_owned(),
        });
        Raw::default()
    })
}

#[cfg(test)]
mod tests;
