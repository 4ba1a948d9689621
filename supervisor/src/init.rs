//! What PID 1 does: it starts this program once more as its worker, forwards signals to it, reaps whatever is left to it, and ends
//! with the worker's status. No runtime, no thread, no log: what it does not do cannot fail.
//!
//! There are two processes because one cannot both wait for its own children and reap everybody's: each would take the other's.

use std::ffi::{CString, OsString};
use std::io::{self, Write as _};
use std::os::unix::ffi::OsStrExt as _;
use std::os::unix::process::CommandExt as _;
use std::path::Path;
use std::process::Command;

use flightline_link::notify;
use nix::errno::Errno;
use nix::sys::prctl;
use nix::sys::signal::{SigSet, Signal, kill};
use nix::sys::wait::{WaitPidFlag, WaitStatus, waitpid};
use nix::unistd::{Pid, getpid, getppid};

/// Who is left over.
mod orphans;

/// Set by whoever wants a supervisor that is not PID 1 to reap all that its jobs leave behind: `1`.
pub const SUBREAPER: &str = "FLIGHTLINE_SUBREAPER";
/// Tells the worker that it is one: its parent's number.
const MARKER: &str = "FLIGHTLINE_INIT";
/// What no job's environment may hold, or a supervisor among the jobs would take it for its own; and what only we are to say to our service
/// manager.
pub const PRIVATE: [&str; 5] = {
    let [socket, watchdog, of] = notify::VARIABLES;
    [SUBREAPER, MARKER, socket, watchdog, of]
};
/// The worker could not be started: `EX_OSERR` of sysexits.
pub const EXIT_OS: u8 = 71;

/// Signals that are handed to the worker. All others mean to PID 1 what they mean to any PID 1: nothing.
const FORWARDED: [Signal; 7] = [
    Signal::SIGHUP,
    Signal::SIGINT,
    Signal::SIGQUIT,
    Signal::SIGTERM,
    Signal::SIGUSR1,
    Signal::SIGUSR2,
    Signal::SIGWINCH,
];

/// What this process is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Part {
    /// The one that does the work. If there is an init above it, `FORWARDED` signals wait until [`unblock`] is called.
    Worker,
    /// The one above, whose worker has ended: exit with this.
    Init(u8),
}

/// As whom an init stands above its worker.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Duty {
    /// PID 1: when it ends, the kernel kills everybody else.
    First,
    /// Any other process, that gets the orphans of its descendants.
    Subreaper,
}

/// Finds out what this process is. PID 1, and who was asked by [`SUBREAPER`], comes back only when its worker has ended. To be
/// called first in `main`, before there is any thread.
pub fn enter() -> Part {
    if std::env::var(MARKER).is_ok_and(|parent| parent == getppid().to_string()) {
        become_worker();
        return Part::Worker;
    }
    let duty = if getpid() == Pid::from_raw(1) {
        Duty::First
    } else if std::env::var(SUBREAPER).is_ok_and(|wanted| wanted == "1") {
        Duty::Subreaper
    } else {
        return Part::Worker;
    };
    match start(duty) {
        Ok(worker) => Part::Init(serve(worker, duty)),
        Err(error) => {
            // There is nowhere else to say that standard error is closed.
            drop(writeln!(
                io::stderr(),
                "the supervisor cannot start its worker: {error}"
            ));
            Part::Init(EXIT_OS)
        }
    }
}

/// Lets signals in that were blocked while the worker had no handlers. To be called once they are installed.
pub fn unblock() {
    blocked()
        .thread_unblock()
        .expect("a set of valid signals is always accepted");
}

/// What init waits for.
fn blocked() -> SigSet {
    FORWARDED.into_iter().chain([Signal::SIGCHLD]).collect()
}

fn become_worker() {
    // Of an executable that is named by a link, the kernel would show the link's name: operators look for the program's.
    let called = std::env::args_os().next().unwrap_or_default();
    let name = Path::new(&called).file_name().unwrap_or_default();
    if let Ok(name) = CString::new(name.as_bytes()) {
        // A name is only for people.
        prctl::set_name(&name).ok();
    }
    // If the init of a subreaper is killed, nobody forwards signals any more. Without this the worker just goes on.
    prctl::set_pdeathsig(Signal::SIGTERM).ok();
}

fn start(duty: Duty) -> io::Result<Pid> {
    if duty == Duty::Subreaper {
        prctl::set_child_subreaper(true)?;
    }
    blocked().thread_block()?;
    let mut arguments = std::env::args_os();
    let called = arguments
        .next()
        .unwrap_or_else(|| OsString::from("flightline-supervisor"));
    let worker = Command::new("/proc/self/exe")
        .arg0(called)
        .args(arguments)
        .env(MARKER, getpid().to_string())
        // It names this process, and the worker is who makes progress.
        .env_remove(notify::WATCHDOG_PID)
        .spawn()?;
    Ok(Pid::from_raw(worker.id().cast_signed()))
}

/// Forwards and reaps until the worker has ended; returns its status as a shell has it.
fn serve(worker: Pid, duty: Duty) -> u8 {
    let waited_for = blocked();
    let status = loop {
        match waited_for.wait() {
            Ok(Signal::SIGCHLD) => {
                if let Some(status) = reap(worker) {
                    break status;
                }
            }
            // A worker that has just ended is told by SIGCHLD.
            Ok(signal) => {
                kill(worker, signal).ok();
            }
            Err(_) => {}
        }
    };
    if duty == Duty::Subreaper {
        orphans::end();
    }
    status
}

/// Reaps everybody who is dead; returns the worker's status when it was among them.
fn reap(worker: Pid) -> Option<u8> {
    let mut status = None;
    loop {
        match waitpid(None, Some(WaitPidFlag::WNOHANG)) {
            Ok(WaitStatus::Exited(pid, code)) if pid == worker => status = Some(low_byte(code)),
            Ok(WaitStatus::Signaled(pid, signal, _)) if pid == worker => {
                status = Some(low_byte(128 + signal as i32));
            }
            Ok(WaitStatus::StillAlive) | Err(Errno::ECHILD) => return status,
            // Killed by a real-time signal, for which `nix` has no word: reaped, but who it was is not said.
            Err(Errno::EINVAL) if kill(worker, None) == Err(Errno::ESRCH) => {
                status = status.or(Some(u8::MAX));
            }
            Ok(_) | Err(_) => {}
        }
    }
}

/// An exit status has eight bits.
fn low_byte(status: i32) -> u8 {
    status.to_le_bytes()[0]
}
