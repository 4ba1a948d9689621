//! A tail is the end of what was printed.

use super::*;

#[test]
fn a_tail_is_the_end_and_begins_with_a_character() {
    let mut tail = Tail::default();
    tail.push("ä".repeat(TAIL_LIMIT).as_bytes());
    tail.push(b" end \n");
    let text = tail.text();
    assert!(text.ends_with("ä end") && text.starts_with('ä'), "{text}");
    assert!(text.len() <= TAIL_LIMIT);
}
