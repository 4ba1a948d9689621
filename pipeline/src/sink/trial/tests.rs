//! A batch before stores that fail on a line, on everything, or now and then.

use std::collections::BTreeSet;

use proptest::prelude::*;

use super::*;
use crate::sink::work::Work;

const PATIENCE: Duration = Duration::from_secs(60);
/// What lies between two tries.
const PAUSE: Duration = Duration::from_secs(5);
/// Tries that nobody would wait for.
const FOR_EVER: usize = 20_000;

/// How a simulated store is at the moment.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Store {
    /// Fails on killers, takes everything else.
    Well,
    /// Fails on everything.
    Down,
}

/// What became of a batch.
#[derive(Debug, Default)]
struct Fate {
    stored: BTreeSet<usize>,
    given_up: BTreeSet<usize>,
    requests: usize,
    halvings: usize,
    ended: bool,
}

/// A batch of `lines` lines, of which `killers` are bad, before a store that is as `store` says at each request.
fn play(
    lines: usize,
    killers: &BTreeSet<usize>,
    probe: Comparison,
    mut store: impl FnMut() -> Store,
) -> Fate {
    let mut fate = Fate::default();
    let mut now = Instant::now();
    let (mut work, mut trial) = (Work::whole(lines), Trial::new(PATIENCE));
    while let Some(part) = work.take() {
        trial.begin(part.len());
        loop {
            if fate.requests > FOR_EVER {
                return fate;
            }
            fate.requests += 1;
            let bad = part.iter().any(|line| killers.contains(&line));
            if store() == Store::Well && !bad {
                fate.stored.extend(part.iter());
                break;
            }
            now += PAUSE;
            if trial.failed(Weight::MayBeALine, now) == Course::Again {
                continue;
            }
            fate.requests += 1;
            let comparison = match store() {
                Store::Down => Comparison::Failed,
                Store::Well => probe,
            };
            match trial.compared(comparison, now) {
                Sentence::Again => {}
                Sentence::Later => {
                    work.later(part);
                    break;
                }
                Sentence::GiveUp => {
                    fate.given_up.extend(part.iter());
                    break;
                }
                Sentence::Halve => {
                    fate.halvings += 1;
                    work.halve(part);
                    break;
                }
            }
        }
    }
    fate.ended = true;
    fate
}

#[test]
fn a_failing_line_among_5000_is_found_and_all_others_are_stored() {
    for killer in [0, 3711] {
        let fate = play(5000, &BTreeSet::from([killer]), Comparison::Taken, || {
            Store::Well
        });
        assert!(fate.ended);
        assert_eq!(fate.given_up, BTreeSet::from([killer]));
        assert_eq!(fate.stored.len(), 4999);
        // Until the patience is over, two a level, one for its good half, the line.
        assert!(fate.requests < 80, "{} requests", fate.requests);
    }
}

#[test]
fn a_store_that_is_down_for_long_costs_no_line_and_no_halving() {
    let mut left = 10_000;
    let fate = play(5000, &BTreeSet::new(), Comparison::Taken, || {
        left -= 1;
        if left > 0 { Store::Down } else { Store::Well }
    });
    assert_eq!((fate.stored.len(), fate.given_up.len()), (5000, 0));
    assert_eq!(fate.halvings, 0);
}

#[test]
fn a_store_that_refuses_our_line_stores_all_but_the_failing_one_which_is_not_given_up() {
    let fate = play(
        5000,
        &BTreeSet::from([3711]),
        Comparison::Impossible,
        || Store::Well,
    );
    assert_eq!((fate.stored.len(), fate.given_up.len()), (4999, 0));
    assert!(!fate.ended && fate.halvings <= BLIND as usize);
}

#[test]
fn a_store_that_asks_to_wait_is_unwell_as_a_whole() {
    let mut trial = Trial::new(PATIENCE);
    trial.begin(1);
    let mut now = Instant::now();
    for _ in 0..100 {
        now += PAUSE;
        assert_eq!(trial.failed(Weight::TheStore, now), Course::Again);
    }
    assert_eq!(trial.failed(Weight::MayBeALine, now), Course::Again);
}

#[test]
fn a_line_is_not_given_up_before_the_patience_is_over() {
    let mut trial = Trial::new(PATIENCE);
    trial.begin(1);
    let start = Instant::now();
    let mut now = start;
    loop {
        now += Duration::from_millis(100);
        if trial.failed(Weight::MayBeALine, now) == Course::Compare
            && trial.compared(Comparison::Taken, now) == Sentence::GiveUp
        {
            break;
        }
    }
    assert!(now - start >= 2 * PATIENCE, "{:?}", now - start);
}

proptest! {
    /// Outages of any length at any time: good lines are stored, and whatever is given up is bad.
    #[test]
    fn only_bad_lines_are_given_up_whatever_outages_there_are(
        lines in 1usize..200,
        killers in proptest::collection::btree_set(0usize..200, 0..6),
        outages in proptest::collection::vec((1usize..60, 0usize..60), 0..20),
        probe in prop_oneof![Just(Comparison::Taken), Just(Comparison::Impossible)],
    ) {
        let killers: BTreeSet<usize> = killers.into_iter().filter(|line| *line < lines).collect();
        let mut phases = outages.into_iter().flat_map(|(down, well)| {
            std::iter::repeat_n(Store::Down, down).chain(std::iter::repeat_n(Store::Well, well))
        });
        let fate = play(lines, &killers, probe, || phases.next().unwrap_or(Store::Well));
        let good: BTreeSet<usize> = (0..lines).filter(|line| !killers.contains(line)).collect();
        prop_assert!(fate.given_up.is_subset(&killers));
        prop_assert!(fate.stored.is_subset(&good));
        if probe == Comparison::Taken || killers.is_empty() {
            prop_assert!(fate.ended);
            prop_assert_eq!(&fate.stored, &good);
            prop_assert_eq!(&fate.given_up, &killers);
        }
    }

    /// A store that fails by chance, on nine requests of ten: no line is given up for it.
    #[test]
    fn a_store_that_fails_by_chance_costs_no_line(seed in any::<u64>(), lines in 1usize..100) {
        let mut random = fastrand::Rng::with_seed(seed);
        let fate = play(lines, &BTreeSet::new(), Comparison::Taken, || {
            if random.f64() < 0.9 { Store::Down } else { Store::Well }
        });
        prop_assert!(fate.ended);
        prop_assert_eq!(fate.given_up.len(), 0);
    }
}
