//! What is written is read back, and what cannot be read says where.

use std::io::Read as _;

use proptest::prelude::*;

use super::blocks::Blocks;
use super::read::{Reader, StreamError};
use super::write::Writer;
use super::*;

fn folder() -> tempfile::TempDir {
    tempfile::tempdir().unwrap()
}

fn record(offset_ms: f64, payload: &[u8]) -> Record {
    Record {
        offset_ms,
        subject: "humidity".to_owned(),
        headers: Vec::new(),
        payload: Bytes::copy_from_slice(payload),
    }
}

fn line(record: &Record) -> String {
    let mut out = Vec::new();
    record.write(&mut out).unwrap();
    String::from_utf8(out).unwrap()
}

fn write_file(name: &str, text: &[u8]) -> (tempfile::TempDir, std::path::PathBuf) {
    let folder = folder();
    let path = folder.path().join(name);
    std::fs::write(&path, text).unwrap();
    (folder, path)
}

#[test]
fn a_record_is_one_line_that_a_person_can_read() {
    let header = |name: &str, value: &str| (name.to_owned(), value.to_owned());
    let mut plain = record(12.5, b"{\"value\":42}");
    plain.headers = vec![
        header("A", "1"),
        header("Content-Type", "application/json"),
        header("A", "2"),
    ];
    assert_eq!(
        line(&plain),
        "{\"offset_ms\":12.5,\"subject\":\"humidity\",\"headers\":{\"A\":[\"1\",\"2\"],\"Content-Type\":\"application/json\"},\
         \"payload\":\"{\\\"value\\\":42}\"}\n"
    );
    assert_eq!(
        line(&record(3.0, &[0xff, 0])),
        "{\"offset_ms\":3,\"subject\":\"humidity\",\"payload_base64\":\"/wA=\"}\n"
    );
    assert_eq!(record(1500.0, b"").offset(), Duration::from_millis(1500));
}

#[test]
fn an_offset_that_is_none_is_refused() {
    for offset in [f64::NAN, f64::INFINITY, -1.0] {
        assert!(
            record(offset, b"").write(&mut Vec::new()).is_err(),
            "{offset}"
        );
    }
    let negative = b"{\"offset_ms\":-1,\"subject\":\"a\",\"payload\":\"\"}";
    assert_eq!(Record::parse(negative), Err(RecordError::Offset));
}

