//! Medians and ratios of made-up records.

use super::*;
use crate::medians::sample::{at_minute, lines_in};
use crate::record::Check;
use crate::scenario::{Shape, Source};

fn named(name: &str, seconds: f64, minute: u32) -> Record {
    let mut record = at_minute(lines_in(seconds), minute);
    record.program.name = name.to_owned();
    record
}

#[test]
fn the_median_of_an_even_number_lies_between_two_and_no_number_is_no_value() {
    let spread = Spread::of([4.0, 1.0, f64::NAN, 2.0, 3.0]).unwrap();
    assert!((spread.median - 2.5).abs() < f64::EPSILON);
    assert_eq!((spread.low, spread.high, spread.runs), (1.0, 4.0, 4));
    assert_eq!(Spread::of([]), None);
    assert_eq!(Spread::of([f64::INFINITY]), None);
    assert_eq!(spread.to_string(), "2.50 (1.00 to 4.00, 4 runs)");
}

#[test]
fn a_trial_is_divided_by_the_floor_nearest_in_time() {
    let records = [
        named(FLOOR, 1.0, 0),
        named(PRODUCT, 2.0, 1),
        named(FLOOR, 4.0, 30),
        named(PRODUCT, 4.0, 31),
    ];
    let groups = groups(&records);
    assert_eq!(groups[1].ratios, [0.5, 1.0]);
    assert!(
        groups[0].ratio().is_none(),
        "the floor has no ratio to itself"
    );
}

#[test]
fn a_floor_of_another_hour_or_machine_or_scenario_is_not_a_floor() {
    let product = named(PRODUCT, 1.0, 0);
    let late = named(FLOOR, 1.0, 90);
    let mut elsewhere = named(FLOOR, 1.0, 0);
    elsewhere.machine.cores = 64;
    let mut other = named(FLOOR, 1.0, 0);
    other.scenario.source = Source::Explicit;
    assert_eq!(ratio(&product, &[late, elsewhere, other]), None);
}

#[test]
fn the_floor_without_an_exporter_is_the_floor_of_the_product_with_one() {
    let mut product = named(PRODUCT, 2.0, 0);
    product.scenario.exporter = Switch::On;
    assert_eq!(ratio(&product, &[named(FLOOR, 1.0, 0)]), Some(0.5));
}

#[test]
fn a_floor_of_as_many_workers_is_preferred_to_a_nearer_one() {
    let mut two = named(FLOOR, 4.0, 20);
    two.program.workers = 2;
    let mut product = named(PRODUCT, 4.0, 1);
    product.program.workers = 2;
    let floors = [named(FLOOR, 1.0, 0), two];
    assert_eq!(ratio(&product, &floors), Some(1.0));
    assert_eq!(ratio(&product, &floors[..1]), Some(0.25));
}

#[test]
fn the_floor_comes_first_then_the_product_then_peers_by_name() {
    let records = ["vector", PRODUCT, "connect", FLOOR].map(|name| named(name, 1.0, 0));
    let names: Vec<String> = groups(&records).iter().map(Group::label).collect();
    assert_eq!(names, [FLOOR, PRODUCT, "connect", "vector"]);
}

#[test]
fn a_turn_that_knew_each_line_of_large_messages_is_no_rate_and_no_floor_for_one() {
    let of = |name: &str, check| {
        let mut record = named(name, 1.0, 0);
        record.scenario.shape = Shape::Lines50;
        record.check = check;
        record
    };
    let records = [
        of(FLOOR, Check::Account),
        of(PRODUCT, Check::Account),
        of(PRODUCT, Check::Count),
    ];
    assert_eq!(rated(&records), records[2..]);
    assert_eq!(ratio(&records[2], &records), None);
    assert_eq!(ratio(&records[1], &records), Some(1.0));
}
