//! What holds of `compose/images/Dockerfile` without building it: it gives cargo the whole workspace to look at, everything it copies is there and
//! let through by `.dockerignore`, bases are named exactly, and nobody in an image is root.

use std::collections::BTreeSet;
use std::path::Path;

use flightline_compose::{folder, text};

const DOCKERFILE: &str = "images/Dockerfile";

/// Its instructions, each on one line.
fn instructions() -> Vec<String> {
    let joined = text(DOCKERFILE).replace("\\\n", " ");
    let lines = joined.lines().filter(|line| !line.starts_with('#'));
    lines
        .map(|line| line.split_whitespace().collect::<Vec<_>>().join(" "))
        .filter(|line| !line.is_empty())
        .collect()
}

/// What is copied out of the repository, by instruction; what comes from other stages is not.
fn copied() -> Vec<String> {
    let mut sources = Vec::new();
    for instruction in instructions() {
        let Some(words) = instruction.strip_prefix("COPY ") else {
            continue;
        };
        let words: Vec<&str> = words.split(' ').collect();
        let [from @ .., _] = words.as_slice() else {
            panic!("{instruction}")
        };
        if !words[0].starts_with("--from=") {
            sources.extend(from.iter().map(|&source| source.to_owned()));
        }
    }
    sources
}

/// The value that `ARG name=…` gives.
fn argument(name: &str) -> String {
    let prefix = format!("ARG {name}=");
    let given = instructions()
        .into_iter()
        .find_map(|line| line.strip_prefix(&prefix).map(str::to_owned));
    given.unwrap_or_else(|| panic!("no {prefix}"))
}

/// The members of the workspace, and what it says of all of them.
fn workspace() -> (Vec<String>, String) {
    let manifest = text("../Cargo.toml");
    let (_, rest) = manifest.split_once("members = [").expect("a workspace");
    let (members, rest) = rest.split_once(']').expect("a list");
    let members = members
        .split(',')
        .map(|member| member.trim().trim_matches('"').to_owned());
    let (_, version) = rest.split_once("version = \"").expect("a version");
    let version = version.split('"').next().unwrap_or_default().to_owned();
    (members.collect(), version)
}

#[test]
fn cargo_sees_every_member_of_the_workspace() {
    let copied = copied();
    for member in workspace().0 {
        let manifest = format!("{member}/Cargo.toml");
        let whole = copied.contains(&member);
        assert!(
            whole || copied.contains(&manifest),
            "{manifest} is not copied"
        );
        // A crate that is not built has one file for each target that its manifest names.
        let stands_in = instructions()
            .iter()
            .any(|line| line.contains(&format!(" {member}/src/lib.rs")));
        assert!(
            whole || stands_in,
            "nothing stands in for {member}/src/lib.rs"
        );
    }
}

#[test]
fn targets_that_manifests_name_have_a_file() {
    let stubs = instructions().join(" ");
    for member in workspace().0 {
        let manifest = text(&format!("../{member}/Cargo.toml"));
        for (table, place) in [("[[bench]]", "benches"), ("[[test]]", "tests")] {
            for target in manifest.split(table).skip(1) {
                let (_, name) = target.split_once("name = \"").expect("a name");
                let name = name.split('"').next().unwrap_or_default();
                let file = format!(" {member}/{place}/{name}.rs");
                assert!(stubs.contains(&file), "nothing stands in for{file}");
            }
        }
        if manifest.contains("\ndefault-run = ") {
            assert!(
                stubs.contains(&format!(" {member}/src/main.rs")),
                "{member}"
            );
        }
    }
}

#[test]
fn what_is_copied_is_there_and_not_ignored() {
    let ignored = text("../.dockerignore");
    let let_through: Vec<&str> = ignored
        .lines()
        .filter_map(|line| line.strip_prefix('!'))
        .collect();
    assert!(
        ignored.lines().any(|line| line == "*"),
        "what is not named is ignored"
    );
    for source in copied() {
        assert!(
            folder().join("..").join(&source).exists(),
            "{source} is not there"
        );
        let found = let_through
            .iter()
            .any(|open| Path::new(&source).starts_with(open));
        assert!(found, ".dockerignore keeps {source} out");
    }
}

