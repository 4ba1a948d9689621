//! Who ends when, after the supervisor was told to end: by the order in which a shutdown goes.

use std::collections::BTreeSet;

use super::when;
use crate::action::LAST_WORDS_LEAST;
use crate::config::duration::show;
use crate::config::jobs::Job;
use crate::config::{Config, ExitWhen};
use crate::event::Code;
use crate::fleet::order::{self, Place};

/// A line for each step; jobs of which none waits for another end side by side.
pub(super) fn lines(config: &Config) -> Vec<String> {
    let mut lines = Vec::new();
    if config.telemetry.is_some() && config.consul.is_some() {
        lines.push("containerpilot leaves Consul".to_owned());
    }
    lines.extend(steps(config));
    let told = config.consul.is_some() || config.nats.is_some();
    let last_words = if told {
        let least = show(LAST_WORDS_LEAST);
        format!("; last words have what is left of it, or {least}")
    } else {
        String::new()
    };
    lines.push(match config.stop_timeout {
        timeout if timeout.is_zero() => format!("SIGKILL at once{last_words}"),
        timeout => format!(
            "SIGKILL for what is left after {}{last_words}",
            show(timeout)
        ),
    });
    lines.push(match config.exit_when {
        ExitWhen::Complete => "without being told: when every job has ended".to_owned(),
        ExitWhen::Idle => "without being told: when what is left only waits".to_owned(),
    });
    lines
}

/// The jobs in the order in which they end, each with its hooks; then the hooks of several jobs, and those that never run.
fn steps(config: &Config) -> Vec<String> {
    let plans: Vec<&Job> = config.jobs.iter().map(|job| &**job).collect();
    let ranks = order::ranks(&plans);
    let dependants = order::dependants(&plans);
    let rank = |index: usize| ranks.get(index).copied().unwrap_or_default();
    let mut sorted: Vec<usize> = (0..plans.len()).collect();
    sorted.sort_by_key(|index| rank(*index));
    let mut told = Told::new(&plans);
    let mut lines = Vec::new();
    for index in sorted {
        let Some(plan) = plans.get(index) else {
            continue;
        };
        let after = match order::place(plan) {
            Place::Hook => continue,
            Place::Agent => "after all others: ".to_owned(),
            Place::Ordinary => {
                let needing = dependants.get(index).into_iter().flatten();
                // Where jobs need each other in a circle, none waits.
                let first = needing.filter(|other| rank(**other) < rank(index));
                let names: Vec<&str> = first
                    .filter_map(|other| plans.get(*other).map(|plan| &*plan.name))
                    .collect();
                match names.as_slice() {
                    [] => String::new(),
                    names => format!("after {}: ", names.join(" and ")),
                }
            }
        };
        lines.push(format!("{after}{}", told.chain(plan).join(", then ")));
    }
    for plan in plans
        .iter()
        .filter(|plan| order::place(plan) == Place::Hook)
    {
        if let Some(line) = told.rest(plan) {
            lines.push(line);
        }
    }
    lines
}

/// Which hooks were told of.
struct Told<'c> {
    plans: &'c [&'c Job],
    seen: BTreeSet<usize>,
}

impl<'c> Told<'c> {
    fn new(plans: &'c [&'c Job]) -> Self {
        Self {
            plans,
            seen: BTreeSet::new(),
        }
    }

    /// The steps of one job's end: its pre-stop jobs, its own, its post-stop jobs, and theirs.
    fn chain(&mut self, plan: &Job) -> Vec<String> {
        let mut steps = self.hooks(plan, Code::Stopping);
        match order::place(plan) {
            Place::Hook => steps.push(plan.name.to_string()),
            Place::Ordinary | Place::Agent => {
                if let Some(service) = &plan.service {
                    steps.push(format!("{} leaves Consul", service.id));
                }
                steps.push(match &plan.exec {
                    Some(_) => format!("{} ends by {}", plan.name, plan.stop.signal),
                    None => format!("{} ends", plan.name),
                });
            }
        }
        steps.extend(self.hooks(plan, Code::Stopped));
        steps
    }

    /// The hooks that follow nothing but this end of this job.
    fn hooks(&mut self, plan: &Job, code: Code) -> Vec<String> {
        let mut steps = Vec::new();
        for (index, hook) in self.plans.iter().enumerate() {
            let follows = matches!(order::hook(hook), Some([trigger])
                if trigger.code == code && trigger.source.as_str() == &*plan.name);
            if follows && self.seen.insert(index) {
                steps.extend(self.chain(hook));
            }
        }
        steps
    }

    /// A hook that is in no job's line.
    fn rest(&mut self, plan: &Job) -> Option<String> {
        let index = self
            .plans
            .iter()
            .position(|other| std::ptr::eq(*other, plan))?;
        if !self.seen.insert(index) {
            return None;
        }
        let mut triggers = order::hook(plan)?.iter();
        let jobs = |name: &str| self.plans.iter().any(|job| &*job.name == name);
        Some(if triggers.all(|trigger| jobs(trigger.source.as_str())) {
            format!("{}: {}", when(&plan.when), self.chain(plan).join(", then "))
        } else {
            format!(
                "{} ends without having run: nothing it waits for can come",
                plan.name
            )
        })
    }
}
