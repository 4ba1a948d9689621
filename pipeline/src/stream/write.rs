//! Records to a file: plain, or packed if its name ends in `.zst`. Nothing is sure to be there before `Writer::finish`.

use std::fs::File;
use std::io::{self, BufWriter, Write};
use std::path::Path;

use crate::stream::{Record, packed};

/// zstd's own default: a recording is written once and may be kept for long.
const LEVEL: i32 = 3;

/// A stream that is being written.
pub struct Writer {
    out: Out,
    line: Vec<u8>,
    records: u64,
}

enum Out {
    Plain(BufWriter<File>),
    Packed(zstd::Encoder<'static, BufWriter<File>>),
}

impl std::fmt::Debug for Writer {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Writer({} records)", self.records)
    }
}

impl Writer {
    /// Starts a file; one of that name is replaced.
    ///
    /// # Errors
    /// When it cannot be created.
    pub fn create(path: &Path) -> io::Result<Self> {
        let file = BufWriter::new(File::create(path)?);
        let out = if packed(path) {
            Out::Packed(zstd::Encoder::new(file, LEVEL)?)
        } else {
            Out::Plain(file)
        };
        Ok(Self {
            out,
            line: Vec::new(),
            records: 0,
        })
    }

    /// Adds a record.
    ///
    /// # Errors
    /// When the disk does not take it, or its offset is none.
    pub fn write(&mut self, record: &Record) -> io::Result<()> {
        self.line.clear();
        record.write(&mut self.line)?;
        match &mut self.out {
            Out::Plain(out) => out.write_all(&self.line),
            Out::Packed(out) => out.write_all(&self.line),
        }?;
        self.records += 1;
        Ok(())
    }

    /// How many records were written.
    pub fn records(&self) -> u64 {
        self.records
    }

    /// Ends the file. It is on the disk when this returns.
    ///
    /// # Errors
    /// When the disk does not take the rest.
    pub fn finish(self) -> io::Result<()> {
        let buffered = match self.out {
            Out::Plain(out) => out,
            Out::Packed(out) => out.finish()?,
        };
        let file = buffered
            .into_inner()
            .map_err(io::IntoInnerError::into_error)?;
        file.sync_all()
    }
}
