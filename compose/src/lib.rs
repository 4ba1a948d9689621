//! Names of files of this folder come in, their contents go out: what every test of the whole system reads.

/// What expressions of PromQL ask for.
pub mod promql;

use std::path::{Path, PathBuf};
use std::{env, fs};

use serde::de::DeserializeOwned;

/// The folder `compose` of the repository.
pub fn folder() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

/// The text of `path`, which is relative to [`folder`].
///
/// # Panics
/// When it cannot be read; the message names it.
pub fn text(path: &str) -> String {
    let path = folder().join(path);
    fs::read_to_string(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
}

/// The YAML documents of `path`, which is relative to [`folder`].
///
/// # Panics
/// When one of them is not a `T`; the message names file and place.
pub fn yaml<T: DeserializeOwned>(path: &str) -> Vec<T> {
    let text = text(path);
    serde_yaml_ng::Deserializer::from_str(&text)
        .map(|document| T::deserialize(document).unwrap_or_else(|error| panic!("{path}: {error}")))
        .collect()
}

/// The files below `path`, which is relative to [`folder`], whose names end with `ending`; sorted.
///
/// # Panics
/// When the folder cannot be read.
pub fn files(path: &str, ending: &str) -> Vec<PathBuf> {
    let mut found = Vec::new();
    let mut folders = vec![folder().join(path)];
    while let Some(folder) = folders.pop() {
        let entries =
            fs::read_dir(&folder).unwrap_or_else(|error| panic!("{}: {error}", folder.display()));
        for path in entries.flatten().map(|entry| entry.path()) {
            if path.is_dir() {
                folders.push(path);
            } else if path.to_string_lossy().ends_with(ending) {
                found.push(path);
            }
        }
    }
    found.sort();
    found
}

/// One of our programs, as the build of the running test made it.
///
/// # Panics
/// When it is not there; the message says how it is built.
pub fn program(name: &str) -> PathBuf {
    let test = env::current_exe().expect("a test knows where it is");
    let built = test
        .ancestors()
        .nth(2)
        .expect("a test lies in deps")
        .join(name);
    assert!(
        built.is_file(),
        "there is no {}: run `cargo build -p {name}`, or the tests of the whole workspace",
        built.display()
    );
    built
}
