//! Everything that is answered without supervising: the version, the configuration in its forms, and what a running supervisor says.

use std::path::Path;

use crate::config::explain::explain;
use crate::config::find::{self, find};
use crate::config::load::{self, LoadError};
use crate::config::schema::schema;
use crate::run::prepare;

use super::{
    CommandLine, Exit, Failure, Form, Invocation, Strictness, client, completions, out, version,
};

/// Answers, on standard output; what goes wrong is said on standard error.
pub fn answer(line: &CommandLine) -> Exit {
    match say(line) {
        Ok(exit) => exit,
        Err(failure) => {
            // There is nowhere else to say that standard error is closed.
            out::complain(&failure).ok();
            failure.exit
        }
    }
}

fn say(line: &CommandLine) -> Result<Exit, Failure> {
    let environment = find::environment();
    let file = || find(line.config.as_deref(), &environment);
    match &line.invocation {
        // It is `main`'s to supervise.
        Invocation::Run => Ok(Exit::Ok),
        Invocation::Version => told(out::say(&version())),
        Invocation::Completions(shell) => told(out::pour(&completions(*shell))),
        Invocation::Schema => told(out::say(&format_args!("{:#}", schema()))),
        Invocation::Render { out: None } => told(out::pour(&load::render(&file()?, &environment)?)),
        Invocation::Render { out: Some(path) } => {
            let text = load::render(&file()?, &environment)?;
            match std::fs::write(path, text) {
                Ok(()) => Ok(Exit::Ok),
                Err(error) => {
                    let text = format!("{} cannot be written: {error}", path.display());
                    Err(Failure::new(Exit::Refused, text))
                }
            }
        }
        Invocation::Check { strictness, form } => check(&file()?, *strictness, *form),
        Invocation::Client(request) => {
            let socket = load::control_socket(&file()?, &environment)?;
            Ok(client::run(request, &socket))
        }
    }
}

fn check(file: &Path, strictness: Strictness, form: Form) -> Result<Exit, Failure> {
    let prepared = prepare::first(file)?;
    let (config, findings) = (&prepared.config, &prepared.findings);
    match form {
        Form::Text => told(out::say(&explain(&prepared.path, config, findings)))?,
        Form::Json => {
            let jobs: Vec<&str> = config.jobs.iter().map(|job| &*job.name).collect();
            let findings: Vec<String> = findings.iter().map(ToString::to_string).collect();
            let answer = serde_json::json!({ "valid": true, "jobs": jobs, "findings": findings });
            told(out::say(&answer))?
        }
    };
    Ok(match strictness {
        Strictness::Strict if !findings.is_empty() => Exit::Config,
        Strictness::Strict | Strictness::Lenient => Exit::Ok,
    })
}

fn told(result: std::io::Result<()>) -> Result<Exit, Failure> {
    Ok(result.map(|()| Exit::Ok)?)
}

impl From<LoadError> for Failure {
    fn from(error: LoadError) -> Self {
        Self::new(Exit::Config, error.to_string())
    }
}
