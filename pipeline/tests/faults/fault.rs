//! A fault: a name, how its scene is set up, and what happens in it.

use std::any::Any;
use std::fmt;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::time::Instant;

use fastrand::Rng;

use crate::scene::Scene;
use crate::setting::Setting;
use crate::table::Row;

/// What happens. When it returns, the fault is over and everything must come right by itself.
type Act = Box<dyn Fn(&mut Scene) + Send + Sync>;

/// One fault.
pub(crate) struct Fault {
    pub(crate) name: String,
    pub(crate) form: Form,
    setting: Setting,
    act: Act,
}

/// When a fault is run.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Form {
    /// Each time.
    Short,
    /// With `FAULTS=long`, or when it is called by its name.
    Long,
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
            form: Form::Short,
            setting,
            act: Box::new(act),
        }
    }

    /// The same, kept from the short form: another one stands for it there.
    pub(crate) fn long(mut self) -> Self {
        self.form = Form::Long;
        self
    }

    /// Lets it happen in a scene of somebody else's.
    pub(crate) fn happen(&self, scene: &mut Scene) {
        (self.act)(scene);
    }

    /// Sets the scene, lets it happen, and has it judged.
    pub(crate) fn run(&self, seed: u64) -> Row {
        let start = Instant::now();
        let judged = catch_unwind(AssertUnwindSafe(|| {
            let mut random = Rng::with_seed(seed);
            let setting = self.setting.clone().by_chance(&mut random);
            let mut scene = Scene::open(seed, setting);
            self.happen(&mut scene);
            scene.finish()
        }));
        let outcome = judged.map_err(|panic| words(panic.as_ref()));
        Row {
            fault: self.name.clone(),
            seed,
            took: start.elapsed(),
            outcome,
        }
    }
}

/// What a panic says.
pub(crate) fn words(panic: &(dyn Any + Send)) -> String {
    let text = panic.downcast_ref::<String>().map(String::as_str);
    let text = text.or_else(|| panic.downcast_ref::<&str>().copied());
    text.unwrap_or("a panic without words").to_owned()
}