/// What the programs take in of other folders when they are built.
#[test]
fn what_the_programs_embed_is_copied() {
    let copied = copied();
    let mut embedded = BTreeSet::new();
    for (source, up) in [
        ("../pipeline/src", "pipeline/src"),
        ("../supervisor/src", "supervisor/src"),
    ] {
        for file in flightline_compose::files(source, ".rs") {
            if file.to_string_lossy().contains("/tests") {
                continue;
            }
            let text = std::fs::read_to_string(&file).expect("a Rust file is text");
            for part in text.split("include_str!(\"").skip(1) {
                let path = part.split('"').next().unwrap_or_default();
                let path = file
                    .with_file_name("")
                    .join(path)
                    .canonicalize()
                    .expect("it is there");
                let root = folder()
                    .join("..")
                    .canonicalize()
                    .expect("the workspace is there");
                let path = path
                    .strip_prefix(root)
                    .expect("within the repository")
                    .to_owned();
                if !path.starts_with(up) {
                    embedded.insert(path.display().to_string());
                }
            }
        }
    }
    assert!(!embedded.is_empty(), "the demo's stream is embedded");
    for path in embedded {
        assert!(copied.contains(&path), "{path} is not copied");
    }
}

#[test]
fn every_target_of_the_stack_is_built() {
    let instructions = instructions();
    let stack = text("compose.yaml");
    let ours = stack
        .lines()
        .filter(|line| line.contains("dockerfile: compose/images/Dockerfile"));
    let mut targets = 0;
    for line in ours {
        let (_, target) = line.split_once("target: ").expect("a target is named");
        let target = target.split([',', ' ']).next().unwrap_or_default();
        let stage = format!(" AS {target}");
        let is_stage = |line: &String| line.starts_with("FROM ") && line.ends_with(&stage);
        assert!(
            instructions.iter().any(is_stage),
            "no stage is called {target}"
        );
        for argument in line
            .split('"')
            .filter_map(|part| part.strip_prefix("${")?.strip_suffix('}'))
        {
            let taken = format!("ARG {argument}=");
            assert!(
                instructions.iter().any(|line| line.starts_with(&taken)),
                "{argument}"
            );
        }
        targets += 1;
    }
    assert!(targets > 0, "the stack builds images");
}

#[test]
fn bases_are_pinned_and_labels_tell_the_version() {
    for base in ["BUILDER", "RUNTIME", "NATS_VERSION", "HAPROXY_VERSION"] {
        let base = argument(base);
        assert!(
            base.contains(|digit: char| digit.is_ascii_digit()),
            "{base}"
        );
        assert!(!base.contains("latest"), "{base}");
    }
    let manifest = text("../Cargo.toml");
    let (_, minimum) = manifest
        .split_once("rust-version = \"")
        .expect("it is named");
    let minimum = minimum.split('"').next().unwrap_or_default();
    let builder = argument("BUILDER");
    assert!(
        builder.starts_with(&format!("rust:{minimum}.")),
        "{builder} is not Rust {minimum}"
    );
    assert_eq!(argument("VERSION"), workspace().1);
}

#[test]
fn nobody_in_an_image_is_root() {
    let instructions = instructions();
    let stages: Vec<usize> = (0..instructions.len())
        .filter(|&line| instructions[line].starts_with("FROM "))
        .collect();
    let mut shipped = 0;
    for (number, &start) in stages.iter().enumerate() {
        let end = stages
            .get(number + 1)
            .copied()
            .unwrap_or(instructions.len());
        let stage = &instructions[start..end];
        let name = stage[0].rsplit(' ').next().unwrap_or_default();
        let last = stage
            .iter()
            .rev()
            .find_map(|line| line.strip_prefix("USER "));
        let ours = [
            "runtime",
            "supervised",
            "sensors",
            "nats",
            "balancer",
            "flightline",
        ]
        .contains(&name);
        if let Some(user) = last {
            assert!(ours && user == "65532:65532", "{name} ends as {user}");
        }
        assert!(
            !["runtime", "balancer"].contains(&name) || last.is_some(),
            "{name} takes its user from its base"
        );
        shipped += usize::from(ours);
    }
    assert_eq!(shipped, 6, "this test knows every image");
}
