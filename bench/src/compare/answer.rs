//! What came of a comparison comes in, the text that is printed goes out: ratios, accounts, and what is missing.

use std::fmt::{self, Write};

use super::Outcome;
use crate::medians::{self, FLOOR, Group, PRODUCT, Spread};
use crate::record::{Count, Record};
use crate::report::figures;
use crate::report::text::Table;
use crate::scenario::Scenario;

impl fmt::Display for Outcome {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let records = self.rates();
        let groups = medians::groups(&records);
        let mut shown: Vec<Scenario> = Vec::new();
        for group in &groups {
            if !shown.contains(&group.scenario) {
                shown.push(group.scenario);
                rates(f, group.scenario, &groups)?;
            }
        }
        accounts(f, &self.accounts())?;
        for (program, altered) in &self.altered {
            writeln!(
                f,
                "the first line that {program} altered\n  sent    {}\n  stored  {}\n",
                altered.sent, altered.stored
            )?;
        }
        for missing in &self.missing {
            let scenario = missing
                .scenario
                .map_or_else(String::new, |scenario| format!(" in `{scenario}`"));
            let why = missing.why.trim_end();
            writeln!(f, "not measured: {}{scenario}: {why}", missing.program)?;
        }
        Ok(())
    }
}

fn rates(f: &mut fmt::Formatter<'_>, scenario: Scenario, groups: &[Group<'_>]) -> fmt::Result {
    let of = || groups.iter().filter(|group| group.scenario == scenario);
    writeln!(
        f,
        "{scenario}: medians of the runs, with the least and the most"
    )?;
    let mut table = Table::new([
        "program",
        "version",
        "runs",
        "ratio to the floor",
        "flightline is",
        "stored lines/s",
        "CPU ns/line",
        "resident MiB",
    ]);
    let product = of().find(|group| group.program.name == PRODUCT);
    for group in of() {
        let resident = group.records.iter().map(|record| record.resident).max();
        table.row([
            group.label(),
            group.program.version.clone(),
            group.records.len().to_string(),
            ratio(group).map_or_else(none, |ratio| range(&ratio)),
            product
                .and_then(|product| times(product, group))
                .unwrap_or_else(none),
            group
                .spread(Record::lines_per_second)
                .map_or_else(none, |rate| figures::count(rate.median)),
            group
                .spread(Record::program_ns_per_line)
                .map_or_else(none, |nanos| figures::count(nanos.median)),
            resident.map_or_else(none, figures::mebibytes),
        ]);
    }
    writeln!(f, "{table}")
}

fn ratio(group: &Group<'_>) -> Option<Spread> {
    if group.program.name == FLOOR {
        return Spread::of([1.0]);
    }
    group.ratio()
}

/// Medians of the ratios, so that the same floors stand below both.
fn times(product: &Group<'_>, group: &Group<'_>) -> Option<String> {
    if group.program.name == PRODUCT || group.program.name == FLOOR {
        return None;
    }
    let times = product.ratio()?.median / group.ratio()?.median;
    times
        .is_finite()
        .then(|| format!("{} × as fast", figures::digits(times)))
}

fn accounts(f: &mut fmt::Formatter<'_>, records: &[Record]) -> fmt::Result {
    if records.is_empty() {
        return Ok(());
    }
    writeln!(
        f,
        "what became of the lines, over all runs in which each is known by its timestamp"
    )?;
    let mut table = Table::new([
        "scenario", "program", "runs", "sent", "stored", "lost", "doubled", "altered",
    ]);
    for group in medians::groups(records) {
        let total =
            |of: fn(&Count) -> u64| group.records.iter().map(|record| of(&record.count)).sum();
        let lines: u64 = total(|count| count.lines);
        let stored: u64 = total(|count| count.stored);
        table.row([
            group.scenario.to_string(),
            group.label(),
            group.records.len().to_string(),
            lines.to_string(),
            stored.to_string(),
            part(total(|count| count.lost), lines),
            part(total(|count| count.doubled), lines),
            part(total(|count| count.altered), lines),
        ]);
    }
    writeln!(f, "{table}")
}

/// A count, and its part of all lines where it is not nothing.
fn part(count: u64, lines: u64) -> String {
    let mut text = count.to_string();
    if count > 0 && lines > 0 {
        #[expect(
            clippy::cast_precision_loss,
            reason = "one digit after the point is shown"
        )]
        let percent = count as f64 * 100.0 / lines as f64;
        write!(text, " ({percent:.1} %)").expect("a string takes any text");
    }
    text
}

fn range(spread: &Spread) -> String {
    let median = figures::digits(spread.median);
    if spread.runs < 2 {
        return median;
    }
    format!(
        "{median} ({} to {})",
        figures::digits(spread.low),
        figures::digits(spread.high)
    )
}

fn none() -> String {
    "–".to_owned()
}