#[test]
fn minus_zero_is_no_time_before_the_start() {
    let read = Record::parse(br#"{"offset_ms":-0,"subject":"a","payload":""}"#).unwrap();
    assert_eq!(read.offset_ms.to_bits(), 0.0_f64.to_bits());
}

#[test]
fn what_is_no_record_says_why() {
    for (text, expected) in [
        (
            "{\"offset_ms\":1,\"subject\":\"a\"}",
            "either payload or payload_base64",
        ),
        (
            "{\"offset_ms\":1,\"subject\":\"a\",\"payload\":\"\",\"payload_base64\":\"\"}",
            "either payload",
        ),
        (
            "{\"offset_ms\":1,\"subject\":\"a\",\"payload_base64\":\"?\"}",
            "not base64",
        ),
        (
            "{\"offset_ms\":1,\"payload\":\"\"}",
            "missing field `subject`",
        ),
        (
            "{\"offset_ms\":1,\"subject\":\"a\",\"payload\":\"\",\"x\":1}",
            "unknown field `x`",
        ),
        ("nonsense", "not a record"),
    ] {
        let error = Record::parse(text.as_bytes()).unwrap_err().to_string();
        assert!(error.contains(expected), "{error}");
    }
}

#[test]
fn a_bad_line_is_told_with_its_number_and_the_next_one_is_read() {
    let good = line(&record(1.0, b"x"));
    let (_folder, path) = write_file("s.ndjson", format!("{good}\nnonsense\n{good}").as_bytes());
    let mut reader = Reader::open(&path).unwrap();
    assert!(reader.next().unwrap().is_ok());
    let error = reader.next().unwrap().unwrap_err();
    assert!(
        error.to_string().contains("s.ndjson:3: not a record"),
        "{error}"
    );
    assert!(reader.next().unwrap().is_ok());
    assert!(reader.next().is_none());
}

#[test]
fn a_file_that_is_not_there_or_not_packed_is_told_by_name() {
    let missing = Reader::open(Path::new("/no/such")).unwrap_err();
    assert!(missing.to_string().contains("/no/such: cannot be read"));
    let (_folder, path) = write_file("s.ndjson.zst", b"not packed at all");
    let mut reader = Reader::open(&path).unwrap();
    assert!(matches!(reader.next(), Some(Err(StreamError::Io { .. }))));
    assert!(reader.next().is_none());
}

#[test]
fn a_line_without_end_is_not_held() {
    let folder = folder();
    let path = folder.path().join("long.zst");
    let packed = zstd::encode_all(
        io::repeat(b'x').take(u64::try_from(LINE_LIMIT).unwrap() + 2),
        1,
    )
    .unwrap();
    std::fs::write(&path, packed).unwrap();
    let mut reader = Reader::open(&path).unwrap();
    assert!(matches!(
        reader.next(),
        Some(Err(StreamError::TooLong { line: 1, .. }))
    ));
    assert!(reader.next().is_none());
}

#[test]
fn files_of_line_protocol_are_known_by_name() {
    for (name, expected) in [
        ("a.lp", true),
        ("a.lp.zst", true),
        ("a.txt", true),
        ("a.ndjson", false),
        ("a.zst", false),
        ("lp", false),
    ] {
        assert_eq!(is_line_protocol(Path::new(name)), expected, "{name}");
    }
}

#[test]
fn blocks_end_where_lines_do() {
    let text = "# first\nm f=\"a\nb\" 1\nm f=2 2\n\nm f=3 3";
    let (_folder, path) = write_file("a.lp", text.as_bytes());
    let blocks: Vec<_> = Blocks::open(&path, 1)
        .unwrap()
        .map(Result::unwrap)
        .collect();
    assert_eq!(
        blocks,
        [
            "# first\n",
            "m f=\"a\nb\" 1\n",
            "m f=2 2\n",
            "\n",
            "m f=3 3"
        ]
        .map(Bytes::from)
    );
}

#[test]
fn a_line_that_never_ends_is_told() {
    let mut text = b"m f=1 1\nm f=\"".to_vec();
    text.resize(4 << 20, b'x');
    let (_folder, path) = write_file("a.lp", &text);
    let mut blocks = Blocks::open(&path, 10).unwrap();
    assert_eq!(blocks.next().unwrap().unwrap(), Bytes::from("m f=1 1\n"));
    assert!(matches!(
        blocks.next(),
        Some(Err(StreamError::TooLong { line: 2, .. }))
    ));
    assert!(blocks.next().is_none());
}

prop_compose! {
    fn any_record()(
        offset_ms in 0.0..1e15_f64,
        subject in "[a-z.]{1,12}",
        headers in prop::collection::btree_map("[A-Za-z-]{1,6}", prop::collection::vec(".{0,8}", 1..3), 0..4),
        payload in prop_oneof![prop::collection::vec(any::<u8>(), 0..60), ".{0,60}".prop_map(String::into_bytes)],
    ) -> Record {
        let headers = headers
            .into_iter()
            .flat_map(|(name, values)| values.into_iter().map(move |value| (name.clone(), value)))
            .collect();
        Record { offset_ms, subject, headers, payload: Bytes::from(payload) }
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn what_is_written_is_read_back(records in prop::collection::vec(any_record(), 0..20)) {
        for name in ["s.ndjson", "s.ndjson.zst"] {
            let folder = folder();
            let path = folder.path().join(name);
            let mut writer = Writer::create(&path).unwrap();
            for record in &records {
                writer.write(record).unwrap();
            }
            writer.finish().unwrap();
            let read: Vec<_> = Reader::open(&path).unwrap().map(Result::unwrap).collect();
            prop_assert_eq!(&read, &records);
        }
    }

    #[test]
    fn no_line_makes_the_reader_panic(line in prop::collection::vec(any::<u8>(), 0..80)) {
        drop(Record::parse(&line));
    }

    #[test]
    fn the_blocks_of_a_file_are_the_file(
        lines in prop::collection::vec("(m|#|m,t=1)? ?(f=1|f=\"[a\\\\\n\" ,]{0,5}\"|f=\"x|)( [0-9]{1,3})?", 0..12),
        size in 1..40_usize,
    ) {
        let text = lines.join("\n");
        let (_folder, path) = write_file("a.lp", text.as_bytes());
        let blocks: Vec<_> = Blocks::open(&path, size).unwrap().map(Result::unwrap).collect();
        prop_assert_eq!(blocks.concat(), text.as_bytes());
        let whole: Vec<_> = starts(text.as_bytes());
        let mut at = 0;
        for block in &blocks {
            prop_assert!(at == 0 || !inside(&whole, at), "a block starts within a line, at {} of {:?}", at, text);
            at += block.len();
        }
    }
}

/// The places of the lines of `text` when all of it is seen.
fn starts(text: &[u8]) -> Vec<std::ops::Range<usize>> {
    let mut scanner = crate::decode::scan::Scanner::new(crate::decode::dialect::Rules::of([]));
    let mut places = Vec::new();
    let mut at = 0;
    while let Some(scanned) = scanner.next(text, at) {
        places.push(scanned.range.clone());
        at = scanned.next;
    }
    places
}

fn inside(places: &[std::ops::Range<usize>], at: usize) -> bool {
    places
        .iter()
        .any(|place| place.start < at && at < place.end)
}
