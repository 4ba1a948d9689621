//! What a demo did, counted twice where it can be: by the stages, and in the files that they left.

use std::fmt::Write as _;
use std::io::{self, BufRead, BufReader};
use std::path::Path;
use std::time::Duration;

use super::settings::Servers;
use crate::decode::scan::lines::line_ends;
use crate::metrics::Metrics;

/// The dead letters of a run without NATS.
pub(super) const LETTERS: &str = "deadletters.ndjson";

/// What the stages counted.
#[derive(Debug)]
pub(super) struct Summary {
    time: Duration,
    sent: u64,
    unsettled: u64,
    settled: u64,
    dead_messages: u64,
    letters: u64,
    lines: u64,
}

/// What the files hold; nothing where servers took it.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Counted {
    lines: Option<u64>,
    letters: Option<u64>,
}

impl Summary {
    pub(super) fn new(time: Duration, sent: u64, unsettled: u64, metrics: &Metrics) -> Self {
        Self {
            time,
            sent,
            unsettled,
            settled: metrics.acked.get(),
            dead_messages: metrics.dead_lettered_messages.get(),
            letters: metrics.dead_lettered_sum(),
            lines: metrics.lines_stored(),
        }
    }

    /// Whether sent = stored + dead-lettered, and the files agree.
    pub(super) fn adds_up(&self, counted: &Counted) -> bool {
        self.unsettled == 0
            // A server's stream may have held others; in this process nobody else sends.
            && (self.sent == self.settled || (counted.letters.is_none() && self.sent < self.settled))
            && counted.lines.is_none_or(|lines| lines == self.lines)
            && counted
                .letters
                .is_none_or(|letters| letters == self.letters)
    }

    pub(super) fn text(&self, folder: &Path, counted: &Counted) -> String {
        let stored = self.settled.saturating_sub(self.dead_messages);
        let mut text = format!(
            "\n{:.1} s\n{} messages sent = {stored} stored + {} dead-lettered",
            self.time.as_secs_f64(),
            self.sent,
            self.dead_messages,
        );
        let others = (self.settled + self.unsettled).saturating_sub(self.sent);
        if others > 0 {
            // Writing to a String cannot fail.
            write!(text, " - {others} that were in the stream before").ok();
        }
        if self.unsettled > 0 {
            write!(text, " + {} not known to be stored", self.unsettled).ok();
        }
        write!(
            text,
            "\n{} lines stored, {} letters kept",
            self.lines, self.letters
        )
        .ok();
        if let Some(lines) = counted.lines {
            write!(text, "\ncounted in {}: {lines} lines", folder.display()).ok();
        }
        if let Some(letters) = counted.letters {
            write!(text, ", {letters} letters").ok();
        }
        text
    }
}

/// Counts what is in the files of this run.
pub(super) fn count(folder: &Path, servers: &Servers) -> io::Result<Counted> {
    let mut counted = Counted::default();
    if servers.influx.is_none() {
        let mut lines = 0;
        for file in std::fs::read_dir(folder)? {
            let path = file?.path();
            if path.extension().is_some_and(|extension| extension == "lp") {
                lines += line_ends(&std::fs::read(&path)?).count() as u64;
            }
        }
        counted.lines = Some(lines);
    }
    if servers.nats.is_none() {
        let letters = std::fs::File::open(folder.join(LETTERS));
        counted.letters = Some(match letters {
            Ok(letters) => BufReader::new(letters).lines().count() as u64,
            Err(error) if error.kind() == io::ErrorKind::NotFound => 0,
            Err(error) => return Err(error),
        });
    }
    Ok(counted)
}
