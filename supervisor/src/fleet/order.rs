//! Who waits for whom at the end: pre-stop and post-stop jobs for what they follow, jobs for those that depend on them, the Consul
//! agent for all.

use std::path::Path;

use crate::config::{self, Trigger, When};
use crate::event::Code;
use crate::job::Job;

/// What a job is at the end.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Place {
    /// Stopped once nobody depends on it any more.
    Ordinary,
    /// Runs when another one stops or has stopped, and ends after that.
    Hook,
    /// Stopped last: the others are still to be taken out of Consul.
    Agent,
}

/// What `plan` is at the end.
pub(super) fn place(plan: &config::Job) -> Place {
    if hook(plan).is_some() {
        Place::Hook
    } else if is_agent(plan) {
        Place::Agent
    } else {
        Place::Ordinary
    }
}

/// What a pre-stop or post-stop job waits for.
pub(super) fn hook(plan: &config::Job) -> Option<&Trigger> {
    let trigger = match &plan.when {
        When::Once { trigger, .. } | When::Each { trigger, .. } => trigger,
        When::Startup | When::Interval(_) | When::Signal { .. } | When::All { .. } => return None,
    };
    let ends = matches!(trigger.code, Code::Stopping | Code::Stopped);
    (ends && plan.exec.is_some()).then_some(trigger)
}

/// By the name that ContainerPilot's documents give it, or by its program.
fn is_agent(plan: &config::Job) -> bool {
    let program = |exec: &config::Exec| {
        let name = Path::new(&exec.program).file_name();
        name.is_some_and(|name| name == "consul") && exec.args.iter().any(|arg| arg == "agent")
    };
    &*plan.name == "consul-agent" || plan.exec.as_ref().is_some_and(program)
}

/// Whether a pre-stop job of `job` has something to do still.
pub(super) fn has_busy_hook(jobs: &[Job], job: &Job) -> bool {
    let name = &*job.plan().name;
    jobs.iter().any(|other| {
        let trigger = hook(other.plan());
        let follows = trigger.is_some_and(|trigger| {
            trigger.code == Code::Stopping && trigger.source.as_str() == name
        });
        let at_work = other.is_busy() || (!other.is_open() && other.ended().is_none());
        follows && other.id() != job.id() && at_work
    })
}

/// Whether what a hook waits for can still come.
pub(super) fn can_fire(jobs: &[Job], trigger: &Trigger) -> bool {
    jobs.iter().any(|job| {
        let source = &*job.plan().name == trigger.source.as_str();
        source
            && match trigger.code {
                Code::Stopping => job.is_open(),
                _ => job.ended().is_none(),
            }
    })
}

/// The names of the jobs that `plan` needs while it runs: it waited for them to be healthy.
pub(super) fn needs(plan: &config::Job) -> impl Iterator<Item = &str> {
    let triggers = match &plan.when {
        When::Once { trigger, .. } | When::Each { trigger, .. } => std::slice::from_ref(trigger),
        When::All { triggers, .. } => triggers,
        When::Startup | When::Interval(_) | When::Signal { .. } => &[],
    };
    let present = triggers
        .iter()
        .filter(|trigger| matches!(trigger.code, Code::StatusHealthy | Code::BecameHealthy));
    present.map(|trigger| trigger.source.as_str())
}

/// For each of `plans`, how many steps of others come before it is stopped: 0 for those that nobody depends on. Where jobs depend on each
/// other in a circle, the circle is cut.
pub(super) fn ranks(plans: &[&config::Job]) -> Vec<u32> {
    let mut ranks = vec![0; plans.len()];
    let ordinary = |plan: &config::Job| place(plan) == Place::Ordinary;
    // Each pass moves what is needed behind who needs it; a chain has as many passes as links, a circle would have no end.
    for _ in 0..plans.len() {
        let mut changed = Change::None;
        for (dependant, plan) in plans.iter().enumerate().filter(|(_, plan)| ordinary(plan)) {
            for name in needs(plan).filter(|name| *name != &*plan.name) {
                for (needed, _) in plans
                    .iter()
                    .enumerate()
                    .filter(|(_, other)| ordinary(other) && *other.name == *name)
                {
                    let behind = ranks.get(dependant).map_or(0, |rank| rank + 1);
                    if let Some(rank) = ranks.get_mut(needed).filter(|rank| **rank < behind) {
                        *rank = behind;
                        changed = Change::Some;
                    }
                }
            }
        }
        if changed == Change::None {
            break;
        }
    }
    let most = u32::try_from(plans.len()).unwrap_or(u32::MAX);
    let rank = |rank: &u32| (*rank).min(most);
    let chain = ranks.iter().map(rank).max().unwrap_or(0);
    let hooks = plans.iter().any(|plan| place(plan) == Place::Hook);
    let first = u32::from(plans.iter().any(|plan| ordinary(plan)));
    plans
        .iter()
        .zip(&ranks)
        .map(|(plan, own)| match place(plan) {
            Place::Ordinary => rank(own),
            Place::Hook => chain + first,
            Place::Agent => chain + first + u32::from(hooks),
        })
        .collect()
}

/// Whether a pass moved anything.
#[derive(PartialEq)]
enum Change {
    None,
    Some,
}
