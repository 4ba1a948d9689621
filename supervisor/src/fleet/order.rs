//! Who waits for whom at the end: pre-stop and post-stop jobs for what they follow, jobs for those that depend on them, the Consul
//! agent for all.

use std::collections::BTreeSet;
use std::path::Path;

use crate::config::{self, Trigger, When};
use crate::event::{Code, JobId};
use crate::job::Job;

/// What a job is at the end.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Place {
    /// Stopped once nobody depends on it any more.
    Ordinary,
    /// Runs when another one stops or has stopped, and ends after that.
    Hook,
    /// Stopped last: the others are still to be taken out of Consul.
    Agent,
}

/// What `plan` is at the end.
pub(crate) fn place(plan: &config::Job) -> Place {
    if hook(plan).is_some() {
        Place::Hook
    } else if is_agent(plan) {
        Place::Agent
    } else {
        Place::Ordinary
    }
}

/// What a pre-stop or post-stop job waits for: nothing but ends.
pub(crate) fn hook(plan: &config::Job) -> Option<&[Trigger]> {
    let triggers = match &plan.when {
        When::Once { trigger, .. } | When::Each { trigger, .. } => std::slice::from_ref(trigger),
        When::All { triggers, .. } => triggers,
        When::Startup | When::Interval(_) | When::Signal { .. } => return None,
    };
    let end = |trigger: &Trigger| matches!(trigger.code, Code::Stopping | Code::Stopped);
    (triggers.iter().all(end) && plan.exec.is_some()).then_some(triggers)
}

/// Whether all that a hook still waits for can still come.
pub(super) fn waits(jobs: &[Job], hook_job: &Job) -> bool {
    let triggers = hook(hook_job.plan()).unwrap_or_default();
    let mut numbered = (0..).zip(triggers);
    numbered.all(|(index, trigger)| hook_job.has_happened(index) || can_fire(jobs, trigger))
}

/// The Consul agents, and the hooks of their ends, and of those.
pub(super) fn agents(jobs: &[Job]) -> BTreeSet<JobId> {
    let plans: Vec<&config::Job> = jobs.iter().map(|job| &**job.plan()).collect();
    let agents = follow_agents(&plans);
    let ids = jobs.iter().zip(agents);
    ids.filter(|(_, follows)| follows.is_some())
        .map(|(job, _)| job.id())
        .collect()
}

/// How many ends after the agent's each job comes, if it comes then: 0 for the agent.
fn follow_agents(plans: &[&config::Job]) -> Vec<Option<u32>> {
    let agent = |plan: &&config::Job| (place(plan) == Place::Agent).then_some(0);
    let mut after: Vec<Option<u32>> = plans.iter().map(agent).collect();
    // Each pass finds those that follow what the last one found.
    for pass in 0..u32::try_from(plans.len()).unwrap_or(u32::MAX) {
        let found: Vec<&str> = plans
            .iter()
            .zip(&after)
            .filter(|(_, after)| **after == Some(pass))
            .map(|(plan, _)| &*plan.name)
            .collect();
        if found.is_empty() {
            break;
        }
        for (plan, after) in plans.iter().zip(&mut after) {
            let follows = |trigger: &Trigger| found.contains(&trigger.source.as_str());
            if after.is_none() && hook(plan).is_some_and(|triggers| triggers.iter().any(follows)) {
                *after = Some(pass + 1);
            }
        }
    }
    after
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
        let triggers = hook(other.plan()).unwrap_or_default();
        let follows = triggers
            .iter()
            .any(|trigger| trigger.code == Code::Stopping && trigger.source.as_str() == name);
        let at_work = other.is_busy() || (!other.is_open() && other.ended().is_none());
        follows && other.id() != job.id() && at_work
    })
}

/// Whether what a hook waits for can still come.
fn can_fire(jobs: &[Job], trigger: &Trigger) -> bool {
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

/// For each of `plans`, which others need it while they run.
pub(crate) fn dependants(plans: &[&config::Job]) -> Vec<Vec<usize>> {
    let needing = |needed: &config::Job| {
        let others = plans.iter().enumerate();
        let needing = others.filter(|(_, other)| {
            needs(other).any(|name| *name == *needed.name) && other.name != needed.name
        });
        needing.map(|(index, _)| index).collect()
    };
    plans.iter().map(|needed| needing(needed)).collect()
}

/// For each of `plans`, how many steps of others come before it is stopped: 0 for those that nobody depends on. Where jobs depend on each
/// other in a circle, the circle is cut.
pub(crate) fn ranks(plans: &[&config::Job]) -> Vec<u32> {
    let mut ranks = vec![0; plans.len()];
    let ordinary = |plan: &config::Job| place(plan) == Place::Ordinary;
    // Each pass moves what is needed behind who needs it; a chain has as many passes as links, a circle would have no end.
    for _ in 0..plans.len() {
        let mut moved = Moved::Nothing;
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
                        moved = Moved::Something;
                    }
                }
            }
        }
        if moved == Moved::Nothing {
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
        .zip(follow_agents(plans))
        .map(|(own, after)| after.map_or(own, |after| chain + first + u32::from(hooks) + after))
        .collect()
}

/// Whether a pass moved anything.
#[derive(PartialEq)]
enum Moved {
    Nothing,
    Something,
}
