//! Counts allocations of single steps, for the table of targets, and says them as a line of JSON.

use allocation_counter::measure;
use flightline_bench::cli::out;
use flightline_bench::targets::allocations;

fn main() -> anyhow::Result<()> {
    let told = allocations::measure(|work| measure(work).count_total)?;
    Ok(out::json(&told)?)
}
