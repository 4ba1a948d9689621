//! Refusals of parts of a batch come in; what is to be sent next goes to the [`Work`], and lines that are refused for good are kept
//! until the batch is done. The lines are told apart only when the first refusal comes.

use flightline_contract::deadletter::Reason;
use tracing::error;

use crate::batch::Batch;
use crate::deadletter::Letter;
use crate::sink::blame::{Blame, Complaint, tidy};
use crate::sink::letters::{Refusal, all_messages, letters};
use crate::sink::lines::{Lines, Miscounted};
use crate::sink::work::{Part, Work};

/// Sorts the refused lines of one batch from the others.
#[derive(Debug)]
pub(super) struct Sorter<'a> {
    batch: &'a Batch,
    lines: Option<Lines>,
    refusals: Vec<Refusal>,
}

/// How a batch ended.
#[derive(Debug, Default)]
pub(super) struct Outcome {
    /// Lines that the store will never take.
    pub(super) refused: usize,
    /// Their bytes.
    pub(super) refused_bytes: usize,
    /// Their letters.
    pub(super) letters: Vec<Letter>,
}

impl<'a> Sorter<'a> {
    pub(super) fn new(batch: &'a Batch) -> Self {
        Self {
            batch,
            lines: None,
            refusals: Vec::new(),
        }
    }

    /// The batch itself.
    pub(super) fn batch(&self) -> &'a Batch {
        self.batch
    }

    /// The lines of the batch.
    pub(super) fn lines(&mut self) -> Result<&Lines, Miscounted> {
        if self.lines.is_none() {
            self.lines = Some(Lines::of(self.batch)?);
        }
        Ok(self.lines.as_ref().expect("just made"))
    }

    /// `part` is too large for one request: it goes in two, and a line that is too large by itself is refused.
    pub(super) fn too_large(
        &mut self,
        work: &mut Work,
        part: Part,
        complaint: &Complaint,
    ) -> Result<(), Miscounted> {
        if part.len() == 1 {
            self.refuse(&part, Reason::TooLarge, &complaint.detail());
        } else {
            let half = self.lines()?.half_of_bytes(&part);
            work.split(part, half);
        }
        Ok(())
    }

    /// The store fails on a line of `part`, whichever that is, and takes others: each half is tried, and one line is refused.
    pub(super) fn failing(&mut self, work: &mut Work, part: Part, detail: &str) {
        if part.len() == 1 {
            self.refuse(&part, Reason::StoreFails, &tidy(detail));
        } else {
            work.halve(part);
        }
    }

    /// At least one line of `part` is refused. A refusal says nothing about the others until they are known to be stored: a store may
    /// have taken all, some or none of them. They are sent again, which changes nothing where they were stored.
    pub(super) fn refused(
        &mut self,
        work: &mut Work,
        part: Part,
        complaint: &Complaint,
    ) -> Result<(), Miscounted> {
        if part.len() == 1 {
            self.refuse(&part, Reason::Refused, &complaint.detail());
            return Ok(());
        }
        let blame = complaint.blame(&part, self.lines()?);
        match blame {
            Blame::Named(named) => {
                let lines: Vec<usize> = named.iter().map(|(line, _)| *line).collect();
                self.refusals
                    .extend(named.into_iter().map(|(line, detail)| Refusal {
                        line,
                        reason: Reason::Refused,
                        detail,
                    }));
                work.without(part, &lines);
            }
            Blame::All => self.refuse(&part, Reason::Refused, &complaint.detail()),
            Blame::Suspects(suspects) => work.isolate(part, &suspects),
            Blame::Unknown => work.halve(part),
        }
        Ok(())
    }

    /// Everything is stored or refused.
    pub(super) fn finish(mut self) -> Outcome {
        if self.refusals.is_empty() {
            return Outcome::default();
        }
        let refusals = std::mem::take(&mut self.refusals);
        let refused = refusals.len();
        let batch = self.batch;
        match self.lines() {
            Ok(lines) => Outcome {
                refused,
                refused_bytes: refusals
                    .iter()
                    .map(|refusal| lines.text(refusal.line).len() + 1)
                    .sum(),
                letters: letters(batch, lines, refusals),
            },
            Err(miscounted) => self.give_up(miscounted),
        }
    }

    /// Nothing can be attributed: every message goes to the dead letters, whole. Some of their lines may be stored.
    pub(super) fn give_up(self, miscounted: Miscounted) -> Outcome {
        error!(error = %miscounted, "a refused batch is dead-lettered as a whole: this is a fault in decode");
        Outcome {
            refused: self.batch.lines,
            refused_bytes: self.batch.bytes,
            letters: all_messages(self.batch, &miscounted.to_string()),
        }
    }

    fn refuse(&mut self, part: &Part, reason: Reason, detail: &str) {
        self.refusals.extend(part.iter().map(|line| Refusal {
            line,
            reason,
            detail: detail.to_owned(),
        }));
    }
}
