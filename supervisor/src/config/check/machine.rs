//! What the configuration names that must be on this machine: users, groups, folders, files, programs. What is not there is a finding and
//! no error: the file may be looked at before the container is made, and a job may make what the next one needs.

use std::ffi::OsString;
use std::fmt::Display;
use std::fs::File;
use std::io;
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};

use nix::unistd::{Group, User};

use crate::config::check::Look;
use crate::config::check::section::Section;
use crate::config::jobs::{Exec, Setting};

/// Where programs are looked for without `PATH`, as the C library has it.
const DEFAULT_PATH: &str = "/bin:/usr/bin";

/// Says what of a job is not there.
pub(super) fn job(section: &Section<'_>, exec: Option<&Exec>, setting: &Setting) {
    if section.check.look == Look::AtTheFile {
        return;
    }
    let known = |name: &str, found: Result<bool, nix::Error>| {
        // Numbers need not be known; a database that cannot be read says nothing.
        name.parse::<u32>().is_ok() || found.unwrap_or(true)
    };
    if let Some(user) = setting.user.as_deref()
        && !known(user, User::from_name(user).map(|user| user.is_some()))
    {
        missing(section, "user", &format!("there is no user {user:?}"));
    }
    if let Some(group) = setting.group.as_deref()
        && !known(group, Group::from_name(group).map(|group| group.is_some()))
    {
        missing(section, "group", &format!("there is no group {group:?}"));
    }
    if let Some(cwd) = &setting.cwd
        && !cwd.is_dir()
    {
        let what = format!("there is no folder {}", cwd.display());
        missing(section, "cwd", &what);
    }
    file(section, "envFile");
    if let Some(exec) = exec {
        program(section, &exec.program, setting);
    }
}

/// Says it if the file that a key names cannot be read.
pub(super) fn file(section: &Section<'_>, key: &'static str) {
    if section.check.look == Look::AtThisMachine
        && let Some(path) = section.path(key)
        && let Err(error) = readable(&path)
    {
        missing(section, key, &unreadable(&path, &error));
    }
}

/// A pipe would be waited for: what is no file is only looked at.
fn readable(path: &Path) -> io::Result<()> {
    if path.metadata()?.is_file() {
        File::open(path)?;
    }
    Ok(())
}

fn program(section: &Section<'_>, program: &str, setting: &Setting) {
    // Another `PATH`, or whatever a file of variables holds.
    if setting.env.contains_key("PATH") || setting.env_file.is_some() {
        return;
    }
    let below = |folder: &Path| folder.join(program);
    let found = if program.contains('/') {
        let folder = setting.cwd.clone().unwrap_or_else(|| PathBuf::from("."));
        can_be_run(&below(&folder))
    } else {
        let path = section.check.variable("PATH").unwrap_or(DEFAULT_PATH);
        std::env::split_paths(&OsString::from(path)).any(|folder| can_be_run(&below(&folder)))
    };
    if !found {
        let what = format!("there is no program {program:?}");
        missing(section, "exec", &what);
    }
}

fn can_be_run(path: &Path) -> bool {
    path.metadata()
        .is_ok_and(|found| found.is_file() && found.permissions().mode() & 0o111 != 0)
}

fn unreadable(path: &Path, error: &dyn Display) -> String {
    format!("{} cannot be read: {error}", path.display())
}

fn missing(section: &Section<'_>, key: &'static str, what: &str) {
    let what = format!("`{}`: {what} on this machine", section.path_of(key));
    let cure = "bring it before the job starts, or name another";
    section.check.note(section.at(key), what, cure);
}
