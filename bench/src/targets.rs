//! The table of targets: each row is measured, held against what it is to be, and told with its noise. Trials of a row are made in
//! turn (A B A B), so that both programs see the machine in the same mood, and ratios are those of a turn.

use std::path::{Path, PathBuf};

use crate::cli::keep;
use crate::program::Program;
use crate::program::floor::Floor;
use crate::program::product::Product;
use crate::record::Turn;
use crate::trial::plan::Plan;
use crate::trial::server::Choice;
use crate::trial::{Outcome, Rig};
use row::Row;
use turns::{Pair, Turns};

/// One line of the table.
pub mod row;
/// Trials of a row.
mod turns;
/// Rates against the floor's.
mod rates;
/// Nanoseconds of single steps, in this process.
pub mod steps;
/// Allocations of single steps, in a process of its own.
pub mod allocations;
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
/// From clients that write over HTTP to a stream.
mod front;

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
    /// What is measured just now.
    row: &'static str,
    commit: String,
    /// The product's rate on core, once it is known.
    saturation: Option<f64>,
}

/// A row's name on the command line, and how it is measured.
pub type Measure = (&'static str, fn(&mut Bench) -> anyhow::Result<Vec<Row>>);

/// Every row, in the order of the table.
pub const MEASURES: [Measure; 14] = [
    ("core-line", rates::core_line),
    ("core-lines50", rates::core_lines50),
    ("explicit", rates::explicit),
    ("ack-all", rates::ack_all),
    ("steps", steps::rows),
    ("allocations", allocations::rows),
    ("exporter", exporter::on_top),
    ("series", exporter::table),
    ("memory", memory::rows),
    ("latency", latency::rows),
    ("start", start::rows),
    ("scale-out", scale_out::rows),
    ("partitions", partitions::rows),
    ("front", front::rows),
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
        let commit = product.commit()?;
        Ok(Self {
            rig: Rig::start(&own, &choice)?.measuring(commit.clone()),
            floor: Floor::new(own.clone()),
            own,
            choice,
            product,
            runs,
            length,
            kept: kept.to_owned(),
            row: "",
            commit,
            saturation: None,
        })
    }

    /// The rows of that name.
    ///
    /// # Errors
    /// When they cannot be measured.
    pub fn measure(&mut self, (name, measure): Measure) -> anyhow::Result<Vec<Row>> {
        self.row = name;
        measure(self)
    }

    /// A new server: what the trials before have left on the old one is gone.
    fn fresh_server(&mut self) -> anyhow::Result<()> {
        self.rig = Rig::start(&self.own, &self.choice)?.measuring(self.commit.clone());
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
        let turn = self.rig.turn(self.row);
        self.trial_in(&turn, who, plan)
    }

    fn trial_in(&mut self, turn: &Turn, who: Who, plan: &Plan) -> anyhow::Result<Outcome> {
        let program: &dyn Program = match who {
            Who::Floor => &self.floor,
            Who::Product => &self.product,
        };
        let outcome = self.rig.run_in(turn, program, plan)?;
        keep::show(&outcome.record)?;
        keep::keep(&self.kept, &outcome.record)?;
        Ok(outcome)
    }

    /// The floor and the product in turn.
    fn turns(&mut self, plan: &Plan) -> anyhow::Result<Turns> {
        self.in_turn((Who::Floor, plan), plan)
    }

    /// The product in turn with itself on another plan, which it is divided by.
    fn turns_against(&mut self, base: &Plan, plan: &Plan) -> anyhow::Result<Turns> {
        self.in_turn((Who::Product, base), plan)
    }

    fn in_turn(&mut self, (who, base): (Who, &Plan), plan: &Plan) -> anyhow::Result<Turns> {
        Turns::make(self.runs, || {
            let turn = self.rig.turn(self.row);
            Ok(Pair {
                base: self.trial_in(&turn, who, base)?.record,
                product: self.trial_in(&turn, Who::Product, plan)?.record,
            })
        })
    }
}

/// Whose turn it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Who {
    Floor,
    Product,
}

#[expect(
    clippy::cast_precision_loss,
    reason = "rounded for the table in any case"
)]
fn float(number: u64) -> f64 {
    number as f64
}
