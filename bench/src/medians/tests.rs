//! Medians and ratios of made-up records.

use super::*;
use crate::discard::figures::Stall;
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
fn a_trial_is_divided_by_the_floor_of_its_turn() {
    let records = [
        named(FLOOR, 1.0, 0),
        named(PRODUCT, 2.0, 0),
        named(PRODUCT, 4.0, 30),
        named(FLOOR, 4.0, 30),
    ];
    let groups = groups(&records);
    assert_eq!(groups[1].ratios, [0.5, 1.0]);
    assert!(
        groups[0].ratio().is_none(),
        "the floor has no ratio to itself"
    );
}

#[test]
fn a_floor_that_moved_something_else_or_at_another_time_is_not_a_floor() {
    let product = named(PRODUCT, 1.0, 0);
    let others: [fn(&mut Record); 7] = [
        |floor| floor.turn.number = 1,
        |floor| floor.turn.run = "another run".to_owned(),
        |floor| floor.turn.row = "another row".to_owned(),
        |floor| floor.machine.cores = 64,
        |floor| floor.scenario.source = Source::Explicit,
        |floor| floor.count.messages = 10,
        |floor| floor.program.workers = 2,
    ];
    for other in others {
        let mut floor = named(FLOOR, 1.0, 0);
        assert_eq!(ratio(&product, &[floor.clone()]), Some(1.0));
        other(&mut floor);
        assert_eq!(ratio(&product, &[floor.clone()]), None, "{floor:?}");
    }
}

#[test]
fn the_floor_without_an_exporter_is_the_floor_of_the_product_with_one() {
    let mut product = named(PRODUCT, 2.0, 0);
    product.scenario.exporter = Switch::On;
    assert_eq!(ratio(&product, &[named(FLOOR, 1.0, 0)]), Some(0.5));
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

#[test]
fn a_trial_in_which_something_happened_is_no_rate() {
    let calm = named(PRODUCT, 1.0, 0);
    let mut stalled = calm.clone();
    stalled.incident = Incident::Stall(Stall {
        after_lines: 1,
        seconds: 60,
    });
    let mut killed = calm.clone();
    killed.incident = Incident::KillOne { after_lines: 1 };
    assert_eq!(rated(&[stalled, calm.clone(), killed]), [calm]);
}

#[test]
fn what_the_floor_or_the_product_lost_lines_in_is_held_against_nothing() {
    let lost = |name: &str| {
        let mut record = named(name, 1.0, 0);
        record.count.lost = 1;
        record
    };
    let records = [
        lost(FLOOR),
        named(FLOOR, 1.0, 1),
        lost(PRODUCT),
        lost("telegraf"),
    ];
    assert_eq!(whole(&records), [records[1].clone(), records[3].clone()]);
}
