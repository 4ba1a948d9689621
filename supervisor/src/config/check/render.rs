//! `render` of a watch comes in, the files that follow it go out, each with its template as it was read and tried: what is wrong with a
//! template is known before Consul has said anything.

use std::collections::BTreeSet;
use std::fs::File;
use std::io::{self, Read as _};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use crate::config::check::Look;
use crate::config::check::section::Section;
use crate::config::servers::Render;
use crate::template::limits::LONGEST_SOURCE;
use crate::template::{Environment, Instance, Template, place};

/// What processes are told of each other: it changes with every start, and a file would follow it for nothing.
const OURS: &str = "CONTAINERPILOT_";

/// Checks `render`. `files` are those that other elements write.
pub(super) fn check(watch: &Section<'_>, files: &mut BTreeSet<PathBuf>) -> Vec<Render> {
    let sections = watch.sections("render");
    let one = |section: &Section<'_>| {
        let template = path(section, "template");
        let to = path(section, "to");
        if let Some(to) = &to {
            if to.file_name().is_none() {
                section.wrong("to", "is no file", "name the file itself, not its folder");
            }
            if !files.insert(to.clone()) {
                let what = "is written by another `render`, too";
                section.wrong("to", what, "give each a file of its own");
            }
            if template.as_ref() == Some(to) {
                let what = "is its own template, which would be lost";
                section.wrong("to", what, "give the template another name");
            }
        }
        let template = template?;
        let known = section.check.environment.iter();
        let variables: Environment = known
            .filter(|(name, _)| !name.starts_with(OURS))
            .map(|(name, value)| (name.clone(), value.clone()))
            .collect();
        let text = match section.check.look {
            Look::AtTheFile => String::new(),
            Look::AtThisMachine => read(section, &template)?,
        };
        try_out(section, &template, &text, &variables);
        Some(Render {
            template,
            text: Arc::from(text),
            variables: Arc::new(variables),
            to: to?,
        })
    };
    sections.iter().filter_map(one).collect()
}

fn path(section: &Section<'_>, key: &'static str) -> Option<PathBuf> {
    section.needed(key)?;
    let path = section.path(key);
    if path.is_none() {
        section.wrong(key, "is empty", "write the path of a file");
    }
    path
}

fn read(section: &Section<'_>, template: &Path) -> Option<String> {
    match text(template) {
        Ok(text) => Some(text),
        Err(error) => {
            let what = format!("cannot be read: {}: {error}", template.display());
            section.wrong("template", &what, "bring it, or name another");
            None
        }
    }
}

/// A pipe would be waited for, so only files are read.
fn text(template: &Path) -> io::Result<String> {
    if !template.metadata()?.is_file() {
        return Err(io::Error::other("it is no file"));
    }
    let mut text = String::new();
    let limit = u64::try_from(LONGEST_SOURCE).unwrap_or(u64::MAX);
    let mut file = File::open(template)?.take(limit.saturating_add(1));
    file.read_to_string(&mut text)?;
    Ok(text)
}

/// Renders it for nobody, and for instances of both kinds of addresses.
fn try_out(section: &Section<'_>, template: &Path, text: &str, variables: &Environment) {
    let example = |id: &str, address: &str| Instance {
        id: id.to_owned(),
        address: address.to_owned(),
        port: 8080,
        tags: vec!["example".to_owned()],
    };
    let two = [
        example("example-1", "192.0.2.1"),
        example("example-2", "[2001:db8::2]"),
    ];
    let tried = Template::parse(text).and_then(|parsed| {
        parsed.render_over(variables, &[])?;
        parsed.render_over(variables, &two)
    });
    if let Err(error) = tried {
        let (line, column) = place(text, error.at);
        let what = format!(
            "is wrong: {}:{line}:{column}: {}",
            template.display(),
            error.what
        );
        let cure = match error.cure.as_str() {
            "" => "see the Go package text/template for what can stand in {{ }}",
            cure => cure,
        };
        section.wrong("template", &what, cure);
    }
}
