//! A process id comes in, its CPU time and memory come out, as the kernel counts them. Linux only; of a process that has ended
//! nothing can be read any more.

use std::fs;
use std::io;
use std::path::PathBuf;

/// Ticks of `/proc/PID/stat` in a second: what Linux tells programs, whatever the kernel itself uses.
const TICKS: f64 = 100.0;

/// Fields of `/proc/PID/stat` between the command, which may hold blanks, and `utime`.
const BEFORE_UTIME: usize = 11;

/// What cannot be read, or not be understood.
#[derive(Debug, thiserror::Error)]
#[error("{}: {error}", file.display())]
pub struct Unreadable {
    file: PathBuf,
    error: io::Error,
}

/// CPU seconds of the process `pid` since its start, user and system, all its threads.
///
/// # Errors
/// When there is no such process.
pub fn cpu(pid: u32) -> Result<f64, Unreadable> {
    field(&format!("/proc/{pid}/stat"), cpu_of)
}

/// CPU seconds of this process.
///
/// # Errors
/// When the system has no `/proc`.
pub fn own_cpu() -> Result<f64, Unreadable> {
    field("/proc/self/stat", cpu_of)
}

/// The largest memory the process `pid` has had resident, in bytes.
///
/// # Errors
/// When there is no such process.
pub fn peak_memory(pid: u32) -> Result<u64, Unreadable> {
    field(&format!("/proc/{pid}/status"), |text| kib(text, "VmHWM:"))
}

/// The memory the process `pid` has resident now, in bytes.
///
/// # Errors
/// When there is no such process.
pub fn memory(pid: u32) -> Result<u64, Unreadable> {
    field(&format!("/proc/{pid}/status"), |text| kib(text, "VmRSS:"))
}

/// The memory of this process, in bytes.
///
/// # Errors
/// When the system has no `/proc`.
pub fn own_memory() -> Result<u64, Unreadable> {
    field("/proc/self/status", |text| kib(text, "VmRSS:"))
}

fn field<T>(file: &str, read: impl Fn(&str) -> Option<T>) -> Result<T, Unreadable> {
    let text = fs::read_to_string(file).and_then(|text| {
        read(&text).ok_or_else(|| io::Error::new(io::ErrorKind::InvalidData, "not as expected"))
    });
    text.map_err(|error| Unreadable {
        file: PathBuf::from(file),
        error,
    })
}

fn cpu_of(stat: &str) -> Option<f64> {
    let (_, fields) = stat.rsplit_once(')')?;
    let mut fields = fields.split_ascii_whitespace().skip(BEFORE_UTIME);
    let user: f64 = fields.next()?.parse().ok()?;
    let system: f64 = fields.next()?.parse().ok()?;
    Some((user + system) / TICKS)
}

fn kib(status: &str, name: &str) -> Option<u64> {
    let line = status.lines().find_map(|line| line.strip_prefix(name))?;
    let kib: u64 = line.split_ascii_whitespace().next()?.parse().ok()?;
    Some(kib * 1024)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_command_with_blanks_and_brackets_in_its_name_is_no_hindrance() {
        let stat = "7 (a ) b) S 1 7 7 0 -1 4194560 1 2 3 4 250 50 0 0 20 0 9 0 1 2 3";
        assert_eq!(cpu_of(stat), Some(3.0));
    }

    #[test]
    fn this_process_can_be_read() {
        let pid = std::process::id();
        assert!(memory(pid).unwrap() > 0);
        assert!(peak_memory(pid).unwrap() >= memory(pid).unwrap() / 2);
        let before = cpu(pid).unwrap();
        let begun = std::time::Instant::now();
        // A thread of its own: the kernel counts those of a process together.
        std::thread::spawn(move || {
            while cpu(pid).unwrap() < before + 0.05 {
                let elapsed = begun.elapsed();
                assert!(elapsed.as_secs() < 60, "no tick in {elapsed:?} of work");
            }
        })
        .join()
        .unwrap();
        let said = cpu(u32::MAX).unwrap_err().to_string();
        assert!(said.contains("/proc/"), "{said}");
    }
}
