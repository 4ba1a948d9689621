//! An order comes in, a command of the standard library goes out, through the launcher where more than a folder and variables is
//! asked for. And the other way: an error of the system comes in, what is wrong with the order goes out.

use std::io::{self, ErrorKind};
use std::os::unix::process::CommandExt as _;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use super::{Order, SpawnError, env_file, launch};
use crate::init;

/// What is to be run, still without a way for its output.
pub(super) fn command(order: &Order<'_>, launcher: &Path) -> Result<Command, SpawnError> {
    let setting = order.setting;
    let from_file = match &setting.env_file {
        Some(path) => env_file::read(path)?,
        None => Vec::new(),
    };
    let mut command = match launch::Plan::of(setting, &from_file) {
        Some(plan) => {
            let mut command = Command::new(launcher);
            command.arg(launch::ARGUMENT).arg(plan.to_argument());
            command.arg(&order.exec.program);
            command
        }
        None => Command::new(&order.exec.program),
    };
    command.args(&order.exec.args);
    for name in init::PRIVATE {
        command.env_remove(name);
    }
    command
        .envs(order.variables)
        .envs(from_file)
        .envs(&setting.env);
    if let Some(folder) = &setting.cwd {
        command.current_dir(folder);
    }
    command.stdin(Stdio::null()).process_group(0);
    Ok(command)
}

/// What is wrong, when the system refuses to run the order.
pub(super) fn failure(source: io::Error, order: &Order<'_>) -> SpawnError {
    let cwd = order.setting.cwd.as_deref();
    if let Some(path) = cwd
        // It must be a folder, and one that can be entered; it need not be readable.
        && let Err(source) = path.join(".").metadata()
    {
        return SpawnError::Cwd {
            path: path.to_owned(),
            source,
        };
    }
    let program = order.exec.program.clone();
    match source.kind() {
        ErrorKind::NotFound if is_there(&program, cwd) => SpawnError::NoInterpreter { program },
        ErrorKind::NotFound => SpawnError::NotFound { program },
        _ => SpawnError::Refused { program, source },
    }
}

/// Whether the file of the program exists. What is looked for in `PATH` and found there has an interpreter that is missing, too,
/// but then the next folder may have been tried: only what is named with its folder is sure.
fn is_there(program: &str, cwd: Option<&Path>) -> bool {
    let path = cwd.map_or_else(PathBuf::new, Path::to_owned).join(program);
    program.contains('/') && path.exists()
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use super::*;
    use crate::config::{Exec, Output, Readiness, Setting};
    use crate::log::Kind;

    #[test]
    fn what_is_between_init_and_worker_is_hidden_from_jobs() {
        let exec = Exec {
            program: "true".to_owned(),
            args: Vec::new(),
        };
        let order = Order {
            job: "app",
            kind: Kind::Job,
            exec: &exec,
            setting: &Setting::default(),
            variables: &BTreeMap::new(),
            output: Output::Wrapped,
            patience: std::time::Duration::ZERO,
            timeout: None,
            readiness: Readiness::Check,
        };
        let command = command(&order, Path::new("/none")).unwrap();
        for name in init::PRIVATE {
            assert!(
                command
                    .get_envs()
                    .any(|(set, value)| set == name && value.is_none())
            );
        }
    }
}
