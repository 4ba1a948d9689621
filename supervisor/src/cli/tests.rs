//! What is typed under both names, and what is understood.

use proptest::prelude::*;

use super::*;

fn read(line: &[&str]) -> Result<CommandLine, Usage> {
    parse(line.iter().map(OsString::from))
}

/// Under ContainerPilot's name.
fn theirs(words: &[&str]) -> Result<CommandLine, Usage> {
    let mut line = vec!["/bin/containerpilot"];
    line.extend(words);
    read(&line)
}

/// Under our own.
fn ours(words: &[&str]) -> Result<CommandLine, Usage> {
    let mut line = vec!["flightline-supervisor"];
    line.extend(words);
    read(&line)
}

fn client(request: Request) -> Invocation {
    Invocation::Client(request)
}

fn pairs(pairs: &[(&str, &str)]) -> BTreeMap<String, String> {
    let owned = pairs
        .iter()
        .map(|(name, value)| (String::from(*name), String::from(*value)));
    owned.collect()
}

/// Flags that mean the same under both names.
fn flags() -> Vec<(Vec<&'static str>, Invocation)> {
    let path = |text: &str| Some(PathBuf::from(text));
    let put = |list: &[(&str, &str)]| client(Request::PutVariables(pairs(list)));
    let push = |list: &[(&str, &str)]| client(Request::PutMetrics(pairs(list)));
    vec![
        (vec![], Invocation::Run),
        (vec!["-config", "x"], Invocation::Run),
        (vec!["-version"], Invocation::Version),
        (vec!["--version=T"], Invocation::Version),
        (vec!["-version=false", "-ping"], client(Request::Ping)),
        (vec!["-ping", "-ping=0"], Invocation::Run),
        (vec!["-template"], Invocation::Render { out: None }),
        (
            vec!["-template", "-out", "-"],
            Invocation::Render { out: None },
        ),
        (
            vec!["-out=f", "-template"],
            Invocation::Render { out: path("f") },
        ),
        (vec!["-reload"], client(Request::Reload(Reload::Changed))),
        (
            vec!["--maintenance", "enable"],
            client(Request::Maintenance(Maintenance::Enter)),
        ),
        (
            vec!["-maintenance=disable"],
            client(Request::Maintenance(Maintenance::Exit)),
        ),
        (
            vec!["-putenv", "A=b=c", "-putenv=E=", "-putenv", "A=d"],
            put(&[("A", "d"), ("E", "")]),
        ),
        (vec!["-putenv", "A=b=c"], put(&[("A", "b=c")])),
        (
            vec!["-putmetric", "__a=1e-3", "--putmetric=b="],
            push(&[("__a", "1e-3"), ("b", "")]),
        ),
        (vec!["-putmetric", "-x=1"], push(&[("-x", "1")])),
        // The first of version, template, reload, maintenance, putenv, putmetric, ping.
        (vec!["-ping", "-putmetric", "a=1"], push(&[("a", "1")])),
        (
            vec!["-putmetric", "a=1", "-putenv", "A=b"],
            put(&[("A", "b")]),
        ),
        (
            vec!["-putenv", "A=b", "-maintenance", "enable"],
            client(Request::Maintenance(Maintenance::Enter)),
        ),
        (
            vec!["-maintenance", "enable", "-reload"],
            client(Request::Reload(Reload::Changed)),
        ),
        (
            vec!["-reload", "-template"],
            Invocation::Render { out: None },
        ),
        (vec!["-template", "-version"], Invocation::Version),
    ]
}

#[test]
fn flags_mean_the_same_under_both_names() {
    for (words, expected) in flags() {
        assert_eq!(theirs(&words).unwrap().invocation, expected, "{words:?}");
        assert_eq!(ours(&words).unwrap().invocation, expected, "{words:?}");
    }
}

#[test]
fn the_configuration_is_named_in_go_s_three_ways() {
    for words in [
        vec!["-config", "a b"],
        vec!["-config=a b"],
        vec!["--config", "a b"],
        vec!["-config", "x", "--config=a b"],
    ] {
        assert_eq!(
            theirs(&words).unwrap().config,
            Some(PathBuf::from("a b")),
            "{words:?}"
        );
    }
    assert_eq!(theirs(&["-config", ""]).unwrap().config, None);
    assert_eq!(
        theirs(&["-config", "-reload"]).unwrap().config,
        Some(PathBuf::from("-reload"))
    );
}

