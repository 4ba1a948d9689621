//! Nothing is lost, nothing is longer than allowed, however the bytes come.

use proptest::prelude::*;

use super::*;

/// What is read, and what comes out of it.
type Case = (&'static [u8], &'static [(&'static [u8], End)]);

/// All pieces of what comes in these chunks.
fn pieces(chunks: &[Vec<u8>], limit: usize) -> Vec<(Vec<u8>, End)> {
    let mut lines = Splitter::with_limit(limit);
    let mut pieces = Vec::new();
    for chunk in chunks {
        let mut input = chunk.as_slice();
        while let Some(piece) = lines.next(&mut input) {
            pieces.push((piece.text.to_vec(), piece.end));
        }
        assert_eq!(input, b"", "all of a chunk is taken");
    }
    pieces.extend(lines.rest().map(|piece| (piece.text.to_vec(), piece.end)));
    pieces
}

fn chunks(bytes: &[u8], size: usize) -> Vec<Vec<u8>> {
    bytes.chunks(size).map(<[u8]>::to_vec).collect()
}

#[test]
fn lines_come_out_as_they_went_in() {
    let cases: [Case; 6] = [
        (b"", &[]),
        (b"a\n", &[(b"a", End::Newline)]),
        (b"\n\n", &[(b"", End::Newline), (b"", End::Newline)]),
        (b"a\nb", &[(b"a", End::Newline), (b"b", End::Input)]),
        // One that just fits is not cut.
        (b"12345678\n", &[(b"12345678", End::Newline)]),
        (
            b"123456789\n",
            &[(b"12345678", End::Cut), (b"9", End::Newline)],
        ),
    ];
    for (input, golden) in cases {
        let golden: Vec<_> = golden
            .iter()
            .map(|(text, end)| (text.to_vec(), *end))
            .collect();
        for size in 1..12 {
            assert_eq!(
                pieces(&chunks(input, size), 8),
                golden,
                "{input:?} by {size}"
            );
        }
    }
}

#[test]
fn a_cut_leaves_characters_whole() {
    let pieces = pieces(&chunks("äöüäöü€€€".as_bytes(), 5), 7);
    for (text, _) in &pieces {
        assert!(std::str::from_utf8(text).is_ok(), "{pieces:?}");
    }
}

#[test]
fn a_piece_says_that_it_goes_on_and_a_line_end_is_no_carriage_return() {
    let shown = |text: &'static [u8], end| Piece { text, end }.shown().into_owned();
    assert_eq!(shown(b"ab", End::Cut), "ab…".as_bytes());
    assert_eq!(shown(b"ab\r", End::Newline), b"ab");
    assert_eq!(shown(b"ab\r\r", End::Newline), b"ab\r");
    assert_eq!(shown(b"ab\r", End::Input), b"ab\r");
}

proptest! {
    #[test]
    fn pieces_together_are_the_input(
        bytes in proptest::collection::vec(prop_oneof![Just(b'\n'), Just(b'\r'), any::<u8>()], 0..300),
        size in 1_usize..40,
        limit in 4_usize..20,
    ) {
        let mut together = Vec::new();
        for (text, end) in pieces(&chunks(&bytes, size), limit) {
            prop_assert!(text.len() <= limit && !text.contains(&b'\n'));
            prop_assert!(end != End::Cut || !text.is_empty());
            together.extend_from_slice(&text);
            if end == End::Newline {
                together.push(b'\n');
            }
        }
        prop_assert_eq!(together, bytes);
    }

    #[test]
    fn text_stays_text(text in "\\PC{0,200}", size in 1_usize..40, limit in 4_usize..20) {
        for (piece, _) in pieces(&chunks(text.as_bytes(), size), limit) {
            prop_assert!(std::str::from_utf8(&piece).is_ok());
        }
    }
}
