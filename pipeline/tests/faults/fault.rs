//! A fault: a name, how its scene is set up, and what happens in it.

use std::fmt;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::time::Instant;

use crate::scene::Scene;
use crate::setting::Setting;
use crate::table::Row;

/// What happens. When it returns, the fault is over and everything must come right by itself.
type Act = Box<dyn Fn(&mut Scene) + Send + Sync>;

/// One fault.
pub(crate) struct Fault {
    pub(crate) name: String,
    setting: Setting,
    act: Act,
}

impl fmt::Debug for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Fault")
            .field("name", &self.name)
            .finish_non_exhaustive()
    }
}

impl Fault {
    /// In the usual scene.
    pub(crate) fn new(
        name: impl Into<String>,
        act: impl Fn(&mut Scene) + Send + Sync + 'static,
    ) -> Self {
        Self::within(Setting::default(), name, act)
    }

    /// In a scene of this kind.
    pub(crate) fn within(
        setting: Setting,
        name: impl Into<String>,
        act: impl Fn(&mut Scene) + Send + Sync + 'static,
    ) -> Self {
        Self {
            name: name.into(),
            setting,
            act: Box::new(act),
        }
    }

    /// Sets the scene, lets it happen, and has it judged.
    pub(crate) fn run(&self, seed: u64) -> Row {
        let start = Instant::now();
        let judged = catch_unwind(AssertUnwindSafe(|| {
            let mut scene = Scene::open(seed, self.setting.clone());
            (self.act)(&mut scene);
            scene.finish()
        }));
        let outcome = judged.map_err(|panic| {
            let text = panic.downcast_ref::<String>().map(String::as_str);
            let text = text.or_else(|| panic.downcast_ref::<&str>().copied());
            text.unwrap_or("a panic without words").to_owned()
        });
        Row {
            fault: self.name.clone(),
            seed,
            took: start.elapsed(),
            outcome,
        }
    }
}
