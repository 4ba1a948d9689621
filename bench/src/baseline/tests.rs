//! What counts as worse than before, and what doesn't.

use super::*;
use crate::medians::FLOOR;
use crate::medians::sample::{at_minute, by, lines_in, paced};

/// The floor takes a second; the product takes these.
fn runs(product: &[f64]) -> Vec<Record> {
    let mut records = Vec::new();
    for (minute, seconds) in (0..).zip(product) {
        records.push(at_minute(by(lines_in(1.0), FLOOR), minute));
        records.push(at_minute(lines_in(*seconds), minute));
    }
    records
}

fn verdict(then: &[f64], now: &[f64]) -> Verdict {
    let baseline = Baseline::of(&runs(then)).unwrap();
    compare(&baseline, &runs(now)).changes[0].verdict
}

#[test]
fn a_drop_within_the_noise_is_held_and_one_beyond_it_is_worse() {
    let quiet = [1.0, 1.0, 1.0];
    assert_eq!(verdict(&quiet, &[1.04, 1.04, 1.04]), Verdict::Held);
    assert_eq!(verdict(&quiet, &[1.2, 1.2, 1.2]), Verdict::Worse);
    assert_eq!(verdict(&quiet, &[0.8, 0.8, 0.8]), Verdict::Better);
}

#[test]
fn the_noise_is_that_of_the_noisier_run() {
    let noisy = [1.0, 1.1, 1.25];
    assert_eq!(verdict(&noisy, &[1.2, 1.2, 1.2]), Verdict::Held);
    assert_eq!(verdict(&[1.1, 1.1, 1.1], &[1.1, 1.2, 1.4]), Verdict::Held);
    assert_eq!(verdict(&[1.1, 1.1, 1.1], &[1.2, 1.2, 1.2]), Verdict::Worse);
}

#[test]
fn noise_that_would_excuse_anything_excuses_nothing() {
    let noisy = [0.5, 1.0, 4.0];
    let baseline = Baseline::of(&runs(&noisy)).unwrap();
    let comparison = compare(&baseline, &runs(&[2.0, 2.0, 2.0]));
    assert_eq!(comparison.changes[0].verdict, Verdict::TooNoisy);
    assert!(!comparison.holds());
    assert_eq!(verdict(&[1.0, 1.0, 1.0], &noisy), Verdict::TooNoisy);
    assert_eq!(verdict(&noisy, &[9.0, 9.0, 9.0]), Verdict::Worse);
    assert_eq!(verdict(&noisy, &[0.4, 0.4, 0.4]), Verdict::Better);
}

#[test]
fn another_machine_is_said_and_ratios_are_compared_nevertheless() {
    let baseline = Baseline::of(&runs(&[1.0])).unwrap();
    let mut records = runs(&[2.0]);
    for record in &mut records {
        record.machine.cores = 64;
    }
    let comparison = compare(&baseline, &records);
    assert_eq!(comparison.machine, ["cores: 2 then, 64 now"]);
    assert!(!comparison.holds());
}

#[test]
fn what_is_new_or_was_left_out_is_said_and_is_no_failure() {
    let baseline = Baseline::of(&runs(&[1.0])).unwrap();
    let mut records = runs(&[1.0]);
    for record in &mut records {
        record.scenario.subjects = 10_000;
    }
    let comparison = compare(&baseline, &records);
    let verdicts: Vec<_> = comparison
        .changes
        .iter()
        .map(|change| change.verdict)
        .collect();
    assert_eq!(verdicts, [Verdict::Unmeasured, Verdict::New]);
    assert!(comparison.holds());
}

#[test]
fn a_paced_trial_is_no_rate() {
    let records: Vec<Record> = runs(&[1.0]).into_iter().map(paced).collect();
    assert!(matches!(Baseline::of(&records), Err(Error::Empty)));
}

#[test]
fn a_baseline_comes_back_from_its_file_and_what_is_none_says_how_to_make_one() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("baseline.json");
    let baseline = Baseline::of(&runs(&[1.0, 1.25])).unwrap();
    baseline.save(&path).unwrap();
    assert_eq!(Baseline::load(&path).unwrap(), baseline);
    fs::write(&path, "{}").unwrap();
    let said = Baseline::load(&path).unwrap_err().to_string();
    assert!(said.contains("--save-baseline"), "{said}");
}

#[test]
fn the_text_names_the_scenario_both_ratios_the_noise_and_the_verdict() {
    let baseline = Baseline::of(&runs(&[1.0])).unwrap();
    let said = compare(&baseline, &runs(&[2.0])).to_string();
    for part in [
        "012345678",
        "core line",
        "1.00 (1.00 to 1.00, 1 run)",
        "0.50",
        "±5 %",
        "WORSE",
    ] {
        assert!(said.contains(part), "{part}: {said}");
    }
}
