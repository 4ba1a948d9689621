//! Secrets that were typed as they are come in, what to say of those that every user of the machine can read goes out. They are not
//! refused: a container has one user, and its files are often readable by all.

use std::os::unix::fs::MetadataExt as _;

use crate::config::origin::{Origin, Source, Sources};

/// The permission by which a file can be read by everybody.
const BY_ALL: u32 = 0o004;

/// A secret that stands in a source as it is, not as `${…}` or the name of a file.
pub(crate) struct Plain {
    /// Where.
    pub(crate) at: Origin,
    /// Its key.
    pub(crate) key: String,
    /// The key that would name a file instead.
    pub(crate) file_key: String,
}

/// One sentence for each secret in a file that others may read.
pub(crate) fn exposed(secrets: &[Plain], sources: &Sources) -> Vec<String> {
    let open = secrets.iter().filter_map(|Plain { at, key, file_key }| {
        let Some(Source::File { path, .. }) = sources.of(*at) else {
            // The environment of a process is its owner's.
            return None;
        };
        let mode = std::fs::metadata(path).ok()?.mode();
        let path = path.display();
        (mode & BY_ALL != 0).then(|| {
            format!(
                "`{key}` stands in {path}, which every user of this machine may read: take that right away (chmod o-r), name a \
                 file with `{file_key}`, or write ${{VARIABLE}} instead"
            )
        })
    });
    open.collect()
}
