//! How far the runs are apart: each run's rate over the median of its own group.

use plotters::style::RGBColor;

use super::rows::{Band, Frame, Scale, draw as draw_rows};
use super::{Broken, colour};
use crate::medians::Group;
use crate::record::Record;

/// Its file's name.
pub const NAME: &str = "spread";

/// Draws it, of groups of more than one run at full rate.
///
/// # Errors
/// When the library can't.
pub fn draw(groups: &[Group<'_>]) -> Result<Option<String>, Broken> {
    let bands: Vec<Band<(Vec<f64>, RGBColor)>> = Band::of(groups, |group| {
        let median = group.spread(Record::lines_per_second)?;
        let several = group.at_full_rate() && median.runs > 1 && median.median > 0.0;
        let each = || group.records.iter().map(|record| record.lines_per_second());
        several.then(|| {
            let parts = each()
                .filter(|rate| rate.is_finite())
                .map(|rate| rate / median.median - 1.0);
            (parts.collect(), colour(&group.program.name))
        })
    });
    let parts = Band::values(&bands).flat_map(|(parts, _)| parts);
    let widest = parts.fold(0.1, |widest: f64, part| widest.max(part.abs())) * 1.1;
    let frame = Frame {
        title: "Spread between runs",
        axis: "lines a second of each run against the median of its own group",
        scale: Scale::between(-widest, widest),
        tick: percent,
        reference: Some(0.0),
        legend: Vec::new(),
    };
    draw_rows(&frame, &bands, |pen, (parts, colour)| {
        for part in parts {
            pen.dot(*part, *colour)?;
        }
        Ok(())
    })
}

fn percent(part: f64) -> String {
    if part.abs() < 0.005 {
        return "median".to_owned();
    }
    format!("{:+.0} %", part * 100.0)
}
