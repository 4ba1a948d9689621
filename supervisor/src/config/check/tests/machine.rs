//! What is looked for on this machine.

use crate::config::load::{Look, load};
use crate::config::testing::addresses;
use crate::template::Environment;

/// What is said of a file whose jobs and servers are those, by one who looks so far.
fn said(jobs: &str, nats: &str, look: Look) -> String {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("app.json5");
    std::fs::write(&path, format!("{{jobs: [{jobs}], nats: {{{nats}}}}}")).unwrap();
    let loaded = load(&path, &Environment::new(), &addresses(), look).unwrap();
    let findings = loaded.findings.iter().map(ToString::to_string);
    findings.collect()
}

#[test]
fn what_is_not_there_is_said_with_its_key() {
    for (keys, expected) in [
        (
            "exec: 'true', user: 'nobody-of-that-name'",
            "`jobs.app.user`: there is no user",
        ),
        (
            "exec: 'true', group: 'no-such-group'",
            "`jobs.app.group`: there is no group",
        ),
        (
            "exec: 'true', cwd: '/no/such/folder'",
            "`jobs.app.cwd`: there is no folder",
        ),
        (
            "exec: 'true', envFile: '/no/such/file'",
            "`jobs.app.envFile`: /no/such/file cannot be read",
        ),
        (
            "exec: 'no-such-program -p 1'",
            "`jobs.app.exec`: there is no program \"no-such-program\"",
        ),
        ("exec: '/no/such/program'", "there is no program"),
        ("exec: ['/etc/passwd']", "there is no program"),
    ] {
        let job = format!("{{name: 'app', {keys}}}");
        let found = said(&job, "", Look::AtThisMachine);
        assert!(found.contains(expected), "{keys}: {found}");
        assert_eq!(said(&job, "", Look::AtTheFile), "", "{keys}");
    }
    for (keys, expected) in [
        (
            "credsFile: '/no/creds'",
            "`nats.credsFile`: /no/creds cannot be read",
        ),
        (
            "user: 'u', passwordFile: '/no/password'",
            "`nats.passwordFile`",
        ),
        ("tls: {caFile: '/no/ca'}", "`nats.tls.caFile`"),
    ] {
        let found = said("", keys, Look::AtThisMachine);
        assert!(found.contains(expected), "{keys}: {found}");
    }
}

#[test]
fn what_is_there_or_cannot_be_known_is_not_said() {
    for keys in [
        "exec: 'true', user: 'root', group: '0', cwd: '/', envFile: '/dev/null'",
        "exec: '/bin/true', user: '12345', group: '12345'",
        "exec: 'bin/true', cwd: '/'",
        "exec: 'no-such-program', env: {PATH: '/opt'}",
        "exec: 'no-such-program', envFile: '/dev/null'",
    ] {
        let job = format!("{{name: 'app', {keys}}}");
        assert_eq!(said(&job, "", Look::AtThisMachine), "", "{keys}");
    }
}
