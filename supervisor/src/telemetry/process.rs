//! What the system says of this process, under the names that Prometheus' own libraries use.

use std::fs;
use std::time::{SystemTime, UNIX_EPOCH};

use nix::sys::resource::{Resource, UsageWho, getrlimit, getrusage};
use nix::sys::time::TimeVal;
use prometheus::{Counter, Gauge};

use super::maker::Maker;

/// Handles; [`Self::look`] before each scrape.
#[derive(Debug)]
pub(super) struct Process {
    cpu: Counter,
    resident: Gauge,
    virtual_size: Gauge,
    open_files: Gauge,
    max_files: Gauge,
    threads: Gauge,
}

impl Process {
    pub(super) fn new(make: &Maker) -> Self {
        let gauge = |name: &str, help: &str| make.float_gauge(name, help);
        let cpu = make.float_counter(
            "process_cpu_seconds_total",
            "Time on a processor, the system's included.",
        );
        let started = gauge(
            "process_start_time_seconds",
            "When the process started, in unix time.",
        );
        // The metrics are among the first things it makes.
        let now = SystemTime::now().duration_since(UNIX_EPOCH);
        started.set(now.unwrap_or_default().as_secs_f64());
        Self {
            cpu,
            resident: gauge("process_resident_memory_bytes", "Memory in use."),
            virtual_size: gauge(
                "process_virtual_memory_bytes",
                "Memory that has an address.",
            ),
            open_files: gauge("process_open_fds", "Open files and sockets."),
            max_files: gauge("process_max_fds", "How many files may be open."),
            threads: gauge("process_threads", "Threads."),
        }
    }

    /// Takes in how things stand. What the system does not tell stays as it was.
    pub(super) fn look(&self) {
        if let Ok(usage) = getrusage(UsageWho::RUSAGE_SELF) {
            let used = seconds(usage.user_time()) + seconds(usage.system_time());
            self.cpu.inc_by((used - self.cpu.get()).max(0.0));
        }
        if let Ok(status) = fs::read_to_string("/proc/self/status") {
            for (gauge, key, unit) in [
                (&self.resident, "VmRSS:", 1024.0),
                (&self.virtual_size, "VmSize:", 1024.0),
                (&self.threads, "Threads:", 1.0),
            ] {
                if let Some(value) = value(&status, key) {
                    gauge.set(value * unit);
                }
            }
        }
        if let Ok(files) = fs::read_dir("/proc/self/fd") {
            // One is that of the look itself.
            self.open_files.set(files.count().saturating_sub(1) as f64);
        }
        if let Ok((soft, _)) = getrlimit(Resource::RLIMIT_NOFILE) {
            self.max_files.set(soft as f64);
        }
    }
}

fn seconds(time: TimeVal) -> f64 {
    time.tv_sec() as f64 + time.tv_usec() as f64 / 1e6
}

/// The number behind `key` at the beginning of a line.
fn value(status: &str, key: &str) -> Option<f64> {
    let line = status.lines().find_map(|line| line.strip_prefix(key))?;
    line.split_whitespace().next()?.parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_system_tells_of_this_process() {
        let process = Process::new(&Maker::default());
        process.look();
        assert!(
            process.resident.get() > 1e6 && process.virtual_size.get() >= process.resident.get()
        );
        assert!(
            process.open_files.get() >= 3.0 && process.max_files.get() >= process.open_files.get()
        );
        assert!(process.threads.get() >= 1.0);
        let before = process.cpu.get();
        process.look();
        assert!(process.cpu.get() >= before);
    }

    #[test]
    fn a_missing_line_is_no_value() {
        assert_eq!(value("VmRSS:\t  12 kB\n", "VmRSS:"), Some(12.0));
        assert_eq!(value("VmRSS:\n", "VmRSS:"), None);
        assert_eq!(value("", "VmRSS:"), None);
    }
}
