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

/// Whether `plan` needs the jobs called `name` while it runs.
pub(super) fn depends_on(plan: &config::Job, name: &str) -> bool {
    let present = |trigger: &Trigger| {
        let well = matches!(trigger.code, Code::StatusHealthy | Code::BecameHealthy);
        well && trigger.source.as_str() == name
    };
    if &*plan.name == name {
        return false;
    }
    match &plan.when {
        When::Once { trigger, .. } | When::Each { trigger, .. } => present(trigger),
        When::All { triggers, .. } => triggers.iter().any(present),
        When::Startup | When::Interval(_) | When::Signal { .. } => false,
    }
}

/// How many steps of others come before `plan` is stopped: 0 for those that nobody depends on. Circles are cut.
pub(super) fn rank(plans: &[&config::Job], plan: &config::Job) -> u32 {
    fn above(
        plans: &[&config::Job],
        plan: &config::Job,
        path: &mut Vec<*const config::Job>,
    ) -> u32 {
        let this: *const config::Job = plan;
        if path.contains(&this) {
            return 0;
        }
        path.push(this);
        let dependants = plans.iter().filter(|other| depends_on(other, &plan.name));
        let rank = dependants.map(|other| above(plans, other, path) + 1).max();
        path.pop();
        rank.unwrap_or(0)
    }
    let ordinary: Vec<&config::Job> = plans
        .iter()
        .copied()
        .filter(|plan| place(plan) == Place::Ordinary)
        .collect();
    let highest = |place_of: Place| plans.iter().any(|plan| place(plan) == place_of);
    let top = || {
        let ranks = ordinary
            .iter()
            .map(|plan| above(&ordinary, plan, &mut Vec::new()) + 1);
        ranks.max().unwrap_or(0)
    };
    match place(plan) {
        Place::Ordinary => above(&ordinary, plan, &mut Vec::new()),
        Place::Hook => top(),
        Place::Agent => top() + u32::from(highest(Place::Hook)),
    }
}
