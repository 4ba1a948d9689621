//! Real files and pipes: what is written, what waits, what is lost and said.

use std::fs;
use std::io::{BufRead as _, BufReader, Read as _};
use std::path::{Path, PathBuf};
use std::time::Duration;

use flightline_fixtures::wait;
use nix::sys::stat::Mode;
use tempfile::TempDir;

use super::*;

const SOON: Duration = Duration::from_secs(20);

fn logging(path: &Path) -> Logging {
    Logging {
        level: Level::INFO,
        format: LogFormat::Text,
        output: LogOutput::File(path.to_owned()),
    }
}

fn origin() -> Origin {
    Origin {
        kind: Kind::Job,
        name: "app".into(),
        pid: 12,
    }
}

fn folder() -> (TempDir, PathBuf) {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("log");
    (folder, path)
}

fn has(path: &Path, text: &str) -> bool {
    fs::read_to_string(path).unwrap_or_default().contains(text)
}

fn contains(path: &Path, text: &str) {
    wait::until(SOON, || has(path, text)).unwrap_or_else(|late| {
        panic!(
            "{late}: {text} in {}",
            fs::read_to_string(path).unwrap_or_default()
        )
    });
}

#[tokio::test]
async fn lines_and_records_come_to_the_file_in_order() {
    let (_folder, path) = folder();
    fs::write(&path, "before\n").unwrap();
    let (log, guard) = Log::open(&logging(&path)).unwrap();
    log.line(&origin(), b"one").await;
    tracing::subscriber::with_default(log.subscriber(), || {
        tracing::info!(job = "app", pid = 7, "two");
        tracing::warn!(error = %std::io::Error::other("no \"way\""), count = 3_u64, "three");
        tracing::debug!("hidden");
        tracing::info!(target: "hyper::proto", "a library");
        tracing::warn!(target: "hyper::proto", "a library's warning");
    });
    log.line(&origin(), b"four").await;
    log.line(&origin(), b"five").await;
    drop(guard);
    let text = fs::read_to_string(&path).unwrap();
    let shown: Vec<String> = text
        .lines()
        .map(|line| line.split_once(" level=").map_or(line, |(_, rest)| rest))
        .map(str::to_owned)
        .collect();
    assert_eq!(
        shown,
        [
            "before",
            "info msg=one job=app pid=12 ",
            "info msg=two job=app pid=7 ",
            r#"warning msg=three count=3 error="no \"way\"" "#,
            r#"warning msg="a library's warning" "#,
            "info msg=four job=app pid=12 ",
            "info msg=five job=app pid=12 ",
        ]
    );
    assert_eq!(log.lost(), 0);
}

/// `mv`, then SIGUSR1.
#[tokio::test]
async fn a_moved_file_is_written_until_it_is_opened_again() {
    let (folder, path) = folder();
    let (log, _guard) = Log::open(&logging(&path)).unwrap();
    log.line(&origin(), b"first").await;
    contains(&path, "msg=first");
    let moved = folder.path().join("moved");
    fs::rename(&path, &moved).unwrap();
    log.line(&origin(), b"second").await;
    contains(&moved, "msg=second");
    assert!(!path.exists());
    log.reopen();
    wait::until(SOON, || path.exists()).expect("it needs no further record");
    log.line(&origin(), b"third").await;
    contains(&path, "msg=third");
    assert!(!has(&moved, "msg=third") && !has(&path, "msg=second"));
}

#[tokio::test]
async fn a_file_that_cannot_be_opened_again_is_said_and_the_open_one_goes_on() {
    let (folder, path) = folder();
    let inner = folder.path().join("inner");
    fs::create_dir(&inner).unwrap();
    let (log, _guard) = Log::open(&logging(&inner.join("log"))).unwrap();
    let moved = folder.path().join("moved");
    fs::rename(&inner, &moved).unwrap();
    log.reopen();
    contains(&moved.join("log"), "it goes on in the file that is open");
    log.line(&origin(), b"still").await;
    contains(&moved.join("log"), "msg=still");
    drop(path);
}

#[test]
fn a_file_that_cannot_be_opened_is_an_error_at_start_and_at_reload() {
    let (folder, path) = folder();
    let nowhere = logging(&folder.path().join("no/such/folder"));
    let error = Log::open(&nowhere).unwrap_err().to_string();
    assert!(error.starts_with("logging.output: cannot open "), "{error}");
    let (log, guard) = Log::open(&logging(&path)).unwrap();
    log.change(&nowhere).unwrap_err();
    let event = || tracing::info!("goes on");
    tracing::subscriber::with_default(log.subscriber(), event);
    drop(guard);
    assert!(has(&path, "goes on"));
}

