//! A picture of rows: scenarios as headings, a row for each program below, one scale for all. Rows come in, SVG goes out.

use plotters::backend::SVGBackend;
use plotters::coord::Shift;
use plotters::coord::combinators::{IntoLogRange, LogCoord};
use plotters::coord::ranged1d::Ranged;
use plotters::coord::types::RangedCoordf64;
use plotters::drawing::{DrawingArea, IntoDrawingArea};
use plotters::element::{Circle, PathElement, Rectangle};
use plotters::style::text_anchor::{HPos, Pos, VPos};
use plotters::style::{Color, FontStyle, IntoFont, RGBColor, ShapeStyle, TextStyle, WHITE};

use super::{Broken, FAINT, GREY, INK};
use crate::medians::Group;
use crate::scenario::Scenario;

type Area<'a> = DrawingArea<SVGBackend<'a>, Shift>;

/// All in pixels.
const WIDTH: i32 = 960;
const LEFT: i32 = 150;
const RIGHT: i32 = 860;
const TOP: i32 = 72;
const HEADING: i32 = 30;
const ROW: i32 = 22;
const BOTTOM: i32 = 58;
const FONT: i32 = 13;
/// How wide a letter is taken to be: the viewer's font is not known here.
const LETTER: usize = 7;

/// What is said around the rows.
pub(super) struct Frame {
    pub(super) title: &'static str,
    pub(super) axis: &'static str,
    pub(super) scale: Scale,
    /// How a value of the scale is written below it.
    pub(super) tick: fn(f64) -> String,
    /// A value with a stronger line.
    pub(super) reference: Option<f64>,
    pub(super) legend: Vec<(&'static str, RGBColor)>,
}

/// Values to pixels.
pub(super) enum Scale {
    Linear(RangedCoordf64),
    Log(LogCoord<f64>),
}

/// A heading and what stands below it.
pub(super) struct Band<T> {
    heading: String,
    rows: Vec<(String, T)>,
}

/// Draws into one row.
pub(super) struct Pen<'a, 's> {
    area: &'a Area<'s>,
    scale: &'a Scale,
    middle: i32,
}

impl Scale {
    /// From nothing to `most`, with some room.
    pub(super) fn up_to(most: f64) -> Self {
        Self::Linear((0.0..most * 1.06).into())
    }

    pub(super) fn between(low: f64, high: f64) -> Self {
        Self::Linear((low..high).into())
    }

    pub(super) fn log(low: f64, high: f64) -> Self {
        Self::Log((low..high).log_scale().into())
    }

    fn pixel(&self, value: f64) -> i32 {
        match self {
            Self::Linear(scale) => scale.map(&value, (LEFT, RIGHT)),
            Self::Log(scale) => scale.map(&value, (LEFT, RIGHT)),
        }
    }

    fn ticks(&self) -> Vec<f64> {
        match self {
            Self::Linear(scale) => scale.key_points(10),
            Self::Log(scale) => scale.key_points(10),
        }
    }
}

impl<T> Band<T> {
    /// Groups that `value` knows something of, by scenario.
    pub(super) fn of<'g>(
        groups: &[Group<'g>],
        value: impl Fn(&Group<'g>) -> Option<T>,
    ) -> Vec<Self> {
        let mut bands: Vec<(Scenario, Self)> = Vec::new();
        for group in groups {
            let Some(value) = value(group) else { continue };
            let row = (group.label(), value);
            match bands
                .iter_mut()
                .find(|(scenario, _)| *scenario == group.scenario)
            {
                Some((_, band)) => band.rows.push(row),
                None => bands.push((
                    group.scenario,
                    Self {
                        heading: group.scenario.to_string(),
                        rows: vec![row],
                    },
                )),
            }
        }
        bands.into_iter().map(|(_, band)| band).collect()
    }

    pub(super) fn values(bands: &[Self]) -> impl Iterator<Item = &T> {
        bands
            .iter()
            .flat_map(|band| band.rows.iter().map(|(_, value)| value))
    }
}

impl Pen<'_, '_> {
    pub(super) fn bar(&self, from: f64, to: f64, colour: RGBColor) -> Result<(), Broken> {
        let (from, to) = (self.scale.pixel(from), self.scale.pixel(to));
        let corners = [(from, self.middle - 7), (to, self.middle + 7)];
        self.area.draw(&Rectangle::new(corners, colour.filled()))
    }

