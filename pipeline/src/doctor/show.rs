//! A report comes in, text for people or JSON for programs goes out. Nothing that a server said can end a line of the text.

use std::fmt::Write as _;

use serde_json::{Value, json};

use super::finding::{Finding, Report, Severity};

/// The shape of the JSON; raised when a field changes its meaning or goes, not when one is added.
const FORMAT: u32 = 1;

/// One line for what is as it should be, three for what is not.
pub fn text(report: &Report) -> String {
    let mut out = String::new();
    let mut write = |text: std::fmt::Arguments<'_>| {
        out.write_fmt(text)
            .expect("writing to a String cannot fail");
    };
    for finding in &report.findings {
        let severity = finding.severity.as_str();
        let (about, found) = (plain(&finding.about), plain(&finding.found));
        write(format_args!("{severity:<8}{about}: {found}"));
        if finding.severity > Severity::Ok {
            let (means, cure) = (plain(&finding.means), plain(&finding.cure));
            let code = finding.code.as_str();
            write(format_args!(" [{code}]\n          {means}\n"));
            write(format_args!("          cure: {cure}"));
        }
        write(format_args!("\n"));
    }
    let count = |severity| {
        let all = report.findings.iter();
        all.filter(|finding| finding.severity == severity).count()
    };
    let (errors, warnings) = (count(Severity::Error), count(Severity::Warning));
    write(format_args!("{errors} errors, {warnings} warnings\n"));
    out
}

fn plain(text: &str) -> String {
    let escaped = |c: char| if c.is_control() { '\u{fffd}' } else { c };
    text.chars().map(escaped).collect()
}

/// One object.
pub fn json(report: &Report) -> Value {
    let finding = |finding: &Finding| {
        json!({
            "code": finding.code.as_str(),
            "severity": finding.severity.as_str(),
            "about": finding.about,
            "found": finding.found,
            "means": finding.means,
            "cure": finding.cure,
        })
    };
    json!({
        "format": FORMAT,
        "version": env!("CARGO_PKG_VERSION"),
        "severity": report.severity().as_str(),
        "findings": report.findings.iter().map(finding).collect::<Vec<_>>(),
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::doctor::finding::Code;

    #[test]
    fn what_a_server_says_stays_on_its_line() {
        let report = Report::of(vec![
            Finding::ok(Code::Server, "nats").found("2.10\nerror   forged: x\u{1b}[2J"),
        ]);
        let text = text(&report);
        assert_eq!(text.lines().count(), 2, "{text}");
        assert!(!text.contains('\u{1b}'));
    }
}
