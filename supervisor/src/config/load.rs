//! A file and the environment come in, the trusted configuration or a report of everything that is wrong goes out. Files that
//! it names are looked at; nothing is connected to, and nothing is written.

use std::fs::File;
use std::io::Read as _;
use std::path::{Path, PathBuf};

use crate::config::Config;
pub use crate::config::check::Look;
use crate::config::check::{Checker, logging, whole};
use crate::config::interfaces::Addresses;
use crate::config::json5::{self, SyntaxError};
use crate::config::problem::Problem;
use crate::config::tree::{Node, Value};
use crate::template::{Environment, Rendered, Template, place};

pub use crate::config::find::find;
pub use crate::config::problem::{Finding, Report, Source};

/// Largest configuration file: such a file is typed by hand, or made from something that was.
pub const FILE_LIMIT: u64 = 1 << 20;

/// Why there is no configuration. Each text is a whole report.
#[derive(Debug, thiserror::Error)]
pub enum LoadError {
    /// Nobody said which file.
    #[error("no configuration: name a file with -config, or in the variable CONTAINERPILOT")]
    NotNamed,
    /// The file could not be read.
    #[error("{}: cannot read the configuration: {error}", path.display())]
    Unreadable {
        /// Which file.
        path: PathBuf,
        /// What the system said.
        error: std::io::Error,
    },
    /// The file is none of ours.
    #[error("{}: the configuration is longer than {FILE_LIMIT} bytes", path.display())]
    TooLong {
        /// Which file.
        path: PathBuf,
    },
    /// What it says is wrong.
    #[error(transparent)]
    Wrong(#[from] Report),
}

/// A checked configuration.
#[derive(Debug, Clone, PartialEq)]
pub struct Loaded {
    /// The file it was read from.
    pub path: PathBuf,
    /// What is trusted.
    pub config: Config,
    /// What is allowed but may not be meant, in the order of the file; what is too much to read is left out.
    pub findings: Vec<Finding>,
}

/// The rendered text of a file: what `-template` prints.
///
/// # Errors
/// When the file cannot be read, or its template is wrong.
pub fn render(path: &Path, env: &Environment) -> Result<String, LoadError> {
    Document::read(path, env).map(|document| document.rendered.text)
}

/// Reads, renders and checks a file. `addresses` are those that `interfaces` choose from; `look` says whether what the file names is
/// looked for.
///
/// # Errors
/// When the file cannot be read, or with everything that is wrong with it.
pub fn load(
    path: &Path,
    env: &Environment,
    addresses: &Addresses,
    look: Look,
) -> Result<Loaded, LoadError> {
    let document = Document::read(path, env)?;
    let root = document.parse()?;
    let check = Checker::new(env, addresses, look);
    let config = whole::check(&check, &root);
    let (problems, findings) = check.said();
    match config.filter(|_| problems.is_empty()) {
        Some(config) => Ok(Loaded {
            path: path.to_owned(),
            config,
            findings: Finding::all(&findings, &document.source, &document.rendered).0,
        }),
        None => Err(document.report(&problems).into()),
    }
}

/// Where the control socket is, at little cost: nothing else of the file is looked at.
///
/// # Errors
/// When the file cannot be read, is no JSON5, or is wrong about the socket.
pub fn control_socket(path: &Path, env: &Environment) -> Result<PathBuf, LoadError> {
    let document = Document::read(path, env)?;
    let root = only(document.parse()?, "control");
    let addresses = Addresses::default();
    let check = Checker::new(env, &addresses, Look::AtTheFile);
    let socket = whole::open(&check, &root).map(|file| logging::socket(&file));
    let (problems, _) = check.said();
    match socket.filter(|_| problems.is_empty()) {
        Some(socket) => Ok(socket),
        None => Err(document.report(&problems).into()),
    }
}

/// A file as typed and as rendered.
#[derive(Debug)]
struct Document {
    source: Source,
    rendered: Rendered,
}

impl Document {
    fn read(path: &Path, env: &Environment) -> Result<Self, LoadError> {
        let source = Source::new(path.to_owned(), read_limited(path)?);
        let template = Template::parse(&source.text);
        match template.and_then(|template| template.render(env)) {
            Ok(rendered) => Ok(Self { source, rendered }),
            Err(error) => {
                let what = format!("template: {}", error.what);
                let cure = match error.cure.as_str() {
                    "" => "see the Go package text/template for what can stand in {{ }}",
                    cure => cure,
                };
                Err(Report::of_source(&source, error.at, &what, cure).into())
            }
        }
    }

    fn parse(&self) -> Result<Node, LoadError> {
        json5::parse(&self.rendered.text).map_err(|error| self.syntax(&error).into())
    }

    fn syntax(&self, error: &SyntaxError) -> Report {
        let at = self.rendered.origin(error.at);
        let (line, column) = place(&self.source.text, at);
        let what = format!("parse error at line:col [{line}:{column}]: {}", error.what);
        Report::of_source(&self.source, at, &what, error.cure)
    }

    fn report(&self, problems: &[Problem]) -> Report {
        Report::new(problems, &self.source, &self.rendered)
    }
}

/// An object without all other keys; whatever else it is, itself.
fn only(mut node: Node, key: &str) -> Node {
    if let Value::Object(entries) = &mut node.value {
        entries.retain(|entry| entry.key == key);
    }
    node
}

fn read_limited(path: &Path) -> Result<String, LoadError> {
    let unreadable = |error| LoadError::Unreadable {
        path: path.to_owned(),
        error,
    };
    let mut bytes = Vec::new();
    let file = File::open(path).map_err(unreadable)?;
    let mut limited = file.take(FILE_LIMIT + 1);
    limited.read_to_end(&mut bytes).map_err(unreadable)?;
    if u64::try_from(bytes.len()).unwrap_or(u64::MAX) > FILE_LIMIT {
        let path = path.to_owned();
        return Err(LoadError::TooLong { path });
    }
    String::from_utf8(bytes).map_err(|error| {
        let valid = error.utf8_error().valid_up_to();
        let text = String::from_utf8_lossy(error.as_bytes()).into_owned();
        let source = Source::new(path.to_owned(), text);
        Report::of_source(
            &source,
            valid,
            "this is not UTF-8",
            "save the file as UTF-8",
        )
        .into()
    })
}

#[cfg(test)]
mod tests;
