//! Promise: what a file sink settled is in whole lines on the disk; batches that wait share an fsync; files are rotated by size and age.

#![expect(clippy::unwrap_used, reason = "tests")]

#[path = "rig/sink.rs"]
mod rig;

use std::io::Read;
use std::path::{Path, PathBuf};
use std::time::Duration;

use flightline::config::{Compression, LineFile, SinkKind};
use flightline_fixtures::wait;
use rig::{PATIENCE, Rig, batch, lines};

fn config(dir: &Path) -> LineFile {
    LineFile {
        dir: dir.to_owned(),
        max_bytes: 1024 * 1024,
        max_age: Duration::from_secs(3600),
        keep_bytes: None,
        compression: Compression::None,
    }
}

fn files(dir: &Path) -> Vec<PathBuf> {
    let mut files: Vec<PathBuf> = std::fs::read_dir(dir)
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .collect();
    files.sort();
    files
}

fn content(dir: &Path) -> Vec<String> {
    let mut text = String::new();
    for path in files(dir) {
        let file = std::fs::File::open(&path).unwrap();
        if path.extension().is_some_and(|extension| extension == "zst") {
            zstd::Decoder::new(file)
                .unwrap()
                .read_to_string(&mut text)
                .unwrap();
        } else {
            (&file).read_to_string(&mut text).unwrap();
        }
    }
    text.lines().map(str::to_owned).collect()
}

fn finished(dir: &Path) -> usize {
    let parts = |path: &PathBuf| {
        path.extension()
            .is_some_and(|extension| extension == "part")
    };
    files(dir).iter().filter(|path| !parts(path)).count()
}

#[tokio::test]
async fn settled_lines_are_in_files_in_order_rotated_by_size() {
    for compression in [Compression::None, Compression::Zstd] {
        let dir = tempfile::tempdir().unwrap();
        let mut rig = Rig::open(SinkKind::File(LineFile {
            compression,
            max_bytes: 100_000,
            ..config(&dir.path().join("made/if/absent"))
        }));
        let sent = lines(0..10_000);
        for chunk in sent.chunks(500) {
            rig.send(batch(chunk)).await;
        }
        rig.settled(20).await;
        assert_eq!(
            rig.metrics.stored_lines.with_label_values(&["main"]).get(),
            10_000
        );
        assert!(rig.finish().await.is_empty());
        let dir = dir.path().join("made/if/absent");
        assert_eq!(content(&dir), sent);
        assert!(finished(&dir) >= 3, "{:?}", files(&dir));
        assert_eq!(finished(&dir), files(&dir).len());
    }
}

#[tokio::test]
async fn a_quiet_file_is_finished_by_age() {
    let dir = tempfile::tempdir().unwrap();
    let mut rig = Rig::open(SinkKind::File(LineFile {
        max_age: Duration::from_millis(50),
        ..config(dir.path())
    }));
    rig.send(batch(&lines(0..3))).await;
    rig.settled(1).await;
    wait::until_async(PATIENCE, async || finished(dir.path()) == 1)
        .await
        .unwrap();
    rig.send(batch(&lines(3..5))).await;
    rig.settled(1).await;
    wait::until_async(PATIENCE, async || finished(dir.path()) == 2)
        .await
        .unwrap();
    rig.finish().await;
    assert_eq!(content(dir.path()), lines(0..5));
}

#[tokio::test]
async fn what_was_settled_survives_a_sink_that_is_cut_off() {
    let dir = tempfile::tempdir().unwrap();
    let mut rig = Rig::open(SinkKind::File(config(dir.path())));
    rig.send(batch(&lines(0..100))).await;
    rig.settled(1).await;
    rig.cut_off().await;
    let rig = Rig::open(SinkKind::File(config(dir.path())));
    rig.finish().await;
    assert_eq!(content(dir.path()), lines(0..100));
    assert_eq!(finished(dir.path()), 1);
}

#[tokio::test]
async fn a_disk_that_takes_nothing_for_a_while_loses_nothing() {
    let parent = tempfile::tempdir().unwrap();
    let dir = parent.path().join("files");
    let mut rig = Rig::open(SinkKind::File(config(&dir)));
    // As if the volume was gone: no file can be made in it.
    std::fs::remove_dir(&dir).unwrap();
    let disk = rig.metrics.retries.with_label_values(&["main", "disk"]);
    for chunk in lines(0..300).chunks(100) {
        rig.send(batch(chunk)).await;
    }
    wait::until_async(PATIENCE, async || disk.get() >= 3)
        .await
        .unwrap();
    assert_eq!(rig.settled_so_far(), 0);
    std::fs::create_dir(&dir).unwrap();
    rig.settled(3).await;
    rig.finish().await;
    assert_eq!(content(&dir), lines(0..300));
}
