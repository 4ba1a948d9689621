//! A file of records, one JSON line each, comes in; the records go out. A line that can't be read (of an older form, or torn when
//! a trial was killed) costs only itself: it is left out and its number is given.

use std::fs;
use std::path::Path;

use super::Error;
use crate::record::Record;

/// What a file holds.
#[derive(Debug, Default)]
pub struct Read {
    /// In the order of the file.
    pub records: Vec<Record>,
    /// The numbers of the lines that are no records.
    pub unreadable: Vec<usize>,
}

/// Reads a file.
///
/// # Errors
/// When it can't be read at all.
pub fn read(path: &Path) -> Result<Read, Error> {
    let text = fs::read(path).map_err(|source| Error::File {
        path: path.to_owned(),
        source,
    })?;
    Ok(parse(&text))
}

fn parse(text: &[u8]) -> Read {
    let mut read = Read::default();
    for (number, line) in (1..).zip(text.split(|byte| *byte == b'\n')) {
        if line.trim_ascii().is_empty() {
            continue;
        }
        match serde_json::from_slice(line) {
            Ok(record) => read.records.push(record),
            Err(_) => read.unreadable.push(number),
        }
    }
    read
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::medians::sample::lines_in;

    #[test]
    fn a_torn_line_costs_only_itself() {
        let line = serde_json::to_string(&lines_in(1.0)).unwrap();
        let text = format!("{line}\n\n{}\n{line}\n{{}}", line.get(..40).unwrap());
        let read = parse(text.as_bytes());
        assert_eq!(read.records.len(), 2);
        assert_eq!(read.unreadable, [3, 5]);
    }
}
