//! A comparison with the baseline comes in, the text that is printed goes out.

use std::fmt;

use super::{Change, Comparison};
use crate::medians::Spread;
use crate::report::figures;
use crate::report::text::Table;

impl fmt::Display for Comparison {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(
            f,
            "ratios to the floor, against the baseline of {}",
            figures::commit(&self.commit)
        )?;
        if !self.machine.is_empty() {
            writeln!(
                f,
                "the baseline is of another machine ({}): only ratios are compared",
                self.machine.join("; ")
            )?;
        }
        let mut table = Table::new(["scenario", "baseline", "now", "noise", "verdict"]);
        for change in &self.changes {
            table.row([
                scenario(change),
                spread(change.then),
                spread(change.now),
                format!("±{:.0} %", change.noise * 100.0),
                change.verdict.to_string(),
            ]);
        }
        write!(f, "{table}")
    }
}

fn scenario(change: &Change) -> String {
    match change.workers {
        0 | 1 => change.scenario.to_string(),
        workers => format!("{}, {workers} workers", change.scenario),
    }
}

fn spread(spread: Option<Spread>) -> String {
    spread.map_or_else(|| "–".to_owned(), |spread| spread.to_string())
}
