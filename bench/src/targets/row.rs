//! A figure and what it is to be come in, a verdict comes out.

use std::fmt;

use crate::medians::Spread;

/// What a figure is to be.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Target {
    /// This or more.
    AtLeast(f64),
    /// This or less.
    AtMost(f64),
    /// It is told for comparison only.
    Told,
}

/// What a figure counts.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Unit {
    /// One over another.
    Ratio,
    /// Nanoseconds.
    Nanos,
    /// Milliseconds.
    Millis,
    /// MiB.
    Mebibytes,
    /// Bytes.
    Bytes,
    /// Lines or messages.
    Count,
}

/// What came of it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Verdict {
    /// As it is to be.
    Met,
    /// Not quite, but by less than runs differ among themselves.
    WithinNoise,
    /// Not as it is to be.
    Missed,
    /// Nothing was to be.
    None,
    /// It could not be measured: as bad as missed.
    NotMeasured,
}

/// One line of the table.
#[derive(Debug, Clone)]
pub struct Row {
    /// What was measured.
    pub what: String,
    /// What it is to be.
    pub target: Target,
    /// What it counts.
    pub unit: Unit,
    /// What it is; none if it could not be measured.
    pub figure: Option<Spread>,
    /// What else there is to say.
    pub note: String,
}

impl Row {
    /// A row without a note.
    pub fn new(what: &str, target: Target, unit: Unit, figure: Option<Spread>) -> Self {
        Self {
            what: what.to_owned(),
            target,
            unit,
            figure,
            note: String::new(),
        }
    }

    /// With something more to say.
    #[must_use]
    pub fn note(mut self, note: String) -> Self {
        self.note = note;
        self
    }

    /// The row of what could not be measured because of `error`.
    pub fn failed(what: &str, error: &anyhow::Error) -> Self {
        // The first line tells what, the second why; the rest is the end of somebody's log.
        let reason = format!("{error:#}");
        let said: Vec<&str> = reason.lines().take(2).collect();
        Self::new(what, Target::Told, Unit::Ratio, None).note(said.join(" "))
    }

    /// What came of it.
    pub fn verdict(&self) -> Verdict {
        let Some(figure) = self.figure else {
            return Verdict::NotMeasured;
        };
        let noise = (figure.high - figure.low) / 2.0;
        let (met, nearly) = match self.target {
            Target::Told => return Verdict::None,
            Target::AtLeast(least) => (figure.median >= least, figure.median + noise >= least),
            Target::AtMost(most) => (figure.median <= most, figure.median - noise <= most),
        };
        match (met, nearly) {
            (true, _) => Verdict::Met,
            (false, true) => Verdict::WithinNoise,
            (false, false) => Verdict::Missed,
        }
    }

    /// The table's first line.
    pub fn heading() -> String {
        format!(
            "{:<58} {:>10} {:>10} {:>9}  {:<12} note",
            "what", "target", "figure", "noise", "verdict"
        )
    }
}

impl fmt::Display for Row {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let shown = |value: f64| self.unit.show(value);
        let target = match self.target {
            Target::AtLeast(least) => format!(">= {}", shown(least)),
            Target::AtMost(most) => format!("<= {}", shown(most)),
            Target::Told => String::new(),
        };
        let (figure, noise) = match self.figure {
            Some(figure) => (
                shown(figure.median),
                format!("± {}", shown((figure.high - figure.low) / 2.0)),
            ),
            None => ("-".to_owned(), String::new()),
        };
        let line = format!(
            "{:<58} {target:>10} {figure:>10} {noise:>9}  {:<12} {}",
            self.what,
            self.verdict().to_string(),
            self.note
        );
        f.write_str(line.trim_end())
    }
}

impl Unit {
    fn show(self, value: f64) -> String {
        match self {
            Self::Ratio => format!("{value:.2}"),
            Self::Nanos => format!("{value:.0} ns"),
            Self::Millis => format!("{value:.1} ms"),
            Self::Mebibytes => format!("{value:.1} MiB"),
            Self::Bytes => format!("{value:.0} B"),
            Self::Count => format!("{value:.0}"),
        }
    }
}

impl fmt::Display for Verdict {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Met => "met",
            Self::WithinNoise => "within noise",
            Self::Missed => "MISSED",
            Self::None => "",
            Self::NotMeasured => "NOT MEASURED",
        })
    }
}

impl Verdict {
    /// Whether it is good enough.
    pub fn is_good(self) -> bool {
        match self {
            Self::Met | Self::WithinNoise | Self::None => true,
            Self::Missed | Self::NotMeasured => false,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn verdict(target: Target, values: [f64; 3]) -> Verdict {
        Row::new("x", target, Unit::Ratio, Spread::of(values)).verdict()
    }

    #[test]
    fn a_ratio_below_its_target_is_missed_only_if_noise_does_not_explain_it() {
        let least = Target::AtLeast(0.9);
        assert_eq!(verdict(least, [0.91, 0.92, 0.95]), Verdict::Met);
        assert_eq!(verdict(least, [0.84, 0.88, 0.93]), Verdict::WithinNoise);
        assert_eq!(verdict(least, [0.80, 0.81, 0.82]), Verdict::Missed);
    }

    #[test]
    fn a_cost_above_its_target_is_missed_only_if_noise_does_not_explain_it() {
        let most = Target::AtMost(150.0);
        assert_eq!(verdict(most, [90.0, 120.0, 300.0]), Verdict::Met);
        assert_eq!(verdict(most, [120.0, 160.0, 180.0]), Verdict::WithinNoise);
        assert_eq!(verdict(most, [200.0, 201.0, 202.0]), Verdict::Missed);
        assert_eq!(verdict(Target::AtMost(0.0), [0.0; 3]), Verdict::Met);
        assert_eq!(verdict(Target::AtMost(0.0), [1.0; 3]), Verdict::Missed);
    }

    #[test]
    fn what_could_not_be_measured_is_not_good() {
        let row = Row::failed("x", &anyhow::anyhow!("it ended:\nno server\nand a log"));
        assert!(!row.verdict().is_good());
        assert!(row.to_string().ends_with("it ended: no server"), "{row}");
    }
}
