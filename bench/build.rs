//! The commit that is built comes in from git, an environment variable for the compiler goes out: `unknown` outside of a clone.

use std::path::Path;
use std::process::Command;

/// What the programs that are measured are made of, from the root of the workspace.
const SOURCES: [&str; 7] = [
    "Cargo.toml",
    "Cargo.lock",
    "bench/build.rs",
    "bench/src",
    "pipeline/src",
    "pipeline/contract/src",
    "fixtures/src",
];

fn main() {
    for source in SOURCES {
        watch(&format!("../{source}"));
    }
    // What a commit or a checkout writes to.
    for file in ["HEAD", "logs/HEAD"] {
        if let Some(path) = git(&["rev-parse", "--git-path", file]) {
            watch(&path);
        }
    }
    let commit = commit().unwrap_or_else(|| "unknown".to_owned());
    say(&format!("rustc-env=FLIGHTLINE_BENCH_COMMIT={commit}"));
}

/// With `-dirty` behind it if files that git knows were changed.
fn commit() -> Option<String> {
    let commit = git(&["rev-parse", "--short=12", "HEAD"])?;
    let changes = git(&["status", "--porcelain", "--untracked-files=no"])?;
    Some(if changes.is_empty() {
        commit
    } else {
        format!("{commit}-dirty")
    })
}

/// What git says, run in this crate's folder.
fn git(arguments: &[&str]) -> Option<String> {
    let output = Command::new("git").args(arguments).output().ok()?;
    let text = String::from_utf8(output.stdout).ok()?;
    output.status.success().then(|| text.trim().to_owned())
}

/// A change of `path` makes this run again. What is not there would make it run each time.
fn watch(path: &str) {
    if Path::new(path).exists() {
        say(&format!("rerun-if-changed={path}"));
    }
}

fn say(text: &str) {
    println!("cargo::{text}");
}
