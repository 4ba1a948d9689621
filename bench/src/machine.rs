//! Where and of what a trial was made: the machine as the kernel describes it, the commit as git did when this was built. What cannot be told is
//! `unknown`: a record without it is still a record.

use std::fs;
use std::thread;

use crate::record::Machine;

/// What stands for what cannot be told.
pub const UNKNOWN: &str = "unknown";

/// This machine, with a nats-server of version `nats`.
pub fn here(nats: String) -> Machine {
    let cpus = read("/proc/cpuinfo");
    let memory = read("/proc/meminfo");
    Machine {
        cpu: after(&cpus, "model name").unwrap_or(UNKNOWN).to_owned(),
        cores: thread::available_parallelism().map_or(1, usize::from),
        memory: after(&memory, "MemTotal").and_then(kib).unwrap_or(0),
        kernel: read("/proc/sys/kernel/osrelease").trim().to_owned(),
        nats,
    }
}

/// The commit that this program was built from; `-dirty` behind it if files that git knows were changed, `unknown` outside of a clone.
pub fn commit() -> &'static str {
    // Told when it is built: by the time it runs, the tree may be another.
    env!("FLIGHTLINE_BENCH_COMMIT")
}

fn read(file: &str) -> String {
    fs::read_to_string(file).unwrap_or_default()
}

fn after<'t>(text: &'t str, name: &str) -> Option<&'t str> {
    let line = text.lines().find(|line| line.starts_with(name))?;
    line.split_once(':').map(|(_, value)| value.trim())
}

fn kib(value: &str) -> Option<u64> {
    let kib: u64 = value.split_ascii_whitespace().next()?.parse().ok()?;
    Some(kib * 1024)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_machine_is_told() {
        let machine = here("2.9.10".to_owned());
        assert!(machine.cores > 0 && machine.memory > 0, "{machine:?}");
        assert!(!machine.kernel.is_empty());
    }
}
