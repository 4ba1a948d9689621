//! Any bytes as a recorded stream: each line that is not empty is a record or an error with its number, as if it stood alone, and a record
//! that is written again is read as the same.
#![no_main]

use std::cell::LazyCell;

use flightline::stream::Record;
use flightline::stream::read::{Reader, StreamError};
use flightline_fuzz::Scratch;
use libfuzzer_sys::fuzz_target;

thread_local! {
    static FILE: LazyCell<Scratch> = LazyCell::new(|| Scratch::named("stream.ndjson"));
}

fuzz_target!(|input: &[u8]| {
    FILE.with(|file| {
        let reader = Reader::open(file.holding(input)).expect("it can be opened");
        let lines = input.split_inclusive(|byte| *byte == b'\n').zip(1_u64..);
        let mut lines = lines.filter(|(line, _)| !line.trim_ascii().is_empty());
        for item in reader {
            let (line, number) = lines.next().expect("no more items than lines");
            let alone = Record::parse(line);
            match item {
                Ok(record) => {
                    assert_eq!(alone.as_ref(), Ok(&record));
                    again(&record);
                }
                Err(StreamError::Record { line, source, .. }) => {
                    assert_eq!((line, Err(source)), (number, alone));
                }
                Err(other) => panic!("{other}"),
            }
        }
        assert!(lines.next().is_none());
    });
});

/// Written and read again, it is the same but for the order of headers of different names.
fn again(record: &Record) {
    let mut text = Vec::new();
    record
        .write(&mut text)
        .expect("what was read can be written");
    let same = Record::parse(&text).expect("what was written can be read");
    let headers = |record: &Record| {
        let mut headers = record.headers.clone();
        headers.sort_by(|(a, _), (b, _)| a.cmp(b));
        headers
    };
    assert_eq!(headers(&same), headers(record));
    assert_eq!(same.offset_ms.to_bits(), record.offset_ms.to_bits());
    assert_eq!(
        (same.subject, same.payload),
        (record.subject.clone(), record.payload.clone())
    );
}
