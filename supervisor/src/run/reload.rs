//! One configuration after another: read beside the loop, taken by the fleet, told to everybody.

use std::sync::Arc;
use std::time::Instant;

use flightline_link::notify::Said;
use tracing::{debug, error};

use super::parts::opened::Opened;
use super::{Supervisor, prepare};
use crate::action::{Action, Reported};
use crate::control::command::{Answer, Refusal, Reload};
use crate::event::Wake;
use crate::job::Duty;

/// Whether a configuration is being read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Reading {
    /// None is.
    No,
    /// One is, and its wake will come.
    Yes,
}

impl Supervisor {
    /// Reads the configuration beside the loop, one reload after the other: the last one that was asked for is the last that is taken.
    pub(super) fn read_next(&mut self) {
        if self.reading == Reading::Yes {
            return;
        }
        let Some((how, reply)) = self.reloads.pop_front() else {
            return;
        };
        self.reading = Reading::Yes;
        self.manager.say(Said::Reloading);
        self.given.put(self.parts.variables().now());
        let (file, given) = (self.file.clone(), self.given.all());
        let (wakes, opener) = (self.wakes.clone(), self.parts.opener());
        tokio::spawn(async move {
            let read = tokio::task::spawn_blocking(move || prepare::prepare(&file, &given));
            let result = match read.await {
                Ok(Ok(prepared)) => opener
                    .open(prepared)
                    .await
                    .map_err(|error| error.to_string()),
                Ok(Err(error)) => Err(error.to_string()),
                Err(error) => Err(error.to_string()),
            };
            let result = result.map(Box::new);
            // When nobody listens any more, the supervisor has ended.
            drop(wakes.send(Wake::Prepared { result, how, reply }).await);
        });
    }

    /// `None` where it has to be read again.
    pub(super) fn reload(
        &mut self,
        result: Result<Box<Opened>, String>,
        how: Reload,
        now: Instant,
    ) -> Option<(Answer, Vec<Action>)> {
        if self.fleet.is_ending() {
            return Some((Answer::Refused(ending()), Vec::new()));
        }
        let opened = match result {
            Ok(opened) => *opened,
            Err(report) => {
                error!("the new configuration is wrong, the old one goes on");
                report.lines().for_each(|line| error!("{line}"));
                let refusal = Refusal::Configuration(report);
                return Some((Answer::Refused(refusal), Vec::new()));
            }
        };
        if self.parts.lacks(&opened) {
            return None;
        }
        let config = Arc::clone(&opened.prepared.config);
        let own = self.parts.own_service(&config);
        opened.prepared.say_findings();
        self.parts.expect(opened);
        debug!("control: reloaded app via control plane");
        Some((Answer::Done, self.fleet.reload(&config, own, how, now)))
    }

    /// Tells a Consul that knows of nothing how services stand, before their next check.
    pub(super) fn register_anew(&self) {
        for job in self.fleet.jobs().iter().filter(|job| job.is_open()) {
            let Some(service) = &job.plan().service else {
                continue;
            };
            if job.is_healthy() {
                let output = "the configuration of Consul changed".to_owned();
                self.parts.report(service, Reported::Passing, output);
            } else if service.initial_status.is_some() && self.fleet.duty() == Duty::Serving {
                self.parts.registrar().announce(service);
            }
        }
    }
}

/// Why nothing is done any more.
pub(super) fn ending() -> Refusal {
    Refusal::NotNow("the supervisor is ending".to_owned())
}
