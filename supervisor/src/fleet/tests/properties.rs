//! What holds for any jobs and any order of events: it ends in time, no job has two processes, every process is waited for, and the
//! transitions of each job join.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::Duration;

use proptest::prelude::*;

use crate::config::{Job, Readiness, Restarts, Role, When};
use crate::control::command::{Action, Maintenance, Reload};
use crate::event::Code;

use super::s;
use super::world::{World, checked, config, job, served, trigger};

const NAMES: [&str; 5] = ["a", "b", "c", "consul-agent", "watch.x"];

fn codes() -> impl Strategy<Value = Code> {
    prop::sample::select(Code::ALL.to_vec())
}

fn names() -> impl Strategy<Value = &'static str> {
    prop::sample::select(NAMES.to_vec())
}

fn whens() -> impl Strategy<Value = When> {
    let timeout = prop::option::of((1_u64..3000).prop_map(Duration::from_millis));
    prop_oneof![
        2 => Just(When::Startup),
        1 => (50_u64..2000).prop_map(|ms| When::Interval(Duration::from_millis(ms))),
        3 => (codes(), names(), timeout.clone()).prop_map(|(code, name, timeout)| When::Once {
            trigger: trigger(code, name), timeout
        }),
        3 => (codes(), names(), timeout.clone()).prop_map(|(code, name, timeout)| When::Each {
            trigger: trigger(code, name), timeout
        }),
        1 => (prop::collection::vec((codes(), names()), 1..3), timeout).prop_map(|(all, timeout)| {
            When::All {
                triggers: all.into_iter().map(|(code, name)| trigger(code, name)).collect(),
                timeout,
            }
        }),
    ]
}

#[derive(Debug, Clone, Copy)]
enum Kind {
    Service,
    Check,
}

/// Whether it is registered; failures, successes, and failures before a restart.
fn healths() -> impl Strategy<Value = (Kind, (u32, u32, Option<u32>))> {
    let kind = prop::sample::select(vec![Kind::Service, Kind::Check]);
    (kind, (1..4_u32, 1..3_u32, prop::option::of(1..4_u32)))
}

fn jobs() -> impl Strategy<Value = Job> {
    let command = prop::sample::select(vec![
        "serve",
        "deaf",
        "missing",
        "run 0 0",
        "run 30 1",
        "run 1500 0",
        "",
    ]);
    let restarts = prop_oneof![
        Just(Restarts::Unlimited),
        (0_u32..3).prop_map(Restarts::Times)
    ];
    let parts = (
        names(),
        command,
        whens(),
        restarts,
        prop::option::of(healths()),
        0..8_u8,
    );
    parts.prop_map(|(name, command, when, restarts, health, role)| {
        let mut plan = job(name, command);
        plan.when = when;
        plan.restarts = restarts;
        if let Some((kind, thresholds)) = health {
            plan = match kind {
                Kind::Service => served(plan),
                Kind::Check => checked(plan),
            };
            if let Some(health) = &mut plan.health {
                (health.failures, health.successes, health.restart_after) = thresholds;
                if thresholds.0 == 2 && plan.exec.is_some() {
                    health.readiness = Readiness::Notify;
                    health.check = None;
                }
            }
        }
        if role == 0 {
            plan.role = Role::Main;
        }
        plan
    })
}

