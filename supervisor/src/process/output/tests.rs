//! Lines are cut, never lost; a tail is the end of what was printed.

use proptest::prelude::*;

use super::*;

/// What comes out when bytes come in so many at a time.
fn split(text: &[u8], at_once: usize) -> Vec<Vec<u8>> {
    let mut splitter = Splitter::default();
    let mut lines = Vec::new();
    for mut chunk in text.chunks(at_once.max(1)) {
        while let Some(line) = splitter.next(&mut chunk) {
            lines.push(line);
        }
        assert!(chunk.is_empty());
        assert!(splitter.held.len() < LINE_LIMIT);
    }
    lines.extend(splitter.end());
    lines
}

#[test]
fn lines_end_at_line_feeds() {
    let cases: [(&[u8], &[&[u8]]); 6] = [
        (b"", &[]),
        (b"a\nb\n", &[b"a", b"b"]),
        (b"a\nb", &[b"a", b"b"]),
        (b"\n\n", &[b"", b""]),
        (b"a\r\nb\rc\n", &[b"a", b"b\rc"]),
        (b"\xff\n", &[b"\xff"]),
    ];
    for (text, expected) in cases {
        for at_once in [1, 2, 100] {
            assert_eq!(split(text, at_once), expected, "{text:?} by {at_once}");
        }
    }
}

#[test]
fn a_long_line_is_not_cut_within_a_character() {
    for before in 0..8 {
        let text = format!("{}{}\nb", "x".repeat(before), "🙂ä€".repeat(30_000));
        let mut lines = split(text.as_bytes(), CHUNK);
        assert_eq!(lines.pop().as_deref(), Some(b"b".as_slice()));
        let pieces: Vec<String> = lines
            .into_iter()
            .map(|line| String::from_utf8(line).expect("cut between characters"))
            .collect();
        assert!(pieces.len() > 3);
        let (last, cut) = pieces.split_last().unwrap();
        assert!(cut.iter().all(|piece| piece.ends_with(GOES_ON)));
        let whole: String = cut
            .iter()
            .map(|piece| piece.trim_end_matches('…'))
            .collect();
        assert_eq!(format!("{whole}{last}\nb"), text);
    }
}

#[test]
fn a_line_that_just_fits_is_cut_and_an_empty_piece_ends_it() {
    let text = vec![b'x'; LINE_LIMIT];
    assert_eq!(split(&text, 100).len(), 1);
    let mut text = vec![b'x'; LINE_LIMIT - 1];
    text.extend(b"\ny");
    assert_eq!(
        split(&text, 100),
        [text[..LINE_LIMIT - 1].to_vec(), b"y".to_vec()]
    );
}

#[test]
fn a_tail_is_the_end_and_begins_with_a_character() {
    let mut tail = Tail::default();
    tail.push("ä".repeat(TAIL_LIMIT).as_bytes());
    tail.push(b" end \n");
    let text = tail.text();
    assert!(text.ends_with("ä end") && text.starts_with('ä'), "{text}");
    assert!(text.len() <= TAIL_LIMIT);
}

proptest! {
    #[test]
    fn nothing_is_lost_however_it_comes(
        text in proptest::collection::vec(prop_oneof![Just(b'\n'), any::<u8>()], 0..4000),
        at_once in 1..300_usize,
    ) {
        let lines = split(&text, at_once);
        let expected = text.split(|byte| *byte == b'\n').map(|line| line.strip_suffix(b"\r").unwrap_or(line));
        let mut expected: Vec<&[u8]> = expected.collect();
        // What stands after the last line feed is a line only if it is not empty, and keeps its carriage return.
        let last = text.rsplit(|byte| *byte == b'\n').next().unwrap_or_default();
        expected.pop();
        if !last.is_empty() {
            expected.push(last);
        }
        prop_assert_eq!(lines, expected);
    }
}
