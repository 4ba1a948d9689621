//! Lines a second over the floor's: a bar to the median, a whisker from the least to the most.

use plotters::style::RGBColor;

use super::rows::{Band, Frame, Scale, draw as draw_rows};
use super::{Broken, colour};
use crate::medians::{Group, Spread};
use crate::report::figures;

/// Its file's name.
pub const NAME: &str = "ratio";

/// Draws it, of what ran at full rate with a floor beside it.
///
/// # Errors
/// When the library can't.
pub fn draw(groups: &[Group<'_>]) -> Result<Option<String>, Broken> {
    let bands: Vec<Band<(Spread, RGBColor)>> = Band::of(groups, |group| {
        let rated = group.at_full_rate().then(|| group.ratio()).flatten()?;
        Some((rated, colour(&group.program.name)))
    });
    let most = Band::values(&bands)
        .map(|(ratio, _)| ratio.high)
        .fold(1.0, f64::max);
    let frame = Frame {
        title: "Rate, as a ratio to the floor",
        axis: "lines a second over the floor's (1 = the limit rig without any decoding); whiskers: least and most of the runs",
        scale: Scale::up_to(most),
        tick: figures::digits,
        reference: Some(1.0),
        legend: Vec::new(),
    };
    draw_rows(&frame, &bands, |pen, (ratio, colour)| {
        pen.bar(0.0, ratio.median, *colour)?;
        pen.whisker(ratio.low, ratio.high)?;
        pen.note(ratio.high.max(ratio.median), &figures::digits(ratio.median))
    })
}
