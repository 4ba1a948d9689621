//! What breaks a limit or a rule is refused with its reason; the neighbours are shown.

use flightline_contract::class::Class;
use flightline_contract::metric::{Kind, Temporality};
use proptest::prelude::*;

use super::{Rig, config, delta, histogram, labels, sample, samples};
use crate::exporter::refusal::Refusal;

#[test]
fn the_limit_on_series_refuses_new_ones_and_updates_the_old() {
    let mut rig = Rig::new(&config::Exporter {
        max_series: 3,
        ..config()
    });
    for text in ["m a=1,b=1", "m c=1,d=1,a=2", "m,t=1 a=1"] {
        rig.line(text.as_bytes());
    }
    assert_eq!(
        rig.shown(),
        samples(&[("m_a{}", 2.0), ("m_b{}", 1.0), ("m_c{}", 1.0)])
    );
    assert_eq!(rig.refused(Refusal::SeriesLimit), 2);
    rig.message(20);
    rig.sample(&histogram("h", Temporality::Cumulative, &[], 1));
    assert_eq!(
        rig.refused(Refusal::SeriesLimit),
        3,
        "a histogram is as many as it shows"
    );
}

#[test]
fn the_limit_on_bytes_holds() {
    let mut rig = Rig::new(&config::Exporter {
        max_bytes: 4096,
        ..config()
    });
    for number in 0..100 {
        rig.line(format!("m,host=h{number} x=1").as_bytes());
    }
    let counts = rig.exporter.lock().counts();
    assert!(counts.bytes <= 4096 && counts.series > 5, "{counts:?}");
    assert_eq!(rig.refused(Refusal::ByteLimit), 100 - counts.series as u64);
    assert_eq!(rig.shown().len(), counts.series);
}

#[test]
fn hidden_sums_make_room_for_new_series() {
    let mut rig = Rig::new(&config::Exporter {
        max_series: 2,
        ..config()
    });
    rig.message(1);
    rig.sample(&delta("old", 1.0));
    rig.pass(super::EXPIRE * 2);
    rig.line(b"m a=1,b=1");
    assert_eq!(rig.shown(), samples(&[("m_a{}", 1.0), ("m_b{}", 1.0)]));
    assert_eq!(rig.refused(Refusal::SeriesLimit), 0);
}

#[test]
fn each_rule_has_its_reason() {
    let mut rig = Rig::new(&config::Exporter {
        max_labels: 4,
        ..config()
    });
    rig.message(10);
    let long = "x".repeat(20_000);
    let mut expected = Vec::new();
    let gauge = |name, pairs: &[(&'static str, &'static str)]| {
        let mut gauge = sample(name, Kind::Gauge, 1.0);
        gauge.labels = labels(pairs);
        gauge
    };
    for (sample, reason) in [
        (
            gauge("g", &[("a", "1"), ("b", "1"), ("c", "1")]),
            Refusal::LabelLimit,
        ),
        (gauge(&long, &[]), Refusal::LabelLimit),
        (
            gauge("g", &[("a.a", "1"), ("a-a", "1")]),
            Refusal::DuplicateLabel,
        ),
        (gauge("flightline_up", &[]), Refusal::ReservedName),
        (gauge("flightline-x", &[]), Refusal::ReservedName),
        (gauge("", &[]), Refusal::InvalidName),
        (gauge("g", &[("", "1")]), Refusal::InvalidName),
    ] {
        rig.sample(&sample);
        expected.push(reason);
    }
    rig.sample(&gauge("jobs", &[]));
    rig.sample(&delta("jobs", 1.0));
    expected.push(Refusal::KindConflict);
    rig.line(b"m,t=\xff x=1");
    rig.line(b"m\xff x=1");
    expected.extend([Refusal::InvalidUtf8, Refusal::InvalidUtf8]);
    rig.line(b"m x=1e999");
    expected.push(Refusal::InvalidValue);
    for reason in Refusal::ALL {
        let count = expected
            .iter()
            .filter(|expected| **expected == reason)
            .count();
        assert_eq!(rig.refused(reason), count as u64, "{reason:?}");
    }
    rig.line(b"m x=1");
    let shown = [
        ("jobs{instance=\"a1\",service=\"api\"}", 1.0),
        ("m_x{}", 1.0),
    ];
    assert_eq!(rig.shown(), samples(&shown));
    let text = rig.text(crate::exporter::accept::Format::Text);
    assert!(
        text.contains("flightline_exporter_refused_total{reason=\"label_limit\"} 2\n"),
        "{text}"
    );
}

#[test]
fn classes_that_are_not_configured_are_not_shown() {
    let mut rig = Rig::new(&config::Exporter {
        classes: vec![Class::App],
        ..config()
    });
    assert!(rig.exporter.shows(Class::App) && !rig.exporter.shows(Class::Metric));
    rig.message(1);
    rig.sample(&sample("g", Kind::Gauge, 1.0));
    assert_eq!(rig.shown(), samples(&[]));
}

fn noise() -> impl Strategy<Value = String> {
    prop_oneof![
        "\\PC{1,8}",
        "[a-c=, \"\\\\\\n{}#\\x00_0-9]{1,6}",
        "[ab]{1,2}"
    ]
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]
    #[test]
    fn any_text_gives_an_answer_that_parses(
        sets in prop::collection::vec(
            (noise(), prop::collection::vec((noise(), noise()), 0..4), 0_usize..4, any::<u32>()),
            1..40,
        )
    ) {
        let mut rig = Rig::new(&config());
        for (name, pairs, kind, value) in &sets {
            rig.message(10);
            let pairs: Vec<(&str, &str)> =
                pairs.iter().map(|(name, value)| (name.as_str(), value.as_str())).collect();
            let value = f64::from(*value) / 8.0;
            let mut sample = match kind {
                0 => sample(name, Kind::Gauge, -value),
                1 => delta(name, value),
                2 => histogram(name, Temporality::Delta, &[(value, 1)], 2),
                _ => histogram(name, Temporality::Cumulative, &[], 2),
            };
            sample.labels = labels(&pairs);
            rig.sample(&sample);
        }
        let shown = rig.shown();
        prop_assert_eq!(shown.len(), rig.exporter.lock().counts().series);
    }

    #[test]
    fn any_bytes_in_a_line_give_an_answer_that_parses(
        lines in prop::collection::vec(
            (prop::collection::vec(any::<u8>(), 1..6), prop::collection::vec(any::<u8>(), 1..6)),
            1..40,
        )
    ) {
        let mut rig = Rig::new(&config());
        let escaped = |bytes: &[u8]| -> Vec<u8> {
            bytes.iter().flat_map(|byte| match byte {
                b',' | b' ' | b'=' => vec![b'\\', *byte],
                b'\\' => b"\\\\x".to_vec(),
                _ => vec![*byte],
            }).collect()
        };
        for (name, value) in &lines {
            let (name, value) = (escaped(name), escaped(value));
            rig.line(&[&b"m"[..], &name, b",t", &name, b"=", &value, b" f", &value, b"=1.5"].concat());
        }
        let shown = rig.shown();
        prop_assert_eq!(shown.len(), rig.exporter.lock().counts().series);
    }
}
