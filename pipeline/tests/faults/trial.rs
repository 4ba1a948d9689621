//! Worlds with one thing wrong come in: the judge must see it. A judge that cannot find anything proves nothing, so this is
//! held before each run.

use flightline_fixtures::generator::Message;
use flightline_fixtures::points::{FieldType, Point, Points, Time, Value};

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
    what_was_purged_is_counted(&right);
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
        purged: 0..0,
    }
}

/// With the time of its message, if it has none.
fn stamped(mut point: Point) -> Point {
    if point.key.time == Time::OfMessage {
        point.key.time = Time::At(42);
    }
    point
}

/// What is wrong, and how much of it is lost, doubled and altered.
type Wrong = (&'static str, World, [u64; 3]);

fn wrong(right: &World) -> Vec<Wrong> {
    let mut wrong = wrong_points(right);
    let mut missing = right.clone();
    missing.letters.pop();
    wrong.push(("a missing letter", missing, [1, 0, 0]));
    let mut altered = right.clone();
    altered.letters[0].payload.push(b'!');
    wrong.push(("an altered letter", altered, [1, 0, 1]));
    let mut retyped = right.clone();
    let kind = retyped.types.values_mut().next();
    *kind.expect("fields have types") = FieldType::Text;
    wrong.push(("another type of a field", retyped, [0, 0, 1]));
    wrong
}

fn wrong_points(right: &World) -> Vec<Wrong> {
    let with = |change: fn(&mut Vec<Point>)| {
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
    let lost = with(|points| drop(points.pop()));
    let doubled = with(|points| {
        let unstamped = points
            .iter()
            .find(|point| point.key.measurement == "unstamped");
        let mut again = unstamped.expect("some have no time").clone();
        again.key.time = Time::At(43);
        points.push(again);
    });
    let altered = with(|points| {
        let text = Value::Text("another".to_owned());
        points[0].fields.insert("proof".to_owned(), text);
    });
    let tagged = with(|points| points[0] = points[0].clone().tag("host", "here"));
    let moved = with(|points| points[0].key.time = Time::At(44));
    let strange = with(|points| {
        points.push(Point::new("readings", Time::At(1)).field(NUMBER, Value::Integer(-5)));
    });
    vec![
        ("a lost point", lost, [1, 0, 0]),
        ("a point stored at two times", doubled, [0, 1, 0]),
        ("an altered text", altered, [0, 0, 1]),
        ("an added tag", tagged, [0, 0, 1]),
        ("another time than was told", moved, [0, 0, 1]),
        ("a point that nobody sent", strange, [0, 0, 1]),
    ]
}

fn what_was_purged_is_counted(right: &World) {
    let gone = 10..20;
    let (kept, purged): (Vec<_>, Vec<_>) = (0..)
        .zip(&right.sent)
        .partition(|(place, _)| !gone.contains(place));
    let kept = || kept.iter().map(|(_, message)| message);
    let things = |message: &Message| message.points.len() + message.refused.len();
    let purged: usize = purged.iter().map(|(_, message)| things(message)).sum();
    let points = kept().flat_map(|message| message.points.clone());
    let letters = kept().flat_map(|message| message.refused.clone());
    let mut world = World {
        stored: points.map(stamped).collect(),
        letters: letters.collect(),
        purged: gone.clone(),
        ..right.clone()
    };
    let verdict = judge(&world);
    assert!(
        verdict.holds(),
        "what was purged is nobody's loss: {verdict:?}"
    );
    assert_eq!(verdict.purged, purged as u64);
    world.purged = gone.start + 1..gone.end;
    assert!(judge(&world).lost > 0, "what was not purged is lost");
}

fn twice_kept_letters_are_counted(mut world: World) {
    world.letters.push(world.letters[0].clone());
    let Verdict { letters_again, .. } = judge(&world);
    assert_eq!(letters_again, 1);
    assert!(judge(&world).holds(), "at least once is what is promised");
}
