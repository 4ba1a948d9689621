//! The variables that templates and processes see on top of the supervisor's own environment, as ContainerPilot names them.

use std::collections::BTreeMap;
use std::sync::Arc;

use crate::event::RunId;

/// The worker's number.
const OWN: &str = "CONTAINERPILOT_PID";

/// What every process started from now on is given.
#[derive(Debug, Default)]
pub struct Given {
    /// Set through the control socket.
    set: Arc<BTreeMap<String, String>>,
    /// Addresses of advertised jobs.
    addresses: Vec<(String, String)>,
    /// Commands that run now: a variable's name, of the latest run of that name.
    running: BTreeMap<String, (RunId, u32)>,
}

impl Given {
    /// `set` is what the control socket holds now.
    pub fn put(&mut self, set: Arc<BTreeMap<String, String>>) {
        self.set = set;
    }

    /// The addresses of this configuration's advertised jobs.
    pub fn address(&mut self, addresses: Vec<(String, String)>) {
        self.addresses = addresses;
    }

    /// A command runs: others that are started later can find it.
    pub fn started(&mut self, variable: String, run: RunId, pid: u32) {
        self.running.insert(variable, (run, pid));
    }

    /// It has ended.
    pub fn ended(&mut self, run: RunId) {
        self.running.retain(|_, (running, _)| *running != run);
    }

    /// All of it. What was set by hand outweighs the rest.
    pub fn all(&self) -> BTreeMap<String, String> {
        let own = (OWN.to_owned(), std::process::id().to_string());
        let running = self.running.iter();
        let running = running.map(|(name, (_, pid))| (name.clone(), pid.to_string()));
        let set = self
            .set
            .iter()
            .map(|(name, value)| (name.clone(), value.clone()));
        std::iter::once(own)
            .chain(self.addresses.iter().cloned())
            .chain(running)
            .chain(set)
            .collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_command_can_be_found_while_it_runs_and_no_longer() {
        let mut given = Given::default();
        given.started("CONTAINERPILOT_APP_PID".to_owned(), RunId(1), 10);
        given.started("CONTAINERPILOT_APP_PID".to_owned(), RunId(2), 20);
        given.ended(RunId(1));
        assert_eq!(given.all()["CONTAINERPILOT_APP_PID"], "20");
        given.ended(RunId(2));
        assert!(!given.all().contains_key("CONTAINERPILOT_APP_PID"));
        assert!(given.all().contains_key(OWN));
    }
}
