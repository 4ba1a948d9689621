//! CPU time a line, stacked by process: medians of the runs.

use super::rows::{Band, Frame, Scale, draw as draw_rows};
use super::{BLUE, Broken, GREEN, Named, ORANGE, PURPLE};
use crate::medians::Group;
use crate::record::{Cpu, Record};
use crate::report::figures;

/// Its file's name.
pub const NAME: &str = "cpu";

/// Which process, in the order of the stack.
pub(crate) const PROCESSES: [Named<Cpu, Option<f64>>; 4] = [
    ("program", |cpu| Some(cpu.program)),
    ("nats-server", |cpu| cpu.server),
    ("store", |cpu| cpu.store),
    ("publisher", |cpu| Some(cpu.publisher)),
];

/// Draws it.
///
/// # Errors
/// When the library can't.
pub fn draw(groups: &[Group<'_>]) -> Result<Option<String>, Broken> {
    // A bar without one of them would look like less.
    let bands: Vec<Band<[f64; 4]>> = Band::of(groups, |group| {
        let parts = PROCESSES.map(|(_, of)| median(group, of));
        parts
            .iter()
            .all(Option::is_some)
            .then(|| parts.map(Option::unwrap_or_default))
    });
    let most = Band::values(&bands)
        .map(|parts| parts.iter().sum())
        .fold(0.0, f64::max);
    if most <= 0.0 {
        return Ok(None);
    }
    let colours = [BLUE, ORANGE, GREEN, PURPLE];
    let frame = Frame {
        title: "CPU time a stored line, by process",
        axis: "CPU time, user and system, for each line that reached the store",
        scale: Scale::up_to(most),
        tick: figures::nanos,
        reference: None,
        legend: PROCESSES
            .iter()
            .zip(colours)
            .map(|((name, _), colour)| (*name, colour))
            .collect(),
    };
    draw_rows(&frame, &bands, |pen, parts| {
        let mut from = 0.0;
        for (part, colour) in parts.iter().zip(colours) {
            pen.bar(from, from + part, colour)?;
            from += part;
        }
        pen.note(from, &figures::nanos(from))
    })
}

/// Nanoseconds of one process for each stored line, if they are known.
pub(crate) fn median(group: &Group<'_>, of: fn(&Cpu) -> Option<f64>) -> Option<f64> {
    #[expect(clippy::cast_precision_loss, reason = "fewer than 2^52 lines")]
    let each = |record: &Record| {
        of(&record.cpu).map_or(f64::NAN, |seconds| {
            seconds * 1e9 / record.count.stored as f64
        })
    };
    group.spread(each).map(|spread| spread.median)
}
