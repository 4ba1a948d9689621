//! What is shown comes in, one HTML page goes out: nothing is loaded from elsewhere, no script is in it, and every text that came
//! from a record is escaped.

use std::fmt::Write;

use super::chart::{cpu, latency, ratio, spread, trend};
use super::{Shown, figures};
use crate::medians::{self, Group};
use crate::record::Record;

/// Tables of the page.
mod table;

const STYLE: &str = "\
:root{color-scheme:light}\
body{background:#fff;color:#222;font:15px/1.5 sans-serif;max-width:1000px;margin:2em auto;padding:0 1em}\
h1{font-size:1.6em}h2{font-size:1.2em;margin-top:2em}\
svg{max-width:100%;height:auto;border:1px solid #ddd}\
figure{margin:1em 0}figcaption{color:#555}\
.wide{overflow-x:auto}table{border-collapse:collapse;font-size:13px;white-space:nowrap}\
th,td{border-bottom:1px solid #ddd;padding:.25em .6em;text-align:right;font-variant-numeric:tabular-nums}\
th:first-child,td:first-child,th:nth-child(2),td:nth-child(2){text-align:left}\
th{background:#f4f4f4}td.bad{background:#fbe3d6;font-weight:bold}";

/// The page.
pub fn render(
    shown: &Shown,
    groups: &[Group<'_>],
    pictures: &[(&str, String)],
    unreadable: usize,
) -> String {
    let mut page =
        String::from("<!doctype html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n");
    page.push_str("<meta name=\"viewport\" content=\"width=device-width\">\n");
    page.push_str("<title>Flightline, measured</title>\n");
    add(
        &mut page,
        format_args!("<style>{STYLE}</style>\n</head>\n<body>\n<h1>Flightline, measured</h1>\n"),
    );
    where_and_when(&mut page, shown, unreadable);
    for (name, svg) in pictures {
        let said = said_of(name);
        add(
            &mut page,
            format_args!("<section>\n<figure role=\"group\" id=\"{name}\">\n{svg}"),
        );
        add(
            &mut page,
            format_args!(
                "<figcaption>{}</figcaption>\n</figure>\n</section>\n",
                escaped(said)
            ),
        );
    }
    if !pictures.iter().any(|(name, _)| *name == trend::NAME) {
        page.push_str("<p>There is no trend yet: it takes the ratios of two commits.</p>\n");
    }
    table::figures(&mut page, groups);
    table::losses(&mut page, &medians::groups(&shown.records));
    page.push_str("</body>\n</html>\n");
    page
}

fn said_of(picture: &str) -> &'static str {
    match picture {
        ratio::NAME => {
            "The floor takes the same messages and posts the same batches, and does nothing else."
        }
        cpu::NAME => {
            "Each process of a trial for itself. What core subjects dropped is in nobody's figure but the server's."
        }
        latency::NAME => {
            "The clock of a message starts when it was due, so a program that holds up the publisher doesn't look faster."
        }
        spread::NAME => "What differs less than this is not different.",
        trend::NAME => "Dots are medians; lines go from the least to the most of the runs.",
        _ => "",
    }
}

fn where_and_when(page: &mut String, shown: &Shown, unreadable: usize) {
    let Some(last) = shown.records.last() else {
        return;
    };
    let commit = figures::commit(&last.commit);
    let first = shown.records.first().map_or(&last.at, |record| &record.at);
    let machine = &last.machine;
    add(
        page,
        format_args!(
            "<p>Commit <code>{}</code>, {} trials from {} to {}.<br>\n{} × {}, {} GiB, Linux {}, nats-server {}.</p>\n",
            escaped(&commit),
            shown.records.len(),
            escaped(&figures::minute(first)),
            escaped(&figures::minute(&last.at)),
            machine.cores,
            escaped(&machine.cpu),
            figures::mebibytes(machine.memory / 1024),
            escaped(&machine.kernel),
            escaped(&machine.nats),
        ),
    );
    if shown.elsewhere > 0 {
        add(
            page,
            format_args!(
                "<p>{} trials of other machines are left out.</p>\n",
                shown.elsewhere
            ),
        );
    }
    if unreadable > 0 {
        add(
            page,
            format_args!(
                "<p>{unreadable} lines of the file are no records and were left out.</p>\n"
            ),
        );
    }
    page.push_str("<p>Figures of one machine say little about another: use the ratios. Absolute figures stand beside the floor's of the same run.</p>\n");
}

/// Text as text, wherever it stands.
pub(crate) fn escaped(text: &str) -> String {
    let mut escaped = String::with_capacity(text.len());
    for letter in text.chars() {
        match letter {
            '&' => escaped.push_str("&amp;"),
            '<' => escaped.push_str("&lt;"),
            '>' => escaped.push_str("&gt;"),
            '"' => escaped.push_str("&quot;"),
            '\'' => escaped.push_str("&#39;"),
            other => escaped.push(other),
        }
    }
    escaped
}

pub(crate) fn add(page: &mut String, text: std::fmt::Arguments<'_>) {
    page.write_fmt(text).expect("a string takes any text");
}

/// A group's total of one count, if it is known of all.
pub(crate) fn total(group: &Group<'_>, of: impl Fn(&Record) -> Option<u64>) -> Option<u64> {
    group.records.iter().map(|record| of(record)).sum()
}
