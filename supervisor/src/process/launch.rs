//! The stage between our fork and a job's program, for jobs that set user, group or limits: this program, run with a private first
//! argument, takes the plan, sets limits, groups and user, and becomes the job's program under the same pid.
//!
//! It is a process of its own because looking up a user may take long (a directory may be asked), and because what it does cannot
//! be undone. What fails is said on its standard error, which is the job's, and by its exit status: those of systemd for the same.

use std::collections::BTreeSet;
use std::ffi::{CString, OsStr};
use std::io::Write as _;
use std::os::unix::process::CommandExt as _;
use std::process::Command;

use nix::errno::Errno;
use nix::sys::resource::{RLIM_INFINITY, Resource, setrlimit};
use nix::unistd::{Gid, Group, Uid, User, getegid, geteuid, initgroups, setgid, setgroups, setuid};
use serde::{Deserialize, Serialize};

use crate::config::{Limit, Setting};
use crate::init;

/// The private first argument.
pub const ARGUMENT: &str = "--flightline-launch";

/// The program could not be run.
pub const EXIT_EXEC: u8 = 203;
/// A limit could not be set.
pub const EXIT_LIMITS: u8 = 205;
/// There is no such group, or it could not be taken on.
pub const EXIT_GROUP: u8 = 216;
/// There is no such user, or it could not be taken on.
pub const EXIT_USER: u8 = 217;
/// The stage was called by somebody else.
pub const EXIT_USAGE: u8 = 64;

/// Every limit, by the name that `Debug` gives it.
const RESOURCES: [Resource; 16] = [
    Resource::RLIMIT_AS,
    Resource::RLIMIT_CORE,
    Resource::RLIMIT_CPU,
    Resource::RLIMIT_DATA,
    Resource::RLIMIT_FSIZE,
    Resource::RLIMIT_LOCKS,
    Resource::RLIMIT_MEMLOCK,
    Resource::RLIMIT_MSGQUEUE,
    Resource::RLIMIT_NICE,
    Resource::RLIMIT_NOFILE,
    Resource::RLIMIT_NPROC,
    Resource::RLIMIT_RSS,
    Resource::RLIMIT_RTPRIO,
    Resource::RLIMIT_RTTIME,
    Resource::RLIMIT_SIGPENDING,
    Resource::RLIMIT_STACK,
];

/// Set to the user's own, unless the job sets them itself.
const OF_A_USER: [&str; 3] = ["HOME", "USER", "LOGNAME"];

/// What is to be done before the program runs.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Plan {
    user: Option<String>,
    group: Option<String>,
    /// Name, soft, hard.
    limits: Vec<(String, Option<u64>, Option<u64>)>,
    /// Variables that stay as they are.
    keep: BTreeSet<String>,
}

impl Plan {
    /// What a setting asks for, if it is anything that needs this stage. `from_file` is what the job's file of variables says.
    pub(super) fn of(setting: &Setting, from_file: &[(String, String)]) -> Option<Self> {
        let Setting {
            user,
            group,
            rlimits,
            env,
            ..
        } = setting;
        if user.is_none() && group.is_none() && rlimits.is_empty() {
            return None;
        }
        let row = |limit: &Limit| (format!("{:?}", limit.resource), limit.soft, limit.hard);
        let set = env.keys().chain(from_file.iter().map(|(name, _)| name));
        Some(Self {
            user: user.clone(),
            group: group.clone(),
            limits: rlimits.iter().map(row).collect(),
            keep: set
                .filter(|name| OF_A_USER.contains(&name.as_str()))
                .cloned()
                .collect(),
        })
    }

    pub(super) fn to_argument(&self) -> String {
        serde_json::to_string(self).expect("text, numbers and lists are always JSON")
    }
}

