//! One answer of `/metrics` as chunks: own metrics, the series table, the end. The table's lock is held for one chunk at a time.

use std::io::{self, Write};
use std::time::Instant;

use flate2::Compression;
use flate2::write::GzEncoder;

use super::accept::{Coding, Format};
use super::own;
use super::render::{CHUNK_BYTES, Cursor, More};
use super::{Exporter, Shown};

/// Room beyond [`CHUNK_BYTES`] for the series that ends a chunk.
const SLACK: usize = 4 * 1024;

/// The chunks of one answer.
#[derive(Debug)]
pub struct Scrape {
    format: Format,
    stage: Stage,
    gzip: Option<GzEncoder<Vec<u8>>>,
    now: Instant,
}

#[derive(Debug)]
enum Stage {
    Own(Shown),
    Series(Exporter, Cursor),
    End,
    Done,
}

impl Scrape {
    pub(super) fn new(shown: Shown, format: Format, coding: Coding, now: Instant) -> Self {
        Self {
            format,
            stage: Stage::Own(shown),
            gzip: match coding {
                Coding::Identity => None,
                Coding::Gzip => Some(GzEncoder::new(Vec::new(), Compression::fast())),
            },
            now,
        }
    }

    /// The next part, not compressed.
    fn part(&mut self) -> Vec<u8> {
        let mut out = Vec::new();
        match &mut self.stage {
            Stage::Own(shown) => {
                let (families, next) = match shown {
                    Shown::Table(exporter) => {
                        let (families, scrape) = exporter.gather(self.now);
                        let cursor = Cursor::new(scrape);
                        (families, Stage::Series(exporter.clone(), cursor))
                    }
                    Shown::Registered(registry) => (registry.gather(), Stage::End),
                };
                for family in &families {
                    own::encode(family, self.format, &mut out);
                }
                self.stage = next;
            }
            Stage::Series(exporter, cursor) => {
                out.reserve(CHUNK_BYTES + SLACK);
                let more = exporter.lock().chunk(cursor, self.format, &mut out);
                if more == More::No {
                    self.stage = Stage::End;
                }
            }
            Stage::End => {
                if self.format == Format::OpenMetrics {
                    out.extend_from_slice(b"# EOF\n");
                }
                self.stage = Stage::Done;
            }
            Stage::Done => {}
        }
        out
    }

    fn compressed(&mut self, part: Vec<u8>) -> io::Result<Vec<u8>> {
        let Some(mut gzip) = self.gzip.take() else {
            return Ok(part);
        };
        gzip.write_all(&part)?;
        if matches!(self.stage, Stage::Done) {
            return gzip.finish();
        }
        let out = std::mem::take(gzip.get_mut());
        self.gzip = Some(gzip);
        Ok(out)
    }
}

impl Iterator for Scrape {
    type Item = Vec<u8>;

    /// The next chunk that is not empty.
    fn next(&mut self) -> Option<Vec<u8>> {
        while !matches!(self.stage, Stage::Done) {
            let part = self.part();
            let chunk = self
                .compressed(part)
                .expect("writing into memory does not fail");
            if !chunk.is_empty() {
                return Some(chunk);
            }
        }
        None
    }
}