#[derive(Debug, Clone)]
enum Step {
    Pass(u64),
    Hangup,
    Maintain(Maintenance),
    Order(&'static str, Action),
    Reload(Vec<Job>, Reload),
    Fail(&'static str),
    Heal,
    Ready,
    Watch(usize),
    SlowConsul,
}

fn steps() -> impl Strategy<Value = Step> {
    let action = prop::sample::select(vec![Action::Start, Action::Stop, Action::Restart]);
    let how = prop::sample::select(vec![Reload::Changed, Reload::Everything]);
    let maintenance = prop::sample::select(vec![Maintenance::Enter, Maintenance::Exit]);
    prop_oneof![
        4 => (0_u64..4000).prop_map(Step::Pass),
        1 => Just(Step::Hangup),
        1 => maintenance.prop_map(Step::Maintain),
        2 => (names(), action).prop_map(|(name, action)| Step::Order(name, action)),
        1 => (prop::collection::vec(jobs(), 0..4), how).prop_map(|(jobs, how)| Step::Reload(jobs, how)),
        1 => names().prop_map(Step::Fail),
        1 => Just(Step::Heal),
        2 => Just(Step::Ready),
        1 => (0_usize..2).prop_map(Step::Watch),
        1 => Just(Step::SlowConsul),
    ]
}

fn take(world: &mut World, step: Step) {
    let now = world.now;
    match step {
        Step::Pass(ms) => {
            world.pass(Duration::from_millis(ms));
        }
        Step::Hangup => world.hangup(),
        Step::Maintain(maintenance) => {
            let actions = world.fleet.maintain(maintenance, now);
            world.act(actions);
        }
        Step::Order(name, action) => {
            if let Ok(actions) = world.fleet.order(name, action, now) {
                world.act(actions);
            }
        }
        Step::Reload(jobs, how) => {
            let actions = world.fleet.reload(&Arc::new(config(jobs)), None, how, now);
            world.act(actions);
        }
        Step::Fail(name) => world.failing.push(name.to_owned()),
        Step::Heal => world.failing.clear(),
        Step::Ready => world.anybody_ready(),
        Step::Watch(passing) => {
            let actions = world.fleet.watched(&"x".into(), passing, now);
            world.act(actions);
        }
        Step::SlowConsul => world.consul = s(3600),
    }
}

fn names_in_common(jobs: &[Job]) -> impl Iterator<Item = Arc<str>> {
    let count = |name: &Arc<str>| jobs.iter().filter(|job| job.name == *name).count();
    let names = jobs.iter().map(|job| &job.name);
    names.filter(move |name| count(name) > 1).map(Arc::clone)
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 400, ..ProptestConfig::default() })]

    #[test]
    fn any_fleet_ends_within_its_deadline_and_leaves_no_process(
        first in prop::collection::vec(jobs(), 0..5),
        steps in prop::collection::vec(steps(), 0..12),
    ) {
        // Several jobs may have one name. What is told of them is told by name, so it cannot be followed for one of them.
        let mut shared = BTreeSet::new();
        shared.extend(names_in_common(&first));
        let mut world = World::start(first);
        for step in steps {
            if world.ended.is_some() {
                break;
            }
            if let Step::Reload(jobs, _) = &step {
                shared.extend(names_in_common(jobs));
            }
            take(&mut world, step);
            prop_assert!(world.strays().is_empty(), "{:?}: {:#?}", world.strays(), world.log);
            for view in world.fleet.views(None, world.now) {
                // One that a reload brought anew has told nothing yet.
                if world.ended.is_none() && view.attempt > 0 && !shared.contains(&*view.name) {
                    prop_assert_eq!(world.told(&view.name), view.state, "{}", view.name);
                }
            }
        }
        if world.ended.is_none() {
            let took = world.terminate();
            // Five seconds, and two for what Consul never answers.
            prop_assert!(took <= Duration::from_millis(7010), "{took:?}");
        }
        let mut states: BTreeMap<String, String> = BTreeMap::new();
        for line in world.said(&NAMES).iter().chain(&world.said(&["supervisor"])) {
            let Some((name, change)) = line.split_once(": ") else { continue };
            if shared.contains(name) {
                continue;
            }
            let Some((from, to)) = change.split_once(" -> ") else { continue };
            let to = to.split(' ').next().unwrap_or_default();
            if let Some(before) = states.insert(name.to_owned(), to.to_owned()) {
                // A job that a reload brought anew begins anew.
                prop_assert!(before == from || from == "pending", "{name} was {before}: {line}");
            }
        }
    }
}
