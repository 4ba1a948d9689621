//! Groups come in, the page's tables go out.

use super::{add, escaped, total};
use crate::medians::{Group, Spread};
use crate::record::Record;
use crate::report::chart::cpu;
use crate::report::chart::latency;
use crate::report::figures;

/// All figures, one row for each scenario and program.
pub(super) fn figures(page: &mut String, groups: &[Group<'_>]) {
    page.push_str("<section>\n<h2>Figures</h2>\n<p>Medians, with the least and the most of the runs.</p>\n<div class=\"wide\"><table>\n<tr>");
    for heading in [
        "scenario",
        "program",
        "version",
        "runs",
        "ratio to the floor",
        "lines/s",
        "MB/s",
        "program ns/line",
        "server ns/line",
        "store ns/line",
        "resident MiB",
        "p50 / p99 / p99.9 / max",
    ] {
        add(page, format_args!("<th>{heading}</th>"));
    }
    page.push_str("</tr>\n");
    for group in groups {
        page.push_str("<tr>");
        for cell in row(group) {
            add(page, format_args!("<td>{}</td>", escaped(&cell)));
        }
        page.push_str("</tr>\n");
    }
    page.push_str("</table></div>\n</section>\n");
}

fn row(group: &Group<'_>) -> [String; 12] {
    let rated = group.ratio().filter(|_| group.at_full_rate());
    let cpu = |index: usize| {
        cpu::median(group, cpu::PROCESSES[index].1).map_or_else(none, |nanos| format!("{nanos:.0}"))
    };
    let resident = group.records.iter().map(|record| record.resident).max();
    let latency =
        latency::medians(group).map(|percentiles| percentiles.map(figures::micros).join(" / "));
    [
        group.scenario.to_string(),
        group.label(),
        group.program.version.clone(),
        group.records.len().to_string(),
        rated.map_or_else(none, |ratio| range(&ratio, figures::digits)),
        group
            .spread(Record::lines_per_second)
            .map_or_else(none, |rate| range(&rate, figures::count)),
        group
            .spread(Record::megabytes_per_second)
            .map_or_else(none, |rate| figures::digits(rate.median)),
        cpu(0),
        cpu(1),
        cpu(2),
        resident.map_or_else(none, figures::mebibytes),
        latency.unwrap_or_else(none),
    ]
}

/// What did not arrive as it was sent, over all runs.
pub(super) fn losses(page: &mut String, groups: &[Group<'_>]) {
    page.push_str("<section>\n<h2>Lost, doubled, altered</h2>\n<p>Lines, over all runs. Core subjects promise nothing: what a client drops there is lost, and counted.</p>\n<div class=\"wide\"><table>\n<tr><th>scenario</th><th>program</th><th>sent</th><th>stored</th><th>lost</th><th>doubled</th><th>altered</th><th>messages the program says it dropped</th></tr>\n");
    for group in groups {
        add(
            page,
            format_args!(
                "<tr><td>{}</td><td>{}</td><td>{}</td><td>{}</td>",
                escaped(&group.scenario.to_string()),
                escaped(&group.label()),
                shown(total(group, |record| Some(record.count.lines))),
                shown(total(group, |record| Some(record.count.stored))),
            ),
        );
        let bad: [fn(&Record) -> Option<u64>; 4] = [
            |record| Some(record.count.lost),
            |record| Some(record.count.doubled),
            |record| Some(record.count.altered),
            |record| record.count.dropped,
        ];
        for of in bad {
            let count = total(group, of);
            let class = match count {
                Some(1..) => " class=\"bad\"",
                Some(0) | None => "",
            };
            add(page, format_args!("<td{class}>{}</td>", shown(count)));
        }
        page.push_str("</tr>\n");
    }
    page.push_str("</table></div>\n</section>\n");
}

fn shown(count: Option<u64>) -> String {
    count.map_or_else(none, |count| count.to_string())
}

fn range(spread: &Spread, figure: fn(f64) -> String) -> String {
    let median = figure(spread.median);
    if spread.runs < 2 {
        return median;
    }
    format!(
        "{median} ({} to {})",
        figure(spread.low),
        figure(spread.high)
    )
}

fn none() -> String {
    "–".to_owned()
}
