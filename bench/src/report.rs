//! Records come in; a folder with one page and its charts comes out. Charts but the trend show the newest commit, on the machine
//! that it was last measured on; whatever else the records hold is left out, and the page says how much.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use thiserror::Error;

use crate::medians;
use crate::record::Record;

/// One picture each.
pub mod chart;
/// Figures as people read them.
pub mod figures;
/// Tables of text.
pub mod text;
/// All in one file.
pub mod page;
/// A file of records.
pub mod runs;
/// Which records are shown.
pub mod selection;

/// Why there is no report.
#[derive(Debug, Error)]
pub enum Error {
    /// Something can't be read or written.
    #[error("{}: {source}", path.display())]
    File {
        /// Which file.
        path: PathBuf,
        /// What the system said.
        source: io::Error,
    },
    /// There is nothing to show.
    #[error("no record{}: run `floor` and `e2e` first", of.as_ref().map_or_else(String::new, |of| format!(" of commit {of}")))]
    Empty {
        /// The commit that was asked for.
        of: Option<String>,
    },
    /// A chart could not be drawn.
    #[error("chart {name}: {source}")]
    Chart {
        /// Which.
        name: &'static str,
        /// What the library said.
        source: chart::Broken,
    },
}

/// Writes the page and its charts into a folder, which is made; gives the page's path.
///
/// # Errors
/// When there is nothing to show, or it can't be written.
pub fn write(read: &runs::Read, commit: Option<&str>, folder: &Path) -> Result<PathBuf, Error> {
    let shown = selection::of(&read.records, commit)?;
    let rated = medians::rated(&shown.records);
    let groups = medians::groups(&rated);
    let mut pictures = Vec::new();
    for (name, draw) in chart::OF_GROUPS {
        let svg = draw(&groups).map_err(|source| Error::Chart { name, source })?;
        pictures.extend(svg.map(|svg| (name, svg)));
    }
    let trend = chart::trend::draw(&shown.trend).map_err(|source| Error::Chart {
        name: chart::trend::NAME,
        source,
    })?;
    pictures.extend(trend.map(|svg| (chart::trend::NAME, svg)));

    put(|| fs::create_dir_all(folder), folder)?;
    for (name, svg) in &pictures {
        let path = folder.join(format!("{name}.svg"));
        put(|| fs::write(&path, svg), &path)?;
    }
    let page = page::render(&shown, &groups, &pictures, read.unreadable.len());
    let path = folder.join("index.html");
    put(|| fs::write(&path, page), &path)?;
    Ok(path)
}

fn put(write: impl FnOnce() -> io::Result<()>, path: &Path) -> Result<(), Error> {
    write().map_err(|source| Error::File {
        path: path.to_owned(),
        source,
    })
}

/// What a report shows of one record set: kept together, so that page and charts agree.
#[derive(Debug)]
pub struct Shown {
    /// The records of one commit and machine.
    pub records: Vec<Record>,
    /// Each commit of that machine with its ratios.
    pub trend: Vec<selection::Step>,
    /// Records of other machines.
    pub elsewhere: usize,
}

#[cfg(test)]
mod tests;