#[tokio::test]
async fn a_change_takes_level_format_and_output() {
    let (folder, path) = folder();
    let (log, guard) = Log::open(&logging(&path)).unwrap();
    log.line(&origin(), b"old").await;
    contains(&path, "msg=old");
    let other = folder.path().join("other");
    let mut changed = logging(&other);
    changed.format = LogFormat::Json;
    changed.level = Level::DEBUG;
    log.change(&changed).unwrap();
    let event = || tracing::debug!("loaded config: {{}}");
    tracing::subscriber::with_default(log.subscriber(), event);
    changed.level = Level::WARN;
    contains(&other, r#""level":"debug","msg":"loaded config: {}""#);
    log.change(&changed).unwrap();
    // A line of a job is a record at INFO.
    log.line(&origin(), b"hidden").await;
    tracing::subscriber::with_default(log.subscriber(), || tracing::warn!("shown"));
    drop(guard);
    assert!(has(&other, "shown") && !has(&other, "hidden") && !has(&path, "shown"));
}

/// A pipe that is open for reading, and that nobody reads.
fn pipe(path: &Path) -> fs::File {
    nix::unistd::mkfifo(path, Mode::S_IRWXU).unwrap();
    let mut options = fs::OpenOptions::new();
    options.read(true).write(true).open(path).unwrap()
}

#[tokio::test]
async fn a_full_pipe_stops_the_lines_of_jobs_and_nothing_else() {
    let (_folder, path) = folder();
    let reader = pipe(&path);
    let (log, guard) = Log::open(&logging(&path)).unwrap();
    let flood = tokio::spawn({
        let log = log.clone();
        async move {
            for number in 0..4_000 {
                let text = format!("{number} {}", "x".repeat(1_000));
                log.line(&origin(), text.as_bytes()).await;
            }
        }
    });
    wait::until_async(SOON, async || {
        log.shared.line_bytes.available_permits() < 2_000
    })
    .await
    .unwrap();
    assert!(!flood.is_finished(), "lines wait");
    tracing::subscriber::with_default(log.subscriber(), || {
        for number in 0..2 * QUEUE {
            tracing::info!("own {number}");
        }
    });
    let lost = log.lost();
    assert!(lost as usize >= QUEUE, "the rest is lost: {lost}");
    assert!(
        lost as usize <= 2 * QUEUE - RECORDS,
        "records have their own places: {lost}"
    );
    // Neither of the two waits for the pipe.
    log.reopen();
    let read = std::thread::spawn(move || {
        let mut lines = Vec::new();
        for line in BufReader::new(reader).lines() {
            let line = line.unwrap();
            let last = line.contains("msg=end");
            lines.push(line);
            if last {
                return lines;
            }
        }
        lines
    });
    flood.await.unwrap();
    log.line(&origin(), b"end").await;
    wait::until(SOON, || read.is_finished()).unwrap();
    let lines = read.join().unwrap();
    let flooded: Vec<_> = lines.iter().filter(|line| line.contains(" xxx")).collect();
    assert_eq!(flooded.len(), 4_000, "no line is lost");
    for (number, line) in flooded.iter().enumerate() {
        assert!(
            line.contains(&format!("msg=\"{number} x")),
            "in order: {line}"
        );
    }
    let said = format!("msg=\"{lost} log records were lost");
    assert!(
        lines.iter().any(|line| line.contains(&said)),
        "the loss is said"
    );
    assert_eq!(log.lost(), lost);
    drop(guard);
}

#[tokio::test]
async fn the_end_does_not_wait_for_a_full_pipe() {
    let (_folder, path) = folder();
    let mut reader = pipe(&path);
    let (log, guard) = Log::open(&logging(&path)).unwrap();
    for _ in 0..200 {
        log.line(&origin(), &[b'x'; 1_000]).await;
    }
    let start = std::time::Instant::now();
    drop(guard);
    let took = start.elapsed();
    assert!(took >= FLUSH && took < FLUSH + SOON, "{took:?}");
    reader.read_exact(&mut [0; 1_000]).unwrap();
}

/// Every write to it fails as if the disk were full.
#[tokio::test]
async fn a_full_disk_is_counted_and_no_panic() {
    let (log, guard) = Log::open(&logging(Path::new("/dev/full"))).unwrap();
    for _ in 0..10 {
        log.line(&origin(), b"lost").await;
    }
    wait::until(SOON, || log.lost() == 10).unwrap();
    let (_folder, path) = folder();
    log.change(&logging(&path)).unwrap();
    log.line(&origin(), b"works again").await;
    log.line(&origin(), b"next").await;
    contains(&path, "10 log records were lost");
    assert!(has(&path, "works again"));
    drop(guard);
    assert_eq!(log.lost(), 10);
}

#[test]
fn levels_have_ranks() {
    for level in [
        Level::ERROR,
        Level::WARN,
        Level::INFO,
        Level::DEBUG,
        Level::TRACE,
    ] {
        assert_eq!(level_of(rank(level)), level);
    }
    assert!(rank(Level::ERROR) < rank(Level::TRACE));
}
