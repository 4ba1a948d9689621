//! What is written comes to the store as if it had been written there, and what is not taken is told.

use std::collections::BTreeMap;
use std::fmt::Write as _;

use flightline_fixtures::http;
use flightline_fixtures::points::Value::Float;
use flightline_fixtures::points::{Point, Time};
use serde_json::{Value, json};

use crate::rig::{DB, PATIENCE, Rig};

/// Lines in which everything but the timestamp is to stay as it is.
fn lines(unit: u64) -> String {
    let seconds = 1_500_000_000_u64;
    let mut text = String::from("# a comment\n\n");
    for number in 0..200_u64 {
        let time = (seconds + number * 3_600) * 1_000_000_000 / unit;
        writeln!(text, "precise\\ one,unit=u{unit},t=1-{number} v={number}i,s=\"a, b=\\\"c\\\" 12 {time}\",f=1.50 {time}").unwrap();
    }
    text
}

#[test]
fn every_precision_stores_what_influxdb_itself_would_store() {
    let rig = Rig::start();
    rig.influx.create_database("oracle");
    let units = [
        ("n", 1),
        ("u", 1_000),
        ("ms", 1_000_000),
        ("s", 1_000_000_000),
        ("m", 60_000_000_000),
        ("h", 3_600_000_000_000),
    ];
    for (precision, unit) in units {
        let (body, query) = (lines(unit), format!("precision={precision}"));
        let direct = http::post(
            &format!("{}/write?db=oracle&{query}", rig.influx.url()),
            body.as_bytes(),
        );
        assert_eq!(direct.unwrap().status, 204);
        assert_eq!(
            rig.post(&format!("/write?db=telegraf&{query}"), body.as_bytes())
                .status,
            204
        );
    }
    for (path, unit) in [
        ("/api/v2/write?org=o&bucket=b&precision=us", 1_000),
        ("/api/v2/write?org=o&bucket=b", 1),
        ("/api/v3/write_lp?db=d&precision=millisecond", 1_000_000),
        ("/api/v3/write_lp?db=d&precision=auto", 1_000_000_000),
        ("/publish/app/shop/one?precision=second", 1_000_000_000),
    ] {
        assert_eq!(rig.post(path, lines(unit).as_bytes()).status, 204, "{path}");
    }
    rig.wait_stored("precise one", 6 * 200);
    let mut oracle = rig.influx.points("oracle");
    oracle.add(Point::new("first", Time::At(1)).field("v", Float(1.0)));
    assert_eq!(oracle.difference(&rig.influx.points(DB)), None);
}

#[test]
fn good_lines_beside_bad_ones_are_stored_and_the_bad_ones_named() {
    let rig = Rig::start();
    let body = |name: &str| {
        format!(
            "{name} v=1 1\n{name} v=\n{name} v=2 2\r\nbad,\n{name} v=3 99999999999999999999\n{name} v=4 4"
        )
    };
    let v1 = rig.post("/write?db=x", body("one").as_bytes());
    assert_eq!(v1.status, 400);
    let error = serde_json::from_slice::<Value>(&v1.body).unwrap()["error"].clone();
    let error = error.as_str().unwrap();
    assert!(
        error.starts_with("partial write: unable to parse line 2: ")
            && error.ends_with(" dropped=3"),
        "{error}"
    );
    assert_eq!(v1.header("x-influxdb-error"), Some(error));
    let v2 = rig.post("/api/v2/write?bucket=x", body("two").as_bytes());
    let answer: Value = serde_json::from_slice(&v2.body).unwrap();
    assert_eq!(
        (v2.status, &answer["code"], &answer["line"]),
        (400, &json!("invalid"), &json!(2))
    );
    let v3 = rig.post("/api/v3/write_lp?db=x", body("three").as_bytes());
    let answer: Value = serde_json::from_slice(&v3.body).unwrap();
    assert_eq!(
        (v3.status, &answer["error"]),
        (400, &json!("partial write of line protocol occurred"))
    );
    let named: BTreeMap<_, _> = answer["data"]
        .as_array()
        .unwrap()
        .iter()
        .map(|line| {
            (
                line["line_number"].as_u64().unwrap(),
                line["original_line"].as_str().unwrap(),
            )
        })
        .collect();
    assert_eq!(
        named,
        [
            (2, "three v="),
            (4, "bad,"),
            (5, "three v=3 99999999999999999999")
        ]
        .into()
    );
    let none = rig.post(
        "/api/v3/write_lp?db=x&accept_partial=false",
        body("four").as_bytes(),
    );
    assert_eq!(none.status, 400, "{}", none.text());
    assert_eq!(
        rig.post(
            "/api/v3/write_lp?db=x&accept_partial=false",
            b"five v=1 1\n"
        )
        .status,
        204
    );
    for (name, points) in [("one", 3), ("two", 3), ("three", 3), ("five", 1)] {
        rig.wait_stored(name, points);
    }
    assert_eq!(rig.stored("four"), 0);
    // Nothing of it became a dead letter: the sender knows.
    assert!(rig.worker.metric("flightline_dead_lettered_messages_total") < 0.5);
    let refused = rig
        .worker
        .metric("flightline_ingest_refused_lines_total{reason=\"line_syntax\"}");
    assert!((refused - 8.0).abs() < 0.5, "{refused}");
}

#[test]
fn json_is_looked_at_before_it_is_published() {
    let rig = Rig::start();
    let json = [("Content-Type", "application/json")];
    let good = br#"[{"measurement":"made","time":"2024-01-01T00:00:00Z","fields":{"v":1}}]"#;
    assert_eq!(
        rig.post_with("/publish/app/shop/one", &json, good).status,
        204
    );
    let samples = br#"{"samples":[{"name":"made_level","kind":"gauge","value":3}]}"#;
    assert_eq!(rig.post("/publish/metric/shop/one", samples).status, 204);
    let wrong = rig.post_with(
        "/publish/app/shop/one",
        &json,
        br#"[{"measurement":"made","fields":{"v":2}},{"measurement":"made"}]"#,
    );
    let answer: Value = serde_json::from_slice(&wrong.body).unwrap();
    assert_eq!(
        (wrong.status, &answer["data"][0]["line_number"]),
        (400, &json!(2)),
        "{answer}"
    );
    assert_eq!(
        rig.post_with("/publish/health/shop/one", &json, b"{")
            .status,
        400
    );
    let text = [("Content-Type", "text/plain")];
    assert_eq!(
        rig.post_with("/publish/health/shop/one", &text, b"m v=1")
            .status,
        415
    );
    assert_eq!(rig.post("/publish/health/shop/one", b"m v=1").status, 415);
    assert_eq!(rig.post("/publish/app/a%2Eb/one", good).status, 400);
    // JSON tells its times without a unit: another one is not silently left aside.
    let unit = rig.post("/publish/app/shop/one?precision=ms", good);
    assert_eq!(unit.status, 400);
    assert!(unit.text().contains("precision"), "{}", unit.text());
    assert_eq!(
        rig.post("/publish/app/shop/one?precision=ns", good).status,
        204
    );
    rig.wait_stored("made", 1);
    let is_shown = |line: &str| line.starts_with("made_level{") && line.ends_with(" 3");
    let shown = || rig.worker.get("/metrics").text().lines().any(is_shown);
    rig.worker.wait_for("the sample is shown", PATIENCE, shown);
    assert!(rig.worker.metric("flightline_dead_lettered_messages_total") < 0.5);
}
