//! Promise: what README shows works: its configurations pass `flightline check`, its payloads are what the contract says, and
//! the verbs and exit codes it names are those that `--help` shows.

#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::path::Path;

use assert_cmd::Command;
use predicates::str::contains;

const README: &str = include_str!("../../README.md");

fn flightline() -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_flightline"));
    command.env_clear();
    command
}

/// The fenced blocks of README in this language.
fn blocks(language: &str) -> Vec<String> {
    let start = format!("```{language}\n");
    let parts = README.split(start.as_str()).skip(1);
    parts
        .map(|part| part.split("```").next().unwrap().to_owned())
        .collect()
}

/// The cells of a table's first column that are verbs, `VERB ...` in backticks.
fn verbs() -> Vec<&'static str> {
    let (_, table) = README.split_once("| verb |").unwrap();
    let rows = table
        .lines()
        .skip(2)
        .take_while(|line| line.starts_with("| `"));
    rows.map(|row| row.split(['`', ' ']).nth(2).unwrap())
        .collect()
}

/// `text` with its paths below `/run/secrets` and `/var/lib` moved into `folder`, where the secrets exist.
fn at_home(text: &str, folder: &Path) -> String {
    let shown = folder.display();
    for secret in text
        .split('"')
        .filter(|part| part.starts_with("/run/secrets/"))
    {
        let name = Path::new(secret).file_name().unwrap();
        std::fs::write(folder.join(name), "secret\n").unwrap();
    }
    text.replace("/run/secrets/", &format!("{shown}/"))
        .replace("/var/lib/", &format!("{shown}/"))
}

#[test]
fn each_promise_names_tests_that_are_there() {
    let (_, table) = README.split_once("| tested by |").unwrap();
    let rows: Vec<_> = table
        .lines()
        .skip(2)
        .take_while(|line| line.starts_with("| "))
        .collect();
    assert_eq!(rows.len(), 9, "the promises of the design");
    for row in rows {
        let (_, tests) = row.trim_end_matches(" |").rsplit_once(" | ").unwrap();
        let tests: Vec<_> = tests.split('`').skip(1).step_by(2).collect();
        assert!(!tests.is_empty(), "{row}");
        for test in tests {
            let file = Path::new(env!("CARGO_MANIFEST_DIR")).join("..").join(test);
            assert!(file.is_file(), "{test} of: {row}");
        }
    }
}

#[test]
fn the_configurations_in_the_readme_are_valid() {
    let blocks = blocks("toml");
    assert!(blocks.len() >= 2);
    let whole = blocks.join("\n");
    for text in blocks.iter().chain([&whole]) {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("flightline.toml");
        std::fs::write(&file, at_home(text, folder.path())).unwrap();
        flightline()
            .args(["check", "-c"])
            .arg(&file)
            .current_dir(folder.path())
            .assert()
            .code(0)
            .stderr("");
    }
}

#[test]
fn the_mapping_in_the_readme_makes_the_line_that_it_shows() {
    let folder = tempfile::tempdir().unwrap();
    let mapping = blocks("toml")
        .into_iter()
        .find(|text| text.contains("[[mapping]]"))
        .unwrap();
    let config = format!(
        "{mapping}\n[admin]\nlisten = \"127.0.0.1:0\"\n[sink]\nkind = \"file\"\ndir = \"out\"\n"
    );
    std::fs::write(folder.path().join("c.toml"), config).unwrap();
    let (_, rest) = README.split_once("Sensors that publish `").unwrap();
    let payload = rest.split('`').next().unwrap();
    let (_, rest) = README.split_once("and arrive as `").unwrap();
    let line = rest.split('`').next().unwrap();
    let record = serde_json::json!({"offset_ms": 0, "subject": "humidity", "payload": payload});
    std::fs::write(folder.path().join("s.ndjson"), record.to_string()).unwrap();
    flightline()
        .args(["-c", "c.toml", "replay", "s.ndjson", "--to", "path"])
        .current_dir(folder.path())
        .assert()
        .code(0)
        .stdout(contains("1 lines stored, 0 dead letters"));
    let mut files = std::fs::read_dir(folder.path().join("out")).unwrap();
    let text = std::fs::read_to_string(files.next().unwrap().unwrap().path()).unwrap();
    assert_eq!(text.trim_end(), line);
}

#[test]
fn the_payloads_in_the_readme_are_stored() {
    let folder = tempfile::tempdir().unwrap();
    let config = "[admin]\nlisten = \"127.0.0.1:0\"\n[sink]\nkind = \"file\"\ndir = \"out\"\n";
    std::fs::write(folder.path().join("c.toml"), config).unwrap();
    let payloads = blocks("json").join("");
    let classes = ["metric", "health", "app", "lifecycle", "lifecycle"];
    assert_eq!(payloads.lines().count(), classes.len());
    let records: String = classes
        .iter()
        .zip(payloads.lines())
        .map(|(class, payload)| {
            let subject = format!("telemetry.{class}.api.i-1");
            let record =
                serde_json::json!({"offset_ms": 0, "subject": subject, "payload": payload});
            format!("{record}\n")
        })
        .collect();
    std::fs::write(folder.path().join("s.ndjson"), records).unwrap();
    flightline()
        .args(["-c", "c.toml", "replay", "s.ndjson", "--to", "path"])
        .current_dir(folder.path())
        .assert()
        .code(0)
        .stdout(contains("5 messages sent; 5 lines stored, 0 dead letters"));
}

#[test]
fn the_verbs_and_exit_codes_in_the_readme_are_those_of_the_program() {
    let help = flightline().arg("--help").assert().code(0);
    let help = String::from_utf8(help.get_output().stdout.clone()).unwrap();
    let (_, commands) = help.split_once("Commands:\n").unwrap();
    let commands = commands.split("\n\n").next().unwrap();
    let mut shown: Vec<_> = commands
        .lines()
        // What stands deeper is a sentence that goes on.
        .filter_map(|line| line.strip_prefix("  ")?.split(' ').next())
        .filter(|verb| !["", "help"].contains(verb))
        .collect();
    let mut told = verbs();
    told.sort_unstable();
    shown.sort_unstable();
    assert_eq!(told, shown);
    for verb in told {
        let help = flightline().args([verb, "--help"]).assert().code(0);
        help.stdout(contains("--config"));
    }
    let words =
        |text: &str| -> Vec<String> { text.split_whitespace().map(str::to_owned).collect() };
    let (_, codes) = README.split_once("Exit codes:").unwrap();
    let (_, shown) = help.split_once("Exit codes:").unwrap();
    for code in ["64", "69", "75", "78"].map(str::to_owned) {
        assert!(words(codes).contains(&code) && words(shown).contains(&code));
    }
}

#[test]
fn wrong_words_are_exit_64_and_say_what_would_be_right() {
    for words in [
        "",
        "rum",
        "replay",
        "replay x.ndjson --speed fast",
        "record",
        "record --out x --subject a..b",
        "demo --for 10",
        "completions tcsh",
        "run --nonsense",
    ] {
        let words: Vec<_> = words.split_whitespace().collect();
        let assert = flightline().args(&words).assert().code(64).stdout("");
        let said = String::from_utf8(assert.get_output().stderr.clone()).unwrap();
        assert!(said.contains("Usage") || said.contains("--help"), "{said}");
    }
}
