//! The table of targets: each row is measured, held against what it is to be, and told with its noise. Trials of a row are made in
//! turn (A B A B), so that both programs see the machine in the same mood, and ratios are those of a turn.

use std::path::{Path, PathBuf};

use crate::cli::keep;
use crate::medians::Spread;
use crate::program::Program;
use crate::program::floor::Floor;
use crate::program::product::Product;
use crate::record::Record;
use crate::trial::plan::Plan;
use crate::trial::server::Choice;
use crate::trial::{Outcome, Rig};
use row::Row;

/// One line of the table.
pub mod row;
/// Rates against the floor's.
mod rates;
/// Nanoseconds of single steps, in this process.
pub mod steps;
/// The exporter: what it costs on top, and its table.
mod exporter;
/// A table of 200,000 series, measured in a process of its own.
pub mod series;
/// Memory while the store hangs.
mod memory;
/// From publish to stored.
mod latency;
/// From start to the first stored line; the size of the file.
mod start;
/// Two workers on one consumer.
mod scale_out;
/// Partitions with one owner each, one of which is killed.
mod partitions;

/// How thorough.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Length {
    /// Minutes.
    Short,
    /// As long as it takes for figures that are to be quoted.
    Full,
}

/// What every row is measured with.
#[derive(Debug)]
pub struct Bench {
    own: PathBuf,
    choice: Choice,
    rig: Rig,
    floor: Floor,
    product: Product,
    runs: u32,
    length: Length,
    kept: PathBuf,
    /// The product's rate on core, once it is known.
    saturation: Option<f64>,
}

/// A row's name on the command line, and how it is measured.
pub type Measure = (&'static str, fn(&mut Bench) -> anyhow::Result<Vec<Row>>);

/// Every row, in the order of the table.
pub const MEASURES: [Measure; 12] = [
    ("core-line", rates::core_line),
    ("core-lines50", rates::core_lines50),
    ("explicit", rates::explicit),
    ("ack-all", rates::ack_all),
    ("steps", steps::rows),
    ("exporter", exporter::on_top),
    ("series", exporter::table),
    ("memory", memory::rows),
    ("latency", latency::rows),
    ("start", start::rows),
    ("scale-out", scale_out::rows),
    ("partitions", partitions::rows),
];

impl Bench {
    /// Starts the server.
    ///
    /// # Errors
    /// When there is none.
    pub fn start(
        product: Product,
        choice: Choice,
        runs: u32,
        length: Length,
        kept: &Path,
    ) -> anyhow::Result<Self> {
        let own = std::env::current_exe()?;
        Ok(Self {
            rig: Rig::start(&own, &choice)?,
            floor: Floor::new(own.clone()),
            own,
            choice,
            product,
            runs,
            length,
            kept: kept.to_owned(),
            saturation: None,
        })
    }

    /// A new server: what the trials before have left on the old one is gone.
    fn fresh_server(&mut self) -> anyhow::Result<()> {
        self.rig = Rig::start(&self.own, &self.choice)?;
        Ok(())
    }

    /// `full` messages, or a part of them that takes seconds.
    fn messages(&self, full: u64) -> u64 {
        match self.length {
            Length::Short => full / 3,
            Length::Full => full,
        }
    }

    /// One trial, shown and kept.
    fn trial(&mut self, who: Who, plan: &Plan) -> anyhow::Result<Outcome> {
        let program: &dyn Program = match who {
            Who::Floor => &self.floor,
            Who::Product => &self.product,
        };
        let outcome = self.rig.run(program, plan)?;
        keep::show(&outcome.record)?;
        keep::keep(&self.kept, &outcome.record)?;
        Ok(outcome)
    }

    /// The floor and the product in turn.
    fn turns(&mut self, plan: &Plan) -> anyhow::Result<Vec<Turn>> {
        (0..self.runs)
            .map(|_| {
                Ok(Turn {
                    base: self.trial(Who::Floor, plan)?.record,
                    product: self.trial(Who::Product, plan)?.record,
                })
            })
            .collect()
    }

    /// The product in turn with itself on another plan, which it is divided by.
    fn turns_against(&mut self, base: &Plan, plan: &Plan) -> anyhow::Result<Vec<Turn>> {
        (0..self.runs)
            .map(|_| {
                Ok(Turn {
                    base: self.trial(Who::Product, base)?.record,
                    product: self.trial(Who::Product, plan)?.record,
                })
            })
            .collect()
    }
}

/// Whose turn it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Who {
    Floor,
    Product,
}

/// Two trials, one right after the other.
#[derive(Debug, Clone)]
struct Turn {
    /// What is divided by.
    base: Record,
    product: Record,
}

/// How much faster the product was, turn by turn.
fn ratios(turns: &[Turn]) -> Option<Spread> {
    Spread::of(
        turns
            .iter()
            .map(|turn| turn.product.lines_per_second() / turn.base.lines_per_second()),
    )
}

/// Nanoseconds of CPU a line that the product took more, turn by turn.
fn more_ns(turns: &[Turn]) -> Option<Spread> {
    Spread::of(
        turns
            .iter()
            .map(|turn| turn.product.program_ns_per_line() - turn.base.program_ns_per_line()),
    )
}

/// The product's `value`, turn by turn.
fn of_product(turns: &[Turn], value: impl Fn(&Record) -> u64) -> Option<Spread> {
    Spread::of(turns.iter().map(|turn| float(value(&turn.product))))
}

#[expect(
    clippy::cast_precision_loss,
    reason = "rounded for the table in any case"
)]
fn float(number: u64) -> f64 {
    number as f64
}
