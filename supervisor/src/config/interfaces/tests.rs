//! Which address is told to others.

use proptest::prelude::*;

use super::*;
use crate::config::testing::addresses;

fn chosen(wishes: &[&str]) -> Option<String> {
    let wishes: Vec<Wish> = wishes.iter().map(|wish| wish.parse().unwrap()).collect();
    addresses()
        .choose(&wishes)
        .map(|address| address.to_string())
}

#[test]
fn the_first_wish_that_can_be_met_is_met() {
    for (wishes, expected) in [
        (&["eth0"][..], Some("10.2.0.1")),
        (&["eth0:inet"], Some("10.2.0.1")),
        (&["eth0:inet6"], None),
        (&["eth0[0]"], Some("10.2.0.1")),
        (&["eth0[1]"], Some("192.168.1.100")),
        (&["eth0[2]"], None),
        (&["eth2[1]"], Some("fdc6:238c:c4bc::1")),
        (&["eth2:inet6"], Some("fdc6:238c:c4bc::1")),
        (&["lo"], Some("127.0.0.1")),
        (&["lo[0]"], Some("::1")),
        (&["lo[1]"], Some("127.0.0.1")),
        (&["inet"], Some("10.2.0.1")),
        (&["inet6"], Some("fdc6:238c:c4bc::1")),
        (&["10.0.0.0/8"], Some("10.2.0.1")),
        (&["10.1.0.0/16"], Some("10.1.0.200")),
        (&["127.0.0.0/8"], Some("127.0.0.1")),
        (&["0.0.0.0/0"], Some("10.2.0.1")),
        (&["::/0"], Some("fdc6:238c:c4bc::1")),
        (&["fdc6:238c:c4bc::/48"], Some("fdc6:238c:c4bc::1")),
        (&["10.0.0.200/32"], Some("10.0.0.200")),
        (&["static:1.2.3.4"], Some("1.2.3.4")),
        (&["static:::1"], Some("::1")),
        (&["eth9", "br-1", "eth0.100", "eth1"], Some("10.0.0.100")),
        (
            &["eth1", "eth0", "eth0[1]", "lo", "lo0", "inet"],
            Some("10.0.0.100"),
        ),
        (&["eth9", "lo0"], None),
        (&["eth0:inet", "inet"], Some("10.2.0.1")),
    ] {
        assert_eq!(chosen(wishes).as_deref(), expected, "{wishes:?}");
    }
}

#[test]
fn what_is_no_wish_is_refused() {
    for text in [
        "",
        "!",
        "127.0.0.1",
        "::1",
        "eth0:inet5",
        "eth0[-1]",
        "eth0[+1]",
        "eth0[]",
        "eth0[1",
        "eth0:",
        "static:abc",
        "static:",
        "10.0.0.0/33",
        "10.0.0.0/",
        "10.0.0.0/+8",
        "fdc6::/129",
        "eth0 ",
        "[0]",
        ":inet",
    ] {
        assert_eq!(text.parse::<Wish>(), Err(WishError), "{text:?}");
    }
}

#[test]
fn this_machine_has_addresses() {
    let addresses = Addresses::of_this_machine().unwrap();
    assert!(
        addresses.choose(&["lo".parse().unwrap()]).is_some(),
        "{addresses}"
    );
}

proptest! {
    #[test]
    fn any_text_is_a_wish_or_is_not(text in any::<String>()) {
        if let Ok(wish) = text.parse::<Wish>() {
            addresses().choose(&[wish]);
        }
    }

    #[test]
    fn shuffled_addresses_are_sorted(mut listed in Just(addresses().0).prop_shuffle()) {
        listed.reverse();
        prop_assert_eq!(Addresses::new(listed), addresses());
    }
}