    /// From the least to the most.
    pub(super) fn whisker(&self, low: f64, high: f64) -> Result<(), Broken> {
        let (low, high) = (self.scale.pixel(low), self.scale.pixel(high));
        let line = |points: [(i32, i32); 2]| PathElement::new(points, ShapeStyle::from(&INK));
        self.area
            .draw(&line([(low, self.middle), (high, self.middle)]))?;
        for end in [low, high] {
            self.area
                .draw(&line([(end, self.middle - 4), (end, self.middle + 4)]))?;
        }
        Ok(())
    }

    pub(super) fn line(&self, from: f64, to: f64, colour: RGBColor) -> Result<(), Broken> {
        let ends = [from, to].map(|end| (self.scale.pixel(end), self.middle));
        self.area
            .draw(&PathElement::new(ends, colour.stroke_width(2)))
    }

    pub(super) fn dot(&self, at: f64, colour: RGBColor) -> Result<(), Broken> {
        let at = (self.scale.pixel(at), self.middle);
        self.area.draw(&Circle::new(at, 5, colour.filled()))
    }

    /// Behind whatever reaches furthest.
    pub(super) fn note(&self, after: f64, text: &str) -> Result<(), Broken> {
        let at = (self.scale.pixel(after) + 8, self.middle);
        self.area
            .draw_text(text, &style(INK, HPos::Left, VPos::Center), at)
    }
}

/// Draws all rows; none when there are none.
pub(super) fn draw<T>(
    frame: &Frame,
    bands: &[Band<T>],
    row: impl Fn(&Pen<'_, '_>, &T) -> Result<(), Broken>,
) -> Result<Option<String>, Broken> {
    if bands.is_empty() {
        return Ok(None);
    }
    let rows: usize = bands.iter().map(|band| band.rows.len()).sum();
    let rows_end = TOP + pixels(bands.len()) * HEADING + pixels(rows) * ROW;
    let size = [WIDTH, rows_end + BOTTOM].map(i32::unsigned_abs);
    let mut svg = String::new();
    {
        let area = SVGBackend::with_string(&mut svg, (size[0], size[1])).into_drawing_area();
        area.fill(&WHITE)?;
        around(&area, frame, rows_end)?;
        let mut top = TOP;
        for band in bands {
            let bold = style(INK, HPos::Left, VPos::Center);
            let bold = TextStyle {
                font: bold.font.style(FontStyle::Bold),
                ..bold
            };
            area.draw_text(&band.heading, &bold, (12, top + HEADING - 11))?;
            top += HEADING;
            for (label, value) in &band.rows {
                let middle = top + ROW / 2;
                area.draw_text(
                    label,
                    &style(INK, HPos::Right, VPos::Center),
                    (LEFT - 10, middle),
                )?;
                let pen = Pen {
                    area: &area,
                    scale: &frame.scale,
                    middle,
                };
                row(&pen, value)?;
                top += ROW;
            }
        }
        area.present()?;
    }
    Ok(Some(svg))
}

/// Title, legend, scale.
fn around(area: &Area<'_>, frame: &Frame, rows_end: i32) -> Result<(), Broken> {
    let title = ("sans-serif", 18)
        .into_font()
        .style(FontStyle::Bold)
        .color(&INK);
    area.draw_text(frame.title, &title, (12, 12))?;
    let mut left = 12;
    for (name, colour) in &frame.legend {
        area.draw(&Rectangle::new(
            [(left, 44), (left + 14, 56)],
            colour.filled(),
        ))?;
        area.draw_text(name, &style(INK, HPos::Left, VPos::Center), (left + 20, 50))?;
        left += 44 + pixels(name.chars().count() * LETTER);
    }
    for tick in frame.scale.ticks() {
        let at = frame.scale.pixel(tick);
        area.draw(&PathElement::new([(at, TOP), (at, rows_end + 6)], FAINT))?;
        area.draw_text(
            &(frame.tick)(tick),
            &style(INK, HPos::Center, VPos::Top),
            (at, rows_end + 12),
        )?;
    }
    if let Some(at) = frame.reference.map(|value| frame.scale.pixel(value)) {
        area.draw(&PathElement::new(
            [(at, TOP), (at, rows_end + 6)],
            GREY.stroke_width(2),
        ))?;
    }
    let axis = style(INK, HPos::Center, VPos::Top);
    area.draw_text(
        frame.axis,
        &axis,
        (i32::midpoint(LEFT, RIGHT), rows_end + 34),
    )
}

fn style(colour: RGBColor, horizontal: HPos, vertical: VPos) -> TextStyle<'static> {
    let font = ("sans-serif", FONT).into_font().color(&colour);
    font.pos(Pos::new(horizontal, vertical))
}

fn pixels(count: usize) -> i32 {
    i32::try_from(count).unwrap_or(i32::MAX / WIDTH)
}
