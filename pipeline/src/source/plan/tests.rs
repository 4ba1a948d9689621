//! Which lanes there are after which change.

use async_nats::Subject;

use super::{
    Found, clash, description, division, is_new, lanes, leftover, published, start, starved,
    stored, suits, takes_over, transform, widened,
};
use crate::config::Partitions;

fn names(partitions: &Partitions) -> Vec<String> {
    let lanes = lanes(
        partitions,
        "flightline",
        "telemetry",
        &["telemetry.>".to_owned()],
    );
    lanes.into_iter().map(|lane| lane.consumer).collect()
}

fn found(name: &str, filter: &str, ack_floor: u64, open: u64) -> Found {
    Found {
        name: name.to_owned(),
        filters: vec![filter.to_owned()],
        ack_floor,
        open,
        description: description("flightline"),
    }
}

#[test]
fn each_division_has_its_own_consumers() {
    assert_eq!(names(&Partitions::Hashed(1)), ["flightline-all"]);
    assert_eq!(
        names(&Partitions::Hashed(2)),
        ["flightline-0", "flightline-1", "flightline-rest"]
    );
    let filters = ["telemetry.metric.>", "telemetry.*.x", "humidity"].map(str::to_owned);
    assert_eq!(
        names(&Partitions::Filters(filters.to_vec())),
        [
            "flightline-telemetry=metric=++",
            "flightline-telemetry=+=x",
            "flightline-humidity"
        ]
    );
}

#[test]
fn the_transform_puts_the_partition_in_front() {
    let (source, destination) = transform("telemetry", 4);
    assert_eq!(source, "telemetry.*.*.*");
    assert_eq!(
        destination,
        "{{partition(4,1,2,3)}}.telemetry.{{wildcard(1)}}.{{wildcard(2)}}.{{wildcard(3)}}"
    );
    assert_eq!(stored("telemetry"), "*.telemetry.*.*.*");
}

#[test]
fn a_former_partition_is_read_until_nothing_is_left_in_it() {
    let consumers = [
        found("flightline-0", "0.telemetry.>", 7, 1),
        found("flightline-2", "2.telemetry.>", 7, 5),
        found("flightline-3", "3.telemetry.>", 9, 0),
        found("flightline-test-4", "4.telemetry.>", 9, 1),
        Found {
            description: "a lane of another".to_owned(),
            ..found("flightline-5", "5.telemetry.>", 9, 1)
        },
    ];
    let left = |partitions| {
        let now = lanes(&partitions, "flightline", "telemetry", &[]);
        let left = leftover(&partitions, &now, &consumers, "flightline", "telemetry");
        left.into_iter().map(|lane| lane.name).collect::<Vec<_>>()
    };
    assert_eq!(left(Partitions::Hashed(2)), ["2"]);
    assert!(
        left(Partitions::Hashed(1)).is_empty(),
        "who reads everything reads that, too"
    );
}

#[test]
fn a_new_consumer_starts_behind_what_is_acked_by_all_before_it() {
    assert_eq!(start(&[], "flightline"), None);
    let plain = Found {
        description: String::new(),
        ..found("flightline", "", 40, 0)
    };
    let others = Found {
        name: "audit".to_owned(),
        ..plain.clone()
    };
    let others = Found {
        ack_floor: 3,
        ..others
    };
    let lane = found("flightline-0", "0.telemetry.>", 20, 0);
    assert_eq!(start(std::slice::from_ref(&others), "flightline"), None);
    assert_eq!(
        start(&[others.clone(), plain.clone()], "flightline"),
        Some(41)
    );
    assert_eq!(start(&[others, plain, lane], "flightline"), Some(21));
}

#[test]
fn a_new_consumer_takes_over_from_those_before_it_if_there_are_any() {
    let done = found("flightline-1", "1.telemetry.>", 28, 0);
    let four = lanes(&Partitions::Hashed(4), "flightline", "telemetry", &[]);
    assert!(takes_over(&[done], &four, "flightline"));
    assert!(!takes_over(&[], &four, "flightline"), "nobody was there");
    let all: Vec<_> = four
        .iter()
        .map(|lane| found(&lane.consumer, "", 0, 0))
        .collect();
    assert!(!takes_over(&all, &four, "flightline"), "nothing is new");
}

#[test]
fn a_partition_that_nobody_has_read_is_new() {
    let four = lanes(&Partitions::Hashed(4), "flightline", "telemetry", &[]);
    let two = [
        found("flightline-0", "0.telemetry.>", 7, 0),
        found("flightline-1", "1.telemetry.>", 7, 0),
        found("flightline-rest", "telemetry.>", 7, 0),
    ];
    let new = |found: &[Found]| {
        let new = four.iter().filter(|lane| is_new(lane, found, "flightline"));
        new.map(|lane| lane.name.clone()).collect::<Vec<_>>()
    };
    assert_eq!(new(&two), ["2", "3"]);
    let whole = Found {
        filters: Vec::new(),
        ..found("flightline-all", "", 7, 0)
    };
    assert!(new(&[whole]).is_empty(), "it has read everything");
}

