//! Outcomes come in, lines of a table go out: what was done, with which seed, and what became of it.

use std::io::{self, Write};
use std::time::Duration;

use crate::scene::Outcome;

/// One run of one fault.
#[derive(Debug)]
pub(crate) struct Row {
    pub(crate) fault: String,
    pub(crate) seed: u64,
    pub(crate) took: Duration,
    /// What became of it, or why that is not known.
    pub(crate) outcome: Result<Outcome, String>,
}

impl Row {
    pub(crate) fn holds(&self) -> bool {
        self.outcome.as_ref().is_ok_and(Outcome::holds)
    }

    fn line(&self) -> String {
        let head = format!("{:<34} {:>10}", self.fault, self.seed);
        match &self.outcome {
            Ok(outcome) => {
                let verdict = &outcome.verdict;
                format!(
                    "{head} {:>6} {:>6} {:>5} {:>5} {:>7} {:>8} {:>7} {:>8} {:>6.1} {:>7.1} {:>5.1}  {}",
                    verdict.sent,
                    verdict.stored,
                    verdict.dead,
                    verdict.lost,
                    verdict.duplicated,
                    verdict.altered,
                    verdict.letters_again,
                    outcome.redelivered,
                    outcome.recovered.as_secs_f64(),
                    mebibytes(outcome.peak),
                    self.took.as_secs_f64(),
                    result(outcome),
                )
            }
            Err(_) => format!("{head}  WRONG: not judged"),
        }
    }

    fn findings(&self) -> String {
        match &self.outcome {
            Ok(outcome) => {
                let said = outcome.wrong.iter().chain(&outcome.verdict.findings);
                let said: Vec<&str> = said.map(String::as_str).collect();
                format!("{}\nthe end of the log:\n{}", said.join("\n"), outcome.log)
            }
            Err(reason) => reason.clone(),
        }
    }
}

/// What a fault took out of the stream itself is nobody's loss, and is said.
fn result(outcome: &Outcome) -> String {
    match (outcome.holds(), outcome.verdict.purged) {
        (false, _) => "WRONG".to_owned(),
        (true, 0) => "ok".to_owned(),
        (true, purged) => format!("ok, {purged} purged"),
    }
}

#[expect(clippy::cast_precision_loss, reason = "to be read by a person")]
fn mebibytes(bytes: u64) -> f64 {
    bytes as f64 / f64::from(1 << 20)
}

/// The first line.
pub(crate) fn head(out: &mut impl Write) -> io::Result<()> {
    writeln!(
        out,
        "{:<34} {:>10} {:>6} {:>6} {:>5} {:>5} {:>7} {:>8} {:>7} {:>8} {:>6} {:>7} {:>5}  result",
        "fault",
        "seed",
        "sent",
        "stored",
        "dead",
        "lost",
        "doubled",
        "altered",
        "letters",
        "redeliv.",
        "recov.",
        "memory",
        "took"
    )?;
    writeln!(
        out,
        "{:<34} {:>10} {:>6} {:>6} {:>5} {:>5} {:>7} {:>8} {:>7} {:>8} {:>6} {:>7} {:>5}",
        "", "", "", "", "", "", "", "", "again", "", "s", "MiB", "s"
    )
}

/// One line, and what is wrong with it.
pub(crate) fn row(out: &mut impl Write, row: &Row) -> io::Result<()> {
    writeln!(out, "{}", row.line())?;
    if !row.holds() {
        for line in row.findings().lines() {
            writeln!(out, "    {line}")?;
        }
    }
    out.flush()
}

/// Everything together, and how to run again alone what is wrong.
pub(crate) fn sum(out: &mut impl Write, rows: &[Row], took: Duration) -> io::Result<()> {
    let verdicts = || {
        rows.iter()
            .filter_map(|row| Some(&row.outcome.as_ref().ok()?.verdict))
    };
    let wrong: Vec<&Row> = rows.iter().filter(|row| !row.holds()).collect();
    writeln!(
        out,
        "\n{} runs in {:.0} s: {} sent, {} stored, {} dead-lettered, {} lost, {} doubled, {} altered; {} of them wrong",
        rows.len(),
        took.as_secs_f64(),
        verdicts().map(|verdict| verdict.sent).sum::<u64>(),
        verdicts().map(|verdict| verdict.stored).sum::<u64>(),
        verdicts().map(|verdict| verdict.dead).sum::<u64>(),
        verdicts().map(|verdict| verdict.lost).sum::<u64>(),
        verdicts().map(|verdict| verdict.duplicated).sum::<u64>(),
        verdicts().map(|verdict| verdict.altered).sum::<u64>(),
        wrong.len(),
    )?;
    for row in wrong {
        let (fault, seed) = (&row.fault, row.seed);
        writeln!(
            out,
            "again, alone: cargo test -p flightline --test faults -- --exact {fault} --seed {seed}"
        )?;
    }
    out.flush()
}