#[test]
fn under_containerpilot_s_name_words_are_ignored_and_end_the_flags() {
    for words in [
        vec!["run", "-ping"],
        vec!["--", "-ping"],
        vec!["-", "-ping"],
        vec!["check"],
    ] {
        assert_eq!(
            theirs(&words).unwrap().invocation,
            Invocation::Run,
            "{words:?}"
        );
    }
    let options = ours(&["--", "-c", "f"]).unwrap();
    assert_eq!(
        (options.config, options.invocation),
        (Some(PathBuf::from("f")), Invocation::Run)
    );
    let parsed = theirs(&["-ping", "x", "-version"]).unwrap();
    assert_eq!(parsed.invocation, client(Request::Ping));
}

#[test]
fn what_is_no_flag_is_wrong_under_both_names() {
    for words in [
        vec!["-nope"],
        vec!["---ping"],
        vec!["-=x"],
        vec!["-config"],
        vec!["-ping=perhaps"],
        vec!["-ping="],
        vec!["-putenv", "A"],
        vec!["-putmetric", "a"],
        vec!["-maintenance", "foo"],
        vec!["-maintenance", ""],
        vec!["-maintenance"],
        vec!["-ping", "-nope"],
    ] {
        for usage in [theirs(&words), ours(&words)].map(Result::unwrap_err) {
            assert_eq!(usage.kind, UsageKind::Wrong, "{words:?}");
        }
    }
    assert_eq!(theirs(&["-c", "x"]).unwrap_err().kind, UsageKind::Wrong);
    for words in [["-help"], ["--help"], ["-h"]] {
        assert_eq!(theirs(&words).unwrap_err().kind, UsageKind::Help);
        let help = ours(&words).unwrap_err();
        assert_eq!(help.kind, UsageKind::Help);
        assert!(help.text.contains("completions"), "{}", help.text);
    }
}

/// ContainerPilot takes any other word for `disable`.
#[test]
fn bug_maintenance_foo_does_not_end_the_maintenance() {
    for words in [["-maintenance", "foo"], ["-maintenance", "Enable"]] {
        for usage in [theirs(&words), ours(&words)].map(Result::unwrap_err) {
            assert_eq!(usage.kind, UsageKind::Wrong);
            assert!(
                usage.text.starts_with("-maintenance is enable or disable"),
                "{}",
                usage.text
            );
        }
    }
}

#[test]
fn verbs_are_read_under_our_name() {
    let act = |job: &str, action| {
        client(Request::Act {
            job: job.to_owned(),
            action,
        })
    };
    let status = |job: Option<&str>, form| {
        client(Request::Status {
            job: job.map(str::to_owned),
            form,
        })
    };
    let check = |strictness, form| Invocation::Check { strictness, form };
    for (line, expected) in [
        ("run", Invocation::Run),
        ("check", check(Strictness::Lenient, Form::Text)),
        (
            "check --json --strict",
            check(Strictness::Strict, Form::Json),
        ),
        ("render", Invocation::Render { out: None }),
        (
            "render --out f",
            Invocation::Render {
                out: Some(PathBuf::from("f")),
            },
        ),
        ("schema", Invocation::Schema),
        ("healthy", client(Request::Healthy)),
        ("list", client(Request::List(Form::Text))),
        ("list --json", client(Request::List(Form::Json))),
        ("status", status(None, Form::Text)),
        ("status a --json", status(Some("a"), Form::Json)),
        ("start a", act("a", Action::Start)),
        ("stop a", act("a", Action::Stop)),
        ("restart a", act("a", Action::Restart)),
        (
            "signal a usr1",
            act("a", Action::Signal(nix::sys::signal::Signal::SIGUSR1)),
        ),
        ("reload", client(Request::Reload(Reload::Changed))),
        ("reload --hard", client(Request::Reload(Reload::Everything))),
        (
            "maintenance enter",
            client(Request::Maintenance(Maintenance::Enter)),
        ),
        (
            "maintenance exit",
            client(Request::Maintenance(Maintenance::Exit)),
        ),
        (
            "completions bash",
            Invocation::Completions(clap_complete::Shell::Bash),
        ),
    ] {
        let words: Vec<&str> = line.split(' ').collect();
        assert_eq!(ours(&words).unwrap().invocation, expected, "{line}");
    }
}

