//! Latency from publish to stored, where a rate was kept: medians of each percentile over the runs, on a logarithmic scale.

use super::rows::{Band, Frame, Scale, draw as draw_rows};
use super::{BLUE, Broken, FAINT, GREEN, Named, ORANGE, VERMILION};
use crate::medians::{Group, Spread};
use crate::record::Latency;
use crate::report::figures;

/// Its file's name.
pub const NAME: &str = "latency";

/// The percentiles, as they are named.
pub(crate) const PERCENTILES: [Named<Latency, u64>; 4] = [
    ("p50", |latency| latency.p50),
    ("p99", |latency| latency.p99),
    ("p99.9", |latency| latency.p999),
    ("max", |latency| latency.max),
];

/// Draws it, of what kept a rate.
///
/// # Errors
/// When the library can't.
pub fn draw(groups: &[Group<'_>]) -> Result<Option<String>, Broken> {
    let bands = Band::of(groups, medians);
    let values = || Band::values(&bands).flatten();
    let low = values().copied().fold(f64::INFINITY, f64::min).max(1.0);
    let high = values().copied().fold(1.0, f64::max);
    let colours = [BLUE, GREEN, ORANGE, VERMILION];
    let frame = Frame {
        title: "Latency from publish to stored",
        axis: "from the moment a message was due to be published, on an open loop; logarithmic",
        scale: Scale::log(low / 1.5, high * 2.0),
        tick: figures::micros,
        reference: None,
        legend: PERCENTILES
            .iter()
            .zip(colours)
            .map(|((name, _), colour)| (*name, colour))
            .collect(),
    };
    draw_rows(&frame, &bands, |pen, percentiles| {
        let [p50, p99, p999, max] = *percentiles;
        pen.line(p50, max, FAINT)?;
        for (value, colour) in percentiles.iter().zip(colours) {
            pen.dot(value.max(1.0), colour)?;
        }
        let texts = [p50, p99, p999, max].map(figures::micros);
        pen.note(max, &texts.join(" · "))
    })
}

/// Of each percentile; none where no rate was kept.
#[expect(clippy::cast_precision_loss, reason = "microseconds of a run")]
pub(crate) fn medians(group: &Group<'_>) -> Option<[f64; 4]> {
    let of = |pick: fn(&Latency) -> u64| {
        let values = group
            .records
            .iter()
            .filter_map(|record| record.latency.as_ref());
        Spread::of(values.map(|latency| pick(latency) as f64)).map(|spread| spread.median)
    };
    let [p50, p99, p999, max] = PERCENTILES.map(|(_, pick)| of(pick));
    Some([p50?, p99?, p999?, max?])
}
