//! Names of line-protocol files: `flightline-20260101T120000.000Z-0001.lp`, with `.zst` behind it if compressed and `.part` while it is
//! being written. They sort by the time at which the file was begun.

use std::path::Path;
use std::time::SystemTime;

use time::OffsetDateTime;

use crate::config::Compression;

/// What all names begin with.
const PREFIX: &str = "flightline-";
/// What the name of an unfinished file ends with.
const PART: &str = ".part";

/// How a file is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Format {
    /// Line protocol as it is.
    Plain,
    /// Frames of zstd, each of whole lines.
    Zstd,
}

impl Format {
    /// The format for `compression`.
    pub fn of(compression: Compression) -> Self {
        match compression {
            Compression::None => Self::Plain,
            // The configuration takes gzip for requests only.
            Compression::Gzip | Compression::Zstd => Self::Zstd,
        }
    }

    const fn suffix(self) -> &'static str {
        match self {
            Self::Plain => ".lp",
            Self::Zstd => ".lp.zst",
        }
    }
}

/// What a file in the folder is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// Finished.
    Finished,
    /// Being written, or left behind by a crash.
    Part(Format),
    /// Not ours.
    Foreign,
}

/// The name of a finished file that was begun at `time`.
pub fn finished(time: SystemTime, sequence: u32, format: Format) -> String {
    let time = OffsetDateTime::from(time);
    format!(
        "{PREFIX}{:04}{:02}{:02}T{:02}{:02}{:02}.{:03}Z-{sequence:04}{}",
        time.year(),
        u8::from(time.month()),
        time.day(),
        time.hour(),
        time.minute(),
        time.second(),
        time.millisecond(),
        format.suffix(),
    )
}

/// The name of a file while it is written, for the name it has later.
pub fn part(finished: &str) -> String {
    format!("{finished}{PART}")
}

/// The name an unfinished file gets.
pub fn without_part(part: &str) -> &str {
    part.strip_suffix(PART).unwrap_or(part)
}

/// What the file at `path` is.
pub fn kind(path: &Path) -> Kind {
    let Some(name) = path.file_name().and_then(|name| name.to_str()) else {
        return Kind::Foreign;
    };
    if !name.starts_with(PREFIX) {
        return Kind::Foreign;
    }
    let whole = without_part(name);
    let format = [Format::Zstd, Format::Plain]
        .into_iter()
        .find(|format| whole.ends_with(format.suffix()));
    match format {
        None => Kind::Foreign,
        Some(format) if whole.len() < name.len() => Kind::Part(format),
        Some(_) => Kind::Finished,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::time::Duration;

    #[test]
    fn names_say_when_and_sort_by_it() {
        let noon = SystemTime::UNIX_EPOCH + Duration::from_millis(1_767_268_800_042);
        let names = [
            finished(noon, 1, Format::Plain),
            finished(noon, 2, Format::Plain),
            finished(noon + Duration::from_millis(1), 1, Format::Plain),
        ];
        assert_eq!(names[0], "flightline-20260101T120000.042Z-0001.lp");
        assert!(names.is_sorted());
        assert_eq!(
            finished(noon, 7, Format::Zstd),
            "flightline-20260101T120000.042Z-0007.lp.zst"
        );
    }

    #[test]
    fn only_own_files_are_known() {
        let of = |name: &str| kind(Path::new(name));
        assert_eq!(of("/d/flightline-x.lp"), Kind::Finished);
        assert_eq!(of("flightline-x.lp.zst"), Kind::Finished);
        assert_eq!(of("flightline-x.lp.part"), Kind::Part(Format::Plain));
        assert_eq!(of("flightline-x.lp.zst.part"), Kind::Part(Format::Zstd));
        for name in [
            "x.lp",
            "flightline-x.txt",
            "flightline-.part",
            "other.lp.part",
        ] {
            assert_eq!(of(name), Kind::Foreign, "{name}");
        }
    }
}
