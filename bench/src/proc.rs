//! A process id comes in, its CPU time and memory come out, as the kernel counts them. Linux only; of a process that has ended
//! only the CPU time can be read, and that until it is waited for.

use std::fs;
use std::io;
use std::path::PathBuf;
use std::time::Duration;

use nix::time::{ClockId, clock_getcpuclockid};
use nix::unistd::Pid;

/// What cannot be read, or not be understood.
#[derive(Debug, thiserror::Error)]
#[error("{}: {error}", file.display())]
pub struct Unreadable {
    file: PathBuf,
    error: io::Error,
}

/// CPU seconds of the process `pid` since its start, user and system, all its threads. From its CPU clock, clock_getcpuclockid(3), which counts
/// nanoseconds: /proc/PID/stat counts hundredths of a second, and what a short trial takes may be none of them.
///
/// # Errors
/// When there is no such process.
pub fn cpu(pid: u32) -> Result<f64, Unreadable> {
    let number = i32::try_from(pid).map_err(|_| nix::Error::ESRCH);
    let spent = number
        .and_then(|number| clock_getcpuclockid(Pid::from_raw(number)))
        .and_then(ClockId::now);
    let spent = spent.map_err(|error| Unreadable {
        file: format!("/proc/{pid}").into(),
        error: error.into(),
    });
    Ok(Duration::from(spent?).as_secs_f64())
}

/// CPU seconds of this process.
///
/// # Errors
/// When the system has no such clock.
pub fn own_cpu() -> Result<f64, Unreadable> {
    cpu(std::process::id())
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

fn kib(status: &str, name: &str) -> Option<u64> {
    let line = status.lines().find_map(|line| line.strip_prefix(name))?;
    let kib: u64 = line.split_ascii_whitespace().next()?.parse().ok()?;
    Some(kib * 1024)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn this_process_can_be_read() {
        let pid = std::process::id();
        assert!(memory(pid).unwrap() > 0);
        assert!(peak_memory(pid).unwrap() >= memory(pid).unwrap() / 2);
        // A thread of its own: the kernel counts those of a process together.
        let before = cpu(pid).unwrap();
        let work =
            std::thread::spawn(|| (0..50_000_000_u64).map(std::hint::black_box).sum::<u64>());
        work.join().unwrap();
        assert!(cpu(pid).unwrap() >= before + 0.005, "the thread's work");
        let said = cpu(u32::MAX).unwrap_err().to_string();
        assert!(said.contains("/proc/"), "{said}");
    }
}
