//! This machine: the folders that are written to, how many files may be open, until when certificates hold.

use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime};

use nix::sys::resource::{Resource, getrlimit};
use nix::sys::statvfs::statvfs;

use super::certificate;
use super::finding::{Code, Finding};
use crate::config::units::{show_duration, show_size};
use crate::config::{Config, DeadLetters, LineFile, Remember, SinkKind, Source};

/// Connections, files, listeners: a worker needs a few dozen, and each scrape one.
const FILES: u64 = 1_024;
/// So many files of the greatest size should still find room.
const ROOM: u64 = 10;
/// Before a certificate ends: enough for somebody to come back from a holiday.
const NOTICE: Duration = Duration::from_secs(30 * 24 * 3600);

/// Looks at it.
pub(super) fn examine(config: &Config) -> Vec<Finding> {
    let mut findings = Vec::new();
    for sink in &config.sinks {
        if let SinkKind::File(file) = &sink.kind {
            findings.extend(files(&format!("sink {}", sink.name), file));
        }
    }
    if let DeadLetters::File { path } = &config.deadletter {
        let folder = path.parent().map(Path::to_owned).unwrap_or_default();
        findings.extend(unwritable("dead letters", &folder));
    }
    if let Source::JetStream(source) = &config.source
        && let Remember::Folder(folder) = &source.remember
    {
        findings.extend(unwritable("source.remember", folder));
    }
    if let Ok((soft, _)) = getrlimit(Resource::RLIMIT_NOFILE) {
        findings.extend(open_files(soft));
    }
    let now = SystemTime::now();
    for (key, file) in certificates(config) {
        findings.push(certificate(&key, &file, certificate::ends(&file), now));
    }
    findings
}

fn files(about: &str, file: &LineFile) -> Vec<Finding> {
    if let Some(finding) = unwritable(about, &file.dir) {
        return vec![finding];
    }
    let there = existing(&file.dir);
    let Ok(disk) = statvfs(&there) else {
        return Vec::new();
    };
    let free = disk.blocks_available().saturating_mul(disk.fragment_size());
    vec![space(about, &file.dir, free, file)]
}

/// What so many free bytes mean for a sink's files.
fn space(about: &str, dir: &Path, free: u64, file: &LineFile) -> Finding {
    let (dir, shown) = (dir.display(), show_size(free >> 20 << 20));
    let wanted = file
        .keep_bytes
        .unwrap_or(file.max_bytes.saturating_mul(ROOM));
    let found = format!(
        "{shown} are free for {dir}, {} are wanted",
        show_size(wanted)
    );
    let full = |finding: Finding| {
        finding
            .found(found.clone())
            .means("when the disk is full nothing is acked any more: the stream has to hold what comes, and data waits")
            .cure("make room, or delete old files by sink.keep_bytes")
    };
    if free < file.max_bytes {
        full(Finding::error(Code::DiskFull, about))
    } else if free < wanted {
        full(Finding::warning(Code::DiskFull, about))
    } else {
        Finding::ok(Code::DiskFull, about).found(format!("{shown} are free for {dir}"))
    }
}

/// The folder, or the nearest one above it that is there: the rest is created.
fn existing(dir: &Path) -> PathBuf {
    let absolute = std::path::absolute(dir).unwrap_or_else(|_| dir.to_owned());
    let mut up = absolute.ancestors();
    let found = up.find(|folder| folder.is_dir());
    found.map(Path::to_owned).unwrap_or_default()
}

fn unwritable(about: &str, dir: &Path) -> Option<Finding> {
    let there = existing(dir);
    // Only a try tells: rights, read-only mounts and quotas alike.
    let probe = there.join(format!(".flightline-doctor-{}", std::process::id()));
    let written = std::fs::File::create_new(&probe).and_then(|_| std::fs::remove_file(&probe));
    let error = written.err()?;
    Some(
        Finding::error(Code::FolderUnwritable, about)
            .found(format!("{}: {error}", there.display()))
            .means("nothing can be kept there, so that nothing is acked")
            .cure("make the folder writable for this user, or name another one")
            .by_settings(),
    )
}

