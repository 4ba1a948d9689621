//! What a store may answer instead of "stored": each documented refusal, in the shape of each of the three APIs, before a real
//! store that holds what the answer says to be kept.

use std::fs;

use flightline_fixtures::interposer::Turn;
use flightline_fixtures::stub::Recorded;
use flightline_fixtures::stub::answer::{Answer, Api, Keep, Neighbours};
use flightline_fixtures::wait;

use crate::fault::Fault;
use crate::oracle::DISPUTED;
use crate::outlet::{Outlet, token};
use crate::scene::Scene;
use crate::setting::Setting;
use crate::step::REACH;

/// A body larger than this is too large for the store that says 413; a line is not.
const LARGE: usize = 2_000;
/// The token of a store that changed it. The worker begins with another one.
const ROTATED: &str = "rotated";

/// A kind of answer.
type Kind = (&'static str, fn(&mut Scene, Api));

const KINDS: [Kind; 11] = [
    ("429_with_retry_after", |scene, _| {
        play(scene, 2, |_| Turn::Play(Answer::too_many_requests("1")));
    }),
    ("503", |scene, _| {
        play(scene, 4, |_| Turn::Play(Answer::unavailable()));
    }),
    ("503_with_retry_after", |scene, _| {
        play(scene, 2, |_| {
            Turn::Play(Answer::unavailable().with_header("retry-after", "1"))
        });
    }),
    ("503_although_stored", |scene, _| {
        play(scene, 4, |_| {
            Turn::Play(Answer::unavailable().keeping(Keep::Everything))
        });
    }),
    ("500", |scene, _| {
        play(scene, 4, |_| Turn::Play(Answer::internal_error()));
    }),
    ("no_answer", |scene, _| {
        play(scene, 2, |_| Turn::Play(Answer::Silence(Keep::Nothing)));
    }),
    ("no_answer_although_stored", |scene, _| {
        play(scene, 2, |_| Turn::Play(Answer::Silence(Keep::Everything)));
    }),
    ("401_until_the_token_is_new", |scene, _| rotate(scene)),
    ("413", |scene, api| {
        play(scene, 6, move |request| {
            let large = request.body.len() > LARGE;
            turn(large.then(|| Answer::too_large(api)))
        });
    }),
    ("400_of_a_line", |scene, api| {
        refuse(scene, api, Neighbours::Stored);
    }),
    ("400_of_a_line_and_its_neighbours", |scene, api| {
        refuse(scene, api, Neighbours::Refused);
    }),
];

/// The faults of this family: all answers in a row, by each API.
pub(crate) fn faults() -> Vec<Fault> {
    let mut faults = Vec::new();
    for api in [Api::V1, Api::V2, Api::V3] {
        let all = format!("answers::{}_all_in_a_row", name(api));
        faults.push(Fault::within(setting(api), all, move |scene| {
            let mut kinds = KINDS;
            scene.random.shuffle(&mut kinds);
            for (_, kind) in kinds {
                kind(scene, api);
            }
        }));
        let alone = one_by_one(api).into_iter();
        faults.extend(alone.map(Fault::long));
    }
    faults
}

/// Each answer for itself.
pub(crate) fn one_by_one(api: Api) -> Vec<Fault> {
    let alone = KINDS.into_iter().map(|(kind, act)| {
        let name = format!("answers::{}_{kind}", name(api));
        Fault::within(setting(api), name, move |scene| act(scene, api))
    });
    alone.collect()
}

fn setting(api: Api) -> Setting {
    Setting {
        outlet: Outlet::Played(api),
        ..Setting::default()
    }
}

fn name(api: Api) -> &'static str {
    match api {
        Api::V1 => "v1",
        Api::V2 => "v2",
        Api::V3 => "v3",
    }
}

fn turn(answer: Option<Answer>) -> Turn {
    answer.map_or(Turn::Pass, Turn::Play)
}

/// Until so many answers of `player` were given.
fn play(scene: &Scene, count: u64, player: impl FnMut(&Recorded) -> Turn + Send + 'static) {
    let before = scene.interposer.played();
    scene.interposer.play(player);
    scene.worker().wait_for("answers are played", REACH, || {
        scene.interposer.played() >= before + count
    });
    scene.interposer.pass();
}

/// The disputed lines, in answers that name them. The store itself goes on refusing them before and after.
fn refuse(scene: &Scene, api: Api, neighbours: Neighbours) {
    let is_bad = |line: &str| line.starts_with(DISPUTED);
    play(scene, 2, move |request| {
        let bad = request.lines().iter().any(|line| is_bad(line));
        turn(bad.then(|| Answer::judging(api, request, neighbours, is_bad)))
    });
}

/// Nobody is let in until the file has the new token. The old one is not taken any more by whoever reads it too early.
fn rotate(scene: &Scene) {
    let before = scene.interposer.played();
    // Another one each time: a soak rotates it more than once.
    let fresh = format!("{ROTATED}-{before}");
    let wanted = fresh.clone();
    scene
        .interposer
        .play(move |request| turn((!request.shows(&wanted)).then(Answer::unauthorized)));
    scene.worker().wait_for("the token is refused", REACH, || {
        scene.interposer.played() >= before + 3
    });
    fs::write(token(scene.ground.path()), fresh).expect("the folder is writable");
    let stored = scene.stored();
    let taken = wait::until(REACH, || scene.stored() > stored);
    assert!(
        taken.is_ok(),
        "the new token is not used: {}",
        scene.worker().log()
    );
    scene.interposer.pass();
}
