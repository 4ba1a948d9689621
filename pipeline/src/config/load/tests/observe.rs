//! `[observe]`: two logins, one set of servers.

use super::*;
use crate::config::Observe;

fn observe(text: &str) -> Option<Observe> {
    good(text).config.observe
}

fn user(auth: &NatsAuth) -> &str {
    match auth {
        NatsAuth::Password { user, .. } => user,
        _ => "",
    }
}

#[test]
fn without_the_section_nothing_is_observed_and_an_empty_one_will_do() {
    assert!(observe("").is_none());
    let observe = observe("[observe]").unwrap();
    assert_eq!(observe.interval, Duration::from_secs(10));
    assert_eq!((observe.max_streams, observe.max_consumers), (256, 1024));
    assert!(observe.system.is_none() && observe.account.is_some());
}

#[test]
fn the_system_account_is_on_the_same_servers_with_a_login_of_its_own() {
    let nats = "[nats]\nurl = [\"nats://observer:secret@a\", \"nats://b\"]\ntls.require = true\n";
    let text = format!("{nats}[observe.system]\nuser = \"system\"\npassword = \"p\"\n");
    let both = observe(&text).unwrap();
    let (system, account) = (both.system.unwrap(), both.account.unwrap());
    assert_eq!(system.urls.len(), 2);
    assert!(
        !system.urls.concat().contains("secret"),
        "{:?}",
        system.urls
    );
    assert_eq!(user(&system.auth), "system");
    assert_eq!(system.tls, account.tls);
    assert!(account.urls.concat().contains("observer"));

    let elsewhere = observe(&format!("{text}url = \"nats://c\"\ntls.require = false\n")).unwrap();
    let system = elsewhere.system.unwrap();
    assert_eq!(system.urls.len(), 1);
    assert_ne!(system.tls, elsewhere.account.unwrap().tls);

    let alone =
        observe("[observe.system]\nurl = \"nats://c\"\nuser = \"s\"\npassword = \"p\"").unwrap();
    assert!(alone.account.is_none() && alone.system.is_some());
}

#[test]
fn a_wrong_login_of_the_system_account_is_named_by_its_own_keys() {
    refused(
        "[observe.system]\nuser = \"s\"",
        &["`observe.system.user` has no password"],
    );
    refused(
        "[observe.system]\ntoken = \"t\"\nnkey = \"n\"",
        &["`observe.system` says in 2 ways"],
    );
    refused(
        "[observe.system]\nurl = \"http://a\"",
        &["`observe.system.url` has a scheme"],
    );
    refused("[observe.system]\nusr = \"s\"", &["usr"]);
    refused(
        "[observe]\ninterval = \"100ms\"",
        &["`observe.interval`", "not between 1s and 1h"],
    );
    refused("[observe]\nmax_streams = 0", &["`observe.max_streams`"]);
    refused(
        "[observe]\nmax_streams = 4097",
        &["`observe.max_streams`", "4096"],
    );
}
