//! Whether the server knows that all has been stored: every message delivered, and every one acknowledged. What is not would come
//! again, and be doubled then.

use std::fmt::Write;
use std::thread;
use std::time::{Duration, Instant};

use anyhow::bail;

use super::Rig;
use crate::interrupt;
use crate::jetstream;
use crate::program::STREAM;

/// Between two looks.
const INTERVAL: Duration = Duration::from_millis(50);

impl Rig {
    /// Waits until no consumer of this trial waits for anything; `check` is asked meanwhile whether that can still come.
    ///
    /// # Errors
    /// When one still does after `limit`, or what `check` says.
    pub(super) fn wait_settled(
        &self,
        limit: Duration,
        mut check: impl FnMut() -> anyhow::Result<()>,
    ) -> anyhow::Result<()> {
        let deadline = Instant::now() + limit;
        let (url, consumer) = (self.server.url(), self.consumer());
        loop {
            interrupt::check()?;
            let last = Instant::now() >= deadline;
            let unsettled = jetstream::unsettled(url, STREAM, &consumer);
            let unsettled = self.runtime.block_on(unsettled)?;
            if unsettled.is_empty() {
                return Ok(());
            }
            if last {
                let mut said = String::new();
                for consumer in unsettled {
                    write!(said, "\n  {consumer}").expect("a string takes any text");
                }
                bail!("what is stored is not acknowledged {limit:?} later:{said}");
            }
            check()?;
            thread::park_timeout(INTERVAL);
        }
    }
}
