//! What agents of every age are told, byte for byte, and what is made of whatever they answer.

use std::net::IpAddr;

use proptest::prelude::*;

use super::*;

fn service() -> Service {
    Service {
        id: "app-host".to_owned(),
        name: "app".to_owned(),
        tags: vec![],
        port: 8000,
        address: IpAddr::from([10, 0, 0, 5]),
        ttl: Duration::from_secs(5),
        initial_status: None,
        enable_tag_override: false,
        deregister_critical_after: None,
    }
}

fn text(bytes: &Bytes) -> &str {
    std::str::from_utf8(bytes).unwrap()
}

#[test]
fn keys_without_a_value_are_absent() {
    let expected = concat!(
        r#"{"ID":"app-host","Name":"app","Port":8000,"Address":"10.0.0.5","#,
        r#""Check":{"TTL":"5s","Notes":"app is checked by its supervisor"},"Checks":null}"#
    );
    assert_eq!(text(&registration(&service(), None)), expected);
}

#[test]
fn everything_that_can_be_said_of_a_service_is_said() {
    let service = Service {
        tags: vec!["traefik.frontend.rule=PathPrefix:/a,{b} [c]".to_owned()],
        enable_tag_override: true,
        deregister_critical_after: Some("10m".to_owned()),
        ttl: Duration::from_millis(1500),
        ..service()
    };
    let expected = concat!(
        r#"{"ID":"app-host","Name":"app","Tags":["traefik.frontend.rule=PathPrefix:/a,{b} [c]"],"#,
        r#""Port":8000,"Address":"10.0.0.5","EnableTagOverride":true,"#,
        r#""Check":{"TTL":"1500ms","Status":"warning","Notes":"app is checked by its supervisor","#,
        r#""DeregisterCriticalServiceAfter":"10m"},"Checks":null}"#
    );
    let told = registration(&service, Some(CheckStatus::Warning));
    assert_eq!(text(&told), expected);
}

#[test]
fn an_update_has_a_status_and_an_output() {
    let told = update(CheckStatus::Passing, "");
    assert_eq!(text(&told), r#"{"Status":"passing","Output":"ok"}"#);
    let long = "ü".repeat(OUTPUT_LIMIT);
    assert!(update(CheckStatus::Critical, &long).len() < OUTPUT_LIMIT + 100);
}

#[test]
fn instances_are_read_from_what_an_old_and_a_new_agent_answer() {
    let old = br#"[{"Node":{"Node":"n"},"Service":{"ID":"a-1","Service":"a","Tags":null,"Address":"10.0.0.1","Port":80},"Checks":[]}]"#;
    let read = instances(old).unwrap();
    assert_eq!(
        read,
        [Instance {
            id: "a-1".to_owned(),
            address: "10.0.0.1".to_owned(),
            port: 80,
            tags: Vec::new(),
            node: String::new(),
        }]
    );
    let new = br#"[{"Node":{"Node":"n","Address":"10.0.0.9"},"Service":{"ID":"a","Tags":["t"],"Address":"","Port":1}}]"#;
    let read = instances(new).unwrap();
    assert_eq!((&*read[0].node, &*read[0].tags[0]), ("10.0.0.9", "t"));
    assert!(instances(b"[]").unwrap().is_empty());
    assert!(instances(b"null").unwrap().is_empty());
    assert!(instances(b"<html>").is_err());
}

#[test]
fn an_entry_s_index_is_read() {
    let entry =
        br#"[{"LockIndex":0,"Key":"a","Flags":0,"Value":"aGk=","CreateIndex":9,"ModifyIndex":12}]"#;
    assert_eq!(modify_index(entry).unwrap(), 12);
    assert!(modify_index(b"[]").is_err());
}

proptest! {
    #[test]
    fn no_answer_makes_us_panic(bytes: Vec<u8>) {
        let _ignored = (instances(&bytes).is_ok(), modify_index(&bytes).is_ok());
    }
}
