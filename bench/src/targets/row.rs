//! A figure and what it is to be come in, a verdict comes out.

use std::fmt;

use crate::medians::{MOST_NOISE, Spread};

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
    /// Lines or messages. One that is lost is no noise: the worst run is told, and judged.
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
    /// Runs differ so much that the figure says nothing: as bad as missed.
    TooNoisy,
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
        let noise = figure.half_range();
        let is_met = |value: f64| match self.target {
            Target::Told => true,
            Target::AtLeast(least) => value >= least,
            Target::AtMost(most) => value <= most,
        };
        let (worst, best, nearly) = match self.target {
            Target::Told => return Verdict::None,
            Target::AtLeast(_) => (figure.low, figure.high, figure.median + noise),
            Target::AtMost(_) => (figure.high, figure.low, figure.median - noise),
        };
        if is_met(worst) {
            return Verdict::Met;
        }
        if self.unit == Unit::Count || !is_met(best) {
            return Verdict::Missed;
        }
        if figure.noise() > MOST_NOISE {
            return Verdict::TooNoisy;
        }
        match (is_met(figure.median), is_met(nearly)) {
            (true, _) => Verdict::Met,
            (false, true) => Verdict::WithinNoise,
            (false, false) => Verdict::Missed,
        }
    }

    /// The figure as it is shown, and its noise.
    fn shown(&self) -> (String, String) {
        let Some(figure) = self.figure else {
            return ("-".to_owned(), String::new());
        };
        let show = |value: f64| self.unit.show(value);
        match (self.unit, self.target) {
            (Unit::Count, Target::AtLeast(_)) => (show(figure.low), String::new()),
            (Unit::Count, Target::AtMost(_)) => (show(figure.high), String::new()),
            _ => (
                show(figure.median),
                format!("± {}", show(figure.half_range())),
            ),
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
        let target = match self.target {
            Target::AtLeast(least) => format!(">= {}", self.unit.show(least)),
            Target::AtMost(most) => format!("<= {}", self.unit.show(most)),
            Target::Told => String::new(),
        };
        let (figure, noise) = self.shown();
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
            Self::TooNoisy => "TOO NOISY",
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
            Self::Missed | Self::TooNoisy | Self::NotMeasured => false,
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
        assert_eq!(verdict(least, [0.80, 0.81, 0.91]), Verdict::Missed);
        assert_eq!(verdict(least, [0.80, 0.81, 0.82]), Verdict::Missed);
    }

    #[test]
    fn a_cost_above_its_target_is_missed_only_if_noise_does_not_explain_it() {
        let most = Target::AtMost(150.0);
        assert_eq!(verdict(most, [130.0, 140.0, 160.0]), Verdict::Met);
        assert_eq!(verdict(most, [140.0, 160.0, 185.0]), Verdict::WithinNoise);
        assert_eq!(verdict(most, [200.0, 201.0, 202.0]), Verdict::Missed);
    }

    #[test]
    fn noise_beyond_a_part_of_the_figure_excuses_nothing() {
        let least = Target::AtLeast(0.9);
        assert_eq!(verdict(least, [0.2, 0.6, 1.4]), Verdict::TooNoisy);
        assert_eq!(verdict(least, [0.6, 0.95, 1.4]), Verdict::TooNoisy);
        assert!(!Verdict::TooNoisy.is_good());
        // Where no run meets it, or every one does, noise is no question.
        assert_eq!(verdict(least, [0.2, 0.4, 0.8]), Verdict::Missed);
        assert_eq!(verdict(least, [0.9, 1.4, 2.0]), Verdict::Met);
        let most = Target::AtMost(150.0);
        assert_eq!(verdict(most, [-10.0, 0.0, 140.0]), Verdict::Met);
        assert_eq!(verdict(most, [-10.0, 0.0, 160.0]), Verdict::TooNoisy);
    }

    #[test]
    fn what_is_counted_is_told_and_judged_by_its_worst_run() {
        let lost =
            |values: [f64; 3]| Row::new("x", Target::AtMost(0.0), Unit::Count, Spread::of(values));
        assert_eq!(lost([0.0; 3]).verdict(), Verdict::Met);
        let once = lost([0.0, 0.0, 50_000.0]);
        assert_eq!(once.verdict(), Verdict::Missed);
        assert!(once.to_string().contains("50000"), "{once}");
        let counted = Spread::of([5.0, 5.0, 3.0]);
        let row = Row::new("x", Target::AtLeast(5.0), Unit::Count, counted);
        assert_eq!(row.verdict(), Verdict::Missed);
    }

    #[test]
    fn what_could_not_be_measured_is_not_good() {
        let row = Row::failed("x", &anyhow::anyhow!("it ended:\nno server\nand a log"));
        assert!(!row.verdict().is_good());
        assert!(row.to_string().ends_with("it ended: no server"), "{row}");
    }
}
