//! What tests of the configuration share: a fixed machine, and a file that is loaded from text.

use std::path::PathBuf;

use crate::config::Config;
use crate::config::explain::explain;
use crate::config::interfaces::Addresses;
use crate::config::load::{LoadError, Loaded, Look, load};
use crate::template::Environment;

/// A machine with three cards.
pub(crate) fn addresses() -> Addresses {
    let listed = [
        ("lo", "::1"),
        ("eth2", "10.1.0.200"),
        ("eth0", "192.168.1.100"),
        ("lo", "127.0.0.1"),
        ("eth1", "10.0.0.200"),
        ("eth2", "fdc6:238c:c4bc::1"),
        ("eth0", "10.2.0.1"),
        ("eth1", "10.0.0.100"),
    ];
    let parse = |(name, address): (&str, &str)| (name.to_owned(), address.parse().unwrap());
    Addresses::new(listed.into_iter().map(parse).collect())
}

/// Variables.
pub(crate) fn env(pairs: &[(&str, &str)]) -> Environment {
    let own = |(name, value): &(&str, &str)| ((*name).to_owned(), (*value).to_owned());
    pairs.iter().map(own).collect()
}

/// `text` as the file `app.json5`, loaded under `env`.
pub(crate) fn load_with(text: &str, env: &Environment) -> Result<Loaded, LoadError> {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("app.json5");
    std::fs::write(&path, text).unwrap();
    let loaded = load(&path, env, &addresses(), Look::AtTheFile);
    loaded.map(|loaded| Loaded {
        path: PathBuf::from("app.json5"),
        ..loaded
    })
}

/// `text`, loaded without variables.
pub(crate) fn load_text(text: &str) -> Result<Loaded, LoadError> {
    load_with(text, &Environment::new())
}

/// The configuration of a text that must be right.
pub(crate) fn config(text: &str) -> Config {
    match load_text(text) {
        Ok(loaded) => loaded.config,
        Err(error) => panic!("{text}\n{error}"),
    }
}

/// What is said of a text that must be wrong.
pub(crate) fn report(text: &str) -> String {
    match load_text(text) {
        Ok(loaded) => panic!("accepted: {text}\n{:?}", loaded.config),
        Err(error) => error.to_string(),
    }
}

/// The findings of a text that must be right.
pub(crate) fn findings(text: &str) -> String {
    match load_text(text) {
        Ok(loaded) => loaded.findings.iter().map(ToString::to_string).collect(),
        Err(error) => panic!("{text}\n{error}"),
    }
}

/// A text that must be right, as it is explained to a person.
pub(crate) fn explained(text: &str) -> String {
    match load_text(text) {
        Ok(loaded) => explain(&loaded.path, &loaded.config, &loaded.findings),
        Err(error) => panic!("{text}\n{error}"),
    }
}

/// A file with one job `app`, of these keys.
pub(crate) fn job(keys: &str) -> String {
    format!("{{consul: 'localhost:8500', jobs: [{{name: 'app', exec: 'true', {keys}}}]}}")
}
