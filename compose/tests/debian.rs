//! What holds of the Debian package without building it: what it installs is there, its parts agree with the systemd units, and its version is ours.

use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::process::Command;

use flightline_compose::{files, folder, text};
use toml::{Table, Value};

/// Where cargo and `make deb` leave what they make.
const BUILT: &str = "target/release/";

/// The package, as the pipeline's manifest describes it.
fn package() -> Table {
    let manifest: Table = text("../pipeline/Cargo.toml").parse().expect("a manifest");
    manifest["package"]["metadata"]["deb"]
        .as_table()
        .expect("a table")
        .clone()
}

/// Each asset: what is taken, relative to the pipeline's folder, and where it is installed.
fn assets() -> Vec<(String, String)> {
    let package = package();
    let assets = package["assets"].as_array().expect("a list");
    let text = |asset: &Value, part: usize| asset[part].as_str().expect("text").to_owned();
    let whole = |from: String, to: String| {
        let name = from.rsplit('/').next().unwrap_or_default();
        let to = if to.ends_with('/') {
            format!("/{to}{name}")
        } else {
            format!("/{to}")
        };
        (from, to)
    };
    assets
        .iter()
        .map(|asset| whole(text(asset, 0), text(asset, 1)))
        .collect()
}

/// What is installed at `path` comes from here.
fn source_of(path: &str) -> Option<String> {
    assets()
        .into_iter()
        .find(|(_, to)| to == path)
        .map(|(from, _)| from)
}

#[test]
fn what_is_installed_is_there() {
    for (from, to) in assets() {
        if let Some(made) = from.strip_prefix(BUILT) {
            // `make deb` makes completions of each program.
            let program = Path::new(made)
                .file_stem()
                .unwrap_or_default()
                .to_string_lossy()
                .into_owned();
            assert!(
                ["flightline", "flightline-supervisor"].contains(&program.as_str()),
                "{made}"
            );
            continue;
        }
        let path = folder().join("../pipeline").join(&from);
        let is_there = match from.split_once("/*") {
            // A pattern stands for the files that end so.
            Some((below, ending)) => !files(&format!("../pipeline/{below}"), ending).is_empty(),
            None => path.is_file(),
        };
        assert!(is_there, "{from}, which is to be {to}, is not there");
    }
}

#[test]
fn every_unit_is_installed_with_what_it_runs_and_reads() {
    let units = files("systemd", ".service");
    assert!(!units.is_empty(), "there are units");
    let conffiles = package()["conf-files"].clone();
    let conffiles = conffiles.as_array().expect("a list");
    let mut read = Vec::new();
    for unit in units {
        let name = unit
            .file_name()
            .unwrap_or_default()
            .to_string_lossy()
            .into_owned();
        let place = format!("/usr/lib/systemd/system/{name}");
        assert!(source_of(&place).is_some(), "{place} is not installed");
        let text = text(&format!("systemd/{name}"));
        let starts = text
            .lines()
            .find_map(|line| line.strip_prefix("ExecStart="));
        let starts: Vec<&str> = starts
            .expect("a unit starts something")
            .split(' ')
            .collect();
        assert!(
            source_of(starts[0]).is_some(),
            "{name}: {} is not installed",
            starts[0]
        );
        read.extend(starts.last().map(|&path| path.to_owned()));
        // The folder that is made when the package is configured.
        let made = flightline_compose::text("debian/postinst");
        for credentials in text
            .lines()
            .filter_map(|line| line.strip_prefix("LoadCredential="))
        {
            let (_, folder) = credentials.split_once(':').expect("NAME:PATH");
            assert!(
                made.contains(&format!("install -d -m 0700 {folder}\n")),
                "{name}: {folder}"
            );
        }
        // Whatever runs is stopped with the package.
        let pattern = name.replace("@.", "@*.");
        assert!(
            flightline_compose::text("debian/prerm").contains(&pattern),
            "{name}"
        );
    }
    for conffile in conffiles {
        let path = conffile.as_str().expect("text");
        assert!(source_of(path).is_some(), "{path} is not installed");
        assert!(read.iter().any(|unit| unit == path), "no unit reads {path}");
    }
}

#[test]
fn everything_below_etc_is_kept_as_it_was_changed() {
    let package = package();
    let conffiles = package["conf-files"].as_array().expect("a list");
    let conffiles: Vec<&str> = conffiles.iter().filter_map(Value::as_str).collect();
    let installed = assets().into_iter().map(|(_, to)| to);
    let below: Vec<String> = installed.filter(|to| to.starts_with("/etc/")).collect();
    assert_eq!(below, conffiles);
}

#[test]
fn the_newest_entry_of_the_changelog_is_this_version() {
    let workspace: Table = text("../Cargo.toml").parse().expect("a manifest");
    let version = workspace["workspace"]["package"]["version"]
        .as_str()
        .expect("text");
    let newest = text("debian/changelog");
    let first = format!("flightline ({version}-1) ");
    assert!(
        newest.starts_with(&first),
        "the changelog does not begin with {first}"
    );
}

#[test]
fn maintainer_scripts_are_scripts() {
    for name in ["postinst", "prerm", "postrm"] {
        let path = folder().join("debian").join(name);
        let mode = std::fs::metadata(&path)
            .expect("it is there")
            .permissions()
            .mode();
        assert_eq!(mode & 0o111, 0o111, "{name} can be run");
        let read = Command::new("sh")
            .arg("-n")
            .arg(&path)
            .output()
            .expect("sh");
        assert!(
            read.status.success(),
            "{}",
            String::from_utf8_lossy(&read.stderr)
        );
    }
}
