//! Any bytes as the pipeline's configuration: it is taken, and then can be routed, or refused with places that lie within it; twice alike.
#![no_main]

use std::cell::LazyCell;
use std::path::Path;

use flightline::config::environment::Environment;
use flightline::config::load::load;
use flightline::decode::route::Router;
use flightline_fuzz::{Scratch, places_lie_within};
use libfuzzer_sys::fuzz_target;

thread_local! {
    static FILE: LazyCell<Scratch> = LazyCell::new(|| Scratch::named("flightline.toml"));
}

fuzz_target!(|input: &[u8]| {
    FILE.with(|file| {
        let path = file.holding(input);
        let said = judge(path);
        assert_eq!(judge(path), said);
        if let Err(report) = said {
            assert!(!report.is_empty());
            places_lie_within(&report, path, input);
        }
    });
});

/// What it comes to, or why it is refused.
fn judge(path: &Path) -> Result<String, String> {
    let environment = Environment::of([
        ("A", "a"),
        ("URL", "http://store:8086"),
        ("FLIGHTLINE__BATCH__AGE", "2s"),
    ]);
    let loaded = load(&[path.to_owned()], &environment).map_err(|report| report.to_string())?;
    Router::new(&loaded.config).expect("what was taken can be routed");
    Ok(format!("{:?}", loaded.config))
}
