//! A template and instances come in, a file that says the same is there afterwards, replaced as a whole or not at all.

use std::ffi::OsString;
use std::fs::{self, File, OpenOptions, Permissions};
use std::io::{self, Read as _, Write as _};
use std::os::unix::fs::{OpenOptionsExt as _, PermissionsExt as _};
use std::path::{Path, PathBuf};

use crate::config::Render;
use crate::template::{Instance, Template, TemplateError, place};

/// Everybody may read it: who reads it is seldom who writes it. A template has no secrets.
const MODE: u32 = 0o644;

/// Why a file is not as it should be. What was there before still is.
#[derive(Debug, thiserror::Error)]
pub enum RenderError {
    /// The template cannot be rendered for these instances.
    #[error("{}:{line}:{column}: {error}", template.display())]
    Template {
        /// Where it was read.
        template: PathBuf,
        /// From 1.
        line: usize,
        /// From 1.
        column: usize,
        /// What is wrong with it.
        error: TemplateError,
    },
    /// The file cannot be written.
    #[error("{} cannot be written: {error}: let the supervisor's user write in its folder, which must be there", to.display())]
    File {
        /// Which one.
        to: PathBuf,
        /// What the system says.
        error: io::Error,
    },
}

/// What became of a file.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Written {
    /// It says something else now.
    Changed,
    /// It said so already.
    Same,
}

/// The text of a file. No longer than what a template may make.
///
/// # Errors
/// [`RenderError::Template`].
pub fn text(render: &Render, instances: &[Instance]) -> Result<String, RenderError> {
    let rendered = Template::parse(&render.text)
        .and_then(|template| template.render_over(&render.variables, instances));
    rendered.map(|rendered| rendered.text).map_err(|error| {
        let (line, column) = place(&render.text, error.at);
        RenderError::Template {
            template: render.template.clone(),
            line,
            column,
            error,
        }
    })
}

/// Sees to it that the file at `to` says `text`. One that was changed or removed by somebody else is written again.
///
/// # Errors
/// [`RenderError::File`].
pub fn write(to: &Path, text: &str) -> Result<Written, RenderError> {
    let failed = |error| RenderError::File {
        to: to.to_owned(),
        error,
    };
    if says(to, text) {
        return Ok(Written::Same);
    }
    replace(to, text).map_err(failed)?;
    Ok(Written::Changed)
}

/// Nothing is waited for, so only files are read, and no more of them than `text` is long.
fn says(path: &Path, text: &str) -> bool {
    let length = u64::try_from(text.len()).unwrap_or(u64::MAX);
    let there = path.symlink_metadata();
    if !there.is_ok_and(|there| there.is_file() && there.len() == length) {
        return false;
    }
    let mut found = Vec::with_capacity(text.len());
    let read = File::open(path).and_then(|file| file.take(length).read_to_end(&mut found));
    read.is_ok() && found == text.as_bytes()
}

/// Readers see the old file or the new one. Nothing is synchronised: after a crash of the machine it is rendered anew.
fn replace(to: &Path, text: &str) -> io::Result<()> {
    let name = to
        .file_name()
        .ok_or_else(|| io::Error::other("it has no name"))?;
    let mut hidden = OsString::from(".");
    hidden.push(name);
    hidden.push(".new");
    let beside = to.with_file_name(hidden);
    // Left behind by a process that was killed. Another's link is not written through.
    match fs::remove_file(&beside) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
        _ => {}
    }
    let mut options = OpenOptions::new();
    let mut file = options
        .write(true)
        .create_new(true)
        .mode(MODE)
        .open(&beside)?;
    let written = file
        .write_all(text.as_bytes())
        // Whatever the umask is.
        .and_then(|()| file.set_permissions(Permissions::from_mode(MODE)))
        .and_then(|()| fs::rename(&beside, to));
    if written.is_err() {
        // What could not be written is in nobody's way, or says so the next time.
        drop(fs::remove_file(&beside));
    }
    written
}

#[cfg(test)]
mod tests;