fn open_files(limit: u64) -> Option<Finding> {
    (limit < FILES).then(|| {
        Finding::warning(Code::OpenFiles, "open files")
            .found(format!("this process may open {limit}"))
            .means("connections and files fail at random when it is reached")
            .cure(format!("ulimit -n {FILES}, or LimitNOFILE= of the service"))
            .by_settings()
    })
}

/// Those that are named, with their keys.
fn certificates(config: &Config) -> Vec<(String, PathBuf)> {
    let mut all = vec![("nats.tls".to_owned(), &config.nats.tls)];
    for sink in &config.sinks {
        if let SinkKind::Influx(influx) = &sink.kind {
            all.push((format!("sink {}, tls", sink.name), &influx.tls));
        }
    }
    let files = all.into_iter().flat_map(|(key, tls)| {
        let ca = tls.ca.iter().map({
            let key = key.clone();
            move |file| (format!("{key}.ca_file"), file.clone())
        });
        let own = tls.identity.iter();
        ca.chain(own.map(move |(cert, _)| (format!("{key}.cert_file"), cert.clone())))
    });
    let ingest = config.ingest.iter().map(|front| ("ingest", &front.tls));
    let listeners = [("admin", &config.admin.tls)].into_iter().chain(ingest);
    let served = listeners.flat_map(|(key, tls)| {
        let named = tls.iter().flat_map(|tls| {
            let own = [("cert_file", &tls.cert)].into_iter();
            own.chain(tls.client_ca.iter().map(|ca| ("client_ca_file", ca)))
        });
        named.map(move |(part, file)| (format!("{key}.tls.{part}"), file.clone()))
    });
    files.chain(served).collect()
}

fn certificate(
    key: &str,
    file: &Path,
    ends: Result<SystemTime, String>,
    now: SystemTime,
) -> Finding {
    let code = Code::CertificateEnds;
    let shown = file.display();
    let cure = "renew the certificate: the files are read again at each connection";
    match ends.map(|end| end.duration_since(now)) {
        Ok(Ok(left)) if left >= NOTICE => {
            Finding::ok(code, key).found(format!("{shown} holds for {}", days(left)))
        }
        Ok(Ok(left)) => Finding::warning(code, key)
            .found(format!("{shown} ends in {}", days(left)))
            .means("then no connection is made any more")
            .cure(cure)
            .by_settings(),
        Ok(Err(past)) => Finding::error(code, key)
            .found(format!("{shown} ended {} ago", days(past.duration())))
            .means("no connection is made")
            .cure(cure)
            .by_settings(),
        Err(error) => Finding::error(code, key)
            .found(format!("{shown}: {error}"))
            .means("no connection is made")
            .cure("name a file with certificates (PEM)")
            .by_settings(),
    }
}

fn days(time: Duration) -> String {
    let day = 24 * 3600;
    match time.as_secs() / day {
        0 => show_duration(Duration::from_secs(time.as_secs())),
        days => format!("{days} days"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::Compression;
    use crate::doctor::finding::Severity;

    #[test]
    fn a_disk_is_full_before_nothing_is_left() {
        let file = |keep_bytes| LineFile {
            dir: "d".into(),
            max_bytes: 100,
            max_age: Duration::ZERO,
            keep_bytes,
            compression: Compression::None,
        };
        let severity = |free, keep| space("sink", Path::new("d"), free, &file(keep)).severity;
        assert_eq!(severity(99, None), Severity::Error);
        assert_eq!(severity(999, None), Severity::Warning);
        assert_eq!(severity(1_000, None), Severity::Ok);
        assert_eq!(severity(499, Some(500)), Severity::Warning);
        assert_eq!(severity(500, Some(500)), Severity::Ok);
    }

    #[test]
    fn few_files_are_too_few() {
        assert!(open_files(FILES - 1).is_some());
        assert!(open_files(FILES).is_none());
    }

    #[test]
    fn a_certificate_is_told_a_month_before_its_end() {
        let now = SystemTime::UNIX_EPOCH + NOTICE * 3;
        let severity = |end| certificate("k", Path::new("f"), end, now).severity;
        assert_eq!(severity(Ok(now + NOTICE)), Severity::Ok);
        assert_eq!(severity(Ok(now + NOTICE / 2)), Severity::Warning);
        assert_eq!(severity(Ok(now - NOTICE / 2)), Severity::Error);
        assert_eq!(severity(Err("no certificate".to_owned())), Severity::Error);
    }
}
