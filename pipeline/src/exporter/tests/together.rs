//! Samples that are looked up together show what they would show one by one.

use flightline_contract::metric::Kind;
use proptest::prelude::*;

use super::*;

/// What comes.
#[derive(Debug, Clone)]
enum Step {
    /// A line of that text, at that second.
    Line(String, i64),
    /// A sample of a metric set.
    Sample(&'static str, i64),
    /// An increase of a series that lines may name too.
    Delta(&'static str),
}

fn step() -> impl Strategy<Value = Step> {
    let tags = prop_oneof![
        Just(""),
        Just(",a=1"),
        Just(",a=1,b=2"),
        Just(",b=2,a=1"),
        Just(",a=\\ 1"),
    ];
    let fields = prop::collection::vec(("[a-d]", "-?[0-9]{1,3}(\\.[0-9])?|1e999"), 1..5);
    let line = ("m[12]", tags, fields, 0_i64..4).prop_map(|(name, tags, fields, time)| {
        let fields: Vec<String> = fields
            .into_iter()
            .map(|(field, value)| format!("{field}={value}"))
            .collect();
        Step::Line(format!("{name}{tags} {}", fields.join(",")), time)
    });
    prop_oneof![
        20 => line,
        2 => (prop_oneof![Just("m1_a"), Just("own")], 0_i64..4)
            .prop_map(|(name, time)| Step::Sample(name, time)),
        1 => prop_oneof![Just("m1_b"), Just("sum")].prop_map(Step::Delta),
    ]
}

fn take(rig: &mut Rig, step: &Step) {
    match step {
        Step::Line(text, time) => {
            rig.message(*time);
            line(&rig.exporter, text.as_bytes());
        }
        Step::Sample(name, time) => {
            rig.message(*time);
            rig.sample(&sample(name, Kind::Gauge, 2.0));
        }
        Step::Delta(name) => {
            rig.message(1);
            rig.sample(&delta(name, 1.0));
        }
    }
}

proptest! {
    #[test]
    fn samples_show_the_same_together_as_one_by_one(steps in prop::collection::vec(step(), 1..150)) {
        // Few enough that some are refused.
        let config = config::Exporter { max_series: 12, max_labels: 1, ..config() };
        let (mut single, mut together) = (Rig::new(&config), Rig::new(&config));
        for step in &steps {
            take(&mut single, step);
            single.exporter.lock().counts();
            take(&mut together, step);
        }
        let counts = together.exporter.lock().counts();
        prop_assert_eq!(counts, single.exporter.lock().counts());
        prop_assert_eq!(together.shown(), single.shown());
    }
}

#[test]
fn more_samples_than_wait_together_all_count() {
    let mut rig = Rig::new(&config());
    let fields: Vec<String> = (0..1_000)
        .map(|field| format!("f{field}={field}"))
        .collect();
    rig.line(format!("m,a=1 {}", fields.join(",")).as_bytes());
    let long = "x".repeat(12_000);
    rig.line(format!("n,a={long} f=1,g=2").as_bytes());
    let shown = rig.shown();
    assert_eq!(shown.len(), 1_002);
    assert_eq!(shown["m_f999{a=\"1\"}"], 999.0);
    assert_eq!(shown[&format!("n_g{{a=\"{long}\"}}")], 2.0);
}