#[test]
fn wrong_words_are_wrong_under_our_name() {
    for line in [
        "nope",
        "check x",
        "start",
        "signal a",
        "signal a SIGNOPE",
        "maintenance",
        "maintenance on",
        "-reload list",
        "-out f check",
        "list -reload",
    ] {
        let words: Vec<&str> = line.split(' ').collect();
        let usage = ours(&words).unwrap_err();
        assert_eq!(usage.kind, UsageKind::Wrong, "{line}");
    }
}

#[test]
fn the_configuration_is_named_before_and_behind_a_verb() {
    for line in [
        "-c f check",
        "--config f check",
        "check -c f",
        "check --config=f",
        "check -config f",
        "-config=x check -config=f",
        "-- check -c f",
    ] {
        let words: Vec<&str> = line.split(' ').collect();
        let parsed = ours(&words).unwrap();
        assert_eq!(parsed.config, Some(PathBuf::from("f")), "{line}");
        assert!(
            matches!(parsed.invocation, Invocation::Check { .. }),
            "{line}"
        );
    }
}

#[test]
fn exit_codes_are_those_that_callers_of_the_name_know() {
    let all = [
        Exit::Ok,
        Exit::Refused,
        Exit::Usage,
        Exit::Unavailable,
        Exit::Config,
    ];
    let codes = |line: &CommandLine| all.map(|exit| format!("{:?}", line.code(exit)));
    let expected = |codes: [u8; 5]| codes.map(|code| format!("{:?}", ExitCode::from(code)));
    assert_eq!(
        codes(&ours(&["list"]).unwrap()),
        expected([0, 1, 64, 69, 78])
    );
    assert_eq!(codes(&ours(&[]).unwrap()), expected([0, 1, 64, 69, 78]));
    assert_eq!(
        codes(&theirs(&["-ping"]).unwrap()),
        expected([0, 1, 2, 1, 1])
    );
    assert_eq!(
        codes(&theirs(&["-template"]).unwrap()),
        expected([0, 1, 2, 1, 1])
    );
    assert_eq!(codes(&theirs(&[]).unwrap()), expected([0, 1, 2, 1, 78]));
}

#[test]
fn only_the_bare_name_makes_it_containerpilot() {
    for word in [
        "containerpilot",
        "/bin/containerpilot",
        "./bin/containerpilot",
    ] {
        assert_eq!(Name::of(OsStr::new(word)), Name::ContainerPilot, "{word}");
    }
    for word in [
        "",
        "/",
        "containerpilot3",
        "containerpilot/x",
        "flightline-supervisor",
    ] {
        assert_eq!(Name::of(OsStr::new(word)), Name::Flightline, "{word}");
    }
    assert_eq!(parse([]).unwrap().name, Name::Flightline);
}

#[test]
fn the_version_has_two_lines() {
    let lines: Vec<String> = version().lines().map(str::to_owned).collect();
    assert!(
        matches!(&lines[..], [first, second] if first.starts_with("Version: ") && second.starts_with("GitHash: "))
    );
}

/// Words that are nearly right.
fn word() -> impl Strategy<Value = OsString> {
    let bytes = prop::collection::vec(any::<u8>(), 0..8);
    let known = prop::sample::select(vec![
        "-",
        "--",
        "-config",
        "--config=",
        "-c",
        "-putenv",
        "a=b",
        "-maintenance",
        "enable",
        "-ping=",
        "-V",
        "check",
        "signal",
        "list",
        "-h",
        "--json",
    ]);
    prop_oneof![
        bytes.prop_map(std::os::unix::ffi::OsStringExt::from_vec),
        known.prop_map(OsString::from),
    ]
}

proptest! {
    #[test]
    fn no_command_line_is_too_strange(words in prop::collection::vec(word(), 0..6)) {
        for name in ["containerpilot", "flightline-supervisor"] {
            let line = std::iter::once(OsString::from(name)).chain(words.iter().cloned());
            if let Err(usage) = parse(line) {
                prop_assert!(!usage.text.is_empty());
            }
        }
    }
}