#[test]
fn a_division_is_the_same_in_whatever_order_it_is_written() {
    let filters = |filters: [&str; 2]| Partitions::Filters(filters.map(str::to_owned).to_vec());
    assert_eq!(
        division(&filters(["a", "b"])),
        division(&filters(["b", "a"]))
    );
    assert_ne!(
        division(&filters(["a", "b"])),
        division(&filters(["a", "c"]))
    );
    assert_ne!(
        division(&Partitions::Hashed(2)),
        division(&Partitions::Hashed(4))
    );
}

#[test]
fn only_the_rest_may_take_more_than_it_is_asked_to() {
    let owned = |filters: &[&str]| {
        filters
            .iter()
            .map(|&filter| filter.to_owned())
            .collect::<Vec<_>>()
    };
    let subjects = owned(&["telemetry.>", "humidity"]);
    let lanes = lanes(&Partitions::Hashed(2), "flightline", "telemetry", &subjects);
    let ours = description("flightline");
    let fits = |lane: usize, filters: &[&str]| {
        let found = Found {
            filters: owned(filters),
            ..found("", "", 0, 0)
        };
        suits(&found, &lanes[lane], &ours)
    };
    assert!(fits(2, &["humidity", "telemetry.>"]), "in any order");
    assert!(fits(2, &["telemetry.>", "humidity", "motion"]));
    assert!(!fits(2, &["telemetry.>"]));
    assert!(!fits(2, &[]));
    assert!(fits(0, &["0.telemetry.>"]));
    assert!(!fits(0, &["0.telemetry.>", "motion"]));
    let others = Found {
        filters: owned(&["telemetry.>", "humidity", "motion"]),
        description: String::new(),
        ..found("", "", 0, 0)
    };
    assert!(
        !suits(&others, &lanes[2], &ours),
        "nobody else's is taken for ours"
    );
    let wider = |has: &[&str], wanted: &[&str]| widened(&owned(has), &owned(wanted));
    assert_eq!(wider(&["a", "b"], &["c", "b"]), ["a", "b", "c"]);
    assert_eq!(wider(&["a.b", "c"], &["a.*"]), ["c", "a.*"]);
    assert_eq!(wider(&["a.>"], &["a.*"]), ["a.>"]);
    assert_eq!(clash(&wider(&["a", "b"], &["c"])), None);
    assert_eq!(clash(&wider(&["x", "a.*"], &["*.a"])), Some(("a.*", "*.a")));
}

#[test]
fn others_that_a_partition_would_starve_are_found() {
    let others = |filters: &[&str]| Found {
        filters: filters.iter().map(|&filter| filter.to_owned()).collect(),
        ..found("audit", "", 0, 0)
    };
    let of = |filters: &[&str]| {
        let audit = Found {
            description: String::new(),
            ..others(filters)
        };
        starved(&[audit], "flightline", "telemetry").map(|(_, filter)| filter.to_owned())
    };
    assert_eq!(
        of(&["humidity", "telemetry.metric.>"]).as_deref(),
        Some("telemetry.metric.>")
    );
    assert_eq!(of(&["*.app.x.y"]).as_deref(), Some("*.app.x.y"));
    for fine in [
        &[][..],
        &[">"],
        &["humidity"],
        &["telemetry.x"],
        &["telemetry.app.>", "*.telemetry.app.>"],
    ] {
        assert_eq!(of(fine), None, "{fine:?}");
    }
    let ours = [others(&["telemetry.>"])];
    assert_eq!(starved(&ours, "flightline", "telemetry"), None);
    let plain = Found {
        name: "flightline".to_owned(),
        description: String::new(),
        ..others(&["telemetry.app.>"])
    };
    assert_eq!(starved(&[plain], "flightline", "telemetry"), None);
}

#[test]
fn a_stored_subject_becomes_the_published_one_again() {
    for (stored, expected) in [
        ("12.telemetry.app.s.t", "telemetry.app.s.t"),
        ("0.telemetry.metric.a.b", "telemetry.metric.a.b"),
        ("telemetry.app.s.t", "telemetry.app.s.t"),
        ("1.telemetry.app.s", "1.telemetry.app.s"),
        ("1.telemetry.app.s.t.u", "1.telemetry.app.s.t.u"),
        ("1.other.app.s.t", "1.other.app.s.t"),
        ("x1.telemetry.app.s.t", "x1.telemetry.app.s.t"),
        (".telemetry.app.s.t", ".telemetry.app.s.t"),
        ("1.telemetrys.app.s.t", "1.telemetrys.app.s.t"),
    ] {
        assert_eq!(
            published(Subject::from(stored), "telemetry").as_str(),
            expected
        );
    }
}
