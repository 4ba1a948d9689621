//! Worlds with one thing wrong come in: the judge must see it. A judge that cannot find anything proves nothing, so this is
//! held before each run.

use flightline_fixtures::points::{Point, Points, Time, Value};

use crate::judge::{Verdict, World, judge};
use crate::oracle::{NUMBER, Oracle};

/// Enough messages for each kind.
const MESSAGES: u64 = 400;

/// Panics if the judge is blind.
pub(crate) fn hold() {
    let right = right();
    let verdict = judge(&right);
    assert!(verdict.holds(), "{verdict:?}");
    assert!(verdict.stored > MESSAGES && verdict.dead > 5, "{verdict:?}");
    for (what, world, expected) in wrong(&right) {
        let verdict = judge(&world);
        assert!(!verdict.holds(), "{what}: not seen");
        assert!(!verdict.findings.is_empty(), "{what}: not said");
        let found = [verdict.lost, verdict.duplicated, verdict.altered];
        assert_eq!(found, expected, "{what}: {verdict:?}");
    }
    twice_kept_letters_are_counted(right);
}

/// Everything is where it should be.
fn right() -> World {
    let oracle = Oracle::new(7);
    let sent: Vec<_> = (0..MESSAGES).map(|place| oracle.message(place)).collect();
    let points = sent.iter().flat_map(|message| message.points.clone());
    let stored: Points = points.map(stamped).collect();
    let letters = sent.iter().flat_map(|message| message.refused.clone());
    World {
        types: stored.field_types(),
        letters: letters.collect(),
        stored,
        sent,
    }
}

/// With the time of its message, if it has none.
fn stamped(mut point: Point) -> Point {
    if point.key.time == Time::OfMessage {
        point.key.time = Time::At(42);
    }
    point
}

/// Each with what is lost, doubled and altered.
fn wrong(right: &World) -> Vec<(&'static str, World, [u64; 3])> {
    let with = |change: &dyn Fn(&mut Vec<Point>)| {
        let points = right.stored.iter().map(|(key, fields)| Point {
            key: key.clone(),
            fields: fields.clone(),
        });
        let mut points: Vec<Point> = points.collect();
        change(&mut points);
        World {
            stored: points.into_iter().collect(),
            ..right.clone()
        }
    };
    let unstamped = |points: &[Point]| {
        let mut places = points.iter();
        let place = places.position(|point| point.key.measurement == "unstamped");
        place.expect("some are unstamped")
    };
    let mut missing_letter = right.clone();
    missing_letter.letters.pop();
    let mut altered_letter = right.clone();
    altered_letter.letters[0].payload.push(b'!');
    let mut other_type = right.clone();
    let kind = other_type
        .types
        .values_mut()
        .next()
        .expect("fields have types");
    *kind = flightline_fixtures::points::FieldType::Text;
    vec![
        (
            "a lost point",
            with(&|points| drop(points.pop())),
            [1, 0, 0],
        ),
        (
            "a point stored at two times",
            with(&|points| {
                let mut again = points[unstamped(points)].clone();
                again.key.time = Time::At(43);
                points.push(again);
            }),
            [0, 1, 0],
        ),
        (
            "an altered text",
            with(&|points| {
                let text = Value::Text("another".to_owned());
                points[0].fields.insert("proof".to_owned(), text);
            }),
            [0, 0, 1],
        ),
        (
            "an added tag",
            with(&|points| {
                drop(
                    points[0]
                        .key
                        .tags
                        .insert("host".to_owned(), "here".to_owned()),
                )
            }),
            [0, 0, 1],
        ),
        (
            "a point that nobody sent",
            with(&|points| {
                points.push(Point::new("readings", Time::At(1)).field(NUMBER, Value::Integer(-5)));
            }),
            [0, 0, 1],
        ),
        ("a missing letter", missing_letter, [1, 0, 0]),
        ("an altered letter", altered_letter, [1, 0, 1]),
        ("another type of a field", other_type, [0, 0, 1]),
    ]
}

fn twice_kept_letters_are_counted(mut world: World) {
    world.letters.push(world.letters[0].clone());
    let Verdict { letters_again, .. } = judge(&world);
    assert_eq!(letters_again, 1);
    assert!(judge(&world).holds(), "at least once is what is promised");
}
