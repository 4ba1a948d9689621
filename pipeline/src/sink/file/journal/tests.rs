//! What is durable stays, what is torn is cut.

use super::*;
use crate::config::Compression;
use std::io::Read;
use std::time::Duration;

fn config(dir: &Path, compression: Compression) -> LineFile {
    LineFile {
        dir: dir.to_owned(),
        max_bytes: 20,
        max_age: Duration::from_secs(60),
        keep_bytes: None,
        compression,
    }
}

fn names(dir: &Path) -> Vec<String> {
    let mut names: Vec<String> = fs::read_dir(dir)
        .unwrap()
        .map(|entry| entry.unwrap().file_name().into_string().unwrap())
        .collect();
    names.sort();
    names
}

fn at(seconds: u64) -> SystemTime {
    SystemTime::UNIX_EPOCH + Duration::from_secs(seconds)
}

fn line(n: usize) -> [Bytes; 2] {
    [Bytes::from(format!("m v={n}")), Bytes::from_static(b" 1\n")]
}

#[test]
fn files_are_finished_when_full_and_sort_by_time() {
    let dir = tempfile::tempdir().unwrap();
    let mut journal = Journal::open(&config(dir.path(), Compression::None)).unwrap();
    for n in 0..5 {
        journal.commit(&line(n), at(n as u64)).unwrap();
        if journal.is_full() {
            journal.finish().unwrap();
        }
    }
    assert_eq!(
        names(dir.path()),
        [
            "flightline-19700101T000000.000Z-0001.lp",
            "flightline-19700101T000003.000Z-0002.lp.part",
        ]
    );
    journal.finish().unwrap();
    assert!(!journal.has_file());
    let text: Vec<u8> = names(dir.path())
        .iter()
        .flat_map(|name| fs::read(dir.path().join(name)).unwrap())
        .collect();
    assert_eq!(text, b"m v=0 1\nm v=1 1\nm v=2 1\nm v=3 1\nm v=4 1\n");
}

#[test]
fn compressed_files_are_frames_of_whole_lines() {
    let dir = tempfile::tempdir().unwrap();
    let mut journal = Journal::open(&config(dir.path(), Compression::Zstd)).unwrap();
    journal.commit(&line(0), at(0)).unwrap();
    journal.commit(&line(1), at(0)).unwrap();
    // A crash: no finish. The next start finishes it.
    drop(journal);
    Journal::open(&config(dir.path(), Compression::Zstd)).unwrap();
    assert_eq!(
        names(dir.path()),
        ["flightline-19700101T000000.000Z-0001.lp.zst"]
    );
    let file = File::open(dir.path().join(&names(dir.path())[0])).unwrap();
    let mut text = String::new();
    zstd::Decoder::new(file)
        .unwrap()
        .read_to_string(&mut text)
        .unwrap();
    assert_eq!(text, "m v=0 1\nm v=1 1\n");
}

#[test]
fn the_oldest_files_are_deleted_beyond_the_limit_and_nothing_else() {
    let dir = tempfile::tempdir().unwrap();
    fs::write(dir.path().join("flightline-notes.txt"), "mine").unwrap();
    let config = LineFile {
        keep_bytes: Some(50),
        ..config(dir.path(), Compression::None)
    };
    let mut journal = Journal::open(&config).unwrap();
    let mut deleted = 0;
    for n in 0..12 {
        journal.commit(&line(n), at(n as u64)).unwrap();
        if journal.is_full() {
            deleted += journal.finish().unwrap();
        }
    }
    assert_eq!(deleted, 2);
    assert_eq!(
        names(dir.path()),
        [
            "flightline-19700101T000006.000Z-0003.lp",
            "flightline-19700101T000009.000Z-0004.lp",
            "flightline-notes.txt",
        ]
    );
}

#[test]
fn a_write_that_fails_is_cut_off_and_the_next_goes_into_a_new_file() {
    let dir = tempfile::tempdir().unwrap();
    let mut journal = Journal::open(&config(dir.path(), Compression::None)).unwrap();
    journal.commit(&line(0), at(0)).unwrap();
    // Half a line got to the disk before the write failed.
    let current = journal.current.as_mut().unwrap();
    fs::write(&current.path, "m v=0 1\nm v=1").unwrap();
    let path = current.path.clone();
    current.file = File::open(path).unwrap();
    assert!(journal.commit(&line(1), at(1)).is_err());
    assert!(!journal.has_file());
    journal.commit(&line(1), at(2)).unwrap();
    drop(journal);
    Journal::open(&config(dir.path(), Compression::None)).unwrap();
    let text: Vec<u8> = names(dir.path())
        .iter()
        .flat_map(|name| fs::read(dir.path().join(name)).unwrap())
        .collect();
    assert_eq!(text, b"m v=0 1\nm v=1 1\n");
}

#[test]
fn two_workers_share_a_folder_without_touching_each_others_files() {
    let dir = tempfile::tempdir().unwrap();
    let config = config(dir.path(), Compression::None);
    let mut one = Journal::open(&config).unwrap();
    one.commit(&line(0), at(0)).unwrap();
    let mut two = Journal::open(&config).unwrap();
    two.commit(&line(1), at(0)).unwrap();
    one.commit(&line(2), at(0)).unwrap();
    one.finish().unwrap();
    two.finish().unwrap();
    let mut texts: Vec<String> = names(dir.path())
        .iter()
        .map(|name| fs::read_to_string(dir.path().join(name)).unwrap())
        .collect();
    texts.sort();
    assert_eq!(texts, ["m v=0 1\nm v=2 1\n", "m v=1 1\n"]);
}

#[cfg(target_os = "linux")]
#[test]
fn a_full_disk_is_an_error_and_loses_nothing_that_was_committed() {
    let mut current = Current {
        file: OpenOptions::new().write(true).open("/dev/full").unwrap(),
        path: PathBuf::from("/dev/full"),
        durable: 0,
        plain: 0,
    };
    let error = current.append(&line(0), Format::Plain).unwrap_err();
    assert_eq!(error.kind(), io::ErrorKind::StorageFull);
    assert_eq!((current.durable, current.plain), (0, 0));
}
