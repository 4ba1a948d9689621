//! The short way agrees with the whole one, which the properties of the scanner hold to the grammar.

use proptest::collection::vec;
use proptest::prelude::*;

use super::super::Scanner;
use super::{Found, Way};
use crate::decode::dialect::{Dialect, Rules};

const USUAL: &str = "cpu,host=server-0001,region=eu-west-1 user=12.5,system=-3i,idle=80,up=true 1590488773254420000\n";

fn rules() -> impl Strategy<Value = Rules> {
    prop::sample::subsequence(&Dialect::ALL[..], 0..=3).prop_map(Rules::of)
}

/// Every line of `payload` as it is found step by step, and as a pass finds it.
fn both(payload: &[u8], rules: Rules) -> (Vec<String>, Vec<String>) {
    let (mut scanner, mut at, mut steps) = (Scanner::new(rules), 0, Vec::new());
    while let Some(scanned) = scanner.next(payload, at) {
        at = scanned.next;
        let (range, end, line) = (scanned.range, scanned.end, scanned.line);
        steps.push(format!("{range:?} {at} {end:?} {line:?}"));
    }
    let (mut scanner, mut passed) = (Scanner::new(rules), Vec::new());
    let mut pass = scanner.pass(payload, 0);
    while let Some(found) = pass.next() {
        let Found {
            range,
            next,
            end,
            line,
        } = found;
        let line = line.map(|good| {
            let line = pass.line(&good);
            assert_eq!(good.is_stamped, line.timestamp.is_some());
            line
        });
        passed.push(format!("{range:?} {next} {end:?} {line:?}"));
    }
    (steps, passed)
}

/// What a line may have, and what may be wrong with it.
fn piece() -> impl Strategy<Value = String> {
    prop_oneof![
        4 => Just(USUAL.to_owned()),
        4 => Just("m,a=b,c=d x=1,y=2i 1590488773254420000\n".to_owned()),
        4 => prop::sample::select(vec![
            "m", ",a=b", ",c=d", ",time=x", ",a=", " x=1", " x=", ",y=2", ",z=\"s t\"", ",z=\"\"", ",z=\"\\\"", ",time=1", "=",
            ",", " ", "  ", "\n", "\r\n", "\r", "\t", "#", "\"", "\\", "\\,", "\u{e9}", "\0", "+", "-", ".", "1e+5", "t", "false",
            " 1590488773254420000", " 9223372036854775807", " 15", " -15", " 159048877325442000x",
        ])
        .prop_map(str::to_owned),
        1 => "[a-z]{1,70}",
        1 => "-?[0-9]{0,18}[.i]?[0-9]{0,3}[iu]?",
    ]
}

proptest! {
    #[test]
    fn a_pass_finds_what_single_steps_find(
        lead in prop_oneof![3 => 0_usize..4, 1 => 160_usize..190],
        pieces in vec(piece(), 0..24),
        broken in any::<Option<(prop::sample::Index, u8)>>(),
        rules in rules(),
    ) {
        let mut payload = format!("{}{}", USUAL.repeat(lead), pieces.concat()).into_bytes();
        if let Some((place, byte)) = broken && !payload.is_empty() {
            let place = place.index(payload.len());
            payload[place] = byte;
        }
        let (steps, passed) = both(&payload, rules);
        prop_assert_eq!(steps, passed);
    }

    #[test]
    fn a_line_of_any_length_is_found_wherever_the_window_ends(length in 0_usize..40_000, fields in 1_usize..90) {
        let fields: Vec<_> = (0..fields).map(|number| format!("f{number}={number}.5")).collect();
        let line = format!("m,t={}x {} 1590488773254420000\n", "v".repeat(length), fields.join(","));
        let (steps, passed) = both(format!("{USUAL}{line}{line}{USUAL}").as_bytes(), Rules::of(Dialect::ALL));
        prop_assert_eq!(steps, passed);
    }

    #[test]
    fn keys_that_stand_twice_are_found(keys in vec("[a-c]{1,2}|f[0-9]", 2..40), tags in 0_usize..20, rules in rules()) {
        let (tags, fields) = keys.split_at(tags.min(keys.len() - 1));
        let tags: String = tags.iter().map(|key| format!(",{key}=v")).collect();
        let fields: Vec<_> = fields.iter().map(|key| format!("{key}=1")).collect();
        let (steps, passed) = both(format!("m{tags} {}", fields.join(",")).as_bytes(), rules);
        prop_assert_eq!(steps, passed);
    }
}

#[test]
fn what_is_usual_goes_the_short_way() {
    for line in [
        USUAL,
        "m v=1",
        "m v=1\n",
        "m,t=a v=t,w=\"\",x=\"a b\",y=\"a \\\" b\"",
        "m,t=\u{e9} v=1",
        "m p50=1,p90=2,p95=3,p99=4,max=5,field_01=1,field_11=2",
    ] {
        let mut scanner = Scanner::new(Rules::of(Dialect::ALL));
        let found = scanner.pass(line.as_bytes(), 0).next().unwrap();
        assert!(
            matches!(found.line.unwrap().way, Way::Short { .. }),
            "{line}"
        );
    }
}
