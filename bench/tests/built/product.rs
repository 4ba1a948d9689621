//! The product of the same profile, for tests that start it.

use std::path::PathBuf;
use std::process::Command;
use std::sync::OnceLock;

/// Where it is. Tests of the whole workspace have just built it; those of this crate alone take the one that is there, or build it.
pub(crate) fn product() -> PathBuf {
    static BUILT: OnceLock<PathBuf> = OnceLock::new();
    let binary = BUILT.get_or_init(|| {
        let bench = env!("CARGO_BIN_EXE_flightline-bench");
        let binary = PathBuf::from(bench).with_file_name("flightline");
        if !binary.is_file() {
            build();
        }
        binary
    });
    binary.clone()
}

fn build() {
    let mut cargo = Command::new(env!("CARGO"));
    cargo.args(["build", "--locked", "--quiet", "--package", "flightline"]);
    if !cfg!(debug_assertions) {
        cargo.arg("--release");
    }
    // What cargo tells this test of its own package would make build scripts run again.
    for (name, _) in std::env::vars_os() {
        if name.to_string_lossy().starts_with("CARGO_PKG_") {
            cargo.env_remove(name);
        }
    }
    cargo.env_remove("CARGO_MANIFEST_DIR");
    let built = cargo.status().expect("cargo runs these tests");
    assert!(built.success(), "the product is built");
}