/// Why the program does not run.
#[derive(Debug, thiserror::Error)]
enum Failure {
    #[error("{ARGUMENT} is for the supervisor itself")]
    Usage,
    #[error("there is no user `{0}`")]
    NoUser(String),
    #[error("user {0} is not in the user database: say its group, too")]
    NoGroupOf(Uid),
    #[error("there is no group `{0}`")]
    NoGroup(String),
    #[error("the user database cannot be read: {0}")]
    Users(#[source] Errno),
    #[error("the group database cannot be read: {0}")]
    Groups(#[source] Errno),
    #[error("cannot take on group {0}: {1}; only root can, or a process with CAP_SETGID")]
    TakeGroup(Gid, #[source] Errno),
    #[error("cannot take on user {0}: {1}; only root can, or a process with CAP_SETUID")]
    TakeUser(Uid, #[source] Errno),
    #[error("cannot set the limit {0}: {1}; only root can go above the hard limit that it has now")]
    Limit(String, #[source] Errno),
    #[error("cannot run `{0}`: {1}")]
    Exec(String, #[source] std::io::Error),
}

impl Failure {
    const fn status(&self) -> u8 {
        match self {
            Self::Usage => EXIT_USAGE,
            Self::NoUser(_) | Self::NoGroupOf(_) | Self::Users(_) | Self::TakeUser(..) => EXIT_USER,
            Self::NoGroup(_) | Self::Groups(_) | Self::TakeGroup(..) => EXIT_GROUP,
            Self::Limit(..) => EXIT_LIMITS,
            Self::Exec(..) => EXIT_EXEC,
        }
    }
}

/// Becomes a job's program, if that is what this process was started for. To be called first in `main`, after [`init::enter`].
/// Returns when it was not started for that, or with the status to exit with when it failed.
pub fn enter() -> Option<u8> {
    let mut arguments = std::env::args_os().skip(1);
    if arguments.next()? != ARGUMENT {
        return None;
    }
    // PID 1 may be asked to run just one program: its worker begins with blocked signals.
    init::unblock();
    let failure = match (arguments.next(), arguments.next()) {
        (Some(plan), Some(program)) => launch(&plan, &program, arguments),
        _ => Failure::Usage,
    };
    // There is nowhere else to say that standard error is closed.
    drop(writeln!(std::io::stderr(), "cannot start: {failure}"));
    Some(failure.status())
}

fn launch(plan: &OsStr, program: &OsStr, arguments: impl Iterator<Item: AsRef<OsStr>>) -> Failure {
    let plan = plan.to_str().map(serde_json::from_str::<Plan>);
    let Some(Ok(plan)) = plan else {
        return Failure::Usage;
    };
    let mut command = Command::new(program);
    command.args(arguments);
    match prepare(&plan, &mut command) {
        Ok(()) => Failure::Exec(program.to_string_lossy().into_owned(), command.exec()),
        Err(failure) => failure,
    }
}

fn prepare(plan: &Plan, command: &mut Command) -> Result<(), Failure> {
    // Looked up first: with few open files allowed it might fail.
    let identity = Identity::find(plan)?;
    for (name, soft, hard) in &plan.limits {
        let known = RESOURCES.iter().find(|known| format!("{known:?}") == *name);
        let resource = *known.ok_or(Failure::Usage)?;
        let [soft, hard] = [soft, hard].map(|limit| limit.unwrap_or(RLIM_INFINITY));
        setrlimit(resource, soft, hard).map_err(|error| Failure::Limit(name.clone(), error))?;
    }
    identity.take_on()?;
    if let Some(user) = &identity.known {
        let home = user.dir.as_os_str();
        let values = [home, OsStr::new(&user.name), OsStr::new(&user.name)];
        let set = OF_A_USER.into_iter().zip(values);
        command.envs(set.filter(|(name, _)| !plan.keep.contains(*name)));
    }
    Ok(())
}

/// As whom the program runs.
#[derive(Debug)]
struct Identity {
    uid: Option<Uid>,
    gid: Option<Gid>,
    /// The entry in the user database.
    known: Option<User>,
}

impl Identity {
    fn find(plan: &Plan) -> Result<Self, Failure> {
        let (uid, known) = match plan.user.as_deref() {
            None => (None, None),
            Some(name) => find_user(name)?,
        };
        let gid = match (plan.group.as_deref(), &known, uid) {
            (Some(name), _, _) => Some(find_group(name)?),
            (None, Some(user), _) => Some(user.gid),
            (None, None, Some(uid)) => return Err(Failure::NoGroupOf(uid)),
            (None, None, None) => None,
        };
        Ok(Self { uid, gid, known })
    }

    /// Groups first: who is no longer root cannot change them.
    fn take_on(&self) -> Result<(), Failure> {
        // Where we are that user already, nothing need be allowed.
        let is_user = self.uid.is_none_or(|uid| uid == geteuid());
        let is_group = self.gid.is_none_or(|gid| gid == getegid());
        if is_user && is_group {
            return Ok(());
        }
        if let Some(gid) = self.gid {
            let refused = |error| Failure::TakeGroup(gid, error);
            let name = self
                .known
                .as_ref()
                .map(|user| CString::new(user.name.as_str()));
            match name {
                Some(Ok(name)) => initgroups(&name, gid),
                Some(Err(_)) | None => setgroups(&[gid]),
            }
            .map_err(refused)?;
            setgid(gid).map_err(refused)?;
        }
        match self.uid {
            Some(uid) => setuid(uid).map_err(|error| Failure::TakeUser(uid, error)),
            None => Ok(()),
        }
    }
}

/// A name, or else a number, which need not be in the database.
fn find_user(name: &str) -> Result<(Option<Uid>, Option<User>), Failure> {
    if let Some(user) = User::from_name(name).map_err(Failure::Users)? {
        return Ok((Some(user.uid), Some(user)));
    }
    let number = name.parse().map_err(|_| Failure::NoUser(name.to_owned()))?;
    let uid = Uid::from_raw(number);
    let user = User::from_uid(uid).map_err(Failure::Users)?;
    Ok((Some(uid), user))
}

fn find_group(name: &str) -> Result<Gid, Failure> {
    if let Some(group) = Group::from_name(name).map_err(Failure::Groups)? {
        return Ok(group.gid);
    }
    let number = name
        .parse()
        .map_err(|_| Failure::NoGroup(name.to_owned()))?;
    Ok(Gid::from_raw(number))
}

#[cfg(test)]
mod tests;
