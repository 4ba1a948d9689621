//! The variables that children get of us, by their names.

use crate::config::Config;
use crate::config::check::job::OURSELVES;

impl Config {
    /// Name and value of `CONTAINERPILOT_<NAME>_IP` for every job with a port, registered or not, and for the telemetry server.
    pub fn variables(&self) -> Vec<(String, String)> {
        let advertised = self.addresses.iter();
        let mut variables: Vec<_> = advertised
            .map(|(name, address)| (ip_variable(name), address.to_string()))
            .collect();
        let telemetry = self.telemetry.as_ref();
        let address = telemetry.map(|telemetry| telemetry.address.ip().to_string());
        variables.extend(address.map(|address| (ip_variable(OURSELVES), address)));
        variables
    }
}

fn ip_variable(name: &str) -> String {
    let name = name.to_ascii_uppercase().replace('-', "_");
    format!("CONTAINERPILOT_{name}_IP")
}

/// The variable that tells the pid of a running command. `name` is that of the job, or `check.<job>`: of a path only the last part
/// counts, and of that not what follows its last dot, so that every check has the same.
pub fn pid_variable(name: &str) -> String {
    let base = name
        .trim_end_matches('/')
        .rsplit('/')
        .next()
        .unwrap_or_default();
    let stem = base.rsplit_once('.').map_or(base, |(stem, _)| stem);
    let mut known = String::with_capacity(stem.len());
    for c in stem.chars() {
        if c.is_ascii_alphanumeric() {
            known.push(c.to_ascii_uppercase());
        } else if !known.ends_with('_') {
            known.push('_');
        }
    }
    format!("CONTAINERPILOT_{known}_PID")
}

#[cfg(test)]
mod tests;
