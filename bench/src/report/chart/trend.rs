//! The product's ratio to the floor from commit to commit: a small picture for each scenario, all on one scale.

use plotters::backend::SVGBackend;
use plotters::chart::ChartBuilder;
use plotters::drawing::IntoDrawingArea;
use plotters::element::{Circle, PathElement};
use plotters::series::LineSeries;
use plotters::style::{Color, FontStyle, IntoFont, WHITE};

use super::{BLUE, Broken, FAINT, INK};
use crate::report::figures;
use crate::report::selection::Step;
use crate::scenario::Scenario;

/// Its file's name.
pub const NAME: &str = "trend";

/// All in pixels.
const WIDTH: u32 = 960;
const TITLE: u32 = 40;
const PANEL: u32 = 150;

/// Draws it; none until there are two commits.
///
/// # Errors
/// When the library can't.
pub fn draw(steps: &[Step]) -> Result<Option<String>, Broken> {
    let mut commits: Vec<&str> = steps.iter().map(|step| step.commit.as_str()).collect();
    commits.dedup();
    if commits.len() < 2 {
        return Ok(None);
    }
    let mut panels: Vec<(Scenario, u32)> = Vec::new();
    for step in steps {
        if !panels.contains(&(step.scenario, step.workers)) {
            panels.push((step.scenario, step.workers));
        }
    }
    let most = steps.iter().map(|step| step.ratio.high).fold(1.0, f64::max);
    let count = u32::try_from(panels.len()).unwrap_or(1);
    let mut svg = String::new();
    {
        let height = TITLE + count * PANEL;
        let area = SVGBackend::with_string(&mut svg, (WIDTH, height)).into_drawing_area();
        area.fill(&WHITE)?;
        let title = ("sans-serif", 18)
            .into_font()
            .style(FontStyle::Bold)
            .color(&INK);
        area.draw_text("Ratio to the floor, commit by commit", &title, (12, 12))?;
        let (_, below) = area.split_vertically(TITLE);
        for (panel, (scenario, workers)) in
            below.split_evenly((panels.len(), 1)).iter().zip(&panels)
        {
            let of = steps
                .iter()
                .filter(|step| step.scenario == *scenario && step.workers == *workers);
            let points: Vec<Point> = of.filter_map(|step| point(&commits, step)).collect();
            let heading = match workers {
                0 | 1 => scenario.to_string(),
                workers => format!("{scenario}, {workers} workers"),
            };
            draw_panel(panel, &heading, &commits, &points, most)?;
        }
        area.present()?;
    }
    Ok(Some(svg))
}

struct Point {
    at: f64,
    median: f64,
    low: f64,
    high: f64,
}

fn point(commits: &[&str], step: &Step) -> Option<Point> {
    let at = commits.iter().position(|commit| *commit == step.commit)?;
    Some(Point {
        at: f64::from(u32::try_from(at).ok()?),
        median: step.ratio.median,
        low: step.ratio.low,
        high: step.ratio.high,
    })
}

type Panel<'a> = plotters::drawing::DrawingArea<SVGBackend<'a>, plotters::coord::Shift>;

fn draw_panel(
    panel: &Panel<'_>,
    heading: &str,
    commits: &[&str],
    points: &[Point],
    most: f64,
) -> Result<(), Broken> {
    let last = f64::from(u32::try_from(commits.len()).unwrap_or(u32::MAX)) - 1.0;
    let mut chart = ChartBuilder::on(panel)
        .margin(10)
        .margin_right(30)
        .caption(
            heading,
            ("sans-serif", 14)
                .into_font()
                .style(FontStyle::Bold)
                .color(&INK),
        )
        .x_label_area_size(24)
        .y_label_area_size(46)
        .build_cartesian_2d(-0.4..last + 0.4, 0.0..most * 1.05)?;
    let name = |at: &f64| {
        let whole = (at - at.round()).abs() < 0.01;
        let commit = commits
            .iter()
            .zip(0_u32..)
            .find(|(_, index)| (f64::from(*index) - at).abs() < 0.01);
        commit
            .filter(|_| whole)
            .map_or_else(String::new, |(commit, _)| figures::commit(commit))
    };
    chart
        .configure_mesh()
        .disable_x_mesh()
        .light_line_style(WHITE)
        .bold_line_style(FAINT)
        .axis_style(FAINT)
        .label_style(("sans-serif", 12).into_font().color(&INK))
        .y_labels(8)
        .x_labels(commits.len().min(10))
        .x_label_formatter(&name)
        .y_label_formatter(&|ratio| figures::digits(*ratio))
        .draw()?;
    let line = points.iter().map(|point| (point.at, point.median));
    chart.draw_series(LineSeries::new(line, BLUE.stroke_width(2)))?;
    chart.draw_series(
        points
            .iter()
            .map(|point| PathElement::new([(point.at, point.low), (point.at, point.high)], INK)),
    )?;
    chart.draw_series(
        points
            .iter()
            .map(|point| Circle::new((point.at, point.median), 4, BLUE.filled())),
    )?;
    Ok(())
}
