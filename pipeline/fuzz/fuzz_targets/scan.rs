//! Any bytes, under any rules: no panic, progress, and accepted lines read the same when they stand alone.
#![no_main]

use flightline::decode::dialect::{Dialect, Rules};
use flightline::decode::scan::Scanner;
use flightline::decode::scan::lines::line_ends;
use libfuzzer_sys::fuzz_target;

fuzz_target!(|input: &[u8]| {
    let Some((choice, payload)) = input.split_first() else {
        return;
    };
    let chosen = (0..3)
        .filter(|bit| choice >> bit & 1 == 1)
        .map(|bit| Dialect::ALL[bit]);
    let rules = Rules::of(chosen);
    let (mut scanner, mut other) = (Scanner::new(rules), Scanner::new(rules));
    let (mut at, mut body, mut good) = (0, Vec::new(), 0);
    while let Some(scanned) = scanner.next(payload, at) {
        assert!(
            at <= scanned.range.start && scanned.range.end <= scanned.next && at < scanned.next
        );
        let text = &payload[scanned.range];
        if let Ok(line) = scanned.line {
            let again = other.next(text, 0).expect("it is a line");
            let again = again.line.expect("it was accepted");
            assert_eq!(format!("{line:?}"), format!("{again:?}"));
            body.extend_from_slice(text);
            body.push(b'\n');
            good += 1;
        }
        at = scanned.next;
    }
    assert_eq!(line_ends(&body).count(), good);
    both_ways_agree(&mut scanner, &mut other, payload);
});

/// A pass, which takes the short way where it can, finds what the whole way finds.
fn both_ways_agree(scanner: &mut Scanner, other: &mut Scanner, payload: &[u8]) {
    let mut pass = scanner.pass(payload, 0);
    let mut at = 0;
    while let Some(found) = pass.next() {
        let whole = other
            .next(payload, at)
            .expect("it is there the other way, too");
        assert_eq!((&found.range, found.next), (&whole.range, whole.next));
        at = found.next;
        let line = found.line.map(|good| format!("{:?}", pass.line(&good)));
        assert_eq!(
            format!("{line:?}"),
            format!("{:?}", whole.line.map(|line| format!("{line:?}")))
        );
    }
    assert!(other.next(payload, at).is_none());
}
