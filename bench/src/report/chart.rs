//! Groups of records come in, one SVG picture goes out. Colours are Okabe and Ito's, which people who confuse red and green can
//! tell apart, on white; text is the viewer's own sans-serif, so no font of the machine goes in.

use std::io;

use plotters::drawing::DrawingAreaErrorKind;
use plotters::style::RGBColor;

use crate::medians::Group;

/// Lines a second over the floor's.
pub mod ratio;
/// CPU time a line, by process.
pub mod cpu;
/// Percentiles of latency.
pub mod latency;
/// Every single run.
pub mod spread;
/// The ratio from commit to commit.
pub mod trend;
/// What all but the trend are made of.
pub(crate) mod rows;

/// What the library said.
pub type Broken = DrawingAreaErrorKind<io::Error>;

/// Draws a picture; none when the groups hold nothing for it.
pub type Draw = fn(&[Group<'_>]) -> Result<Option<String>, Broken>;

/// The pictures made from groups, in the order of the page.
pub const OF_GROUPS: [(&str, Draw); 4] = [
    (ratio::NAME, ratio::draw),
    (cpu::NAME, cpu::draw),
    (latency::NAME, latency::draw),
    (spread::NAME, spread::draw),
];

/// A name, and what it stands for in a record's part.
pub(crate) type Named<T, V> = (&'static str, fn(&T) -> V);

pub(crate) const INK: RGBColor = RGBColor(0x22, 0x22, 0x22);
pub(crate) const FAINT: RGBColor = RGBColor(0xDD, 0xDD, 0xDD);
pub(crate) const GREY: RGBColor = RGBColor(0x8C, 0x8C, 0x8C);
pub(crate) const BLUE: RGBColor = RGBColor(0x00, 0x72, 0xB2);
pub(crate) const VERMILION: RGBColor = RGBColor(0xD5, 0x5E, 0x00);
pub(crate) const GREEN: RGBColor = RGBColor(0x00, 0x9E, 0x73);
pub(crate) const PURPLE: RGBColor = RGBColor(0xCC, 0x79, 0xA7);
pub(crate) const ORANGE: RGBColor = RGBColor(0xE6, 0x9F, 0x00);

/// The same colour for the same program in every picture.
pub(crate) fn colour(program: &str) -> RGBColor {
    match program {
        "floor" => GREY,
        "flightline" => BLUE,
        "telegraf" => VERMILION,
        "vector" => GREEN,
        "connect" => PURPLE,
        _ => ORANGE,
    }
}
