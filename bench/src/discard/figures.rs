//! What passes between the trial and the process that discards: what is to come, and what has come.

use serde::{Deserialize, Serialize};

use crate::payload::{Sum, Traffic};
use crate::record::{Check, Count, Latency};

/// What is to come. Telling it begins a new account.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Expectation {
    /// What is published.
    pub traffic: Traffic,
    /// How it is checked.
    pub check: Check,
    /// Latencies are told of lines with timestamps from this on.
    pub latency_from: Option<u64>,
    /// Lines that may come in batches which are not full: they wait for their age.
    pub tail: u64,
    /// Whether it hangs for a while.
    pub stall: Option<Stall>,
}

/// Writes are taken and neither answered nor counted for a while.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Stall {
    /// From so many lines on,
    pub after_lines: u64,
    /// for so long.
    pub seconds: u64,
}

/// What has come.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct Figures {
    /// Requests.
    pub bodies: u64,
    /// Lines, doubles included.
    pub lines: u64,
    /// Bytes, before compression.
    pub bytes: u64,
    /// All bytes added up, line ends left out; 0 if each line is accounted for.
    pub checksum: u64,
    /// Lines, each counted once. Where they are only counted, all of them.
    pub stored: u64,
    /// Lines beyond that.
    pub doubled: u64,
    /// Lines in other bytes than they were published in, repeats included.
    pub altered: u64,
    /// Lines that nobody published.
    pub strange: u64,
    /// When the first lines came, in nanoseconds since the Unix epoch.
    pub first: u64,
    /// How many they were.
    pub first_lines: u64,
    /// When the last lines came.
    pub last: u64,
    /// When those came behind which there were only batches that had to wait for their age,
    pub full: u64,
    /// and how many there were by then.
    pub full_lines: u64,
    /// Whether writes were made to hang.
    pub hung: bool,
    /// How late lines were.
    pub latency: Option<Latency>,
}

/// A line in other bytes than it was published in.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Alteration {
    /// As published.
    pub sent: String,
    /// As it came.
    pub stored: String,
}

impl Figures {
    /// What became of what was published, `dropped` as the program says.
    pub fn count(&self, check: Check, messages: u64, sent: &Sum, dropped: Option<u64>) -> Count {
        let mut count = Count {
            messages,
            lines: sent.lines,
            bytes: sent.bytes,
            stored: self.stored,
            lost: sent.lines.saturating_sub(self.stored),
            doubled: self.doubled,
            altered: self.altered + self.strange,
            dropped,
        };
        if check == Check::Count {
            count.stored = self.lines.min(sent.lines);
            count.doubled = self.lines.saturating_sub(sent.lines);
            // Lines that programs write themselves have no sum to compare with.
            let same = self.lines == sent.lines && self.checksum == sent.checksum;
            let comparable = self.lines == sent.lines && sent.checksum != 0;
            count.altered = u64::from(comparable && !same);
        }
        count
    }
}
