//! The files of one watch: what Consul says of instances comes in, files that say the same are there afterwards, and whether one of them
//! is another than before goes out. What cannot be written is said, and tried again with the next look.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError, Weak};
use std::time::Instant;

use flightline_link::trouble::{Over, Trouble, Worth};
use tokio::task::spawn_blocking;
use tracing::{debug, error, info, warn};

use super::file::{self, RenderError, Written};
use super::safe::{LeftOut, Sorted, sort};
use crate::config::problem::quoted;
use crate::config::{Render, Watch};
use crate::consul::payload;
use crate::template::Instance;

/// How many that are left out are named in one line of the log.
const NAMED: usize = 3;

/// Whose turn it is at a file that is being written: two that write one would take each other's copy. Each file has its own, so that a disk that hangs
/// holds up nothing but what is on it.
static TURNS: Mutex<BTreeMap<PathBuf, Arc<Mutex<()>>>> = Mutex::new(BTreeMap::new());

/// Which files are written without instances.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Which {
    /// All: nothing runs yet, and what a file says from before is of another time.
    All,
    /// Those that are absent: the others are in use, and Consul is soon asked.
    Absent,
}

/// Writes the files of all watches without instances, before anything that reads them is started: it can start although Consul has not
/// answered, or knows of nobody.
///
/// # Errors
/// The first file that cannot be written.
pub async fn furnish(watches: &[Watch], which: Which) -> Result<(), RenderError> {
    let renders: Vec<Arc<[Render]>> = watches.iter().map(|w| Arc::clone(&w.render)).collect();
    beside(move || {
        let is_wanted = |render: &&Render| match which {
            Which::All => true,
            Which::Absent => render.to.symlink_metadata().is_err(),
        };
        for render in renders.iter().flat_map(|of| of.iter()).filter(is_wanted) {
            let text = file::text(render, &[])?;
            let turn = turn(&render.to);
            let _alone = turn.lock().unwrap_or_else(PoisonError::into_inner);
            // A watch that was ended may have written it since.
            if is_wanted(&render) {
                file::write(&render.to, &text)?;
            }
        }
        Ok(())
    })
    .await
}

/// The files of one watch.
#[derive(Debug)]
pub struct Files {
    name: Arc<str>,
    render: Arc<[Render]>,
    left_out: Vec<LeftOut>,
    trouble: Trouble,
    /// Gone when a reload has ended this watch: what it is about to write may be another's by now.
    wanted: Arc<()>,
}

impl Files {
    /// Those of `watch`.
    pub fn of(watch: &Watch) -> Self {
        Self {
            name: Arc::clone(&watch.name),
            render: Arc::clone(&watch.render),
            left_out: Vec::new(),
            trouble: Trouble::default(),
            wanted: Arc::default(),
        }
    }

    /// Sees to it that they say what Consul says. [`Written::Changed`] if one of them did not.
    pub async fn follow(&mut self, instances: &[payload::Instance]) -> Written {
        if self.render.is_empty() {
            return Written::Same;
        }
        let Sorted { named, left_out } = sort(instances);
        self.say_left_out(left_out);
        let render = Arc::clone(&self.render);
        let wanted = Arc::downgrade(&self.wanted);
        let (written, failed) = beside(move || write_all(&render, &named, &wanted)).await;
        self.say(failed);
        written
    }

    /// How many instances were left out of them, since their names could be syntax.
    pub fn left_out(&self) -> usize {
        self.left_out.len()
    }

    fn say_left_out(&mut self, left_out: Vec<LeftOut>) {
        if left_out == self.left_out {
            return;
        }
        let count = left_out.len();
        let named = left_out
            .iter()
            .take(NAMED)
            .map(|one| format!("{} ({})", quoted(&one.id), one.reason.as_str()));
        let named: Vec<_> = named.collect();
        let name = &self.name;
        match count {
            0 => info!("watch.{name}: no instance is left out any more"),
            _ => warn!(
                "watch.{name}: {count} instance(s) are left out of its files: {}{}: register them otherwise",
                named.join(", "),
                if count > NAMED { ", …" } else { "" }
            ),
        }
        self.left_out = left_out;
    }

    fn say(&mut self, failed: Option<RenderError>) {
        let (name, now) = (&self.name, Instant::now());
        let Some(error) = failed else {
            if let Some(Over { failures, .. }) = self.trouble.ended(now) {
                info!("watch.{name}: its files are written again after {failures} failure(s)");
            }
            return;
        };
        match self.trouble.failed(now) {
            Worth::First => error!("watch.{name}: {error}"),
            Worth::Reminder(failures) => error!("watch.{name}: {error} (failure {failures})"),
            Worth::Nothing => debug!("watch.{name}: {error}"),
        }
    }
}

