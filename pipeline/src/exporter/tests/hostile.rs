//! Hostile names, labels and values: both formats stay readable, and a label's value is the text that was published.

use flightline_contract::metric::{Kind, Sample};
use flightline_fixtures::hostile::texts;
use proptest::prelude::*;

use super::{Rig, config, labels, sample};

/// Whether the one series has a label with the value `text`, but for NUL, which ends what Prometheus reads.
fn shows(rig: &Rig, text: &str) -> bool {
    let label = format!("k={:?}", text.replace('\0', "\u{fffd}"));
    let shown = rig.shown();
    shown.len() == 1 && shown.keys().all(|key| key.contains(&label))
}

#[test]
fn a_label_shows_the_text_that_was_published() {
    for text in texts() {
        let mut rig = Rig::new(&config());
        rig.message(1);
        rig.sample(&Sample {
            labels: labels(&[("k", &text)]),
            ..sample("m", Kind::Gauge, 1.0)
        });
        if text.is_empty() {
            // An empty label is none.
            assert_eq!(rig.shown().len(), 1);
        } else {
            assert!(shows(&rig, &text), "{text:?}: {:?}", rig.shown());
        }
    }
}

#[test]
fn hostile_names_leave_the_page_readable() {
    let mut rig = Rig::new(&config());
    for text in texts() {
        rig.message(1);
        rig.sample(&sample(&text, Kind::Gauge, 1.0));
        rig.sample(&Sample {
            labels: labels(&[(&text, "v")]),
            ..sample("m", Kind::Gauge, 1.0)
        });
    }
    // The reader is strict: a name that is none, or a line more, stops it.
    assert!(rig.shown().len() > 10, "{:?}", rig.shown());
}

proptest! {
    #[test]
    fn any_label_shows_the_text_that_was_published(text in "[a\n\r\"\\\\{}=, #\u{1b}\u{202e}é]{1,12}") {
        let mut rig = Rig::new(&config());
        rig.message(1);
        rig.sample(&Sample {
            labels: labels(&[("k", &text)]),
            ..sample("m", Kind::Gauge, 1.0)
        });
        prop_assert!(shows(&rig, &text), "{:?}", rig.shown());
    }
}
