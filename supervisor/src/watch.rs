//! A service's name comes in, a wake goes out whenever its passing instances are others than before: one task per watch, which asks
//! Consul to answer when something changes, and asks again each interval where it cannot. Files that follow the watch are written before
//! the wake.

use std::sync::Arc;
use std::time::Duration;

use tokio::sync::mpsc;
use tokio::task::JoinHandle;
use tokio::time::{Instant, sleep_until};

use crate::config::Watch;
use crate::consul::Client;
use crate::consul::client::Question;
use crate::consul::trouble::Trouble;
use crate::event::Wake;
use file::Written;
use files::Files;
use memory::{Difference, Memory};
use pace::{Outcome, Pace};

/// What was seen last.
pub mod memory;
/// What of it a file may say.
pub mod safe;
/// One file of a template and instances.
pub mod file;
/// The files of one watch.
pub mod files;
/// When to ask, and whether to wait for a change.
pub mod pace;

/// For an answer, beside what it may wait for a change; a shorter interval is the limit instead.
const CALL_LIMIT: Duration = Duration::from_secs(5);

/// A running watch; it ends when this is dropped.
#[derive(Debug)]
#[must_use = "dropped, it watches nothing"]
pub struct Watching {
    task: JoinHandle<()>,
}

impl Drop for Watching {
    fn drop(&mut self) {
        self.task.abort();
    }
}

/// Watches. The first look comes after one interval; instances that are there by then are the first change. Each watch remembers
/// for itself, so that two of one service, with other tags or data centers, do not disturb each other. While Consul does not answer,
/// what was known stays in the files. Must be called within the runtime.
pub fn start(client: Client, watch: Watch, wakes: mpsc::Sender<Wake>) -> Watching {
    Watching {
        task: tokio::spawn(run(client, watch, wakes)),
    }
}

async fn run(client: Client, watch: Watch, wakes: mpsc::Sender<Wake>) {
    let name = &watch.name;
    let mut memory = Memory::default();
    let mut files = Files::of(&watch);
    let mut trouble = Trouble::default();
    let mut pace = Pace::new(watch.interval, Instant::now());
    loop {
        sleep_until(pace.next()).await;
        let question = Question {
            name,
            tag: watch.tag.as_deref(),
            dc: watch.dc.as_deref(),
            block: pace.block(),
        };
        let asked = Instant::now();
        let health = client.health(question, CALL_LIMIT.min(watch.interval));
        let outcome = match health.await {
            Err(error) => {
                trouble.tell(format_args!("watch.{name} sees nothing"), &error);
                Outcome::Failed
            }
            Ok(health) => {
                trouble.settle(format_args!("watch.{name} sees again"));
                let passing = health.instances.len();
                let written = files.follow(&health.instances).await;
                let difference = match (memory.look(health.instances), written) {
                    (Difference::Same, Written::Same) => Difference::Same,
                    // Who reads a file has to hear of it, whatever it was that changed, and also when it could be written at last.
                    (Difference::Changed, _) | (_, Written::Changed) => Difference::Changed,
                };
                if difference == Difference::Changed {
                    let wake = Wake::Watch {
                        service: Arc::clone(name),
                        passing,
                        left_out: files.left_out(),
                    };
                    if wakes.send(wake).await.is_err() {
                        return;
                    }
                }
                Outcome::Answered {
                    index: health.index,
                    difference,
                }
            }
        };
        pace.asked(asked, Instant::now(), outcome);
    }
}