/// Writes what can be written while it is wanted; the first failure goes out with what became of the rest.
fn write_all(
    render: &[Render],
    named: &[Instance],
    wanted: &Weak<()>,
) -> (Written, Option<RenderError>) {
    let (mut written, mut failed) = (Written::Same, None);
    for one in render {
        let turn = turn(&one.to);
        let _alone = turn.lock().unwrap_or_else(PoisonError::into_inner);
        if wanted.strong_count() == 0 {
            break;
        }
        match file::text(one, named).and_then(|text| file::write(&one.to, &text)) {
            Ok(Written::Changed) => written = Written::Changed,
            Ok(Written::Same) => {}
            Err(error) => failed = failed.or(Some(error)),
        }
    }
    (written, failed)
}

/// To be locked while the file at `to` is written.
fn turn(to: &Path) -> Arc<Mutex<()>> {
    let mut turns = TURNS.lock().unwrap_or_else(PoisonError::into_inner);
    turns.retain(|_, turn| Arc::strong_count(turn) > 1);
    Arc::clone(turns.entry(to.to_owned()).or_default())
}

/// Everything shares one thread, and a disk may be slow.
async fn beside<T: Send + 'static>(work: impl FnOnce() -> T + Send + 'static) -> T {
    let done = spawn_blocking(work).await;
    done.expect("templates and files make no panic")
}

#[cfg(test)]
mod tests {
    use std::fs;
    use std::path::Path;
    use std::time::Duration;

    use super::*;

    fn watch(folder: &Path, name: &str) -> Watch {
        let render = Render {
            template: "a.tmpl".into(),
            text: "{{ range instances }}{{ .ID }}{{ else }}nobody{{ end }}".into(),
            variables: Arc::default(),
            to: folder.join(name),
        };
        Watch {
            name: "up".into(),
            interval: Duration::from_secs(1),
            tag: None,
            dc: None,
            render: [render].into(),
        }
    }

    #[tokio::test]
    async fn files_are_there_before_anything_runs_and_stay_as_they_are_at_a_reload() {
        let folder = tempfile::tempdir().unwrap();
        let said = |name: &str| fs::read_to_string(folder.path().join(name)).unwrap();
        let watches = [watch(folder.path(), "old"), watch(folder.path(), "new")];
        fs::write(folder.path().join("old"), "of another time").unwrap();
        furnish(&watches, Which::Absent).await.unwrap();
        assert_eq!(
            (&*said("old"), &*said("new")),
            ("of another time", "nobody")
        );
        furnish(&watches, Which::All).await.unwrap();
        assert_eq!((&*said("old"), &*said("new")), ("nobody", "nobody"));
        let nowhere = [watch(&folder.path().join("absent"), "a")];
        furnish(&nowhere, Which::All).await.unwrap_err();
    }

    #[test]
    fn a_watch_that_a_reload_has_ended_writes_nothing_any_more() {
        let folder = tempfile::tempdir().unwrap();
        let mut files = Files::of(&watch(folder.path(), "a"));
        // What is blocking goes one after the other.
        let runtime = tokio::runtime::Builder::new_current_thread()
            .max_blocking_threads(1)
            .build()
            .unwrap();
        let turn = turn(&folder.path().join("a"));
        let alone = turn.lock().unwrap();
        let begun = runtime.block_on(async {
            let mut follow = Box::pin(files.follow(&[]));
            futures_util::poll!(&mut follow)
        });
        assert!(begun.is_pending());
        drop(files);
        drop(alone);
        runtime.block_on(beside(|| ()));
        assert!(!folder.path().join("a").exists());
    }

    #[tokio::test]
    async fn one_file_that_cannot_be_written_costs_no_other() {
        let folder = tempfile::tempdir().unwrap();
        let bad = watch(&folder.path().join("absent"), "a");
        let good = watch(folder.path(), "good");
        let both = Watch {
            render: [&*bad.render, &*good.render].concat().into(),
            ..good
        };
        let mut files = Files::of(&both);
        assert_eq!(files.follow(&[]).await, Written::Changed);
        assert_eq!(files.follow(&[]).await, Written::Same);
        let good = fs::read_to_string(folder.path().join("good")).unwrap();
        assert_eq!(good, "nobody");
    }
}
